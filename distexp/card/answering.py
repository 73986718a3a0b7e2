"""What a page of estimates says first: who was asked, and how far to trust it, and how far not."""

from collections.abc import Iterable, Sequence

import numpy as np

from distexp.card.estimates import Estimates
from distexp.card.rectifying import Joined, Rectified
from distexp.card.telling import accuracy, bands
from distexp.report.markdown import escaped
from distexp.types import Case, Condition
from distexp.visible import counted

Answer = tuple[tuple[str, str], ...]
"""Paragraphs in Markdown, each after what it is about."""
NOT_BAND = (
    "A band is about the people of a group as the survey counts them, and as far as these "
    "questions are like those it was learnt on. It tells nothing of a single person"
)
NOT_INTERVAL = (
    "An interval takes the people asked for a random draw of their group: who does not answer, "
    "or was never reached, is in none of them"
)


def of_estimates(estimates: Estimates) -> Answer:
    """Say how far estimates by one card are off, how wide their bands are, and what they hide."""
    found = [(one, place) for one, _, place in estimates.open()]
    cases = [one.study.cases[place] for one, place in found]
    (card, *_) = estimates.cards
    return (
        ("Who was asked", f"{_asked(cases, [one.study.condition for one, _ in found])}."),
        ("How far off", accuracy(card)),
        ("Bands", bands(card, estimates)),
        (
            "What not to conclude",
            NOT_BAND
            + _doubts(
                len(found),
                sum(
                    bool(one.reasons[place]) and bool(one.readable[place]) for one, place in found
                ),
                sum(not one.readable[place] for one, place in found),
            ),
        ),
    )


def of_rectified(joined: Rectified) -> Answer:
    """Say what a pilot and estimates give together, and what each of them was worth."""
    cells = joined.cells
    people = [0.0 if cell.tally is None else float(cell.tally.n_people) for cell in cells]
    conditions = [cell.condition for cell in cells]
    asked = _asked([cell.case for cell in cells], conditions)
    among = (
        f"{min(people):g}" if min(people) == max(people) else f"{min(people):g} to {max(people):g}"
    )
    return (
        (
            "Who was asked",
            f"{asked}; and {among} people of each group, {sum(people):g} answers in all.",
        ),
        ("What it gives", _widths(cells, joined.coverage)),
        ("Worth", " ".join(joined.worth())),
        (
            "What not to conclude",
            NOT_INTERVAL
            + _doubts(
                len(cells),
                sum(bool(cell.reason) and not cell.unread for cell in cells),
                sum(cell.unread for cell in cells),
            ),
        ),
    )


def _asked(cases: Sequence[Case], conditions: Iterable[Condition]) -> str:
    questions = len({case.question.question_id for case in cases})
    groups = len({(case.group.attribute, case.group.value) for case in cases})
    models = ", ".join(dict.fromkeys(str(escaped(one.model)) for one in conditions))
    return (
        f"{models}, for {counted(questions, 'question')} and {counted(groups, 'group')} of people"
    )


def _widths(cells: Sequence[Joined], coverage: float) -> str:
    """Compare how wide intervals are on average, over all shares that were estimated."""
    read = [cell for cell in cells if not cell.unread]
    if not read:
        return "Nothing: no reply of the model could be read."
    wide = {
        name: float(
            np.mean(np.concatenate([np.subtract(*cell.bounds[name][::-1]) for cell in read]))
        )
        for name in ("estimate", "pilot", "by_mean")
    }
    own, alone, mean = (f"{100 * wide[name]:.0f}" for name in ("estimate", "pilot", "by_mean"))
    return (
        f"A {coverage:.0%} interval for a share is {own} points wide on average. Of the people "
        f"alone it is {alone}, and joined with the training mean, which asks no model, {mean}."
    )


def _doubts(n: int, n_unlike: int, n_unread: int) -> str:
    """End the sentence; say how many cells are unlike those learnt from, or could not be read."""
    said = ""
    if n_unlike:
        said += (
            f" {n_unlike} of {n} estimates extrapolate, for the reasons beside them: there "
            "nothing vouches for the stated coverage."
        )
    if n_unread:
        said += f" {n_unread} of {n} could not be read and have no estimate."
    return f".{said}"
