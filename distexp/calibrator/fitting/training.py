"""How well a calibrator does on training questions held out from it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from distexp.calibrator.fitting.base import cross_predict, question_folds
from distexp.checks import parameter_error
from distexp.metrics.distance import BY_NAME, distance
from distexp.metrics.names import DISTANCES
from distexp.metrics.ties import DIGITS
from distexp.protocols import BatchCalibrator, Calibrator
from distexp.tuning.optuna import N_FOLDS_SEEN
from distexp.types import BoolArray, Design, FloatArray

OBJECTIVES: dict[str, Callable[[FloatArray, FloatArray, FloatArray, BoolArray], FloatArray]] = {
    "distance": lambda predicted, human, ordinals, _: distance(predicted, human, ordinals),
    **{metric.key: BY_NAME[metric.field] for metric in DISTANCES},
}
"""Distances of cases that settings are judged by; see `distexp.metrics.distance`."""


@dataclass(frozen=True, slots=True)
class Training:
    """The training cases of one fit."""

    X: Design
    y: FloatArray
    weight: FloatArray | None

    def losses(
        self, calibrator: Calibrator, objective: str, n_folds: int
    ) -> Iterator[list[float]]:
        """Yield the mean distance of held-out cases after each fold, to `DIGITS` digits.

        A calibrator that fits several folds in one go yields as many values in one: of the folds
        that a trial is judged by first, and of all others.
        """
        if objective == "w1" and np.isnan(self.X.ordinals[:, 0]).all():
            wanted = "distance, tv or kl where no question is ordinal"
            raise parameter_error("Tuned", "objective", wanted, objective)
        train, test = map(np.array, zip(*question_folds(self.X.together, n_folds), strict=True))
        starts = list(range(n_folds))
        if isinstance(calibrator, BatchCalibrator):
            starts = starts[::N_FOLDS_SEEN][:2]
        total = n_cases = 0.0
        for start, stop in pairwise([*starts, n_folds]):
            some = slice(start, stop)
            predicted = cross_predict(
                calibrator, self.X, self.y, train[some], test[some], self.weight
            )
            means = []
            for of_fold, rows in zip(predicted, test[some], strict=True):
                X = self.X.take(rows)
                apart = OBJECTIVES[objective](of_fold[rows], self.y[rows], X.ordinals, X.mask)
                weight = np.ones(rows.sum()) if self.weight is None else self.weight[rows]
                defined = ~np.isnan(apart)
                total += float(apart[defined] @ weight[defined])
                n_cases += float(weight[defined].sum())
                means.append(round(total / n_cases, DIGITS) if n_cases else 0.0)
            yield means

    def digest(self) -> str:
        """Return the SHA-256 of all arrays and of the wordings."""
        X, sha = self.X, hashlib.sha256()
        for array in (
            X.predicted, X.n_options, X.ordinals, X.question, X.group, X.inputs,
            self.y, self.weight,
        ):  # fmt: skip
            shape = None if array is None else array.shape
            sha.update(repr(shape).encode())
            sha.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        if X.text is not None:  # what a question says is learnt from too
            sha.update(repr(X.text.tolist()).encode())
        if X.unit is not None:  # searches of before there were units keep their digests
            sha.update(np.ascontiguousarray(X.unit).tobytes())
        return sha.hexdigest()
