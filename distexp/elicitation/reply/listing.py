"""Reading lists: the answers of many people, and reworded questions."""

import re
from collections.abc import Sequence

from distexp.elicitation.reply import objects
from distexp.elicitation.reply.choices import ALONE, without
from distexp.elicitation.reply.entries import is_wordy
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.parsing import plain
from distexp.elicitation.reply.refusals import refusal_in
from distexp.errors import ParseError

_BETWEEN = re.compile(r"[\s,;|.…)\]}\[({*_\"'`–•·-]*(?:(?:and|und|et|y|e|и|和)\s)?")
_LEFT_OUT = re.compile(r"[^\w\n]{0,4}(?:\.\.|…)|[^\w\n]{0,4}(?:etc|usw|and so on)\b")
_INDEX_TEXT = (  # 1. or Person 12: or "3":
    r"[\s,;|.)\]}\[({*_\"'`–•·#-]{0,20}(?:(?:[^\W\d]{1,30}\s{0,3}){0,2}#?)?"
    r"(?P<index>\d{1,5})[\"'*_]{0,5}\s?[.:)\]–-]{1,3}[\s*_\"'`(\[]{0,12}"
)
_INDEX, _INDEX_AT_END = re.compile(_INDEX_TEXT), re.compile(_INDEX_TEXT + r"\Z")
_COUNT = re.compile(r"[^\S\n]{0,6}[\"'*_)\]]{0,6}[^\S\n]?[:=x×(–-]{1,3}[^\S\n]{0,4}[\"'(]?\d")
_NUMBERED = re.compile(r"^[^\S\n]*\d{1,4}[^\S\n]*[.):]\s{0,9}(\S.*)$", re.MULTILINE)
_LONGEST_WORDING = 4000


def parse_letters(text: str, letters: str, options: Sequence[str], n_answers: int) -> list[str]:
    r"""Return the letters of a list of answers, in its order.

    Lists in JSON or set apart by spaces, commas or lines, numbered from 1 or not, and letters run
    together are read; after each letter its option's text may stand.

    Parameters
    ----------
    text : str
        What the model answers, without its thoughts.
    letters : str
        The letters that were shown.
    options : sequence of str
        The texts of the options shown, one per letter.
    n_answers : int
        How many were asked for.

    Raises
    ------
    ParseError
        If there is no list or more than one, it holds a letter that was not shown, a number that
        does not count its entries, or has fewer than half or more than twice as many answers as
        asked for.

    Examples
    --------
    >>> parse_letters("1. A\n2. C\n3. A", "ABC", ["Yes", "Maybe", "No"], n_answers=3)
    ['A', 'C', 'A']
    """
    folded = fold(text)
    shown = [fold(option).strip() for option in options]
    _check_texts(folded, letters, shown, text)
    reply = without(shown, re.sub(r"```[a-z]{0,9}", "", folded)).strip()
    for letter, option in zip(letters, shown, strict=True):
        if option and not is_wordy(option):
            reply = re.sub(rf"(?<!\w){letter}[.)]+\s?{re.escape(option)}(?!\w)", letter, reply)
    together = "".join(reply.split())
    runs = [list(together)] if set(together) <= set(letters) else _runs(reply, letters)
    if len(runs) != 1:
        refusal = refusal_in(reply)
        said = f"; it says {refusal!r}" if refusal and not runs else ""
        msg = f"The reply holds {len(runs)} lists of letters; one is wanted{said}."
        raise ParseError(msg, text=text)
    unknown = sorted(set(runs[0]) - set(letters))
    if unknown:
        msg = f"The reply names {', '.join(unknown)}, which was not shown."
        raise ParseError(msg, text=text)
    if not n_answers / 2 <= len(runs[0]) <= 2 * n_answers:
        msg = f"The reply holds {len(runs[0])} answers; about {n_answers} are wanted."
        raise ParseError(msg, text=text)
    return runs[0]


def _check_texts(reply: str, letters: str, options: Sequence[str], text: str) -> None:
    """Raise ParseError where a letter stands with the text of another option."""
    texts = sorted(filter(None, options), key=len, reverse=True)
    words = "|".join(re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(option)) for option in texts)
    for found in re.finditer(rf"(?<![\w'’])([A-Z])[.):–-]+\s{{0,3}}({words})(?!\w)", reply, re.I):
        of_text = [
            letter
            for letter, option in zip(letters, options, strict=True)
            if plain(option) == plain(found[2])
        ]
        if of_text and found[1].upper() not in of_text:
            msg = f"The reply calls option {of_text[0]} by the letter {found[1]}."
            raise ParseError(msg, text=text)


def _runs(reply: str, letters: str) -> list[list[str]]:
    """Return the letters that stand in rows, none of them counted; one alone is a row, too."""
    runs: list[list[tuple[str, int | None]]] = []
    end = 0
    for match in ALONE.finditer(reply):
        gap = reply[end : match.start()]
        index = _INDEX_AT_END.search(gap[-100:])
        joins = bool(runs) and (_INDEX if index else _BETWEEN).fullmatch(gap)
        if not joins:
            runs.append([])
        elif _LEFT_OUT.search(gap):
            runs[-1].append((match[0], -1))
        runs[-1].append((match[0], int(index["index"]) if index else None))
        end = match.end()
        if _COUNT.match(reply, end):
            runs[-1].append((match[0], -1))
    if runs and _LEFT_OUT.match(reply, end):
        runs[-1].append(("", -1))
    lists = [run for run in runs if len(run) > 1 or run[0][0] in letters]
    return [[letter for letter, _ in run] for run in lists if _is_list(run) or len(lists) > 1]


def _is_list(run: Sequence[tuple[str, int | None]]) -> bool:
    """Tell answers that bear no numbers, or 1, 2, 3, from those that are counted."""
    numbers = [number for _, number in run]
    if numbers == [None] * len(run):
        return True
    return numbers[0] in {0, 1} and numbers == list(range(numbers[0], numbers[0] + len(run)))


def parse_wordings(text: str, options: Sequence[str]) -> list[str]:
    """Return the different wordings that the reply lists, in its order.

    A JSON list of strings, a JSON object whose values are strings or one such list, and numbered
    lines are read. Entries that are empty, not text, repeat an earlier one, only name options,
    are very long or hold half a sign fall out.

    Parameters
    ----------
    text : str
        What the model answers, without its thoughts.
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
    entries = _json_texts(text)
    if entries is None:
        entries = _NUMBERED.findall(text)
    wordings: dict[str, str] = {}
    for entry in entries:
        if _is_wording(entry) and plain(without(options, entry)):
            wordings.setdefault(plain(entry), " ".join(entry.split()).strip("\"'*“” "))
    if not wordings:
        msg = "The reply holds no list of wordings."
        raise ParseError(msg, text=text)
    return list(wordings.values())


def _is_wording(entry: str) -> bool:
    """Tell what may be sent in a prompt: a server takes no half of a surrogate pair."""
    halves = any("\ud800" <= sign <= "\udfff" for sign in entry)
    return len(entry) <= _LONGEST_WORDING and not halves


def _json_texts(reply: str) -> list[str] | None:
    """Return the texts of the first JSON list or object in a reply; None where there is none."""
    for _, _, value in objects.blocks(reply, reply):
        entries = value if isinstance(value, list) else [member for _, member in value.pairs]
        if len(entries) == 1 and isinstance(entries[0], list):
            entries = entries[0]
        return [entry for entry in entries if isinstance(entry, str)]
    return None
