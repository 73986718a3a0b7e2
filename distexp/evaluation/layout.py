"""Studies laid out as arrays: what calibrators may know, and what they are measured against."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from distexp.errors import ConfigError
from distexp.metrics.distance import scaled_ordinals
from distexp.types import (
    BoolArray,
    Case,
    Design,
    Estimate,
    FloatArray,
    IntArray,
    Reading,
    StrArray,
    Study,
    Survey,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What predictions are measured against.

    `design` and `human` are of n_cases cases.
    """

    design: Design
    human: FloatArray
    n_respondents: FloatArray
    """Shape (n_cases,): NaN where unknown."""
    people: FloatArray
    """Shape (n_cases,): what the group weighs in its population; NaN where unknown."""
    cell: IntArray
    """Shape (n_cases,): equal numbers, from 0 without a gap, mark the groups of one attribute
    that answered one question."""
    groups: tuple[str, ...]
    """Names of the groups of people, by their number in `design`."""

    @property
    def n_cells(self) -> int:
        """How many there are."""
        return int(self.cell.max()) + 1

    def take(self, rows: IntArray | BoolArray) -> "Frame":
        """Return the cases that `rows` selects; cells keep their numbers."""
        return Frame(
            design=self.design.take(rows),
            human=self.human[rows],
            n_respondents=self.n_respondents[rows],
            people=self.people[rows],
            cell=self.cell[rows],
            groups=self.groups,
        )


def answered(study: Study) -> Study:
    """Return the study of the cases with human answers; the open ones are left out."""
    if all(case.human is not None for case in study.cases):
        return study
    places = [place for place, case in enumerate(study.cases) if case.human is not None]
    return replace(
        study,
        cases=tuple(study.cases[place] for place in places),
        estimates=tuple(study.estimates[place] for place in places),
        members=tuple(map(answered, study.members)),
    )


def answered_survey(survey: Survey) -> Survey:
    """Return the survey of the cases with human answers."""
    if all(case.human is not None for case in survey.cases):
        return survey
    return replace(
        survey,
        cases=tuple(case for case in survey.cases if case.human is not None),
        studies=tuple(filter(lambda study: study.cases, map(answered, survey.studies))),
    )


def open_survey(survey: Survey) -> Survey:
    """Return the survey of the open cases; estimates that came with it are of all cases."""
    cases = tuple(case for case in survey.cases if case.human is None)
    return replace(survey, cases=cases)


def design_of(study: Study) -> tuple[Design, FloatArray, BoolArray]:
    """Lay a study out as arrays.

    Returns
    -------
    Design of n_cases cases
        What a calibrator may know; the predictions of unreadable estimates are 0. `inputs` are
        the members' estimates where the study is a stack, and the mean of the readable ones in
        the place of one that could not be read.
    ndarray of shape (n_cases, max_options)
        The human distributions, padded with 0; NaN throughout for an open case.
    ndarray of shape (n_cases,)
        True where the estimate could be read.
    """
    cases = study.cases
    n_options = np.array([len(case.question.options) for case in cases])
    shape = len(cases), int(n_options.max())
    predicted, human, ordinals = np.zeros(shape), np.zeros(shape), np.full(shape, np.nan)
    places: dict[tuple[float, ...] | None, tuple[float, ...] | None] = {}
    for row, (case, estimate) in enumerate(zip(cases, study.estimates, strict=True)):
        if estimate.reading is not None:
            predicted[row, : n_options[row]] = estimate.reading.distribution.probabilities
        human[row, : n_options[row]] = np.nan if case.human is None else case.human.probabilities
        given = case.question.ordinals
        if given not in places:
            places[given] = scaled_ordinals(given)
        if (scaled := places[given]) is not None:
            ordinals[row, : n_options[row]] = scaled
    design = Design(
        predicted=predicted,
        n_options=n_options,
        ordinals=ordinals,
        question=question_codes(cases),
        group=_codes([_group_key(case) for case in cases]),
        inputs=_inputs_of(study, predicted),
        scale=scale_codes(cases),
        text=_texts(cases),
    )
    return design, human, np.array([e.reading is not None for e in study.estimates])


def frame_of(study: Study, design: Design, human: FloatArray) -> Frame:
    """Return what the predictions of a study are measured against."""
    cases = study.cases
    n = np.array([case.n_respondents or np.nan for case in cases])
    return Frame(
        design=design,
        human=human,
        n_respondents=n,
        people=np.array([case.people for case in cases], dtype=np.float64),
        cell=_codes([f"{c.question.question_id}\n{c.group.attribute}" for c in cases]),
        groups=tuple(name.replace("\n", ": ") for name in sorted(set(map(_group_key, cases)))),
    )


def perfect(cases: Sequence[Case]) -> tuple[Estimate, ...]:
    """Return the estimates of a model that is right, to try calibrators on before it is asked."""
    return tuple(
        Estimate(reading=Reading(distribution=case.answers), n_replies=0, n_unreadable=0)
        for case in cases
    )


def respondent_weights(study: Study) -> FloatArray:
    """Return how many people answered each case, over the mean of all.

    Raises
    ------
    ConfigError
        If the number of one is unknown.
    """
    unknown = [case for case in study.cases if not case.n_respondents]
    if unknown:
        case = unknown[0]
        msg = (
            "evaluation.weights=respondents needs the number of respondents of every case. "
            f"That of question {case.question.question_id!r} for {case.group.attribute} "
            f"{case.group.value!r} is unknown, as of {len(unknown)} cases in all: set "
            "evaluation.weights=equal."
        )
        raise ConfigError(msg)
    n = np.array([case.n_respondents for case in study.cases], dtype=np.float64)
    weight: FloatArray = n / n.mean()
    return weight


def question_codes(cases: Sequence[Case]) -> IntArray:
    """Return a number for the question of each case, in the order of their ids."""
    return _codes([case.question.question_id for case in cases])


def scale_codes(cases: Sequence[Case]) -> IntArray:
    """Give each answer scale a number by its options' texts, the same in all surveys."""
    code = {
        options: int.from_bytes(sha256("\n".join(options).encode()).digest()[:7])
        for options in _scales(cases)
    }
    return np.array([code[case.question.options] for case in cases], dtype=np.int64)


def _inputs_of(study: Study, mean: FloatArray) -> FloatArray | None:
    """Return the members' distributions, of shape (n_cases, n_members, max_options)."""
    if not study.members:
        return None
    inputs = np.repeat(mean[:, None], len(study.members), axis=1)
    for place, member in enumerate(study.members):
        for row, estimate in enumerate(member.estimates):
            if estimate.reading is not None:
                shares = estimate.reading.distribution.probabilities
                inputs[row, place, : len(shares)] = shares
    return inputs


def _texts(cases: Sequence[Case]) -> StrArray:
    of_options = {options: "\n".join(options) for options in _scales(cases)}
    text = np.empty((len(cases), 2), dtype=object)
    text[:, 0] = [case.question.text for case in cases]
    text[:, 1] = [of_options[case.question.options] for case in cases]
    return text


def _scales(cases: Sequence[Case]) -> set[tuple[str, ...]]:
    return {case.question.options for case in cases}


def _codes(names: Sequence[str]) -> IntArray:
    """Give each different name its place in the alphabet, whatever order they come in."""
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def _group_key(case: Case) -> str:
    return f"{case.group.attribute}\n{case.group.value}"
