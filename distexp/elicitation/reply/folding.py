"""Signs of all scripts that mean the same made one, by their Unicode properties."""

import re
import unicodedata
from functools import lru_cache

_FOLDED = frozenset({"<font>", "<wide>", "<narrow>", "<circle>", "<small>", "<square>"})
"""Kinds of compatibility that are dress: a superscript is not, since 20² is not 202."""
_LETTER_IN_BOX = re.compile(
    r"(?:NEGATIVE )?(?:CIRCLED|SQUARED|PARENTHESIZED) LATIN CAPITAL LETTER ([A-Z])"
    r"|REGIONAL INDICATOR SYMBOL LETTER ([A-Z])"
)
_SEPARATORS = {"，": "; ", "、": "; ", "،": "; ", "؛": "; ", "；": "; ", "。": ". ", "｡": ". "}
_QUOTES = frozenset("‘’‚‛′＇ʼ`´")
_SPACES_IN_NUMBERS = "\u00a0\u2007\u2009\u202f"
_UNSEEN = re.compile("VARIATION SELECTOR|JOINER|INHERENT")
"""Marks that cannot be seen; others are vowels: without them Hindi has no *not*."""
_GUILLEMETS = re.compile(r"«[ \u00a0\u202f]?|[ \u00a0\u202f]?»")
"""French ones, with the space that belongs to them."""
_DIRECTION = frozenset("\u202d\u202e\u2066\u2067\u2068")
"""They make digits appear in another order than they stand: a number with one is none."""
_BREAK_TAGS = re.compile(r"<\s?/?\s?(?:br|p|tr|li|div|ul|ol|hr|h[1-6])\b[^<>]{0,80}>", re.I)
_CELL_TAGS = re.compile(r"<\s?/?\s?t[dh]\b[^<>]{0,80}>", re.I)
_TAGS = re.compile(r"</?[A-Za-z][\w:-]{0,30}(?:\s[^<>]{0,80})?/?>")
_SPECIAL = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?s>|<(?:end_of_turn|start_of_turn|eos|bos|pad|endoftext)>"
    r"|\[/?INST\]|\[EOS\]",
    re.IGNORECASE,
)
_LATEX = re.compile(
    r"\\(?:boxed|fbox|text\w{0,12}|math\w{0,12}|mbox|operatorname)\s?\{([^{}\n]{0,60})\}"
)
_LATEX_SIGNS = re.compile(r"\\([%$_&#{}])|\\[()\[\],;! ]")
_LATEX_MATHS = re.compile(  # $B$ and $20\%$, but not $20-$50
    r"\$\$?\s?([A-Za-z({\[][^$\n,;:]{0,40}?|\d[\d.,]{0,9}\s?%?)\s?\$\$?(?!\d)"
)


def fold(text: str) -> str:
    r"""Return a reply in plain signs: digits, letters and punctuation in their simplest form.

    Digits of every script become ASCII ones, full-width and mathematical letters plain ones, all
    percent signs `%`, all dashes but the minus keep apart as `–`; what cannot be seen goes. Tags
    and LaTeX that dress a value go too.

    Examples
    --------
    >>> fold("Ａ： ２０％"), fold("\\boxed{\\text{B}}"), fold("٢٠٫٥٪")
    ('A: 20%', ' B ', '20.5%')
    """
    if not text.isascii():
        text = signs(_GUILLEMETS.sub('"', text))
    text = _SPECIAL.sub("\n", text)
    if "<" in text:
        text = _TAGS.sub(" ", _CELL_TAGS.sub(" | ", _BREAK_TAGS.sub("\n", text)))
    if "\\" in text:
        text = _LATEX.sub(r" \1 ", _LATEX.sub(r"\1", text))  # \boxed{\text{B}}
        text = _LATEX_SIGNS.sub(r"\1", text)
    return _LATEX_MATHS.sub(r" \1 ", text) if "$" in text else text


def signs(text: str) -> str:
    """Return a text with each sign in its simplest form, and nothing else changed.

    Examples
    --------
    >>> signs("Ａ"), signs("\u200fB")
    ('A', 'B')
    """
    return "".join(map(_plain_sign, text))


@lru_cache(maxsize=4096)
def _plain_sign(sign: str) -> str:
    """Return one sign in its simplest form."""
    if sign.isascii() or sign in _SPACES_IN_NUMBERS:
        return sign
    if sign in _SEPARATORS:
        return _SEPARATORS[sign]
    if (digit := unicodedata.decimal(sign, None)) is not None:
        return str(digit)
    return _named_sign(sign, unicodedata.category(sign))


def _named_sign(sign: str, category: str) -> str:
    name = unicodedata.name(sign, "")
    if sign in _DIRECTION or category == "Cs":
        plain = "\ufffd"
    elif category in {"Cf", "Me"} or (category == "Mn" and _UNSEEN.search(name)):
        plain = ""  # joiners, marks of direction, the keycap around an emoji
    elif category.startswith("Z"):
        plain = " " if category == "Zs" else "\n"
    elif sign in _QUOTES:
        plain = "'"
    elif "PERCENT SIGN" in name:
        plain = "%"
    elif name == "ARABIC DECIMAL SEPARATOR":
        plain = "."
    elif name == "ARABIC THOUSANDS SEPARATOR":
        plain = "'"
    elif category == "Pd" or name in {"MINUS SIGN", "HYPHEN BULLET"}:
        plain = "-" if name in {"FULLWIDTH HYPHEN-MINUS", "SMALL HYPHEN-MINUS"} else "–"
    elif (boxed := _LETTER_IN_BOX.fullmatch(name)) is not None:
        plain = f" {boxed[1] or boxed[2]} "
    else:
        folded = unicodedata.normalize("NFKC", sign)
        kind = unicodedata.decomposition(sign).partition(" ")[0]
        plain = folded if kind in _FOLDED and len(folded) == 1 and category != "No" else sign
    return plain
