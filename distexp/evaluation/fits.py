"""Fits of calibrators to each split's training cases, and one on trial before money is spent."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from threadpoolctl import threadpool_limits

from distexp.calibrator.fitting.base import cross_predict, n_of_few
from distexp.errors import ConfigError
from distexp.evaluation.baselines import BASELINES, CEILING
from distexp.evaluation.duration import Effort, lengthy, thinned
from distexp.evaluation.splits import Split
from distexp.metrics.threads import n_free
from distexp.protocols import BatchCalibrator, Calibrator, Searching, rehearsal_of
from distexp.types import Design, FloatArray

MANY = 100_000
"""Cases of all splits together from which on threads share them."""


_in_one_thread = ContextVar("_in_one_thread", default=False)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra and trees to one thread: threads of small fits wait for each other.

    To find the libraries takes milliseconds; inside of another such block nothing is done.
    """
    if _in_one_thread.get():
        yield
        return
    token = _in_one_thread.set(True)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        _in_one_thread.reset(token)


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
    if not used.all():
        predictions = np.full((len(splits), *human.shape), np.nan)
        kept = [Split(train=split.train[used], test=split.test[used]) for split in splits]
        of_used = None if weight is None else weight[used]
        predictions[:, used] = cross_fit(calibrator, design.take(used), human[used], kept, of_used)
        return predictions

    predictions = np.empty((len(splits), *human.shape))

    def put(rows: slice) -> None:
        of_rows = train[rows], test[rows]
        cross_predict(calibrator, design, human, *of_rows, weight, predictions[rows])

    with one_thread():
        # Fits that are made together are so for any number of threads: their last bits are, too.
        step = n_of_few(human.size)
        n_parts = -(-len(splits) // step)
        n_threads = min(_n_threads(calibrator, train.size), n_parts)
        if n_threads <= 1:
            put(slice(None))
            return predictions
        parts = np.linspace(0, n_parts, n_threads + 1).astype(int)
        ends = np.minimum(parts * step, len(splits))

        def alone(rows: slice) -> None:
            with threadpool_limits(limits=1, user_api="openmp"):  # is each thread's own
                put(rows)

        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(alone, map(slice, ends, ends[1:])))
        return predictions


def _n_threads(calibrator: Calibrator, n_fitted: int) -> int:
    """Return how many threads share the splits; more than one only where fits take long.

    A calibrator that is fitted itself has one, and so has a job of a sweep: others run beside it.
    """
    batched = isinstance(calibrator, BatchCalibrator) and not isinstance(calibrator, Searching)
    return n_free() if batched and n_fitted >= MANY else 1


def check_fits(
    calibrators: Mapping[str, Calibrator],
    design: Design,
    human: FloatArray,
    splits: Sequence[Split],
    weight: FloatArray | None,
    n_refits: int,
) -> dict[str, Effort]:
    """Check the name and settings of every calibrator, and fit it to the first split.

    What would take long is fitted to two splits more, as a first fit is not like the others.

    Returns
    -------
    dict of str to Effort
        Of one fit of each.

    Raises
    ------
    ConfigError
        If a calibrator has a wrong setting or name, or cannot be fitted.
    """

    def seconds(calibrator: Calibrator, some: Sequence[Split]) -> float:
        before = time.process_time()
        cross_fit(calibrator, design, human, some, weight)
        return (time.process_time() - before) / len(some)

    efforts = {}
    for name, calibrator in calibrators.items():
        if name == CEILING or not isinstance(calibrator, BASELINES.get(name, object)):
            msg = f"The name {name!r} stands for something else in the tables. Choose another."
            raise ConfigError(msg)
        calibrator.check_params()
        rehearsal = rehearsal_of(calibrator)
        try:
            effort = Effort.of(calibrator, seconds(rehearsal, splits[:1]))
        except (ValueError, TypeError) as exc:
            reason = " ".join(str(exc).split())
            msg = f"Calibrator {name} cannot be fitted to {splits[0].train.sum()} cases: {reason}"
            raise ConfigError(msg) from exc
        if lengthy({name: effort}, len(splits), n_refits) and len(splits) > 2:
            fewer = thinned(calibrator)
            with threadpool_limits(limits=1):  # of what the first fit has loaded, too
                sooner = None if fewer is None else seconds(fewer, splits[:1])
                effort = Effort.of(calibrator, seconds(rehearsal, splits[1:3]), sooner)
        efforts[name] = effort
    return efforts
