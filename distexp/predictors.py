"""Which estimates of a run are put together: the list `predictors` of a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Self

from distexp.checks import check_text, parameter_error
from distexp.errors import ConfigError
from distexp.stacking import stack
from distexp.types import Condition, Study

PARTS = ("model", "elicitation", "prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One entry of `predictors`: estimates that become the inputs of one calibrator."""

    name: str
    """Stands in the tables for the parts of the condition that differ inside the stack."""
    of: tuple[Mapping[str, str], ...]
    """Patterns by part of the condition, as `{elicitation: "verb*", prompt: persona}`; an estimate
    that fits one of them is in. Empty takes all."""
    by: tuple[str, ...]
    """Parts of the condition by which to make a stack each; the dataset always is one."""

    @classmethod
    def read(cls, entry: object) -> Self:
        """Check an entry of the configuration.

        Raises
        ------
        ConfigError
            If it has another shape, or names what is no part of a condition.
        """
        if not isinstance(entry, Mapping) or set(entry) - {"name", "of", "by"}:
            wanted = "a list of mappings with the keys name, of and by"
            raise parameter_error("Experiment", "predictors", wanted, entry)
        check_text("predictors", "name", entry.get("name"))
        of, by = entry.get("of") or [], entry.get("by") or []
        if not isinstance(of, Sequence) or not all(_is_pattern(one) for one in of):
            wanted = f"a list of mappings of {', '.join(PARTS)} to patterns"
            raise parameter_error("predictors", "of", wanted, of)
        if not isinstance(by, Sequence) or not set(by) <= set(PARTS):
            wanted = f"a list out of {', '.join(PARTS)}"
            raise parameter_error("predictors", "by", wanted, by)
        return cls(name=entry["name"], of=tuple(of), by=tuple(by))

    def studies(self, studies: Sequence[Study]) -> list[Study]:
        """Return the stacks, in the order in which their first members stand in `studies`.

        Raises
        ------
        ConfigError
            If fewer than two estimates fit anywhere, or those that fit share no case.
        """
        members: dict[tuple[str, ...], list[Study]] = {}
        for study in filter(self._fits, studies):
            key = tuple(getattr(study.condition, part) for part in ("dataset", *self.by))
            members.setdefault(key, []).append(study)
        stacks = [stack(of_key, self.name) for of_key in members.values() if len(of_key) > 1]
        if not stacks:
            there = sorted({_named(study.condition) for study in studies})
            msg = (
                f"The stack {self.name!r} of predictors needs two estimates of one dataset at the "
                f"least. These are there: {', '.join(there)}."
            )
            raise ConfigError(msg)
        return stacks

    def _fits(self, study: Study) -> bool:
        condition = study.condition
        return not self.of or any(
            all(fnmatchcase(getattr(condition, part), wanted) for part, wanted in one.items())
            for one in self.of
        )


def _is_pattern(one: object) -> bool:
    return (
        isinstance(one, Mapping)
        and set(one) <= set(PARTS)
        and all(isinstance(pattern, str) for pattern in one.values())
    )


def _named(condition: Condition) -> str:
    return "/".join(getattr(condition, field.name) for field in fields(condition))
