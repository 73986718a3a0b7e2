"""Several studies of one survey stacked into one: models, elicitations and prompts together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Self

import numpy as np

from distexp.checks import check_text, parameter_error
from distexp.errors import ConfigError
from distexp.types import Case, Condition, Distribution, Estimate, Reading, Study

Key = tuple[str, str, str]


def stack(studies: Sequence[Study], name: str | None = None) -> Study:
    """Return one study whose estimates are the plain mean of those of `studies`.

    Parameters
    ----------
    studies : sequence of Study
        At least one, all of one dataset. Cases that not all of them have are left out; the others
        keep the order of the first. A case's mean is over the members that could be read, and the
        case is unreadable only if none could.
    name : str, optional
        What tables call the parts of the condition in which the studies differ; where it is None,
        their different names joined by ``+``.

    Returns
    -------
    Study
        With the studies, cut to the shared cases, as its `members`. A question that any of them
        showed in a prompt is shown.

    Raises
    ------
    ConfigError
        If there is no study, they are of different datasets or share no case.
    """
    if not studies:
        msg = "A stack needs at least one study. None was given."
        raise ConfigError(msg)
    datasets = list(dict.fromkeys(study.condition.dataset for study in studies))
    if len(datasets) > 1:
        msg = f"Only studies of one dataset can be stacked. Got {' and '.join(datasets)}."
        raise ConfigError(msg)
    places = [{_key(case): place for place, case in enumerate(s.cases)} for s in studies]
    shared = [key for key in places[0] if all(key in of_study for of_study in places)]
    if not shared:
        listed = ", ".join(_named(study.condition) for study in studies)
        msg = f"These studies of {datasets[0]} share no case, so they cannot be stacked: {listed}."
        raise ConfigError(msg)
    members = tuple(
        replace(
            study,
            cases=tuple(study.cases[of_study[key]] for key in shared),
            estimates=tuple(study.estimates[of_study[key]] for key in shared),
        )
        for study, of_study in zip(studies, places, strict=True)
    )
    return Study(
        condition=_joined([study.condition for study in studies], name),
        cases=members[0].cases,
        estimates=tuple(map(_mean, zip(*(member.estimates for member in members), strict=True))),
        shown=frozenset().union(*(study.shown for study in studies)),
        members=members,
    )


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Average the readable estimates of one case; count the replies of all."""
    shares = [e.reading.distribution.probabilities for e in estimates if e.reading is not None]
    mean = Distribution.normalized(np.mean(shares, axis=0).tolist()) if shares else None
    return Estimate(
        reading=None if mean is None else Reading(distribution=mean),
        n_replies=sum(estimate.n_replies for estimate in estimates),
        n_unreadable=sum(estimate.n_unreadable for estimate in estimates),
        n_refused=sum(estimate.n_refused for estimate in estimates),
    )


def _joined(conditions: Sequence[Condition], name: str | None) -> Condition:
    parts = {}
    for field in fields(Condition):
        values = list(dict.fromkeys(getattr(condition, field.name) for condition in conditions))
        parts[field.name] = name if name is not None and len(values) > 1 else "+".join(values)
    return Condition(**parts)


def _named(condition: Condition) -> str:
    return f"{condition.model} {condition.elicitation} {condition.prompt}"


def _key(case: Case) -> Key:
    return case.question.question_id, case.group.attribute, case.group.value


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
            there = sorted({_of_stack(study.condition) for study in studies})
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


def _of_stack(condition: Condition) -> str:
    return "/".join(getattr(condition, field.name) for field in fields(condition))


def read_stacks(entries: object) -> list[Stack]:
    """Return the stacks of a configuration; raise `ConfigError` unless it is a list of such."""
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise parameter_error("Experiment", "predictors", "a list of stacks", entries)
    return [Stack.read(entry) for entry in entries]
