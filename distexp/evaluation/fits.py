"""Fits of calibrators to each split's training cases, and one on trial before money is spent."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from distexp.calibrator.fitting.base import cross_predict
from distexp.errors import ConfigError
from distexp.evaluation.baselines import BASELINES, CEILING
from distexp.evaluation.splits import Split
from distexp.metrics.threads import n_free
from distexp.protocols import BatchCalibrator, Calibrator, Rehearsed, Searching, rehearsal_of
from distexp.types import Design, FloatArray

MANY = 500_000
"""Cases of all splits together from which on threads share them."""
LONG_S = 300
"""Seconds of one processor from which on an analysis is said to take long."""
FEWER = 10
"""Splits, and settings tried, that are proposed then."""


class Effort(NamedTuple):
    """What a fit of a calibrator takes, by that of its rehearsal."""

    seconds: float
    """Of a processor, for the rehearsal."""
    n_rehearsals: float = 1.0
    """How many of these the whole fit takes; intervals take one."""
    n_trials: int = 0
    """Settings that the fit tries, at most."""

    def of_trials(self, n_trials: int | None) -> float:
        """Return `n_rehearsals` with at most so many settings tried."""
        if n_trials is None or self.n_trials <= n_trials:
            return self.n_rehearsals
        return self.n_rehearsals * n_trials / self.n_trials


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
        n_threads = _n_threads(calibrator, train.size)
        if n_threads == 1:
            put(slice(None))
            return predictions
        ends = np.linspace(0, len(splits), n_threads + 1).astype(int)

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
    split: Split,
    weight: FloatArray | None,
) -> dict[str, Effort]:
    """Check the name and settings of every calibrator, and fit it once; see `cross_fit`.

    Returns
    -------
    dict of str to Effort
        Of one fit of each.

    Raises
    ------
    ConfigError
        If a calibrator has a wrong setting or name, or cannot be fitted.
    """
    efforts = {}
    for name, calibrator in calibrators.items():
        if name == CEILING or not isinstance(calibrator, BASELINES.get(name, object)):
            msg = f"The name {name!r} stands for something else in the tables. Choose another."
            raise ConfigError(msg)
        calibrator.check_params()
        before = time.process_time()
        try:
            cross_fit(rehearsal_of(calibrator), design, human, [split], weight)
        except (ValueError, TypeError) as exc:
            reason = " ".join(str(exc).split())
            msg = f"Calibrator {name} cannot be fitted to {split.train.sum()} cases: {reason}"
            raise ConfigError(msg) from exc
        seconds = time.process_time() - before
        efforts[name] = Effort(seconds)
        if isinstance(calibrator, Rehearsed):
            efforts[name] = Effort(seconds, calibrator.n_rehearsals, calibrator.n_trials)
    return efforts


def lengthy(efforts: Mapping[str, Effort], n_splits: int, n_refits: int) -> str | None:
    """Say that an analysis takes long, and what makes it shorter; None where it does not.

    Parameters
    ----------
    efforts : mapping of str to Effort
        Of one fit of each calibrator.
    n_splits, n_refits : int
        Fits of each for the scores, and for their intervals.

    Examples
    --------
    >>> lengthy({"ridge": Effort(0.1)}, 50, 48)
    >>> print(lengthy({"ridge": Effort(0.1), "random_forest": Effort(6.0)}, 50, 48))
    The analysis of a study takes about 10 minutes of one processor or more, by the first of its \
50 + 48 fits of each calibrator, and 98 % of that is random_forest. It would be 6 with \
evaluation.n_splits=10, and 5 with evaluation.intervals=bootstrap, whose intervals are too narrow.
    """

    def minutes(n_splits: int, n_refits: int, n_trials: int | None = None) -> dict[str, float]:
        return {
            name: one.seconds * (one.of_trials(n_trials) * n_splits + n_refits) / 60
            for name, one in efforts.items()
        }

    taken = minutes(n_splits, n_refits)
    if (total := sum(taken.values())) < LONG_S / 60:
        return None
    longest = max(taken, key=lambda name: taken[name])
    ways = {}
    if max(one.n_trials for one in efforts.values()) > FEWER:
        ways[f"tuning.n_trials={FEWER}"] = minutes(n_splits, n_refits, FEWER)
    if n_splits > FEWER:
        ways[f"evaluation.n_splits={FEWER}"] = minutes(FEWER, n_refits)
    if n_refits:
        narrow = "evaluation.intervals=bootstrap, whose intervals are too narrow"
        ways[narrow] = minutes(n_splits, 0)
    told = [f"{sum(left.values()):,.0f} with {way}" for way, left in ways.items()]
    tried = efforts[longest].n_trials
    searched = f", which tries {tried} settings in each of the {n_splits}" if tried else ""
    return (
        f"The analysis of a study takes about {total:,.0f} minutes of one processor or more, by "
        f"the first of its {n_splits} + {n_refits} fits of each calibrator, and "
        f"{100 * taken[longest] / total:.0f} % of that is {longest}{searched}."
        + (f" It would be {', and '.join(told)}." if told else "")
    )
