"""What the groups of an attribute weigh in their population, and which of them make it up."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import yaml

from distexp.checks import check_mapping, check_number, check_text, nearest
from distexp.errors import ConfigError
from distexp.types import Case, Study, Survey

ROUNDING = 0.01
"""By how much margins may miss 1, as published figures do; they are scaled to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The population that the groups of a survey make up.

    Parameters
    ----------
    margins : mapping of str to mapping of str to float, or str, optional
        By attribute, the share of each of its groups in the population, e.g. of a census:
        ``{sex: {Female: 0.51, Male: 0.49}}``. An attribute without any weighs its groups by the
        weights of those who answered, or else by their number. A text is such a mapping in YAML.
    over : str, optional
        The attribute whose groups are put together to all, where the survey was not asked for
        everyone. None takes the first whose groups are all known.

    Raises
    ------
    ConfigError
        If a share is no number in [0, 1], or those of an attribute do not sum to 1.
    """

    margins: Mapping[str, Mapping[str, float]] | str | None = None
    over: str | None = None

    def __post_init__(self) -> None:
        if self.over is not None:
            check_text("population", "over", self.over)
        if self.margins is None:
            return
        if isinstance(self.margins, str):
            object.__setattr__(self, "margins", _in_yaml(self.margins))
        check_mapping("population", "margins", self.margins)
        assert not isinstance(self.margins, str)
        for attribute, shares in self.margins.items():
            check_mapping("population", f"margins.{attribute}", shares)
            for group, share in shares.items():
                name = f"margins.{attribute}.{group}"
                check_number("population", name, share, low=0, high=1)
            total = math.fsum(shares.values())
            if abs(total - 1) > ROUNDING:
                listed = " + ".join(f"{share:g}" for share in shares.values()) or "nothing"
                msg = (
                    f"population.margins.{attribute} sums to {total:.4g} ({listed}), not to 1: "
                    "give the share of every group of the attribute."
                )
                raise ConfigError(msg)

    def applied(self, survey: Survey) -> Survey:
        """Return the survey with the margins as the sizes of its groups.

        Raises
        ------
        ConfigError
            If the survey has no such attribute, or the margins lack a group or have one too many.
        """
        groups: dict[str, dict[str, None]] = {}
        for cases in (survey.cases, *(study.cases for study in survey.studies)):
            for case in cases:
                groups.setdefault(case.group.attribute, {})[case.group.value] = None
        wanted = {"over": [self.over] if self.over else [], "margins": list(self.margins or {})}
        for parameter, attributes in wanted.items():
            for attribute in attributes:
                if attribute not in groups:
                    msg = (
                        f"population.{parameter} names {attribute!r}, and {survey.name} has the "
                        f"attributes {', '.join(groups)}.{nearest(attribute, groups)}"
                    )
                    raise ConfigError(msg)
        if not self.margins:
            return survey
        sizes: dict[tuple[str, str], float] = {}
        assert not isinstance(self.margins, str)
        for attribute, shares in self.margins.items():
            _check_groups(attribute, shares, groups[attribute], survey.name)
            total = math.fsum(shares.values())
            sizes |= {(attribute, group): share / total for group, share in shares.items()}
        return replace(
            survey,
            cases=_sized(survey.cases, sizes),
            studies=tuple(_of_study(study, sizes) for study in survey.studies),
        )


def _in_yaml(text: str) -> object:
    """Return the margins that a text holds, names as they stand there; the text if it has none."""
    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # makes texts alone
        return {
            attribute: {group: float(share) for group, share in shares.items()}
            for attribute, shares in found.items()
        }
    except (yaml.YAMLError, AttributeError, TypeError, ValueError):
        return text


def _of_study(study: Study, sizes: Mapping[tuple[str, str], float]) -> Study:
    members = tuple(_of_study(member, sizes) for member in study.members)
    return replace(study, cases=_sized(study.cases, sizes), members=members)


def _sized(cases: tuple[Case, ...], sizes: Mapping[tuple[str, str], float]) -> tuple[Case, ...]:
    keys = ((case.group.attribute, case.group.value) for case in cases)
    return tuple(
        replace(case, size=sizes[key]) if key in sizes else case
        for case, key in zip(cases, keys, strict=True)
    )


def _check_groups(
    attribute: str, shares: Mapping[str, float], groups: Mapping[str, None], survey: str
) -> None:
    """Raise `ConfigError` unless the margins are of the groups that there are."""
    there = ", ".join(groups)
    for group in shares:
        if group not in groups:
            msg = (
                f"population.margins.{attribute} has the group {group!r}, and {survey} has "
                f"{there}.{nearest(str(group), groups)} Where a group was too small to be kept, "
                "lower min_respondents, or merge it with another in the codebook."
            )
            raise ConfigError(msg)
    if lacking := [group for group in groups if group not in shares]:
        msg = (
            f"population.margins.{attribute} lacks {', '.join(lacking)}: give the share of every "
            f"group of {survey} ({there})."
        )
        raise ConfigError(msg)
