"""How long an analysis takes, and what the user may choose to make it shorter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from distexp.calibrator.fitting.parameters import clone
from distexp.protocols import Calibrator, Rehearsed

LONG_S = 300
"""Seconds of one processor from which on an analysis is said to take long."""
LARGE = 4_000_000
"""Cases that a calibrator is fitted to, all fits together, from which on a report says so."""
FEWER = 10
"""Splits, and settings tried, that are proposed then."""
THINNED = 0.1
"""Share of the examples that each tree of a forest is then proposed to be grown from."""
NARROW = "evaluation.intervals=bootstrap, whose intervals are too narrow"


@dataclass(frozen=True, slots=True)
class Effort:
    """What a fit of a calibrator takes, by that of its rehearsal."""

    seconds: float
    """Of a processor, for the rehearsal."""
    n_rehearsals: float = 1.0
    """How many of these the whole fit takes; intervals take one."""
    n_trials: int = 0
    """Settings that the fit tries, at most."""
    thinned: float | None = None
    """Seconds with trees grown from `THINNED` of the examples; None where that is no setting."""

    def of_trials(self, n_trials: int | None) -> float:
        """Return `n_rehearsals` with at most so many settings tried."""
        if n_trials is None or self.n_trials <= n_trials:
            return self.n_rehearsals
        return self.n_rehearsals * n_trials / self.n_trials

    @classmethod
    def of(cls, calibrator: Calibrator, seconds: float, thinned: float | None = None) -> "Effort":
        """Return that of a calibrator, by what its rehearsal takes."""
        if not isinstance(calibrator, Rehearsed):
            return cls(seconds, thinned=thinned)
        return cls(seconds, calibrator.n_rehearsals, calibrator.n_trials, thinned)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Settings of an analysis."""

    n_splits: int
    n_refits: int
    n_trials: int | None = None
    thinned: bool = False

    def minutes(self, efforts: Mapping[str, Effort]) -> dict[str, float]:
        """Return what each calibrator takes of one processor."""
        return {name: self._seconds(one) / 60 for name, one in efforts.items()}

    def _seconds(self, one: Effort) -> float:
        seconds = one.thinned if self.thinned and one.thinned is not None else one.seconds
        return seconds * (one.of_trials(self.n_trials) * self.n_splits + self.n_refits)


def lengthy(efforts: Mapping[str, Effort], n_splits: int, n_refits: int) -> str | None:
    """Say that an analysis takes long, and what makes it shorter; None where it does not.

    Where no setting alone makes it short enough, those that keep the intervals are named together.

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
    The analysis of a study takes about 10 minutes of one processor, by the first of its \
50 + 48 fits of each calibrator, and 98 % of that is random_forest. It would be 6 with \
evaluation.n_splits=10, and 5 with evaluation.intervals=bootstrap, whose intervals are too narrow.
    """
    taken = _Plan(n_splits, n_refits).minutes(efforts)
    if (total := sum(taken.values())) < LONG_S / 60:
        return None
    longest = max(taken, key=lambda name: taken[name])
    few = min(n_splits, FEWER)
    ways = {}
    if max(one.n_trials for one in efforts.values()) > FEWER:
        ways[f"tuning.n_trials={FEWER}"] = _Plan(n_splits, n_refits, FEWER)
    forests = [name for name, one in efforts.items() if one.thinned is not None]
    if forests:
        ways[_thinner(forests)] = _Plan(n_splits, n_refits, thinned=True)
    if n_splits > FEWER:
        ways[f"evaluation.n_splits={FEWER}"] = _Plan(FEWER, n_refits)
    left = {way: sum(plan.minutes(efforts).values()) for way, plan in ways.items()}
    if len(ways) > 1 and min(left.values()) >= LONG_S / 60:
        every = _Plan(few, n_refits, FEWER, thinned=True)
        left["both" if len(ways) == 2 else "all of these"] = sum(every.minutes(efforts).values())
    if n_refits:
        left[NARROW] = sum(_Plan(n_splits, 0).minutes(efforts).values())
    told = [f"{minutes:,.0f} with {way}" for way, minutes in left.items()]
    tried = efforts[longest].n_trials
    searched = f", which tries {tried} settings in each of the {n_splits}" if tried else ""
    return (
        f"The analysis of a study takes about {total:,.0f} minutes of one processor, by "
        f"the first of its {n_splits} + {n_refits} fits of each calibrator, and "
        f"{100 * taken[longest] / total:.0f} % of that is {longest}{searched}."
        + (f" It would be {', and '.join(told)}." if told else "")
    )


def sized(
    calibrators: Mapping[str, Calibrator], n_trained: int, n_splits: int, n_refits: int
) -> str:
    """Say of a large study how often calibrators are fitted, and what makes it fewer fits.

    By sizes alone, so that every run of a study says the same; empty where it is not large.

    Parameters
    ----------
    calibrators : mapping of str to Calibrator
    n_trained : int
        Cases that a fit is to, at the most.
    n_splits, n_refits : int
    """
    if (n_splits + n_refits) * n_trained < LARGE:
        return ""
    ways = list(_ways(calibrators, n_splits, n_refits))
    return (
        f"Each calibrator is fitted {n_splits} + {n_refits} times, for the scores and for their "
        f"intervals, to {n_trained:,} cases or fewer."
        + (f" Where that takes too long: {'; '.join(ways)}." if ways else "")
    )


def _ways(calibrators: Mapping[str, Calibrator], n_splits: int, n_refits: int) -> Iterator[str]:
    if n_splits > FEWER:
        yield f"evaluation.n_splits={FEWER} leaves {FEWER} + {n_refits}"
    if n_refits:
        yield f"evaluation.intervals=bootstrap leaves {n_splits}, and intervals too narrow"
    forests = [name for name, of in calibrators.items() if thinned(of) is not None]
    if forests:
        yield f"{_thinner(forests)} grows trees from a tenth of the examples"
    trials = [of.n_trials for of in calibrators.values() if isinstance(of, Rehearsed)]
    if max(trials, default=0) > FEWER:
        yield f"tuning.n_trials={FEWER} tries fewer settings than {max(trials)}"


def _thinner(forests: list[str]) -> str:
    return " ".join(f"calibrator.{name}.regressor.max_samples={THINNED}" for name in forests)


def thinned(calibrator: Calibrator) -> Calibrator | None:
    """Return a forest that grows its trees from `THINNED` of the examples; None of others."""
    regressor: Any = getattr(calibrator, "regressor", None)
    if not getattr(regressor, "bootstrap", False) or regressor.max_samples is not None:
        return None
    fewer: Any = clone(calibrator)
    fewer.regressor.set_params(max_samples=THINNED)
    made: Calibrator = fewer
    return made
