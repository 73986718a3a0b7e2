"""What runs keep of fits without groups of questions, for numbers of several runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from distexp.evaluation.jackknife import Jackknife
from distexp.types import CONDITION, FloatArray

if TYPE_CHECKING:
    import polars as pl

OF_FITS = (*CONDITION, "calibrator", "n_train")
"""Columns that say of which fits a value is."""
BETWEEN = "\n"


def fits_of() -> "pl.Expr":
    """Return the name of the fits that a row is of, as column `fits`."""
    import polars as pl

    return pl.concat_str([*OF_FITS], separator=BETWEEN, ignore_nulls=True).alias("fits")


@dataclass(frozen=True, slots=True)
class Dealt:
    """How questions were dealt into groups, and what leaving one out does to the fits."""

    groups: dict[str, int]
    """By question."""
    units: dict[str, str]
    """By question, one that has the same sign, as of its battery."""
    moved: dict[str, FloatArray]
    """By metric, of shape (n_groups,)."""


@dataclass(frozen=True, slots=True)
class Refits:
    """How the questions of each study were dealt, by the name of its fits."""

    by_fits: dict[str, Dealt]

    @classmethod
    def of(cls, table: "pl.DataFrame | None") -> Self:
        """Read the table of several runs; runs of one condition that dealt otherwise have none."""
        if table is None or table.is_empty():
            return cls({})
        named = table.with_columns(fits_of())
        found = {
            str(name): _dealt(rows)
            for (name,), rows in named.group_by("fits", maintain_order=True)
        }
        return cls({name: dealt for name, dealt in found.items() if dealt is not None})

    def dealt(self, fits: Iterable[str], metric: str) -> list[Dealt] | None:
        """Return those of all `fits`; None unless all are known and dealt the same alike."""
        found = [self.by_fits.get(name) for name in fits]
        known = [one for one in found if one is not None]
        if len(known) < len(found) or not known:
            return None
        alike = all(one.groups == known[0].groups for one in known)
        there = all(metric in one.moved and np.isfinite(one.moved[metric]).all() for one in known)
        return known if alike and there else None


def jackknife(dealt: Dealt, names: Iterable[str]) -> Jackknife | None:
    """Return the groups of these questions, by their places; None where one is in none."""
    groups = [dealt.groups.get(name, -1) for name in names]
    if min(groups, default=-1) < 0:
        return None
    return Jackknife(np.arange(len(groups)), np.array(groups), max(dealt.groups.values()) + 1)


def _dealt(rows: "pl.DataFrame") -> Dealt | None:
    """Read the rows of one study; those of repeated runs, if these dealt alike, as their mean."""
    import polars as pl

    ways = rows.select("left_out", "questions").unique()
    if ways.height > rows["left_out"].n_unique():
        return None
    one = rows.unique("left_out", maintain_order=True).sort("left_out")
    groups: dict[str, int] = {}
    units: dict[str, str] = {}
    for number, questions, signs in one.select("left_out", "questions", "units").iter_rows():
        groups |= dict.fromkeys(questions, number)
        first: dict[int, str] = {}
        units |= {
            name: first.setdefault(sign, name) for name, sign in zip(questions, signs, strict=True)
        }
    means = rows.group_by("left_out").agg(pl.col("^moved_.*$").mean()).sort("left_out")
    moved = {
        column.removeprefix("moved_"): means[column].fill_null(np.nan).to_numpy()
        for column in means.columns[1:]
    }
    return Dealt(groups, units, moved)
