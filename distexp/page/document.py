"""The HTML file around the data: what it may do is said in its head, and it is little.

Nothing may be loaded, sent or evaluated, and only the one script and the one style sheet that
travel with the package run, known by their SHA-256. Data are JSON in elements that no browser
executes; large ones are packed, as Base64 of gzip.
"""

import hashlib
import json
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import chain
from math import isfinite

from distexp.model.http.secrets import Secrets
from distexp.page.words import Runs
from distexp.request import whole_text
from distexp.visible import visible

SCRIPTS = (
    "dom", "numbers", "tables", "charts", "answer", "estimates", "questions", "replies", "again",
    "run", "sweep", "main",
)  # fmt: skip
"""Files of `static`, in the order in which they stand in the page."""
PACKED_FROM = 100_000
"""Characters from which data are packed."""
AT_ONCE = 100_000
"""Numbers of a column that are written at once."""
_WRITTEN = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ESCAPED = {"<": "\\u003c", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the answer</a>
<header><p class="kind">{kind}</p><h1>{title}</h1></header>
<main id="main" tabindex="-1">
<section id="answer" aria-labelledby="answer-head">
<h2 id="answer-head">The answer</h2>
{answer}
</section>
<noscript><p>Tables, questions and replies need JavaScript, which this page runs without \
loading anything. The tables are in the folder too, as Markdown and Parquet.</p></noscript>
</main>
{data}
<script>{script}</script>
</body>
</html>
"""


def document(
    *,
    kind: str,
    title: str,
    answer: Sequence[tuple[str, Runs]],
    data: Mapping[str, str],
) -> str:
    """Return a page.

    Parameters
    ----------
    kind : str
        Stands above the title.
    title : str
    answer : sequence of (str, Runs)
        Paragraphs with what they are about.
    data : mapping of str to str
        What `in_script` returned, by the id of the element that the script looks for.
    """
    style, script = _static()
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        kind=_text(kind),
        title=_text(title),
        style=style,
        answer="\n".join(_paragraph(lead, runs) for lead, runs in answer),
        data="\n".join(
            f'<script type="application/json" id="{escape(name)}">{text}</script>'
            for name, text in data.items()
        ),
        script=script,
    )


def in_script(value: object, secrets: Secrets | None = None) -> str:
    r"""Return JSON that ends no script element; packed where it is long.

    Parameters
    ----------
    value : object
        What JSON can hold, and columns of numbers.
    secrets : Secrets, optional
        Struck from texts wherever they stand.

    Examples
    --------
    >>> print(in_script("</script>"))
    "\u003c/script>"
    """
    parts, first, n = _parts(value, secrets), list[str](), 0
    for part in parts:
        first.append(part)
        n += len(part)
        if n >= PACKED_FROM:
            packed = b64encode(_packed(chain(first, parts)))
            return json.dumps({"packed": packed.decode()})
    text = "".join(first)
    for sign, code in _ESCAPED.items():
        text = text.replace(sign, code)
    return text


def _packed(parts: Iterable[str]) -> bytes:
    """Return the gzip of a text, of which no more than a part is held at once."""
    packing = zlib.compressobj(level=6, wbits=31)
    packed = b"".join(packing.compress(part.encode()) for part in parts)
    return packed + packing.flush()


def _parts(value: object, secrets: Secrets | None) -> Iterator[str]:
    """Yield JSON, columns of numbers apart: these are long and hold no secret."""
    if not _has_columns(value):
        text = _json(value)
        if secrets is not None and secrets.within(text.encode()):
            text = _json(_struck(value, secrets))
        yield text
    elif isinstance(value, Mapping):
        for number, (name, one) in enumerate(value.items()):
            yield "," if number else "{"
            yield from _parts(str(name), secrets)
            yield ":"
            yield from _parts(one, secrets)
        yield "}"
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield "," if number else "["
            yield from _parts(one, secrets)
        yield "]"
    else:
        for start in range(0, max(len(value), 1), AT_ONCE):  # type: ignore[arg-type]
            numbers = value[start : start + AT_ONCE]  # type: ignore[index]
            known = numbers.set(~numbers.is_finite(), None)
            texts = known.cast(str).fill_null("null").str.join(",")
            yield f"{',' if start else '['}{texts[0]}"
        yield "]"


def _has_columns(value: object) -> bool:
    """Whether a column of a table is anywhere in a value: the members of a list are alike."""
    if isinstance(value, Mapping):
        return any(map(_has_columns, value.values()))
    if isinstance(value, list):
        return bool(value) and _has_columns(value[0])
    return value is not None and type(value).__module__.startswith("polars.")


def _json(value: object) -> str:
    try:
        return whole_text(_WRITTEN.encode(value))
    except ValueError:  # a number that JSON does not know
        return whole_text(_WRITTEN.encode(_known(value)))


def _known(value: object) -> object:
    """Return a value with null in the place of numbers that JSON does not know."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _known(one) for name, one in value.items()}
    return [_known(one) for one in value] if isinstance(value, list | tuple) else value


def _struck(value: object, secrets: Secrets) -> object:
    """Return a value in whose texts no secret stands."""
    if isinstance(value, str):
        return secrets.struck(value)
    if isinstance(value, Mapping):
        return {secrets.struck(str(key)): _struck(one, secrets) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_struck(one, secrets) for one in value]
    return value


@cache
def _static() -> tuple[str, str]:
    """Return the style sheet and the script."""
    folder = files("distexp.page") / "static"
    style = (folder / "page.css").read_text(encoding="utf-8")
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return style, '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();"


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _paragraph(lead: str, runs: Runs) -> str:
    body = "".join(
        f"<strong>{_text(text)}</strong>" if style == "strong" else _text(text)
        for style, text in runs
    )
    return f'<p><b class="lead">{_text(lead)}</b> {body}</p>'


def _text(text: str) -> str:
    return escape(visible(whole_text(text)))
