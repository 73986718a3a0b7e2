"""Fitted calibrators: estimates of what nobody was asked, and cards to keep."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.api.surveys import Questionnaire, questionnaire
from distexp.card.applying import calibrated, table
from distexp.card.band import DEFAULT_COVERAGE
from distexp.card.card import Card
from distexp.card.estimates import by_card, check_wanted
from distexp.dataset.files.estimates import read_studies
from distexp.errors import ConfigError
from distexp.evaluation.layout import open_survey

if TYPE_CHECKING:
    import polars as pl


class Fitted:
    """A calibrator fitted to all answers of a run; made by `Run.fit` or `distexp.read_card`.

    Attributes
    ----------
    card : Card
        With its scores, its band and what it was trained on.
    """

    def __init__(self, card: Card, experiment: Callable[[Path], Any] | None = None) -> None:
        self.card = card
        self._experiment = experiment

    def predict(
        self,
        questions: Questionnaire | str | Path,
        *,
        coverage: float = DEFAULT_COVERAGE,
        topic: str = "auto",
    ) -> "pl.DataFrame":
        """Ask about new questions, and estimate what the groups of the survey would answer.

        Parameters
        ----------
        questions : Questionnaire or path
        coverage : float
            Of the bands: 0.5, 0.8, 0.9 or 0.95.
        topic : {"auto", "same", "new"}
            What the questions are about; see `docs/predict.md`.

        Returns
        -------
        DataFrame
            A row a question, group and option: `predicted` by the model, `calibrated`, the ends
            of the band, and in what way the case is unlike those trained on.

        Raises
        ------
        ConfigError
            If the card was read from a file, or fitted to recorded estimates: no model is known.
        DistexpError
            As `distexp predict`.
        """
        from distexp.api.tables import Table

        if self._experiment is None:
            msg = (
                "Which model to ask is not known: the card was read from a file, or fitted to "
                "recorded estimates. Calibrate what a model said with apply(FILE), or ask with "
                "'distexp predict card=FILE questions=FILE out=FILE'."
            )
            raise ConfigError(msg)
        check_wanted("predict", {}, coverage, topic)
        asked = questions if isinstance(questions, Questionnaire) else questionnaire(questions)
        experiment = self._experiment(asked.path)
        interview = experiment.interview(open_survey(experiment.survey()))
        with closing(experiment.cache):
            found = interview.run(experiment.runner())
        return Table(by_card(self.card, found.studies, coverage, topic).table())

    def apply(
        self, predictions: str | Path, *, coverage: float = DEFAULT_COVERAGE
    ) -> "pl.DataFrame":
        """Calibrate estimates of a file, as `distexp apply` does.

        Parameters
        ----------
        predictions : path
            A table as in `docs/surveys/recorded.md`, or the `predictions.parquet` of a run.
        coverage : float
            Of the bands.

        Raises
        ------
        DistexpError
            As `distexp apply`.
        """
        from distexp.api.tables import Table

        check_wanted("apply", {}, coverage, "auto")
        found = list(calibrated(self.card, read_studies(Path(predictions)), coverage))
        return Table(table(found))

    def write(self, path: str | Path) -> Path:
        """Write the card, for `distexp apply` and `distexp predict`, and return its path.

        Raises
        ------
        DistexpError
            If it cannot be written.
        """
        self.card.write(Path(path))
        return Path(path)

    def __repr__(self) -> str:
        trained = self.card.trained_on
        condition = trained.condition
        return (
            f"{self.card.name} fitted to {len(trained.questions)} questions of "
            f"{condition.dataset}: {condition.model}, {condition.elicitation}, prompt "
            f"{condition.prompt}"
        )


def read_card(path: str | Path) -> Fitted:
    """Read a card.

    Raises
    ------
    ConfigError
        If the file is no card, or was changed after it was written.
    """
    return Fitted(Card.read(Path(path)))
