"""From respondents to cases: weighted shares of the answers of each group to each question."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np

from distexp.checks import parameter_error
from distexp.dataset.files.codes import SmallArray
from distexp.dataset.files.language import both, both_in
from distexp.dataset.files.sampling import SampleDesign
from distexp.errors import DatasetError
from distexp.types import (
    BoolArray,
    Case,
    Distribution,
    FloatArray,
    Group,
    IntArray,
    Question,
)

OFF_SCALE = -1
"""The answer of who was asked and refused, did not know or stood off the scale."""
NOT_ASKED = -2
"""The answer of who was not asked, or left a blank."""

_CROSSING = re.compile(r"\s+[×x]\s+")


def tally(
    questions: Sequence[Question],
    answers: Mapping[str, SmallArray],
    groups: Mapping[Group, BoolArray],
    weights: FloatArray | Mapping[str, FloatArray] | None,
    min_respondents: int,
    small_cells: str = "drop",
    design: SampleDesign | None = None,
) -> tuple[list[Case], int]:
    """Aggregate the answers of respondents into cases.

    A cell's distribution is the sum of the weights per option, scaled to 1. `n_respondents` is
    the effective number of the substantive answers: that of the design where it is known, else
    Kish's, (sum w)² / sum w². `design_effect` is their plain number over it; `size` is the sum of
    their weights; `off_scale` is the weighted share of `OFF_SCALE` among all who
    were asked. Respondents of zero weight count nowhere.

    Parameters
    ----------
    questions : sequence of Question
    answers : mapping of question id to ndarray of shape (n_respondents,)
        Option index, `OFF_SCALE` or `NOT_ASKED`.
    groups : mapping of Group to ndarray of shape (n_respondents,)
        Who belongs to the group.
    weights : ndarray of shape (n_respondents,), or mapping of question id to such, or None
        None counts each respondent once.
    min_respondents : int
        Cells with fewer substantive answers, in plain number, are small.
    small_cells : {"drop", "estimate"}
        What becomes of them: they are dropped and counted, or they are open cases.
    design : SampleDesign, optional
        Of the respondents.

    Returns
    -------
    cases : list of Case
        By question, then by group.
    n_dropped_cells : int

    Raises
    ------
    DatasetError
        If there are no respondents, a question id comes twice, or weights are negative, missing
        or all zero.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.
    """
    _check_ids(questions)
    weights_of: Mapping[str, FloatArray | None] = (
        weights if isinstance(weights, Mapping) else dict.fromkeys(answers, weights)
    )
    cases = []
    last: FloatArray | None = None
    members = {group: (np.flatnonzero(mask), None) for group, mask in groups.items()}
    of_group: Mapping[Group, tuple[IntArray, FloatArray | None]] = members
    for question in questions:
        answer = answers[question.question_id]
        if not answer.size:
            msg = f"No respondents are left to answer {question.question_id!r}: widen the filters."
            raise DatasetError(msg)
        weight = weights_of[question.question_id]
        if answer.max() >= len(question.options):
            msg = f"An answer to {question.question_id!r} is option {answer.max()}: there is none."
            raise DatasetError(msg)
        if weight is not None and weight is not last:  # mostly the same for all questions
            check_weights(f"the weights of question {question.question_id!r}", weight)
            of_group, last = _weighted(members, weight), weight
        for group, (rows, w) in (members if weight is None else of_group).items():
            case = _case(question, group, rows, answer[rows], w, min_respondents, design)
            if case is None and small_cells == "estimate":
                case = Case(question=question, group=group)
            cases.append(case)
    kept = [case for case in cases if case is not None]
    return kept, len(cases) - len(kept)


def check_weights(name: str, weights: FloatArray) -> None:
    """Raise `DatasetError` unless weights are finite, non-negative and not all zero.

    `name` says where they come from, e.g. "column 'wgt' of survey.csv".
    """
    odd = ~(np.isfinite(weights) & (weights >= 0))
    if odd.any():
        msg = (
            f"{np.count_nonzero(odd)} of {len(weights)} values in {name} are negative, missing "
            f"or infinite; the first is {weights[odd][0]:g}. Name another weight, filter these "
            "respondents out, or ask for unweighted counts."
        )
        raise DatasetError(msg)
    if not weights.any():
        msg = f"All {len(weights)} values in {name} are zero. Name another weight."
        raise DatasetError(msg)


def factors(
    owner: str, attributes: Sequence[str] | None, known: Iterable[str]
) -> list[tuple[str, ...]]:
    """Return the attributes asked for, each as the attributes that it crosses; mostly one.

    Parameters
    ----------
    owner : str
        The class whose parameter `attributes` is.
    attributes : sequence of str, optional
        Names out of `known`, or crossings of them such as "sex × age" (or "sex x age"); if None
        all but `EVERYONE`, or `EVERYONE` where there is no other.
    known : iterable of str

    Raises
    ------
    ConfigError
        If an attribute is not known.

    Examples
    --------
    >>> factors("Table", ["sex", "sex x age"], ["sex", "age"])
    [('sex',), ('sex', 'age')]
    """
    known = list(known)
    if attributes is None:
        return [(name,) for name in known if name != EVERYONE] or [(EVERYONE,)]
    chosen = []
    for attribute in attributes:
        names = [attribute] if attribute in known else _CROSSING.split(attribute.strip())
        if not set(names) <= set(known):
            wanted = f"null or a list out of {', '.join(known)}, or crossings such as 'sex × age'"
            raise parameter_error(owner, "attributes", wanted, attributes)
        chosen.append(tuple(names))
    return chosen


def choose_groups(
    owner: str,
    attributes: Sequence[str] | None,
    known: Mapping[str, Mapping[Group, BoolArray]],
    language: str | None = None,
) -> dict[Group, BoolArray]:
    """Return the groups of the attributes asked for, in that order, and their members.

    As `factors`, but `known` holds for each attribute its groups and their members; `language` is
    that of their phrases, None English.
    """
    chosen: dict[Group, BoolArray] = {}
    for names in factors(owner, attributes, known):
        groups = dict(known[names[0]])
        for name in names[1:]:
            groups = cross(groups, known[name], language)
        chosen |= groups
    return chosen


def cross(
    first: Mapping[Group, BoolArray],
    second: Mapping[Group, BoolArray],
    language: str | None = None,
) -> dict[Group, BoolArray]:
    """Return each group of `first` within each group of `second`.

    Examples
    --------
    >>> men = Group(attribute="sex", value="Male", phrase="a man")
    >>> young = Group(attribute="age", value="18-29", phrase="a person aged 18 to 29")
    >>> [both] = cross({men: np.array([True, True])}, {young: np.array([False, True])})
    >>> both.attribute, both.value, both.phrase
    ('sex × age', 'Male × 18-29', 'a man and a person aged 18 to 29')
    """
    return {
        Group(
            attribute=f"{a.attribute} × {b.attribute}",
            value=f"{a.value} × {b.value}",
            phrase=both(a.phrase, b.phrase, language),
            phrases=both_in(a.phrases, b.phrases),
        ): first[a] & second[b]
        for a, b in product(first, second)
    }


def _check_ids(questions: Sequence[Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.question_id in seen:
            msg = f"Question id {question.question_id!r} comes twice: ids must differ."
            raise DatasetError(msg)
        seen.add(question.question_id)


def _weighted(
    members: Mapping[Group, tuple[IntArray, FloatArray | None]], weight: FloatArray
) -> dict[Group, tuple[IntArray, FloatArray | None]]:
    """Return who of each group counts, and for how much: of no weight is of no group."""
    counted = {group: rows[weight[rows] > 0] for group, (rows, _) in members.items()}
    return {group: (rows, weight[rows]) for group, rows in counted.items()}


def _case(
    question: Question,
    group: Group,
    rows: IntArray,
    answers: SmallArray,
    weights: FloatArray | None,
    min_respondents: int,
    design: SampleDesign | None,
) -> Case | None:
    """Return the case of one cell, or None if too few gave a substantive answer."""
    said, n_options = np.flatnonzero(answers > OFF_SCALE), len(question.options)
    n = len(said)
    if n < max(min_respondents, 1):
        return None
    places = answers - NOT_ASKED  # 0 was not asked, 1 is off the scale, 2 the first option
    sums = np.bincount(places, weights, minlength=n_options + 2)[1:].astype(np.float64)
    effective = None
    if design is not None:
        w = np.ones(n) if weights is None else weights[said]
        effective = design.effective_number(rows[said], answers[said], w, n_options)
    if effective is None:
        squares = float(n) if weights is None else np.square(weights[said]).sum()
        effective = float(sums[1:].sum() ** 2 / squares)
    return Case(
        question=question,
        group=group,
        human=Distribution.normalized(sums[1:].tolist()),
        n_respondents=effective,
        design_effect=n / effective,
        off_scale=float(sums[0] / sums.sum()),
        size=None if weights is None else float(sums[1:].sum()),
    )


EVERYONE = "everyone"
"""The attribute whose one group is all respondents; it is chosen by name only."""
