"""Calibrators on plain arrays, for predictions and answers of one's own."""

from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from distexp.api.parts import below, configured
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.metrics.distance import scaled_ordinals
from distexp.sweep.composed import made
from distexp.types import PROBABILITY_TOLERANCE, Design, FloatArray, IntArray

Rows = ArrayLike | Sequence[ArrayLike]
Options = Sequence[int] | Sequence[Sequence[float]]
LOOSE = 1e-3
"""How far from 1 the sum of a row may be; it is then scaled."""


class Calibrator:
    """A calibrator of distexp on plain arrays, in the manner of scikit-learn.

    Parameters
    ----------
    name : str
        A choice of the group `calibrator`.
    **settings
        Of that choice, e.g. `alpha` of ridge as `**{"regressor.alpha": 3.0}`.

    Raises
    ------
    ConfigError
        If there is no such choice or setting.

    Examples
    --------
    >>> P = [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.5, 0.3, 0.2]]
    >>> Y = [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3], [0.3, 0.3, 0.4]]
    >>> Calibrator("train_mean").fit(P, Y).predict([[1.0, 0.0, 0.0]]).round(2).tolist()
    [[0.33, 0.33, 0.33]]
    """

    def __init__(self, name: str = "auto", **settings: object) -> None:
        self.name = name
        self.settings = settings
        values = below(f"calibrator.{name}", settings)
        self._calibrator: Any = made(configured({"calibrator": [name]}, values)).calibrator[name]
        self._calibrator.check_params()
        self._groups: dict[Hashable, int] = {}
        self._n_columns = 0

    def fit(
        self,
        P: Rows,
        Y: Rows,
        *,
        options: Options | None = None,
        ordinal: bool = True,
        question: Sequence[Hashable] | None = None,
        group: Sequence[Hashable] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from cases that both model and people answered.

        Parameters
        ----------
        P : array of shape (n_cases, n_options), or n_cases sequences
            The model's distributions; rows sum to 1. Shorter rows are padded with 0.
        Y : likewise
            The humans' distributions, of the same options.
        options : sequence of n_cases int, or of n_cases sequences of float, optional
            How many options each case has, or their positions on the scale; as many as a row of P
            has columns, evenly spaced, if not given.
        ordinal : bool
            Whether options without positions stand on a scale in their order.
        question : sequence of n_cases, optional
            Equal values mark cases of one question; each is its own if not given.
        group : sequence of n_cases, optional
            Equal values mark one group of people; all are one if not given.
        sample_weight : array of shape (n_cases,), optional

        Raises
        ------
        ConfigError
            If a row is no distribution, or lengths differ.
        """
        predicted, n_options = _distributions("P", P, options)
        human, _ = _distributions("Y", Y, options if options is not None else list(n_options))
        if human.shape != predicted.shape:
            raise ConfigError(f"P has the shape {predicted.shape}, Y {human.shape}: of the same.")
        self._groups = {}
        self._n_columns = predicted.shape[1]
        X = self._design(predicted, n_options, options, ordinal, question, group)
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weight is not None and weight.shape != (len(predicted),):
            raise ConfigError(f"sample_weight must have {len(predicted)} values.")
        self._calibrator.fit(X, human, weight)
        return self

    def predict(
        self,
        P: Rows,
        *,
        options: Options | None = None,
        ordinal: bool = True,
        question: Sequence[Hashable] | None = None,
        group: Sequence[Hashable] | None = None,
    ) -> FloatArray:
        """Calibrate distributions; arguments as of `fit`.

        Returns
        -------
        ndarray of shape (n_cases, n_options)
            Rows sum to 1, with 0 in the padding.

        Raises
        ------
        ConfigError
            If it was not fitted, or a row is no distribution.
        """
        if not self._n_columns:
            raise ConfigError(f"Calibrator {self.name!r} has not been fitted: call fit first.")
        predicted, n_options = _distributions("P", P, options)
        n_columns = predicted.shape[1]
        more = max(0, self._n_columns - n_columns)
        predicted = np.pad(predicted, ((0, 0), (0, more)))
        X = self._design(predicted, n_options, options, ordinal, question, group)
        found: FloatArray = self._calibrator.predict(X)
        return found[:, :n_columns]

    def _design(
        self,
        predicted: FloatArray,
        n_options: IntArray,
        options: Options | None,
        ordinal: bool,
        question: Sequence[Hashable] | None,
        group: Sequence[Hashable] | None,
    ) -> Design:
        n_cases = len(predicted)
        questions: Sequence[Hashable] = range(n_cases) if question is None else question
        groups: Sequence[Hashable] = [None] * n_cases if group is None else group
        for name, values in (("question", questions), ("group", groups)):
            if len(values) != n_cases:
                raise parameter_error("Calibrator", name, f"{n_cases} values", len(values))
        known: dict[Hashable, int] = {}
        return Design(
            predicted=predicted,
            n_options=n_options,
            ordinals=_ordinals(predicted, n_options, options, ordinal),
            question=np.array([known.setdefault(one, len(known)) for one in questions]),
            group=np.array([self._groups.setdefault(g, len(self._groups)) for g in groups]),
        )

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"Calibrator({self.name!r}{settings})"


def _distributions(name: str, rows: Rows, options: Options | None) -> tuple[FloatArray, IntArray]:
    """Return padded rows that sum to 1, and how many options each has."""
    try:
        given = [np.asarray(row, dtype=np.float64).ravel() for row in rows]  # type: ignore[union-attr]
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"{name} must be rows of numbers: {exc}.") from exc
    if not given:
        raise ConfigError(f"{name} has no row.")
    n_options = [len(row) for row in given]
    if options is not None:
        if len(options) != len(given):
            raise parameter_error("Calibrator", "options", f"{len(given)} entries", len(options))
        n_options = [one if isinstance(one, int | np.integer) else len(one) for one in options]
    width = max(*n_options, *map(len, given))
    padded = np.zeros((len(given), width))
    for number, (row, n) in enumerate(zip(given, n_options, strict=True)):
        if not 2 <= n <= len(row) or np.nan_to_num(row[n:]).any():
            msg = f"Row {number} of {name} has {len(row)} values for {n} options."
            raise ConfigError(msg)
        shares = row[:n]
        total = float(shares.sum())
        if not (shares >= 0).all() or not abs(total - 1) <= LOOSE:
            msg = (
                f"Row {number} of {name} is no distribution: {shares.tolist()!r} sums to {total}."
            )
            raise ConfigError(msg)
        padded[number, :n] = shares / total if abs(total - 1) > PROBABILITY_TOLERANCE else shares
    return padded, np.array(n_options, dtype=np.int64)


def _ordinals(
    predicted: FloatArray, n_options: IntArray, options: Options | None, ordinal: bool
) -> FloatArray:
    """Return the positions of the options, scaled to [0, 1]; NaN without a scale."""
    found = np.full(predicted.shape, np.nan)
    for row, n in enumerate(n_options):
        given = None if options is None else options[row]
        positions: tuple[float, ...] | None = tuple(range(n)) if ordinal else None
        if given is not None and not isinstance(given, int | np.integer):
            positions = tuple(float(one) for one in given)
        scaled = scaled_ordinals(positions)
        if scaled is not None:
            found[row, :n] = scaled
    return found
