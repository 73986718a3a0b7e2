"""A card: a fitted calibrator in a JSON file, with what it was fitted to and how well it does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np

from distexp.calibrator.blind import Blind
from distexp.calibrator.fitting.texts import withheld
from distexp.card import everyone
from distexp.card.band import Band
from distexp.card.conformal import apart
from distexp.card.fields import older, take, texts
from distexp.card.held_out import prior_of, without_battery
from distexp.card.prior import Prior
from distexp.card.sealed import read_sealed, write_sealed
from distexp.card.state import from_json, tells_groups_apart, to_json
from distexp.card.trained_on import TrainedOn
from distexp.errors import ConfigError
from distexp.evaluation.baselines import REFERENCE
from distexp.evaluation.evaluation import Evaluation, Result
from distexp.evaluation.layout import answered, design_of, perfect
from distexp.metrics.names import METRICS
from distexp.protocols import Calibrator, rehearsal_of
from distexp.request import Json
from distexp.types import Condition, Design, FloatArray, Study, Survey

SCHEMA = "distexp.card"
VERSION = 1
"""Of the schema. A card of a higher one is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A fitted calibrator with what its user has to know."""

    name: str
    """What the run called the calibrator."""
    calibrator: Calibrator
    trained_on: TrainedOn
    scores: Mapping[str, Json]
    """Out-of-sample scores of the run, with intervals and how they were made."""
    band: Band
    """How far off its shares are, from the same held-out predictions."""
    prior: Prior | None
    """What they are worth in respondents; None in cards of earlier versions."""
    warnings: tuple[str, ...]
    """What the run said against it."""
    distexp: str
    """Version that fitted it."""
    population: Mapping[str, Band] = field(default_factory=dict)
    """How far off the shares of the whole population are, by the attribute whose groups it is put
    together from; empty in cards of earlier versions."""

    @classmethod
    def fitted(
        cls,
        name: str,
        calibrator: Calibrator,
        survey: Survey,
        study: Study,
        result: Result,
        evaluation: Evaluation,
    ) -> Self:
        """Fit `calibrator` to every readable case of `study`, as the evaluation counts and weighs.

        Parameters
        ----------
        name : str
            Of the calibrator in `result`.
        calibrator : Calibrator
            Is fitted anew, in place.
        survey : Survey
        study : Study
        result : Result
            Of `evaluation` for `study`: where the scores and the band come from.
        evaluation : Evaluation

        Raises
        ------
        ConfigError
            If what it learnt cannot be written as JSON.
        """
        study = answered(study)
        X, y, readable = evaluation.laid_out(study)
        weight = evaluation.weight_of(study)
        elsewhere = without_battery(calibrator, study, X, y, readable, weight)
        learnt_from = withheld(X.take(readable)) if survey.gated else X.take(readable)
        calibrator.fit(learnt_from, y[readable], None if weight is None else weight[readable])
        held_out = result.calibrated[name]
        tested = readable & ~np.isnan(held_out[:, 0])
        return cls(
            name=name,
            calibrator=from_json(to_json(calibrator)),
            trained_on=TrainedOn.of(survey, study, X, y, readable),
            scores=_scores(name, result, evaluation),
            band=Band.fitted(
                apart(held_out, y),
                X.n_options,
                X.question,
                tested,
                None if elsewhere is None else (apart(elsewhere[0], y), elsewhere[1]),
                None if elsewhere is None else abs(elsewhere[0] - y),
            ),
            population=everyone.bands(study, X, y, held_out, elsewhere),
            prior=prior_of(name, study, result, evaluation, X, y, tested, elsewhere),
            warnings=tuple(one for one in result.warnings if one.startswith(f"{name} ")),
            distexp=version("distexp"),
        )

    @property
    def by_group(self) -> bool:
        """Whether the calibrator tells groups of people apart."""
        return tells_groups_apart(self.calibrator)

    def predict(self, X: Design) -> FloatArray:
        """Return what the calibrator makes of cases; see `distexp.protocols.Calibrator`.

        Raises
        ------
        ConfigError
            If it fails, or what comes out are no distributions.
        """
        n_options = X.predicted.shape[1]
        X = _padded(X, max(n_options, *self.trained_on.ranges))
        try:
            with np.errstate(all="ignore"):
                predicted = self.calibrator.predict(X)
            wrong = (
                predicted.shape != X.predicted.shape
                or not (predicted >= 0).all()
                or np.abs(predicted.sum(axis=1) - 1).max(initial=0.0) > 1e-6
                or predicted[~X.mask].any()
            )
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
            reason = " ".join(str(exc).split())[:200]
            raise ConfigError(f"The card's calibrator cannot be applied: {reason}") from exc
        if wrong:
            raise ConfigError("The card's calibrator predicts what are no distributions.")
        return predicted[:, :n_options]

    def write(self, path: Path) -> None:
        """Write the card, whole or not at all.

        Raises
        ------
        ConfigError
            If what it would hold has no JSON form, or is too large.
        DistexpError
            If the file cannot be written.
        """
        try:
            write_sealed(path, self._document())
        except ConfigError as exc:
            raise ConfigError(f"{exc} Choose a smaller calibrator, or scope=pooled.") from exc

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card, and try its calibrator on made-up cases of every kind it knows.

        Raises
        ------
        ConfigError
            If the file cannot be read, is no card, is of a newer schema, was changed after it was
            written, or holds what no card holds.
        """
        document = read_sealed(path, "card", SCHEMA, VERSION)
        try:
            return cls._of(document)
        except ConfigError as exc:
            raise ConfigError(f"The card {path} is refused: {exc}") from exc

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Self:
        name, calibrator, trained_on, scores, band, prior, warnings, written_by, population = take(
            older(document, prior=None, population={}),
            "the card",
            name=str,
            calibrator=dict,
            trained_on=dict,
            scores=dict,
            band=dict,
            prior=(dict, type(None)),
            warnings=list,
            distexp=str,
            population=dict,
        )
        card = cls(
            name=name,
            calibrator=from_json(calibrator),
            trained_on=TrainedOn.read(trained_on),
            scores=scores,
            band=Band.read(band),
            prior=None if prior is None else Prior.read(prior),
            warnings=texts(warnings, "warnings"),
            distexp=written_by,
            population={attribute: Band.read(of) for attribute, of in population.items()},
        )
        card.predict(card.trained_on.examples())
        return card

    def _document(self) -> dict[str, Json]:
        return {
            "schema": {"name": SCHEMA, "version": VERSION},
            "distexp": self.distexp,
            "name": self.name,
            "trained_on": self.trained_on.document(),
            "scores": self.scores,
            "warnings": self.warnings,
            "band": self.band.document(),
            "population": {name: band.document() for name, band in self.population.items()},
            "prior": None if self.prior is None else self.prior.document(),
            "calibrator": to_json(self.calibrator),
        }


def chosen(studies: Sequence[Study]) -> Study:
    """Return the study that a card is fitted to: the only stack, or else the only study.

    Raises
    ------
    ConfigError
        If there are several; lists them.
    """
    among = [study for study in studies if study.members] or studies
    if len(among) == 1:
        return among[0]
    there = "; ".join(_named(study.condition) for study in among)
    msg = (
        f"A card is fitted to one model, elicitation and prompt, and here are {len(among)}: "
        f"{there}. Choose one, e.g. prompt=NAME, or for recorded estimates dataset.models=[NAME], "
        "dataset.elicitations=[NAME], dataset.prompts=[NAME]."
    )
    raise ConfigError(msg)


def the_one(calibrators: Mapping[str, Calibrator]) -> tuple[str, Calibrator]:
    """Return the calibrator that makes estimates, with its name.

    One from which the model's answers are withheld may be scored beside it.

    Raises
    ------
    ConfigError
        If there is none, or several; names them.
    """
    asking = {name: one for name, one in calibrators.items() if not isinstance(one, Blind)}
    among = list((asking or calibrators).items())
    if len(among) != 1:
        names = ", ".join(asking or calibrators) or "none"
        msg = f"Estimates are made by one calibrator. Got {names}: choose with calibrator=[NAME]."
        raise ConfigError(msg)
    return among[0]


def check_fit(calibrators: Mapping[str, Calibrator], studies: Sequence[Study]) -> None:
    """Fail on what keeps a card from being written, before anything is paid for.

    The calibrator is fitted as if the model were right and written.

    Parameters
    ----------
    calibrators : mapping of str to Calibrator
    studies : sequence of Study
        That the run will have; their estimates are not looked at.

    Raises
    ------
    ConfigError
        If there is not one calibrator, not one study, or the calibrator cannot be written.
    """
    _, calibrator = the_one(calibrators)
    study = chosen(studies)
    right = perfect(study.cases)
    members = tuple(replace(member, estimates=right) for member in study.members)
    X, y, _ = design_of(replace(study, estimates=right, members=members))
    to_json(rehearsal_of(calibrator).fit(X, y))


def _padded(X: Design, n_options: int) -> Design:
    """Make room for the largest number of options trained on, which calibrators may count on."""
    more = n_options - X.predicted.shape[1]
    inputs = X.inputs
    return replace(
        X,
        predicted=np.pad(X.predicted, ((0, 0), (0, more))),
        ordinals=np.pad(X.ordinals, ((0, 0), (0, more)), constant_values=np.nan),
        inputs=None if inputs is None else np.pad(inputs, ((0, 0), (0, 0), (0, more))),
    )


def _scores(name: str, result: Result, evaluation: Evaluation) -> dict[str, Json]:
    """State scores with the wider of two intervals: fits that vary with the questions, or not.

    New questions meet the one fit that is shipped, which is not the mean over all that could be.
    """
    of_metric = {score.metric: score for score in result.scores if score.calibrator == name}
    fixed = {score.metric: score for score in result.as_fitted if score.calibrator == name}
    found: dict[str, Json] = {
        metric.key: {
            "value": score.value,
            "low": min(score.low, fixed.get(metric.key, score).low),
            "high": max(score.high, fixed.get(metric.key, score).high),
            "n_questions": score.n_questions,
        }
        for metric in METRICS
        if metric.on_card
        and (score := of_metric.get(metric.key)) is not None
        and all(map(math.isfinite, (score.value, score.low, score.high)))
    }
    skill = found.get("w1_skill")
    if isinstance(skill, dict) and result.has_blind:
        against = (of_metric["w1_skill"].detail or REFERENCE).removeprefix("against ")
        found["w1_skill"] = skill | {"against": against}
    return found | {
        "confidence": evaluation.confidence,
        "n_splits": evaluation.n_splits,
        "test_size": evaluation.test_size,
        "n_train": result.n_train,
        "seed": evaluation.seed,
    }


def _named(condition: Condition) -> str:
    return f"{condition.dataset}/{condition.model}/{condition.elicitation}/{condition.prompt}"
