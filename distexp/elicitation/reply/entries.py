"""Numbers beside option letters or texts, in lines, tables and sentences.

The grammar stands in `docs/elicitation.md`. It says what is read; whatever else stands beside a
number (a dash, a word, a second number, a sign) leaves the option without one. So no list of the
signs and words that make a range is needed, and every reading takes time linear in the text.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from distexp.elicitation.reply.numbers import NUMBER, Value, read_number
from distexp.elicitation.reply.share_words import (
    APPROXIMATELY,
    BOUNDS,
    DECOR,
    NAMING,
    OF,
    PERCENT_WORDS,
    TOTALS,
)

_CONNECTING = frozenset(":=|)].–-→(")
_SPACED = frozenset("–-")
_ENDS = frozenset(",;|})]!\n/#")


@dataclass(frozen=True, slots=True)
class Entry:
    """A number, or the lack of one, beside what names an option."""

    letter: str | None
    text: str | None
    """The option's text as the reply has it."""
    value: Value | None
    """None where what stands there is not one number."""
    start: int = field(default=0, compare=False)
    """Where it begins in the text."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=1024)
def _lexer(options: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of the pieces that a line is made of."""
    texts = sorted((o for o in options if is_wordy(o)), key=len, reverse=True)
    known = "|".join(re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(option)) for option in texts)
    text = rf"(?<!\w)(?:{known})(?!\w)" if texts else r"(?!)"
    return re.compile(
        rf"""
          (?P<newline>\n)
        | (?P<text>(?i:{text}))
        | (?P<label>(?<![\w'’])(?<!\w[-–])[A-Za-z](?![\w'’]))
        | (?P<number>(?<![A-Za-z0-9_À-ɏ.,]){NUMBER}(?!\w))
        | (?P<junk>(?:{NUMBER})\w*)
        | (?P<unit>%|(?i:(?:{PERCENT_WORDS})(?!\w)))
        | (?P<about>[~≈∼～±]|(?i:(?:{APPROXIMATELY})(?![^\W\d])))
        | (?P<word>[^\W\d]+(?:['’-][^\W\d]+)*)
        | (?P<sign>\S)
        """,
        re.VERBOSE,
    )


def is_wordy(option: str) -> bool:
    """Tell words from a number or a sign, which would be taken for the share itself."""
    return sum(map(str.isalpha, option)) >= 2


def entries(text: str, letters: str, options: Sequence[str]) -> Iterator[Entry]:
    """Yield what stands beside each letter or option text that is said to have a number.

    Parameters
    ----------
    text : str
        A reply as `fold` leaves it.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, as `fold` leaves them; none that is like another.
    """
    text = DECOR.sub(" ", text)
    tokens = [
        _Token(match.lastgroup or "", match[0], match.start(), match.end())
        for match in _lexer(tuple(options)).finditer(text)
    ]
    own = dict(zip(letters, options, strict=False))
    at = read = 0
    while at < len(tokens):
        if tokens[at].kind not in {"label", "text"} or not _may_begin(tokens, at, read):
            at += 1
            continue
        entry, at = _entry(tokens, at, text, own)
        if entry is not None:
            read = at
            yield entry


def _entry(
    tokens: list[_Token], at: int, text: str, own: dict[str, str]
) -> tuple[Entry | None, int]:
    """Read an entry that begins at a token; return where to go on."""
    token = tokens[at]
    letter = named = None
    if token.kind == "label":
        letter = token.text.upper()
        at, named = _text_after(tokens, at + 1, text, own.get(letter))
    else:
        named, at = token.text, at + 1
        if (beside := _letter_after(tokens, at)) is not None:
            letter, at = beside, at + 3
    start = _connected(tokens, at)
    if start is None:
        return None, at
    value, end = _value(tokens, start)
    if value is None and not _holds_number(tokens, start):
        return None, start
    return Entry(letter, named, value, token.start), end


def _may_begin(tokens: list[_Token], at: int, read: int) -> bool:
    """Tell whether what stands before lets an entry begin: a sign, its kind of word, an index.

    A number before it may belong to it, unless it is of the entry that was read up to `read`.
    """
    if at == 0:
        return True
    before = tokens[at - 1]
    if before.kind == "word":
        return NAMING.fullmatch(before.text) is not None
    if before.kind in {"number", "unit", "text"}:
        return tokens[at].kind == "label" or before.kind == "unit"
    number = tokens[at - 2].kind if at > 1 else ""
    if at - 1 <= read and number in {"number", "unit"}:
        return before.kind in {"newline", "sign"}
    if before.text in {"|", ":", "=", "-", "–", "→"} and number in {"number", "unit"}:
        return before.text == "|" and _row_begins(tokens, at - 2)
    return before.kind in {"newline", "sign"} and before.text not in {"$", "/", "&", "<"}


def _row_begins(tokens: list[_Token], at: int) -> bool:
    """Tell whether a number is the first cell of a table's row: an index."""
    before = [token.text for token in tokens[max(at - 2, 0) : at]]
    return tokens[at].kind == "number" and before[-2:] in (["\n", "|"], ["|"])


def _text_after(
    tokens: list[_Token], at: int, text: str, own: str | None
) -> tuple[int, str | None]:
    """Pass over an option's text that follows a letter."""
    after = at
    while after < len(tokens) and tokens[after].text in _CONNECTING:
        after += 1
    if after < len(tokens) and tokens[after].kind == "text":
        return after + 1, tokens[after].text
    if after < len(tokens) and own and not is_wordy(own):  # a number or a sign as option
        start = tokens[after].start
        end = start + len(own)
        if text[start:end].casefold() == own.casefold():
            rest = next((k for k in range(after, len(tokens)) if tokens[k].start >= end), None)
            if (
                rest is not None
                and _connected(tokens, rest) is not None
                and (tokens[rest].text in _CONNECTING)
            ):
                return rest, own
    return at, None


def _letter_after(tokens: list[_Token], at: int) -> str | None:
    """Return the letter in `Yes (A)`."""
    kinds = [token.text if token.kind == "sign" else token.kind for token in tokens[at : at + 3]]
    return tokens[at + 1].text.upper() if kinds == ["(", "label", ")"] else None


def _connected(tokens: list[_Token], at: int) -> int | None:
    """Return where the value begins that a name is tied to; None where none is."""
    start, n_signs, newlines = at, 0, 0
    while start < len(tokens):
        token = tokens[start]
        if token.kind == "newline" and n_signs and tokens[start - 1].text in ":=\n":
            newlines += 1
        elif token.kind == "sign" and token.text in _CONNECTING:
            if token.text in _SPACED and _is_glued(tokens, start):
                return None
            n_signs += 1
        elif token.text == ">" and start > at and tokens[start - 1].text in "=-":
            n_signs += 1
        else:
            break
        start += 1
    if start == len(tokens) or newlines > 2:
        return None
    if n_signs == 0 and not _is_marked(tokens, start):
        return None
    return start


def _is_glued(tokens: list[_Token], at: int) -> bool:
    """Tell a minus sign from a dash that ties."""
    follows = tokens[at + 1] if at + 1 < len(tokens) else None
    return (
        follows is not None
        and follows.kind in {"number", "junk"}
        and (follows.start == tokens[at].end)
    )


def _is_marked(tokens: list[_Token], at: int) -> bool:
    """Tell whether a number with a percent sign stands here."""
    kinds = [token.kind for token in tokens[at : at + 2]]
    return kinds in (["number", "unit"], ["unit", "number"])


def _value(tokens: list[_Token], at: int) -> tuple[Value | None, int]:
    """Read one number that stands alone; return where to go on."""
    while at < len(tokens) and tokens[at].kind == "about" and tokens[at].text != "±":
        at += 1
    kinds = [token.kind for token in tokens[at : at + 2]]
    percent = kinds == ["unit", "number"] and tokens[at].text == "%"
    at += percent
    if at == len(tokens) or tokens[at].kind != "number":
        return None, at
    written, at = tokens[at].text, at + 1
    whole = None
    if (over := _past_out_of(tokens, at)) > at:
        whole, at = tokens[over].text, over + 1
    elif at < len(tokens) and tokens[at].kind == "unit":
        if percent:
            return None, at
        percent, at = True, at + 1
    if not _stands_alone(tokens, at, percent=percent):
        return None, at
    if whole is not None and not whole.isdecimal():
        return None, at
    value = read_number(written, percent=percent, whole=whole)
    return (None if value.says_nothing() else value), at


def _past_out_of(tokens: list[_Token], at: int) -> int:
    """Pass over `/` or `out of` where a number follows."""
    for signs in (["/"], ["out", "of"]):
        after = at + len(signs)
        if [token.text.casefold() for token in tokens[at:after]] == signs and (
            after < len(tokens) and tokens[after].kind == "number"
        ):
            return after
    return at


def _stands_alone(tokens: list[_Token], at: int, *, percent: bool) -> bool:
    """Tell whether what follows a number ends it, and no other number belongs to it."""
    begin = at
    while at < len(tokens):
        token = tokens[at]
        if token.kind in {"number", "junk", "about", "unit"}:
            return False
        if _ends_entry(tokens, at, first=at == begin):
            return True
        if token.text == ".":  # of `..`, or `.5`: what else begins with a point is a number
            return False
        if token.text == "(":
            at = _past_remark(tokens, at)
            if at == -1:
                return False
        elif at == begin and not _may_follow(token, percent=percent):
            return _is_remark(tokens, at, percent=percent)
        at += 1
    return True


def _ends_entry(tokens: list[_Token], at: int, *, first: bool) -> bool:
    """Tell a line's end, a sentence's, the beginning of the next entry, or a total behind all."""
    token = tokens[at]
    if token.kind == "newline":
        return True
    if token.text == ".":
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        return (
            after is None
            or after.kind == "newline"
            or (after.text != "." and after.start > token.end)
        )
    if token.kind == "word" and TOTALS.fullmatch(token.text):
        return not first
    names = at + (token.text in {"(", "["})  # `(B) 20`
    return (
        names < len(tokens)
        and tokens[names].kind in {"label", "text"}
        and _connected(tokens, names + 1) is not None
    )


def _may_follow(token: _Token, *, percent: bool) -> bool:
    if token.kind == "sign":
        return token.text in _ENDS or (percent and unicodedata.category(token.text) == "So")
    if token.kind == "word":
        joins = token.text.casefold() in {"and", "und", "et", "y", "e", "и", "en", "和"}
        return joins or (percent and OF.match(token.text) is not None)
    return token.kind in {"label", "text"}


def _is_remark(tokens: list[_Token], at: int, *, percent: bool) -> bool:
    """Tell a dash with words behind it from one that makes a range or a bound."""
    if not percent or tokens[at].text not in _SPACED:
        return False
    line = []
    for place in range(at + 1, len(tokens)):
        token = tokens[place]
        if token.kind == "newline":
            break
        if token.kind in {"number", "junk", "about", "unit"}:
            return False
        line.append(token.text)
    return bool(line) and not BOUNDS.search(" ".join(line))


def _past_remark(tokens: list[_Token], at: int) -> int:
    """Return the place of the parenthesis that ends a remark; -1 where it qualifies the number."""
    words: list[str] = []
    for place in range(at + 1, len(tokens)):
        token = tokens[place]
        if token.text == ")":
            return -1 if BOUNDS.search(" ".join(words)) else place
        if token.kind in {"number", "junk", "unit", "newline", "about"}:
            return -1
        words.append(token.text)
    return -1


def _holds_number(tokens: list[_Token], at: int) -> bool:
    """Tell whether a number follows on the line, so that something was said and not understood."""
    for place in range(at, len(tokens)):
        token = tokens[place]
        if token.kind == "newline" or token.text in {",", ";"}:
            return False
        if token.kind in {"number", "junk"}:
            return True
        if token.kind in {"label", "text"}:
            return False
    return False
