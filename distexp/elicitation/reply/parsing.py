"""Reading percentages. A reply that can be taken in two ways is unreadable, never a guess."""

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from distexp.elicitation.reply import objects
from distexp.elicitation.reply.entries import Entry, entries
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.numbers import (
    NUMBER,
    Value,
    exactly,
    in_one_convention,
    read_number,
)
from distexp.elicitation.reply.refusals import refusal_in
from distexp.elicitation.reply.share_words import APPROXIMATELY, DECOR
from distexp.elicitation.reply.withdrawal import withdrawn
from distexp.errors import ParseError

_NAMES_OF_SHARES = re.compile(
    r"percent(?:age|ages|_?value)?|pct|%|shares?|prob(?:abilit(?:y|ies))?|proportion|value|weight"
    r"|estimate|prozent(?:satz)?|anteil|pourcentage|part|porcentaje|percentuale|porcentagem",
    re.IGNORECASE,
)
_SHARE_TEXT = re.compile(
    rf"\s*(?:[~≈∼～]|(?:{APPROXIMATELY}))?\s*(?P<before>%)?\s*(?P<number>{NUMBER})(?:\s*/\s*(?P<whole>\d{{1,12}}))?"
    r"\s*(?P<percent>%|percent|per cent)?\s*",
    re.IGNORECASE,
)
_LETTER_NAME = re.compile(
    r"\W{0,6}(?:(?:option|choice|answer|letter)[\s_:]{1,3})?([A-Za-z])\W{0,6}", re.IGNORECASE
)
_LETTER_FIRST = re.compile(
    r"\W{0,6}(?:(?:option|choice|answer)\s)?"
    r"(?P<letter>[A-Za-z])[^\w\s]{0,4}\s{0,3}(?<!\w)(?P<text>.+)",
    re.IGNORECASE,
)
_LETTER_LAST = re.compile(r"(?P<text>.+?)\s{0,3}\((?P<letter>[A-Za-z])\)\W{0,4}")
_SLACK = 2.0
"""How far from 100 numbers may sum of which only some have a percent sign."""


def parse_percentages(text: str, letters: str, options: Sequence[str] = ()) -> list[float]:
    r"""Return the number given for each of `letters`, in their order.

    JSON objects and lists of them, with or without fences, quotes and percent signs, and plain
    lines such as `A: 40%` are read, under the letters, the texts of the options or both. The
    numbers need not sum to 100: they are shares of their sum.

    Parameters
    ----------
    text : str
        What the model answers, without its thoughts.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, one per letter.

    Raises
    ------
    ParseError
        If the reply refuses, gives but an example, or ends within JSON; an option has no number,
        two different ones or a range; a letter was not shown or stands with the text of another
        option; a number is negative, or all are zero; percentages are mixed with fractions or
        other numbers; or 12,500 may be 12.5 or twelve thousand.

    Examples
    --------
    >>> parse_percentages('```json\n{"A": "30%", B: 70}\n```', "AB")
    [30.0, 70.0]
    """
    if (plainly := _plain_percentages(letters).fullmatch(text)) is not None:
        values = [float(number) for number in plainly.groups()]
        if math.fsum(values) > 0:
            return values
    reply = fold(text)
    named = _Names(letters, options, text)
    found: dict[str, Value] = {}
    bad: set[str] = set()
    first = len(reply)
    for start, entry in _found(reply, named):
        first = min(first, start)
        letter = named.letter(entry)
        if entry.value is None:
            bad.add(letter)
        elif (known := found.setdefault(letter, entry.value)) != entry.value:
            _check_same(letter, known, entry.value, text)
    if found and (reason := withdrawn(reply[:first])) is not None:
        msg = f"The reply's numbers are no estimate: it says {reason!r}."
        raise ParseError(msg, text=text)
    missing = [letter for letter in letters if letter not in found or letter in bad]
    unknown = sorted(set(found) - set(letters))
    if missing or unknown:
        reason = (
            f"gives no percentage for {', '.join(missing)}"
            if missing
            else f"names {', '.join(unknown)}, which was not shown"
        )
        refusal = None if found else refusal_in(reply)
        msg = f"The reply {reason}" + (f"; it says {refusal!r}." if refusal else ".")
        raise ParseError(msg, text=text)
    if objects.ends_within(reply):
        msg = "The reply ends within JSON that is not closed: its last number may be cut off."
        raise ParseError(msg, text=text)
    return _weights([found[letter] for letter in letters], named.texts, text)


@lru_cache(maxsize=64)
def _plain_percentages(letters: str) -> re.Pattern[str]:
    """Return the pattern of what most replies are: a JSON object with each letter once, in order.

    It saves time and decides nothing: what it matches is read alike without it.
    """
    number = r"(\d{1,9}(?:\.\d{1,9})?)"
    members = (rf'"{letter}"\s{{0,9}}:\s{{0,9}}{number}' for letter in letters)
    return re.compile(r"\s*{\s{0,9}" + r"\s{0,9},\s{0,9}".join(members) + r"\s{0,9}}\s*", re.ASCII)


class _Names:
    """The letters and texts that name options in one reply."""

    def __init__(self, letters: str, options: Sequence[str], text: str) -> None:
        folded = [fold(option).strip() for option in options]
        known = [plain(option) for option in folded]
        self.letters = letters
        self.texts = folded
        self.of_text = {
            name: letter
            for name, letter in zip(known, letters, strict=False)
            if name and known.count(name) == 1
        }
        self.text = text

    def words(self) -> list[str]:
        """Return the texts of the options by which they can be told apart."""
        return [option if plain(option) in self.of_text else "" for option in self.texts]

    def letter(self, entry: Entry) -> str:
        """Return the letter that an entry is about."""
        of_text = None if entry.text is None else self.of_text.get(plain(entry.text))
        if of_text is None or (entry.letter or of_text) == of_text:
            return of_text or entry.letter or ""
        msg = f"The reply calls option {of_text}, {entry.text!r}, by the letter {entry.letter}."
        raise ParseError(msg, text=self.text)

    def names(self, name: str) -> Entry | None:
        """Return what a key or value of JSON names; None where that is no option."""
        name = fold(name).strip()
        if (letter := _LETTER_NAME.fullmatch(name)) is not None:
            return Entry(letter[1].upper(), None, None)
        if plain(name) in self.of_text and not name.isdecimal():  # 1 may be the first, or a text
            return Entry(None, name, None)
        for pattern in (_LETTER_FIRST, _LETTER_LAST):
            found = pattern.fullmatch(name)
            if found and plain(found["text"]) in self.of_text:
                return Entry(found["letter"].upper(), found["text"], None)
        return None


def _found(reply: str, named: _Names) -> Iterator[tuple[int, Entry]]:
    """Yield the entries of a reply and where they stand: those of JSON, then the others."""
    at, rest = 0, []
    for start, end, value in objects.blocks(reply, named.text):
        if inside := list(_in_json(value, named)):
            yield from ((start, entry) for entry in inside)
            rest.append((at, start))
            at = end
    for start, end in (*rest, (at, len(reply))):
        for entry in entries(reply[start:end], named.letters, named.words()):
            yield start + entry.start, entry


def _in_json(value: objects.Value, named: _Names) -> Iterator[Entry]:
    """Yield the entries of an object, of those within it, and of a list of objects."""
    if isinstance(value, list):
        for member in value:
            yield from _in_json(member, named)
    elif isinstance(value, objects.Object):
        if (whole := _one_object(value, named)) is not None:
            yield whole
            return
        for key, member in value.pairs:
            name = named.names(key)
            if name is None:
                if isinstance(member, objects.Object | list):
                    yield from _in_json(member, named)
            elif isinstance(member, objects.Object):
                yield _with(_also_named(name, member, named), _share_in(member))
            elif not isinstance(member, list):
                yield _with(name, _share(member))


def _also_named(name: Entry, value: objects.Object, named: _Names) -> Entry:
    """Return a name with the option's text that stands within its object, if one does."""
    texts = [named.names(member) for _, member in value.pairs if isinstance(member, str)]
    text = next((one.text for one in texts if one is not None and one.text), name.text)
    return Entry(named.letter(name) if name.letter is None else name.letter, text, None)


def _with(name: Entry, value: Value | None) -> Entry:
    return Entry(name.letter, name.text, value)


def _one_object(value: objects.Object, named: _Names) -> Entry | None:
    """Read an object that is about one option: `{"option": "A", "percentage": 20}`."""
    if any(named.names(key) for key, _ in value.pairs):
        return None
    names = [named.names(member) for _, member in value.pairs if isinstance(member, str)]
    given = [name for name in names if name is not None]
    letters = {named.letter(name) for name in given}
    if not given or not any(_NAMES_OF_SHARES.fullmatch(key.strip()) for key, _ in value.pairs):
        return None
    if len(letters) > 1:
        msg = f"The reply gives one number for {' and '.join(sorted(letters))}."
        raise ParseError(msg, text=named.text)
    return Entry(letters.pop(), None, _share_in(value))


def _share_in(value: objects.Object) -> Value | None:
    """Return the one number that an object calls a share; None where it has none or two."""
    shares = [member for key, member in value.pairs if _NAMES_OF_SHARES.fullmatch(key.strip())]
    return _share(shares[0]) if len(shares) == 1 else None


def _share(value: objects.Value) -> Value | None:
    """Return the number that a JSON value is; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not isinstance(value, str):
        return exactly(value)
    found = _SHARE_TEXT.fullmatch(DECOR.sub(" ", fold(value)))
    if found is None or (found["before"] and found["percent"]):
        return None
    percent = bool(found["percent"] or found["before"])
    read = read_number(found["number"], percent=percent, whole=found["whole"])
    return None if read.says_nothing() else read


def _check_same(letter: str, one: Value, other: Value, text: str) -> None:
    """Raise ParseError where two numbers for one option differ."""
    first, second = (v.by_point if v.by_point is not None else v.by_comma for v in (one, other))
    if (first, one.by_comma) != (second, other.by_comma):
        if first == second and "plain" in (one.unit, other.unit):
            return  # 12,500 beside 12500: the convention is settled by all numbers together
        msg = f"The reply gives option {letter} both {first:g} and {second:g}."
        raise ParseError(msg, text=text)


def _weights(values: Sequence[Value], options: Sequence[str], text: str) -> list[float]:
    """Return the numbers that the values are, once they fit together."""
    weights = in_one_convention(values)
    if isinstance(weights, Value):
        written, sign = weights.written, "%" if weights.unit == "percent" else ""
        one, other = written.replace(",", "."), re.sub(r"[.,]", "", written)
        msg = f"The reply's {written}{sign} may be {one}{sign} or {other}{sign}."
        raise ParseError(msg, text=text)
    if not all(0 <= weight < math.inf for weight in weights) or math.fsum(weights) == 0:
        msg = f"The reply's percentages {weights} are not shares of a whole."
        raise ParseError(msg, text=text)
    units = {value.unit for value, weight in zip(values, weights, strict=True) if weight}
    if "fraction" in units and (len(units) > 1 or max(weights) > 1):
        msg = "The reply mixes fractions with other numbers."
        raise ParseError(msg, text=text)
    if len(units) > 1 and abs(math.fsum(weights) - 100) > _SLACK:
        msg = "The reply mixes percentages with numbers that may be none."
        raise ParseError(msg, text=text)
    echoed = [
        value.written == option.rstrip("%").strip()
        for value, option in zip(values, options, strict=False)
    ]
    if echoed and all(echoed):
        msg = "The reply repeats the options, which are numbers themselves."
        raise ParseError(msg, text=text)
    return weights


def plain(text: str) -> str:
    """Reduce to words in lower case."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
