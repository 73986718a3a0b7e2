"""Sentences in the Markdown of reports taken apart into plain words, for a page that has none."""

import re

Runs = list[tuple[str, str]]
"""Pieces of a sentence: `strong`, `code` or an empty style, and the words."""

_PIECE = re.compile(
    r"\*\*(?P<strong>(?:\\.|[^*\\])+)\*\*"
    r"|`(?P<code>[^`]+)`"
    r"|(?P<plain>(?:\\.|&(?:lt|amp);|[^\\*`&]|[\\*`&])+?(?=\*\*|`|$))",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&(lt|amp);")


def pieces(markdown: str) -> Runs:
    r"""Return the words of a sentence with their styles; every sign stands for itself.

    It undoes `distexp.report.markdown.escaped`.

    Examples
    --------
    >>> pieces(r"**auto** is closer than a\_b &lt;i>")
    [('strong', 'auto'), ('', ' is closer than a_b <i>')]
    """
    found: Runs = []
    for match in _PIECE.finditer(markdown):
        style = match.lastgroup or ""
        text = match[style] if style else match[0]
        text = text if style == "code" else _ESCAPED.sub(_sign, text)
        found.append((style if style != "plain" else "", text))
    return _joined(found)


def words(markdown: str) -> str:
    """Return a sentence without its styles."""
    return "".join(text for _, text in pieces(markdown))


def _sign(found: re.Match[str]) -> str:
    return found[1] or {"lt": "<", "amp": "&"}[found[2]]


def _joined(runs: Runs) -> Runs:
    joined: Runs = []
    for style, text in runs:
        if joined and joined[-1][0] == style:
            joined[-1] = (style, joined[-1][1] + text)
        else:
            joined.append((style, text))
    return joined
