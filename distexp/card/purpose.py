"""What estimates of open cases are made for: to be read, to be joined with a pilot, or to plan."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.card.answering import Answer, of_estimates, of_rectified
from distexp.card.card import Card
from distexp.card.estimates import Estimates
from distexp.card.planning import Planned, planned
from distexp.card.rectifying import cells_of, prior_of, rectified
from distexp.card.telling import markdown
from distexp.checks import check_int, check_text
from distexp.errors import ConfigError, DistexpError
from distexp.rectify.pilot import read_pilot
from distexp.types import Survey

if TYPE_CHECKING:
    import polars as pl

MOST_RESPONDENTS = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is written and shown."""

    text: str
    """Markdown."""
    table: "pl.DataFrame"
    answer: Answer
    """What its page begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What `distexp rectify` and `distexp plan` want besides estimates.

    Parameters
    ----------
    pilot : str, optional
        Table of the answers of a few people, to be joined with the estimates.
    respondents : int, optional
        How many answers can be asked for: then the outcome is whom to ask what.
    figure : str, optional
        SVG file of the power curve of a plan.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type, or both are given.
    """

    pilot: str | None = None
    respondents: int | None = None
    figure: str | None = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name, value in (("pilot", self.pilot), ("figure", self.figure)):
            if value is not None:
                check_text(owner, name, value)
        if self.respondents is not None:
            check_int(owner, "respondents", self.respondents, minimum=1, maximum=MOST_RESPONDENTS)
            if self.pilot is not None:
                msg = "A pilot is joined (distexp rectify) or planned (distexp plan), not both."
                raise ConfigError(msg)
        if self.figure is not None and not self.figure.endswith(".svg"):
            raise ConfigError(f"figure must be a .svg file. Got {self.figure!r} instead.")
        if self.pilot is not None and not Path(self.pilot).is_file():
            msg = f"There is no file {self.pilot}. Set pilot=FILE to the table of answers."
            raise ConfigError(msg)

    def check(self, survey: Survey, card: Card | None = None) -> None:
        """Fail on what is wrong with the pilot, or the card, before anything is paid for.

        Raises
        ------
        DistexpError
            If the card says too little, or the pilot cannot be read.
        """
        if card is not None and (self.pilot is not None or self.respondents is not None):
            prior_of(card)
        if self.pilot is not None:
            read_pilot(Path(self.pilot), cells_of(survey.cases))

    def of(self, estimates: Estimates) -> Outcome:
        """Return what becomes of the estimates; draw the figure where one is wanted.

        Raises
        ------
        DistexpError
            If the card says too little, or the pilot cannot be read.
        """
        if self.pilot is not None:
            joined = rectified(estimates, Path(self.pilot))
            answer = of_rectified(joined)
            return Outcome(text=joined.markdown(), table=joined.table(), answer=answer)
        if self.respondents is not None:
            plan = planned(estimates, self.respondents)
            if self.figure is not None:
                _draw(plan, Path(self.figure))
            return Outcome(text=plan.markdown(), table=plan.table(), answer=plan.answer())
        answer = of_estimates(estimates)
        return Outcome(text=markdown(estimates), table=estimates.table(), answer=answer)


def _draw(plan: Planned, path: Path) -> None:
    try:
        plan.draw(path)
    except OSError as exc:
        msg = (
            f"The figure cannot be written to {path}: {exc.strerror}. Choose another figure=FILE."
        )
        raise DistexpError(msg) from exc
