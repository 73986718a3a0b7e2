"""Calibrators learnt on one study and applied to another: another model, elicitation or survey."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from distexp.calibrator.baseline import Identity, TrainMean, Uniform
from distexp.calibrator.fitting.base import cross_predict, uniform
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import answered, design_of, question_codes
from distexp.evaluation.scores import REFERENCE
from distexp.evaluation.units import Units, twins
from distexp.protocols import Calibrator
from distexp.types import BoolArray, Case, Condition, Design, FloatArray, IntArray, Study

TRANSFERS = ("model", "elicitation", "dataset")


def known(along: str | None) -> str | None:
    """Return the setting, or raise `ConfigError` if studies cannot differ in it."""
    if along not in (None, *TRANSFERS):
        wanted = f"null or one of {', '.join(TRANSFERS)}"
        raise parameter_error("Experiment", "transfer", wanted, along)
    return along


"""Parts of the condition in which source and target may differ, all others equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What a source and a target have in common, besides ids of one survey.

    Arrays that begin with `target` have a place for each question of the target, by its number in
    its design; the others for each case of the source.
    """

    target_twin: IntArray
    twin: IntArray
    """Equal numbers mark the same question, by id or wording."""
    target_battery: IntArray
    battery: IntArray
    """Equal numbers mark batteries of one name; -1 where there is none of the target's."""
    by_battery: IntArray
    """Equal numbers mark what is left out together inside training, where that is by battery."""

    @classmethod
    def of(cls, source: Study, target: Study, readable: BoolArray) -> Self:
        """Compare the questions of two studies; `readable` are the cases of the source to keep."""
        first = np.unique(question_codes(target.cases), return_index=True)[1]
        questions = [target.cases[row].question for row in first]
        theirs = list({case.question: None for case in source.cases})
        same = np.array(twins([*questions, *theirs]))
        place = {question: len(questions) + number for number, question in enumerate(theirs)}
        names = sorted({question.battery for question in questions if question.battery})
        number = {name: code for code, name in enumerate(names)}
        batteries = [number.get(case.question.battery or "", -1) for case in source.cases]
        return cls(
            target_twin=same[: len(questions)],
            twin=same[[place[case.question] for case in source.cases]][readable],
            target_battery=np.array([number.get(q.battery or "", -1) for q in questions]),
            battery=np.array(batteries)[readable],
            by_battery=Units.by_battery(source.cases).inner[readable],
        )

    def held_out(self, trained: IntArray, *, by_battery: bool) -> BoolArray:
        """Return the source's cases that are held out where the target trains on `trained`."""
        known = np.isin(np.arange(len(self.target_twin)), trained)
        held_out: BoolArray = np.isin(self.twin, self.target_twin[~known])
        if by_battery:
            unseen = np.setdiff1d(self.target_battery, self.target_battery[known])
            held_out |= (self.battery >= 0) & np.isin(self.battery, unseen)
        return held_out


@dataclass(kw_only=True)
class Transferred:
    """A calibrator that learns from another study, whatever study it is fitted to.

    Fitted to some questions of its target, it learns from the source's cases of these questions,
    so that what is held out of the one is held out of the other. Where the two are of different
    surveys it learns from all of the source's cases but those of questions that the target has
    too, by id or wording, and that are not trained on there; by battery, those of a battery of a
    name that is held out there are left out too. The target's human answers play no part. Where
    the source has nothing to learn from, predictions are left as they are.
    """

    calibrator: Calibrator
    source: Design
    """Its groups have the numbers that they have in the target's design."""
    human: FloatArray
    """Shape (n_source_cases, max_options): of the source."""
    weight: FloatArray | None
    """Shape (n_source_cases,): what each counts for in training; None where all are equal."""
    asked: IntArray | None
    """Shape (n_source_cases,): the number of each question in the target's design, -1 where it is
    not there; None where the surveys differ."""
    shared: Shared
    """What is held out here when it is held out of the target."""

    @property
    def scope(self) -> str:
        """That of the calibrator."""
        return self.calibrator.scope

    def check_params(self) -> None:
        """Check those of the calibrator."""
        self.calibrator.check_params()

    def fit(self, X: Design, y: FloatArray, sample_weight: FloatArray | None = None) -> Self:
        """Learn from the source; of X it only matters which questions are there."""
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        self.learnt_ = self._rows(X, weights[None])
        return self

    def predict(self, X: Design) -> FloatArray:
        """Return distributions of shape (n_cases, max_options): rows sum to 1, 0 in padding."""
        predicted: FloatArray = self._predict(X, self.learnt_)[0]
        return predicted

    def fit_predict(self, X: Design, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Learn and predict for each row of `weights`; see `distexp.protocols.BatchCalibrator`."""
        fits, which = np.unique(self._rows(X, weights), axis=0, return_inverse=True)
        return self._predict(X, fits)[which.reshape(-1)]

    def _rows(self, X: Design, weights: FloatArray) -> BoolArray:
        """Return which of the source's cases each fit learns from."""
        trained = [X.question[of_fit > 0] for of_fit in weights]
        if self.asked is not None:
            return np.array([np.isin(self.asked, of_fit) for of_fit in trained])
        by_battery = X.unit is not None
        return ~np.array(
            [self.shared.held_out(of_fit, by_battery=by_battery) for of_fit in trained]
        )

    def _predict(self, X: Design, rows: BoolArray) -> FloatArray:
        """Learn from each set of rows and predict X, of shape (n_fits, n_cases, max_options)."""
        n_source, width = self.human.shape
        unit = None if X.unit is None else self.shared.by_battery
        both = joined(replace(self.source, unit=unit), X)
        y = uniform(both)  # nothing is known of the target's cases, and none is learnt from
        y[:n_source] = 0.0
        y[:n_source, :width] = self.human
        weight = None if self.weight is None else np.pad(self.weight, (0, len(X.predicted)))
        predicted = np.repeat(X.predicted[None], len(rows), axis=0)
        learns = rows.any(axis=1)
        if learns.any():
            train = np.pad(rows[learns], ((0, 0), (0, len(X.predicted))))
            test = np.broadcast_to(np.arange(len(y)) >= n_source, train.shape)
            fitted = cross_predict(self.calibrator, both, y, train, test, weight)
            predicted[learns] = fitted[:, n_source:, : X.predicted.shape[1]]
        return predicted


def joined(source: Design, target: Design) -> Design:
    """Put the cases of two designs one under the other.

    Groups and answer scales keep their numbers; questions get new ones, so that what is said of a
    question, such as its mean over groups, never mixes the two. Narrower arrays are padded.

    Returns
    -------
    Design of n_source_cases + n_target_cases cases
        Without `inputs`.
    """
    width = max(source.predicted.shape[1], target.predicted.shape[1])
    both = source, target

    def padded(arrays: list[FloatArray], nothing: float) -> FloatArray:
        room = [((0, 0), (0, width - array.shape[1])) for array in arrays]
        return np.vstack(
            [np.pad(a, pad, constant_values=nothing) for a, pad in zip(arrays, room, strict=True)]
        )

    texts = [design.text for design in both if design.text is not None]
    scales = [design.scale for design in both if design.scale is not None]
    question = np.concatenate(
        [source.question, target.question + source.question.max(initial=-1) + 1]
    )
    unit = None
    if source.unit is not None:  # nothing is learnt, nor left out, of the target's cases
        unit = np.concatenate([source.unit, target.question + source.unit.max(initial=-1) + 1])
    return Design(
        predicted=padded([design.predicted for design in both], 0.0),
        n_options=np.concatenate([design.n_options for design in both]),
        ordinals=padded([design.ordinals for design in both], np.nan),
        question=question,
        group=np.concatenate([design.group for design in both]),
        scale=np.concatenate(scales) if len(scales) == len(both) else None,
        text=np.concatenate(texts) if len(texts) == len(both) else None,
        unit=unit,
    )


def transferred(
    target: Study,
    studies: Sequence[Study],
    calibrators: Mapping[str, Calibrator],
    evaluation: Evaluation,
    *,
    along: str | None,
) -> dict[str, Calibrator]:
    """Return the calibrators as they are learnt on each study that differs in `along` alone.

    Evaluated on `target` beside the calibrators themselves, they are scored on the same splits.

    Parameters
    ----------
    target : Study
    studies : sequence of Study
        All of the run; stacks among them are passed over.
    calibrators : mapping of str to Calibrator
        Those that learn nothing are passed over.
    evaluation : Evaluation
        Says what becomes of unreadable estimates and what cases weigh.
    along : {"model", "elicitation", "dataset"}, optional
        None returns nothing.

    Returns
    -------
    dict of str to Calibrator
        By names such as ``ridge from llama3-70b``. Where surveys differ the source's training
        mean is among them; else it is the target's own.
    """
    if along is None or target.members:
        return {}
    learning = {
        name: calibrator
        for name, calibrator in calibrators.items()
        if not isinstance(calibrator, Identity | Uniform | TrainMean)
    }
    if along == "dataset":
        learning[REFERENCE] = TrainMean()
    return {
        f"{name} from {getattr(source.condition, along)}": _from(
            source, target, calibrator, evaluation
        )
        for source in _sources(target, studies, along)
        for name, calibrator in learning.items()
    }


def check_transfer(studies: Sequence[Study], along: str | None) -> None:
    """Raise `ConfigError` unless two of the studies differ in `along` alone, or it is None."""
    if along is not None and not any(_sources(study, studies, along) for study in studies):
        there = ", ".join(
            "/".join([c.dataset, c.model, c.elicitation, c.prompt])
            for c in (study.condition for study in studies)
        )
        msg = (
            f"transfer={along} needs estimates that differ in the {along} alone. These are there: "
            f"{there}. Read more of them at once with dataset=runs or dataset=recorded."
        )
        raise ConfigError(msg)


def _sources(target: Study, studies: Sequence[Study], along: str) -> list[Study]:
    """Return the studies that differ from the target in `along` and in nothing else."""

    def others(condition: Condition) -> Condition:
        return replace(condition, **{along: ""})

    return [
        study
        for study in studies
        if study.condition != target.condition
        and others(study.condition) == others(target.condition)
        and not study.members
    ]


def _from(
    source: Study, target: Study, calibrator: Calibrator, evaluation: Evaluation
) -> Transferred:
    """Lay the source out in the target's numbers, without what could not be read."""
    source, target = answered(source), answered(target)
    design, human, readable = evaluation.laid_out(source)
    weight = evaluation.weight_of(source)
    same_survey = source.condition.dataset == target.condition.dataset
    asked = _numbers(source.cases, target.cases, question_codes(target.cases), _question)
    of_target = design_of(target)[0]
    group = _numbers(source.cases, target.cases, of_target.group, _group)
    unknown = of_target.group.max() + 1 + design.group
    return Transferred(
        calibrator=deepcopy(calibrator),
        source=replace(design, group=np.where(group < 0, unknown, group)).take(readable),
        human=human[readable],
        weight=None if weight is None else weight[readable],
        asked=asked[readable] if same_survey else None,
        shared=Shared.of(source, target, readable),
    )


def _numbers(
    cases: Sequence[Case],
    others: Sequence[Case],
    codes: IntArray,
    key: Callable[[Case], object],
) -> IntArray:
    """Return the numbers that `others` have under the same key; -1 where there is none."""
    known = dict(zip(map(key, others), codes.tolist(), strict=True))
    return np.array([known.get(key(case), -1) for case in cases], dtype=np.int64)


def _question(case: Case) -> object:
    return case.question.question_id


def _group(case: Case) -> object:
    return case.group.attribute, case.group.value
