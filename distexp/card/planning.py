"""`distexp plan`: how many people to ask which question, and how much that will show."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.card.applying import Calibrated, kind
from distexp.card.band import COVERAGES
from distexp.card.estimates import Estimates
from distexp.card.prior import Prior
from distexp.card.rectifying import prior_of, worth_of
from distexp.errors import DatasetError
from distexp.metrics.distance import scaled_ordinals
from distexp.rectify.allocation import allocated, left
from distexp.rectify.joining import credible
from distexp.rectify.worth import deviations
from distexp.report.markdown import table
from distexp.types import Case, Condition, FloatArray, IntArray

if TYPE_CHECKING:
    import polars as pl

HALF_WIDTHS = (0.1, 0.05)
"""Of intervals, for which it is said how many people they take."""
MOST_ROWS = 100
"""Longer plans are cut; the file has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Whom to ask what; arrays are of shape (n_cells,)."""

    cells: tuple[tuple[Condition, Case], ...]
    n: IntArray
    """Answers to ask for."""
    worth: FloatArray
    """Of the estimates, in people."""
    variance: FloatArray
    """Of one answer, if people answer as the estimate has it."""
    width: tuple[FloatArray, FloatArray]
    """Of the interval for a share before anybody is asked and expected after, a mean of the
    options'."""
    prior: Prior
    coverage: float

    def table(self) -> "pl.DataFrame":
        """Return a row a cell."""
        import polars as pl

        columns = [
            (
                *asdict(condition).values(),
                case.question.question_id,
                case.question.text,
                case.group.attribute,
                case.group.value,
            )
            for condition, case in self.cells
        ]
        names = ("dataset", "model", "elicitation", "prompt", "question_id", "question")
        schema = dict.fromkeys((*names, "attribute", "group"), pl.String)
        return pl.DataFrame(columns, schema=schema, orient="row").with_columns(
            pl.Series("respondents", self.n),
            pl.Series("worth", self.worth),
            pl.Series("variance", self.variance),
            pl.Series("variance_before", left(self.variance, self.worth, 0 * self.n)),
            pl.Series("variance_after", left(self.variance, self.worth, self.n)),
            pl.Series("width_before", self.width[0]),
            pl.Series("width_after", self.width[1]),
            pl.lit(self.coverage).alias("coverage"),
        )

    def markdown(self) -> str:
        """Return the section of a report."""
        header = ("question", "group", "ask", "estimate is worth", "width before", "width after")
        rows = [
            (
                case.question.question_id,
                f"{case.group.attribute}: {case.group.value}",
                str(self.n[place]),
                f"{self.worth[place]:.1f}",
                f"{self.width[0][place]:.2f}",
                f"{self.width[1][place]:.2f}",
            )
            for place, (_, case) in enumerate(self.cells)
        ]
        more = [f"{len(rows) - MOST_ROWS} rows more are in the file."] * (len(rows) > MOST_ROWS)
        return "\n\n".join(
            [
                "## Whom to ask what",
                self._said(),
                table(header, rows[:MOST_ROWS], right=(2, 3, 4, 5)),
                *more,
                " ".join(worth_of(self.prior)),
                *enough(self.prior, self.coverage),
                f"What pilots of n people a question and group show, simulated on the "
                f"{self.prior.n_questions} answered questions; widths are of {self.coverage:.0%} "
                "intervals for a share, errors W1 (total variation without an order of options):",
                table(*_power(self.prior, self.coverage), right=range(9)),
            ]
        )

    def answer(self) -> tuple[tuple[str, str], ...]:
        """Return what a page begins with: paragraphs, each after what it is about."""
        not_said = (
            "What an answer costs, and who can be reached, is not in it: people are taken for a "
            "random draw of their group. Widths are as simulated on "
            f"{self.prior.n_questions} answered questions, not as these will turn out."
        )
        return (
            ("Whom to ask", " ".join([self._said(), *enough(self.prior, self.coverage)])),
            ("Worth", " ".join(worth_of(self.prior))),
            ("What not to conclude", not_said),
        )

    def _said(self) -> str:
        """Say how many are dealt to how many cells, and what that is worth."""
        attributes = list(dict.fromkeys(case.group.attribute for _, case in self.cells))
        of_cell = np.array([attributes.index(case.group.attribute) for _, case in self.cells])
        n = int(self.n[of_cell == 0].sum())
        even = n / np.bincount(of_cell)[of_cell]
        dealt = float(left(self.variance, self.worth, self.n).sum())
        evenly = float(left(self.variance, self.worth, even).sum())
        said = (
            f"{n} people with a question each, dealt to {len(self.n)} questions by group so that "
            "the variance left in all shares together is least"
        )
        if len(attributes) > 1:
            said += "; a person is of a group of each attribute, so each of them shares out all"
        if evenly <= 0:
            return f"{said}."
        less = 1 - dealt / evenly
        saved = f"{less:.0%} less than" if less > 0.005 else "no less than"
        needed = n * float((self.variance / even).sum()) / dealt
        return (
            f"{said}. It is {saved} if all were asked alike; without any estimate as much would "
            f"take {needed:.0f} people."
        )

    def draw(self, path: Path) -> None:
        """Draw the power curve."""
        from distexp.report.figures import power

        place = COVERAGES.index(self.coverage)
        of = self.prior.power
        power(
            [one.n for one in of],
            {
                "people alone": [one.width_alone[place] for one in of],
                "with the training mean": [one.width_by_mean[place] for one in of],
                "with the model": [one.width[place] for one in of],
            },
            f"mean width of a {self.coverage:.0%} interval",
            path,
        )


def enough(prior: Prior, coverage: float) -> Iterator[str]:
    """Say from how many people on intervals are as narrow as people want them, if ever.

    Between the sizes of the simulation the logarithm of the width is a straight line over that of
    the size.
    """
    place = COVERAGES.index(coverage)
    sizes = np.log1p([one.n for one in prior.power])
    parts = []
    for half in HALF_WIDTHS:
        with_model, alone = (
            np.log([of[place] for of in widths])
            for widths in zip(*((one.width, one.width_alone) for one in prior.power), strict=True)
        )
        needed = [
            np.expm1(np.interp(-np.log(2 * half), -widths, sizes))
            for widths in (with_model, alone)
            if widths[-1] <= np.log(2 * half)
        ]
        if len(needed) == 2:
            first, second = (math.ceil(round(n, 6)) for n in needed)
            parts.append(f"±{half:.2f} from {first} people on (by people alone from {second})")
    if parts:
        yield (
            f"On average a {coverage:.0%} interval for a share, of a question and group, was "
            f"{', and '.join(parts)}; people who were asked already count among them."
        )


def planned(estimates: Estimates, n: int) -> Planned:
    """Deal n answers to the open cases of some estimates.

    A person is of one group of every attribute, so all of them are dealt to each attribute.

    Parameters
    ----------
    estimates : Estimates
        Of one study.
    n : int

    Raises
    ------
    ConfigError
        If the card does not say what its estimates are worth.
    DatasetError
        If there are several studies, or none of the estimates could be read.
    """
    if len(estimates.found) != 1:
        named = "; ".join(one.study.condition.model for one in estimates.found)
        msg = (
            f"A plan is made for one model, elicitation and prompt. Here are {named}: choose one, "
            "for recorded estimates by dataset.models=[NAME]."
        )
        raise DatasetError(msg)
    (found,), (card,) = estimates.found, estimates.cards
    prior = prior_of(card)
    places = [place for _, _, place in estimates.open() if found.readable[place]]
    if not places:
        raise DatasetError("No estimate of an open case could be read: there is nothing to plan.")
    cases = [found.study.cases[place] for place in places]
    worth = np.array(
        [
            prior.weights(
                (case.group.attribute, case.group.value),
                new_topic=kind(card, case, estimates.topic) != "same",
            )[0]
            for case in cases
        ]
    )
    variance = np.array([_variance(found, place) for place in places])
    dealt = np.zeros(len(cases), dtype=np.int64)
    for attribute in dict.fromkeys(case.group.attribute for case in cases):
        rows = np.array([case.group.attribute == attribute for case in cases])
        dealt[rows] = allocated(variance[rows], worth[rows], n)
    return Planned(
        cells=tuple((found.study.condition, case) for case in cases),
        n=dealt,
        worth=worth,
        variance=variance,
        width=(
            _widths(found, places, worth, np.zeros_like(dealt), estimates.coverage),
            _widths(found, places, worth, dealt, estimates.coverage),
        ),
        prior=prior,
        coverage=estimates.coverage,
    )


def _variance(found: Calibrated, place: int) -> float:
    """Return the variance of one answer if people answer as the estimate has it."""
    question = found.study.cases[place].question
    shares = found.shares[place : place + 1, : len(question.options)]
    scaled = scaled_ordinals(question.ordinals)
    ordinals = np.full_like(shares, np.nan) if scaled is None else np.array([scaled])
    return float(deviations(shares, shares, ordinals).variance[0])


def _widths(
    found: Calibrated, places: list[int], worth: FloatArray, n: IntArray, coverage: float
) -> FloatArray:
    """Return the mean width of the intervals of each cell if n answer as the estimate has it."""
    shares = np.nan_to_num(found.shares[places])
    sizes = np.array([float(len(found.study.cases[p].question.options)) for p in places])
    low, high = credible(shares, shares * n[:, None], worth, sizes, coverage)
    width: FloatArray = (high - low).sum(axis=1) / sizes
    return width


def _power(prior: Prior, coverage: float) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """Return the table of the power curve."""
    place = COVERAGES.index(coverage)
    header = (
        "n", "width, people alone", "with the training mean", "with the model", "held",
        "error, people alone", "with the training mean", "with the model", "gain on people alone",
    )  # fmt: skip
    return header, (
        (
            str(one.n),
            *(f"{w[place]:.3f}" for w in (one.width_alone, one.width_by_mean, one.width)),
            f"{one.covered[place]:.0%}",
            *("–" if np.isnan(e) else f"{e:.4f}" for e in (one.error_alone, one.error_by_mean)),
            f"{one.error:.4f}",
            "–" if not one.n else f"{1 - one.error / one.error_alone:.1%}",
        )
        for one in prior.power
    )
