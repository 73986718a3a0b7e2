"""Options labelled by numbers or by nothing but their texts, in place of letters."""

import json
import re
from collections.abc import Sequence

from distexp.checks import parameter_error
from distexp.elicitation.reply.folding import fold
from distexp.errors import ParseError

LABELS = ("letters", "numbers", "texts")
_NOUNS = {"numbers": "number", "texts": "option text"}
_FENCE = re.compile(r"^\s*```(?:json)?\s*|\s*```\s*$")


def check_labels(owner: str, labels: object) -> None:
    """Refuse what is no kind of label."""
    if labels not in LABELS:
        raise parameter_error(owner, "labels", f"one of {', '.join(LABELS)}", labels)


def labels_of(options: Sequence[str], labels: str) -> list[str]:
    """Return the label of each position shown: `1`, `2`, ..., or the option's text."""
    if labels == "numbers":
        return [str(place) for place in range(1, len(options) + 1)]
    return list(options)


def labelled_lines(options: Sequence[str], labels: str) -> tuple[str, ...]:
    """Return the lines to show, e.g. `1. Yes` or `- Yes`."""
    if labels == "numbers":
        return tuple(f"{place}. {option}" for place, option in enumerate(options, start=1))
    return tuple(f"- {option}" for option in options)


def told_labels(task: str, labels: str) -> str:
    """Return a task that speaks of letters, speaking of the labels."""
    return task.replace("letter", _NOUNS[labels])


def with_letters(answer: str, options: Sequence[str], labels: str, letters: str) -> str:
    """Return a reply, a JSON object under the labels, as one under letters.

    Raises
    ------
    ParseError
        If it is none, or its keys are not the labels, each once: numbers beside numbers can be
        taken in more ways than letters, so nothing else is read.
    """
    called = map(_plain, labels_of(options, labels))
    wanted = dict(zip(called, letters, strict=True))
    try:
        pairs = json.loads(_FENCE.sub("", answer), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        pairs = None
    keys = [_plain(key) for key, _ in pairs] if isinstance(pairs, _Pairs) else []
    if len(wanted) < len(letters) or sorted(keys) != sorted(wanted):
        msg = f"The reply is no JSON object that gives each {_NOUNS[labels]} one percentage."
        raise ParseError(msg, text=answer)
    values = {wanted[key]: pair[1] for key, pair in zip(keys, pairs, strict=True)}
    return json.dumps({letter: values[letter] for letter in letters}, ensure_ascii=False)


class _Pairs(list[tuple[str, object]]):
    """The members of an object, those of one name too."""


def _plain(key: object) -> str:
    return " ".join(fold(str(key)).split()).casefold()
