"""What may be tried: the values of parameters, beside the candidate that they belong to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from distexp.checks import parameter_error

if TYPE_CHECKING:
    import optuna

Value = None | bool | int | float | str

CANDIDATE = "candidate"
"""What Optuna knows the choice among candidates by."""
_RANGE = {"low", "high", "log", "integer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One point of a space."""

    candidate: str
    values: Mapping[str, Value]
    """By parameter of the candidate."""

    def flat(self) -> dict[str, Value]:
        """Return it under the names that Optuna knows: those of different candidates differ."""
        own = {_name(self.candidate, parameter): v for parameter, v in self.values.items()}
        return {CANDIDATE: self.candidate, **own}


@dataclass(frozen=True, slots=True)
class Choices:
    """A few values."""

    values: tuple[Value, ...]

    @property
    def n_values(self) -> float:
        """How many there are."""
        return len(self.values)

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that must be right for all to be: every one."""
        return self.values

    def every(self) -> tuple[Value, ...]:
        """Return all values."""
        return self.values

    def holds(self, value: object) -> bool:
        """Whether `value` is one of them."""
        return value in self.values

    def suggest(self, trial: "optuna.Trial", name: str) -> Value:
        """Let Optuna choose."""
        chosen: Value = trial.suggest_categorical(name, self.values)
        return chosen


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from `low` to `high`."""

    low: float
    high: float
    log: bool
    """Whether equal ratios, not equal differences, are equally likely at first."""
    integer: bool
    """Whether only whole numbers count."""

    @property
    def n_values(self) -> float:
        """How many there are; infinite where any number counts."""
        return self.high - self.low + 1 if self.integer else math.inf

    @property
    def ends(self) -> tuple[Value, ...]:
        """Values that must be right for all to be: the outermost."""
        return self.low, self.high

    def every(self) -> tuple[Value, ...]:
        """Return all whole numbers of the range."""
        return tuple(range(int(self.low), int(self.high) + 1))

    def holds(self, value: object) -> bool:
        """Whether `value` is one of them."""
        if isinstance(value, bool) or not isinstance(value, int if self.integer else int | float):
            return False
        return self.low <= value <= self.high

    def suggest(self, trial: "optuna.Trial", name: str) -> Value:
        """Let Optuna choose."""
        if self.integer:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Space:
    """The candidates and, for each of them, its parameters to search."""

    candidates: Mapping[str, Mapping[str, Choices | Range]]

    @property
    def n_settings(self) -> float:
        """How many settings there are; infinite where a parameter is any number of a range."""
        return sum(
            math.prod(domain.n_values for domain in domains.values())
            for domains in self.candidates.values()
        )

    def every(self) -> list[Setting]:
        """Return all settings of a finite space, the last parameter changing fastest."""
        return [
            Setting(candidate=candidate, values=dict(zip(domains, values, strict=True)))
            for candidate, domains in self.candidates.items()
            for values in product(*(domain.every() for domain in domains.values()))
        ]

    def inside(self, setting: Setting) -> Setting:
        """Return `setting` without the values that lie outside of the space."""
        domains = self.candidates[setting.candidate]
        values = {name: v for name, v in setting.values.items() if domains[name].holds(v)}
        return Setting(candidate=setting.candidate, values=values)

    def read(self, flat: Mapping[str, Value]) -> Setting:
        """Return the setting that `Setting.flat` wrote."""
        candidate = str(flat[CANDIDATE])
        values = {name: flat[_name(candidate, name)] for name in self.candidates[candidate]}
        return Setting(candidate=candidate, values=values)

    def suggest(self, trial: "optuna.Trial") -> Setting:
        """Let Optuna choose a candidate, and then its parameters."""
        candidate = trial.suggest_categorical(CANDIDATE, list(self.candidates))
        values = {
            parameter: domain.suggest(trial, _name(candidate, parameter))
            for parameter, domain in self.candidates[candidate].items()
        }
        return Setting(candidate=candidate, values=values)


def domain(owner: str, place: str, given: object) -> Choices | Range:
    """Read the values of a parameter: a list of choices, or the ends of a range.

    Parameters
    ----------
    owner, place : str
        Class and key that hold it, for the message.
    given : list, or mapping with `low`, `high` and, if not false, `log` and `integer`

    Raises
    ------
    ConfigError
        If it is neither, or holds nothing to try.

    Examples
    --------
    >>> domain("Tuned", "alpha", {"low": 0.1, "high": 10, "log": True})
    Range(low=0.1, high=10, log=True, integer=False)
    """
    if isinstance(given, Mapping):
        return _range(owner, place, given)
    if (
        not isinstance(given, Sequence)
        or isinstance(given, str)
        or not given
        or not all(isinstance(v, Value) for v in given)
        or len(set(given)) < len(given)
    ):
        wanted = "a list of different values to choose from, or a range with low and high"
        raise parameter_error(owner, place, wanted, given)
    return Choices(tuple(given))


def _range(owner: str, place: str, given: Mapping[str, object]) -> Range:
    low, high = given.get("low"), given.get("high")
    log, integer = given.get("log", False), given.get("integer", False)
    if not set(given) <= _RANGE or not isinstance(log, bool) or not isinstance(integer, bool):
        wanted = "a range with low and high and, where they are wanted, log and integer true"
        raise parameter_error(owner, place, wanted, given)
    kind = int if integer else int | float
    if (
        isinstance(low, bool)
        or isinstance(high, bool)
        or not isinstance(low, kind)
        or not isinstance(high, kind)
        or not (0 if log else -math.inf) < low < high < math.inf
    ):
        numbers = "whole numbers" if integer else "numbers"
        wanted = f"a range of {numbers} with {'0 < ' * log}low < high"
        raise parameter_error(owner, place, wanted, given)
    return Range(low, high, log, integer)


def _name(candidate: str, parameter: str) -> str:
    return f"{candidate}.{parameter}"
