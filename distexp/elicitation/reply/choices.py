"""Reading chosen letters and reworded questions out of what models write."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from distexp.elicitation.reply.parsing import is_wordy, plain, said
from distexp.errors import ParseError
from distexp.types import Json

# `A` and `I` are words too, and small letters mostly are: they count where no word follows.
_LETTER = r"(?:[B-HJ-Z]|[AIa-z](?=[^\S\n]*(?:[^\w\s'’]|\n|$|because\b|since\b)))(?![\w'’])"
_ALONE = re.compile(r"(?<![\w'’])(?:[B-HJ-Z]|[AI](?![^\S\n]+[a-z]))(?![\w'’])")
_OPEN, _CLOSE = r"[\s\"'*(\[{`]", r"[\"'*)\]}`]"
_MARKED = re.compile(
    rf"""
      \A\W*(?P<whole>[A-Za-z])\W*\Z                                # all of the reply
    | ^[\s"'*(\[{{#>-]*(?P<start>[A-Za-z]){_CLOSE}*\s*(?:[.:)\]*]|[–—-](?=\s)|\n|\Z)(?!\w)  # B.
    | (?<!\w)[(\["'*`]+(?P<enclosed>[A-Za-z])[.)\]"'*`]+(?!\w)     # (B), **B**, "B"
    | (?i:\b(?:answer|option|choice|choose|select|pick|response|letter|go\ with))\b
      (?:{_CLOSE}*\s*(?i:is\b|would\ be\b|option\b|letter\b|[:=：]))*{_OPEN}*(?P<named>{_LETTER})
    | [:：]{_OPEN}*(?P<last>[A-Z]){_CLOSE}*\.?\s*$                   # Antwort: B
    """,
    re.VERBOSE | re.MULTILINE,
)
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|rather than|instead of|except|unlike)\b|n['’]t\b", re.I
)
_REFUSAL = re.compile(
    r"\b(?:(?:don['’]?t|do not) (?:know|have)|not sure|unsure|no opinion|unable to|refuse|"
    r"prefer not|can(?:['’]t|not) (?:answer|say|choose|decide))\b",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"^(?:(?:my|the) )?(?:final )?(?:answer|choice)(?: is)? |^i (?:would )?choose "
)
_BETWEEN = re.compile(  # not `A: 12, B: 18`, which counts answers
    r"(?![\s\"'*]*[:=][\s\"']*\d)(?:\W|\d|_|person|respondent|participant|answer)+", re.IGNORECASE
)
_NUMBERED = re.compile(r"^\s*\d+\s*[.):]\s*(.+)$", re.MULTILINE)


def object_schema(properties: Mapping[str, Json]) -> dict[str, Json]:
    """Return the JSON schema of an object with just these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def numbered(n_entries: int) -> list[str]:
    """Return the keys "1" to `n_entries`: not every provider can bound the length of a list."""
    return [str(number) for number in range(1, n_entries + 1)]


def parse_letter(text: str, letters: str, options: Sequence[str]) -> str:
    """Return the letter of the one option that the reply chooses.

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
        If the reply refuses, chooses none or several options, says what it does not choose, or
        gives a letter the text of another option.

    Examples
    --------
    >>> parse_letter("**B**", "AB", ["Yes", "No"]), parse_letter("Yes.", "AB", ["Yes", "No"])
    ('B', 'A')
    """
    reply = said(text).strip()
    claimed = _CLAIM.sub("", plain(reply))
    by_text = [letter for letter, o in zip(letters, options, strict=True) if plain(o) == claimed]
    if claimed and len(by_text) == 1:
        return by_text[0]
    beside_options = _without(options, reply)
    if refusal := _REFUSAL.search(beside_options):
        msg = f"The reply says {refusal[0]!r}."
        raise ParseError(msg, text=text)
    found = set(_chosen(reply, letters, options, text))
    if found:
        found |= set(_ALONE.findall(beside_options)) & set(letters)
    if len(found) != 1 or not found <= set(letters):
        seen = " and ".join(sorted(found)) or "no option"
        msg = f"The reply chooses {seen}; one of {', '.join(letters)} is wanted."
        raise ParseError(msg, text=text)
    return found.pop()


def _chosen(reply: str, letters: str, options: Sequence[str], text: str) -> Iterator[str]:
    """Yield each letter that is marked as the choice."""
    longest_first = sorted(zip(options, letters, strict=True), key=lambda pair: -len(pair[0]))
    for match in _MARKED.finditer(reply):
        letter = match[match.lastgroup or 0].upper()
        sentence = re.split(r"[.!?\n]", reply[: match.start()])[-1] + match[0]
        if _NEGATION.search(sentence):
            msg = f"The reply says no to something beside option {letter}."
            raise ParseError(msg, text=text)
        rest = plain(reply[match.end() :]) + " "
        of_text = next(
            (o for option, o in longest_first if rest.startswith(plain(option) + " ")), letter
        )
        if of_text != letter:
            msg = f"The reply calls option {of_text} by the letter {letter}."
            raise ParseError(msg, text=text)
        yield letter


def parse_letters(text: str, letters: str, options: Sequence[str], n_answers: int) -> list[str]:
    r"""Return the letters of a list of answers, in its order.

    Lists in JSON or set apart by spaces, commas or lines, numbered or not, and letters run
    together are read; after each letter its option's text may stand.

    Parameters
    ----------
    text : str
        The reply.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, one per letter.
    n_answers : int
        How many were asked for.

    Raises
    ------
    ParseError
        If there is no list or more than one, it holds a letter that was not shown, or has fewer
        than half or more than twice as many answers as asked for.

    Examples
    --------
    >>> parse_letters("1. A\n2. C\n3. A", "ABC", ["Yes", "Maybe", "No"], n_answers=3)
    ['A', 'C', 'A']
    """
    reply = _without(options, said(text)).strip()
    together = "".join(reply.split())
    runs = [list(together)] if set(together) <= set(letters) else _runs(reply)
    if len(runs) != 1:
        msg = f"The reply holds {len(runs)} lists of letters; one is wanted."
        raise ParseError(msg, text=text)
    unknown = sorted(set(runs[0]) - set(letters))
    if unknown:
        msg = f"The reply names {', '.join(unknown)}, which was not shown."
        raise ParseError(msg, text=text)
    if not n_answers / 2 <= len(runs[0]) <= 2 * n_answers:
        msg = f"The reply holds {len(runs[0])} answers; about {n_answers} are wanted."
        raise ParseError(msg, text=text)
    return runs[0]


def _runs(reply: str) -> list[list[str]]:
    """Return the letters that stand alone, as lists of two or more with no words between them."""
    runs: list[list[str]] = []
    end = None
    for match in _ALONE.finditer(reply):
        if end is None or not _BETWEEN.fullmatch(reply[end : match.start()]):
            runs.append([])
        runs[-1].append(match[0])
        end = match.end()
    return [run for run in runs if len(run) > 1]


def _without(options: Sequence[str], reply: str) -> str:
    """Leave the options' texts out: `Hepatitis B` names no letter."""
    for option in sorted(filter(is_wordy, options), key=len, reverse=True):
        reply = re.sub(rf"(?<!\w){re.escape(option)}(?!\w)", "", reply, flags=re.IGNORECASE)
    return reply


def parse_wordings(text: str, options: Sequence[str]) -> list[str]:
    """Return the different wordings that the reply lists, in its order.

    A JSON list of strings, a JSON object whose values are strings or one such list, and numbered
    lines are read. Entries that are empty, not text, repeat an earlier one or only name options
    fall out.

    Parameters
    ----------
    text : str
        The reply.
    options : sequence of str
        The texts of the question's options.

    Raises
    ------
    ParseError
        If there is no such list.

    Examples
    --------
    >>> parse_wordings('["Is it good?", "Yes; No", "Is it fine?", "is it good"]', ["Yes", "No"])
    ['Is it good?', 'Is it fine?']
    """
    reply = said(text)
    entries = _json_texts(reply)
    if entries is None:
        entries = _NUMBERED.findall(reply)
    wordings: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, str) and plain(_without(options, entry)):
            wordings.setdefault(plain(entry), " ".join(entry.split()).strip("\"'*“” "))
    if not wordings:
        msg = "The reply holds no list of wordings."
        raise ParseError(msg, text=text)
    return list(wordings.values())


def _json_texts(reply: str) -> Sequence[Json] | None:
    """Return the entries of the JSON list or object in a reply, if there is one."""
    found = re.search(r"\[.*\]|\{.*\}", reply, re.DOTALL)
    if found is None:
        return None
    try:
        value = json.loads(re.sub(r",\s*([\]}])", r"\1", found[0]))
    except ValueError:
        return None
    entries = list(value.values()) if isinstance(value, dict) else value
    if len(entries) == 1 and isinstance(entries[0], list):
        return list(entries[0])
    return list(entries)
