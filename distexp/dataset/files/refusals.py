"""Labels that say that no answer was given, in the words and languages of published files.

The words stand in `data/refusals.yaml`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

_SEPARATORS = re.compile(r"[/;,|&+()\[\]{}<>:=–—‒―・、。；，／（）【】\n]|\s-+\s|--+")
_CONJUNCTIONS = re.compile(
    r"\s(?:or|and|oder|und|bzw|ou|et|o|u|y|e|i|of|en|eller|og|och|tai|lub|nebo|alebo|vagy|sau|ili|"
    r"или|и|або|και|ή|veya|או|أو|或|또는|atau|hoặc|หรือ|या)\s|、|或"
)
_NUMBER = re.compile(r"^\s*[\[(]?\s*[-−]?\d+\s*[\])]?(?:\s*[.=:)\]-]|\s)\s*")


def _plain(text: str) -> str:
    """Return a text in small letters without accents, apostrophes and signs."""
    parted = unicodedata.normalize("NFKD", re.sub("['’‘´`ʼ]", "", text.casefold()))
    kept = (char for char in parted if unicodedata.category(char) not in ("Mn", "Cf"))
    return " ".join(re.sub(r"[\W_]+", " ", "".join(kept)).split())


@cache
def _words() -> tuple[frozenset[str], frozenset[str]]:
    """Return the refusals and the remarks for interviewers."""
    text = (files("distexp.dataset") / "data" / "refusals.yaml").read_text(encoding="utf-8")
    words = yaml.safe_load(text)
    refusals, remarks = (re.split(r"[;\n]", words[name]) for name in ("refusals", "remarks"))
    return frozenset(map(_plain, refusals)) - {""}, frozenset(map(_plain, remarks)) - {""}


def is_refusal(label: str) -> bool:
    """Tell whether a label says that no answer was given.

    It is one if all of its parts are, apart from remarks for the interviewer and the number in
    front of it. Parts are parted by signs such as `/`, `;`, dashes and brackets, or by a word for
    "or". Capital letters, accents, apostrophes and points do not matter.

    Examples
    --------
    >>> [is_refusal(label) for label in ("DK/Refused", "Don’t know (DO NOT READ)", "No", "Nor")]
    [True, True, False, False]
    >>> [is_refusal(label) for label in ("99. Weiß nicht, k. A.", "不知道", "Do not read")]
    [True, True, False]
    """
    refusals, remarks = _words()
    label = _NUMBER.sub("", label)
    if _plain(label) in refusals:
        return True
    parts = [plain for part in _SEPARATORS.split(label) if (plain := _plain(part))]
    n_remarks = 0
    for part in parts:
        pieces = [piece.strip() for piece in _CONJUNCTIONS.split(part)]
        if part in remarks or _is_remark(part):
            n_remarks += 1
        elif part not in refusals and not refusals.issuperset(pieces):
            return False
    return n_remarks < len(parts)


def said_of(labels: Iterable[str], path: Path) -> str | None:
    """Say which labels of a file were taken for refusals; None if none were."""
    listed = list(dict.fromkeys(labels))
    if not listed:
        return None
    more = f" and {len(listed) - 20} more" if len(listed) > 20 else ""
    shown = ", ".join(repr(label) for label in listed[:20])
    return f"Taken for refusals, so off the scale, in {path.name}: {shown}{more}."


def _is_remark(part: str) -> bool:
    """Tell whether a part begins as a remark such as "(Vol. ...)" does, whatever follows."""
    return part == "vol" or part.startswith(("vol ", "volunteered", "do not read", "dont read"))
