"""Reading percentages. A reply that can be taken in two ways is unreadable, never a guess."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from distexp.errors import ParseError
from distexp.types import Prompt, Response

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)  # said before answering
_RUN = re.compile(r"(\W)\1{9,}")

_NUMBER = r"""
    (?P<number>-?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:[.,]\d+)?|\.\d+))  # 1,200 or 40.5 or 40,5 or .4
    (?:\s*/\s*(?P<whole>\d+))?                                        # 1/4
    \s*(?P<percent>%|％|percent\b|per\ cent\b)?
    (?![\w/])                                        # not 40th
    (?!\s*%?["'*]*\s*(?:[-–—~]|to\b|or\b)\s*\d)      # not 20-30, not 20 to 30
    (?![.,]\d)                                       # not 4.5.6
    (?(percent)|(?=\s*(?:["'*,;|})\](/#.，；]|$|\n|and\b|[A-Z]\W)))
"""
_TO_NUMBER = r"""
    \s*(?:[:=：]>?|\.(?=\s)|[)|]|(?:[-–—]|->|→)(?=\s))[:\s]*
    ["'*~≈]*\s*(?:(?:about|around|approximately|roughly)\s+)?
"""


def check_complete(prompt: Prompt, response: Response) -> None:
    """Raise `ParseError` if the reply was cut off: `5` may be the beginning of `50`."""
    if response.finish_reason == "length":
        msg = f"The reply was cut off after {prompt.max_tokens} tokens."
        raise ParseError(msg, text=response.text)


def said(text: str) -> str:
    """Leave out what a reasoning model says to itself, and long runs of one sign or space."""
    return _RUN.sub(r"\1", _THOUGHT.sub("", text))


def parse_percentages(text: str, letters: str, options: Sequence[str] = ()) -> list[float]:
    r"""Return the number given for each of `letters`, in their order.

    JSON objects, with or without fences, quotes and percent signs, and plain lines such as
    `A: 40%` are read, under the letters, the texts of the options or both. The numbers need not
    sum to 100: they are shares of their sum.

    Parameters
    ----------
    text : str
        The reply.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, one per letter.

    Raises
    ------
    ParseError
        If an option has no number, two different ones or a range; a letter was not shown or
        stands with the text of another option; a number is negative, or all are zero;
        percentages are mixed with fractions; or 12,500 may be 12.5 or twelve thousand.

    Examples
    --------
    >>> parse_percentages('```json\n{"A": "30%", B: 70}\n```', "AB")
    [30.0, 70.0]
    """
    if (plainly := _plain_percentages(letters).fullmatch(text)) is not None:
        values = [float(number) for number in plainly.groups()]
        if math.fsum(values) > 0:
            return values
    found: dict[str, float] = {}
    units: set[str] = set()
    for entry in _entries(letters, tuple(options)).finditer(said(text)):
        letter = _letter(entry, letters, options, text)
        value = _value(entry, text)
        units.add("percent" if entry["percent"] else "fraction" if entry["whole"] else "plain")
        if found.setdefault(letter, value) != value:
            msg = f"The reply gives option {letter} both {found[letter]:g} and {value:g}."
            raise ParseError(msg, text=text)
    missing = [letter for letter in letters if letter not in found]
    unknown = sorted(set(found) - set(letters))
    if missing or unknown:
        reason = (
            f"gives no percentage for {', '.join(missing)}"
            if missing
            else f"names {', '.join(unknown)}, which was not shown"
        )
        msg = f"The reply {reason}."
        raise ParseError(msg, text=text)
    values = [found[letter] for letter in letters]
    if not all(value >= 0 for value in values) or math.fsum(values) == 0:
        msg = f"The reply's percentages {values} are not shares of a whole."
        raise ParseError(msg, text=text)
    if "fraction" in units and len(units) > 1:
        msg = "The reply mixes fractions with other numbers."
        raise ParseError(msg, text=text)
    return values


@lru_cache(maxsize=64)
def _plain_percentages(letters: str) -> re.Pattern[str]:
    """Return the pattern of what most replies are: a JSON object with each letter once, in order.

    It saves time and decides nothing: what it matches is read alike without it.
    """
    members = (rf'"{letter}"\s{{0,9}}:\s{{0,9}}(\d+(?:\.\d+)?)' for letter in letters)
    return re.compile(r"\s*{\s{0,9}" + r"\s{0,9},\s{0,9}".join(members) + r"\s{0,9}}\s*", re.ASCII)


@lru_cache(maxsize=1024)
def _entries(letters: str, options: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of a letter, an option's text or both, with a number."""
    texts = sorted((o for o in options if is_wordy(o)), key=len, reverse=True)
    known = "|".join(re.sub(r"\\?\s+", r"\\s+", re.escape(option)) for option in texts)
    text = rf"(?P<text>{known})" if texts else r"(?P<text>(?!))"
    return re.compile(
        rf"""
        (?: (?<![A-Za-z0-9_'’])["'(\[*]*(?P<before>[A-Z])["')\]*]*[\s.:)(|=–—-]*["'*]*(?i:{text})
          | (?:^|[{{,;|•*–-])\s*["'*]*(?i:{text.replace("?P<text>", "?P<alone>")})
              (?:\s*\((?P<after>[A-Z])\))?
          | (?<![A-Za-z0-9_'’])["'(\[*]*(?P<letter>[A-Z]) )
        ["')\]*]*{_TO_NUMBER}{_NUMBER}
        """,
        re.VERBOSE | re.MULTILINE,
    )


def is_wordy(option: str) -> bool:
    """Tell words from a number or a sign, which would be taken for the share itself."""
    return sum(map(str.isalpha, option)) >= 2


def _letter(entry: re.Match[str], letters: str, options: Sequence[str], text: str) -> str:
    """Return the letter that an entry is about."""
    if entry["letter"]:
        return entry["letter"]
    named = entry["text"] or entry["alone"]
    of_text = letters[[plain(option) for option in options].index(plain(named))]
    given = entry["before"] or entry["after"] or of_text
    if given != of_text:
        msg = f"The reply calls option {of_text}, {named!r}, by the letter {given}."
        raise ParseError(msg, text=text)
    return of_text


def _value(entry: re.Match[str], text: str) -> float:
    number = entry["number"]
    head, comma, tail = number.partition(",")
    if comma and len(tail) == 3 and entry["percent"]:
        msg = f"The reply's {number}% may be {head}.{tail}% or {head}{tail}%."
        raise ParseError(msg, text=text)
    grouped = comma and len(number.rpartition(",")[2]) == 3
    value = float(number.replace(",", "" if grouped else "."))
    whole = float(entry["whole"] or 1)
    return value / whole if whole else math.nan


def plain(text: str) -> str:
    """Reduce to words in lower case."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
