"""Warnings about fits: the model ignored, too few examples, cases unlike those trained on."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from distexp.calibrator.baseline import Identity, TrainMean, Uniform
from distexp.calibrator.blind import Blind
from distexp.evaluation.splits import Split
from distexp.metrics.ties import EQUAL
from distexp.protocols import Calibrator, n_parameters_of
from distexp.types import BoolArray, Design, FloatArray, IntArray

IGNORING = Uniform, TrainMean, Blind
"""Kinds of calibrator that ignore the model by design."""
TOLERANCE = 0.01
"""A share of an option less than a percentage point outside the range is inside."""
MOST_OUTSIDE = 0.05
"""Share of the test cases above which extrapolation is worth a warning."""


def suspicions(
    methods: Mapping[str, Calibrator],
    ignored: Mapping[str, str | None],
    design: Design,
    splits: Sequence[Split],
) -> Iterator[str]:
    """Name the calibrators whose fit is suspect, and say where all of them extrapolate.

    Parameters
    ----------
    methods : mapping of str to Calibrator
        As the evaluation leaves them: those that are fitted split by split, on the last one.
    ignored : mapping of str to str, optional
        What `degenerate` says of each that does not ignore the model by design.
    design, splits
        As in `distexp.evaluation.evaluation.cross_fit`.

    Yields
    ------
    str
        Sentences.
    """
    last = [split for split in splits if split.test.any()][-1]
    learning = {n: one for n, one in methods.items() if not isinstance(one, Identity | Uniform)}
    for name, method in learning.items():
        if reason := ignored.get(name):
            yield f"{name} {reason}"
        if reason := too_few_examples(method, design, last):
            yield f"{name} {reason}"
    if any(not isinstance(one, IGNORING) for one in learning.values()) and (
        reason := extrapolation(design, splits)
    ):
        yield reason


def extrapolation(design: Design, splits: Sequence[Split]) -> str | None:
    """Say how many test cases lie outside the training cases, if more than `MOST_OUTSIDE` do.

    A case lies outside if one of its predicted shares is more than `TOLERANCE` below the least, or
    above the greatest, share of that option among the training cases with as many options.

    Parameters
    ----------
    design : Design of n_cases cases
    splits : sequence of Split

    Returns
    -------
    str or None
        A sentence for a list of warnings; None if few do.
    """
    n_outside, n_unseen, n_tested = 0, 0, 0
    for k in np.unique(design.n_options):
        rows = design.n_options == k
        shares = design.predicted[rows, :k]
        for split in splits:
            train, test = split.train[rows], split.test[rows]
            n_outside += int(_outside(shares[test], shares[train]).sum())
            n_unseen += 0 if train.any() else int(test.sum())
            n_tested += int(test.sum())
    if n_outside <= MOST_OUTSIDE * n_tested:
        return None
    unseen = f" ({n_unseen / n_tested:.0%}: no training case has as many)" if n_unseen else ""
    return (
        f"{n_outside / n_tested:.0%} of the test cases lie outside the range of the training "
        f"cases with as many options{unseen}: what calibrators make of them is extrapolated."
    )


def too_few_examples(calibrator: Calibrator, design: Design, split: Split) -> str | None:
    """Say whether a fit learns more numbers than there are training examples.

    A training question is worth as many examples as it has free shares, one fewer than options:
    its groups of people are no examples of their own, because they answer alike.

    Parameters
    ----------
    calibrator : Calibrator
        Nothing is said about one that is neither `distexp.protocols.Counted` nor, after its fit,
        `distexp.protocols.Learnt`.
    design : Design of n_cases cases
    split : Split
        Whose training cases the fit is of.

    Returns
    -------
    str or None
        A sentence without its subject, for a list of warnings; None if there are enough.
    """
    n_parameters = n_parameters_of(calibrator, design.take(split.train))
    _, first = np.unique(design.question[split.train], return_index=True)
    n_examples = int((design.n_options[split.train][first] - 1).sum())
    if n_parameters is None or n_parameters <= n_examples:
        return None
    return (
        f"learns {n_parameters} numbers from {len(first)} training questions, which have "
        f"{n_examples} free shares: without a strong penalty the fit follows chance."
    )


def _outside(shares: FloatArray, trained: FloatArray) -> BoolArray:
    """Return which cases are outside the training cases, of shape (n_cases,)."""
    lowest, highest = trained.min(axis=0, initial=np.inf), trained.max(axis=0, initial=-np.inf)
    below = shares < lowest - TOLERANCE
    outside: BoolArray = (below | (shares > highest + TOLERANCE)).any(axis=-1)
    return outside


def degenerate(X: Design, predicted: FloatArray) -> str | None:
    """Say for which numbers of options a calibrator predicts the same whatever the model said.

    The cases of one group of people that have equally many options, and different `X.predicted`,
    are compared; where no group has two such cases, those of different groups. If `predicted` is
    the same for all of them, the calibrator ignores the model for that number of options, as a
    lasso with too large a penalty does.

    Parameters
    ----------
    X : Design of n_cases cases
    predicted : ndarray of shape (n_cases, max_options) or (n_splits, n_cases, max_options)
        What the calibrator made of `X`, by one fit or by that of each split; NaN in the rows of
        cases that a split trained on.

    Returns
    -------
    str or None
        A sentence without its subject, for a list of warnings; None if the model counts always.

    Examples
    --------
    >>> shares = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> same = np.zeros(2, dtype=np.int64)
    >>> X = Design(
    ...     predicted=shares, n_options=same + 2, ordinals=shares * 0, question=same, group=same
    ... )
    >>> degenerate(X, np.full((2, 2), 0.5))
    'ignores the model: one distribution for all questions with 2 options.'
    """
    fits = predicted if predicted.ndim == 3 else predicted[None]
    n_collapsed: dict[int, int] = {}
    for fit in fits:
        tested = ~np.isnan(fit[:, 0])
        for k in np.unique(X.n_options[tested]).tolist():
            n_collapsed[k] = n_collapsed.get(k, 0) + _ignored(X, fit, tested & (X.n_options == k))
    sizes = " or ".join(str(k) for k, n in sorted(n_collapsed.items()) if n)
    if not sizes:
        return None
    often = f", in up to {max(n_collapsed.values())} of {len(fits)} splits" * (predicted.ndim == 3)
    return f"ignores the model: one distribution for all questions with {sizes} options{often}."


def _ignored(X: Design, predicted: FloatArray, rows: BoolArray) -> bool:
    """Whether different inputs of a group, or else of different groups, gave one output."""
    cases = np.flatnonzero(rows)
    cases = cases[np.argsort(X.group[cases], kind="stable")]
    by_group = np.unique(X.group[cases], return_index=True)[1]
    for starts in (by_group, np.zeros(1, dtype=np.int64)):
        varied = _spread(X.predicted[cases], starts) > EQUAL
        if varied.any():
            return bool((_spread(predicted[cases], starts)[varied] <= EQUAL).all())
    return False


def _spread(shares: FloatArray, starts: IntArray) -> FloatArray:
    """Return for each run of cases how far apart their shares of an option are at most."""
    highest, lowest = (of.reduceat(shares, starts, axis=0) for of in (np.maximum, np.minimum))
    spread: FloatArray = (highest - lowest).max(axis=1)
    return spread
