"""Fits of calibrators to each split's training cases, and one on trial before money is spent."""

from collections.abc import Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from distexp.calibrator.fitting.base import cross_predict
from distexp.errors import ConfigError
from distexp.evaluation.baselines import BASELINES, CEILING
from distexp.evaluation.splits import Split
from distexp.protocols import Calibrator, rehearsal_of
from distexp.types import Design, FloatArray


def cross_fit(
    calibrator: Calibrator,
    design: Design,
    human: FloatArray,
    splits: Sequence[Split],
    weight: FloatArray | None = None,
) -> FloatArray:
    """Fit on each split's training cases and predict its test cases.

    `weight`, of shape (n_cases,), is what each case counts for in training; equal where None.

    Returns
    -------
    ndarray of shape (n_splits, n_cases, max_options)
        NaN where a case was in training.
    """
    train = np.array([split.train for split in splits])
    test = np.array([split.test for split in splits])
    used = (train | test).any(axis=0)
    predictions = np.full((len(splits), *human.shape), np.nan)
    # Many small fits: threads of the linear algebra would wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        predictions[:, used] = cross_predict(
            calibrator,
            design.take(used),
            human[used],
            train[:, used],
            test[:, used],
            None if weight is None else weight[used],
        )
    return predictions


def check_fits(
    calibrators: Mapping[str, Calibrator],
    design: Design,
    human: FloatArray,
    split: Split,
    weight: FloatArray | None,
) -> None:
    """Check the name and settings of every calibrator, and fit it once; see `cross_fit`.

    Raises
    ------
    ConfigError
        If a calibrator has a wrong setting or name, or cannot be fitted.
    """
    for name, calibrator in calibrators.items():
        if name == CEILING or not isinstance(calibrator, BASELINES.get(name, object)):
            msg = f"The name {name!r} stands for something else in the tables. Choose another."
            raise ConfigError(msg)
        calibrator.check_params()
        try:
            cross_fit(rehearsal_of(calibrator), design, human, [split], weight)
        except (ValueError, TypeError) as exc:
            reason = " ".join(str(exc).split())
            msg = f"Calibrator {name} cannot be fitted to {split.train.sum()} cases: {reason}"
            raise ConfigError(msg) from exc
