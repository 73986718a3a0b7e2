"""How close the model comes to each group of people, and whose difference it overstates."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.evaluation.baselines import RAW, UNASKED, named
from distexp.metrics.ties import DIGITS
from distexp.report import figures
from distexp.report.kept_tables import group_scores_schema, spreads_schema
from distexp.report.markdown import escaped
from distexp.types import CONDITION
from distexp.view.base import Runs
from distexp.visible import within

if TYPE_CHECKING:
    import polars as pl

NOTHING = (
    "No run there left numbers of groups of people: runs of earlier versions have none, nor those "
    "with evaluation.extras=false, nor questions without a scale. Run again with "
    "cache.mode=replay, which asks nothing."
)
AVERAGED = "their values and the ends of their intervals are averaged"


class GroupView:
    """Alignment per group of people before and after calibration, the worst served first.

    Values and intervals are those of the runs; see `distexp.evaluation.group_scores`.
    """

    name = "groups"
    pools = AVERAGED
    """How runs of one condition are put together."""

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per condition, number of training questions, calibrator and group."""
        import polars as pl

        keys = [*CONDITION, "n_train", "calibrator"]
        return (
            _averaged(runs.group_scores, group_scores_schema(), [*keys, "attribute", "group"])
            .drop_nulls("w1")  # of groups that were asked nothing with a scale
            .with_columns(
                (1 - pl.col("w1")).alias("alignment"),
                (1 - pl.col("high")).alias("low"),
                (1 - pl.col("low")).alias("high"),
            )
            .select(*keys, "attribute", "group", "alignment", "low", "high", "n_questions")
            .sort(*keys, pl.col("alignment").round(DIGITS), maintain_order=True)
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """Name the worst served group of each condition and calibrator."""
        if table.is_empty():
            return NOTHING
        sentences = ["Alignment by group of people; the worst served group comes first."]
        for cell in table.partition_by(*CONDITION, "n_train", "calibrator", maintain_order=True):
            worst = cell.row(0, named=True)
            condition = ", ".join(escaped(worst[name]) for name in CONDITION)
            method = escaped(named(worst["calibrator"]))
            interval = within(worst["low"], worst["high"], "{:.3f}".format)
            sentences.append(
                f"{condition}, {method}: {escaped(worst['group'])} "
                f"({escaped(worst['attribute'])}) {worst['alignment']:.3f}{interval}; mean over "
                f"groups {cell['alignment'].to_numpy().mean():.3f}."
            )
        return " ".join(sentences)

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the groups of the last condition, before and after."""
        import polars as pl

        last = _last(table)
        figures.dots(
            last.rename({"low": "alignment_low", "high": "alignment_high"}).with_columns(
                (pl.col("attribute") + ": " + pl.col("group")).alias("label")
            ),
            metric="alignment",
            path=path,
        )


class ExaggerationView:
    """Spread of the groups' mean answers: the model's over the humans', before and after.

    For each ordinal question and attribute the standard deviation over groups of the mean
    position on the scale is taken; a ratio above 1 means that the model exaggerates how groups
    differ, below 1 that it flattens it. Values and intervals are those of the runs; see
    `distexp.evaluation.group_scores`.

    References
    ----------
    arXiv 2507.00439, on exaggerated differences between groups.
    """

    name = "exaggeration"
    pools = AVERAGED
    """How runs of one condition are put together."""

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per condition, number of training questions, calibrator and attribute."""
        keys = [*CONDITION, "n_train", "attribute", "calibrator"]
        numbers = ["human_sd", "predicted_sd", "ratio", "low", "high", "n_questions"]
        return (
            _averaged(runs.spreads, spreads_schema(), keys)
            .select(*keys, *numbers)
            .rename({"low": "ratio_low", "high": "ratio_high"})
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """Count where the uncalibrated model exaggerates and where it flattens."""
        import polars as pl

        if table.is_empty():
            return NOTHING
        raw = table.filter(pl.col("calibrator") == RAW, pl.col("ratio_low").is_not_null())
        more = raw.filter(pl.col("ratio_low") > 1).height
        less = raw.filter(pl.col("ratio_high") < 1).height
        return (
            "Spread of the groups' mean answers, the model's over the humans'. Uncalibrated, the "
            f"model exaggerates it in {more} and flattens it in {less} of {raw.height} sets of a "
            "condition and an attribute with an interval; the others' include 1."
        )

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the ratios of the last condition."""
        import polars as pl

        last = _last(table)
        figures.dots(
            last.with_columns(pl.col("attribute").alias("label")), metric="ratio", path=path
        )


def _last(table: "pl.DataFrame") -> "pl.DataFrame":
    """Return the rows of the last condition."""
    *_, last = table, *table.partition_by(*CONDITION, "n_train", maintain_order=True)
    return last


def _averaged(
    table: "pl.DataFrame | None",
    schema: "Mapping[str, type[pl.DataType] | pl.DataType]",
    keys: Sequence[str],
) -> "pl.DataFrame":
    """Return the rows that have to do with the model, those of equal keys as their mean.

    Ends of intervals that one of them lacks are null: they would be of other values.
    """
    import polars as pl
    import polars.selectors as cs

    nothing = pl.DataFrame(schema={**schema, "n_train": pl.Int64})
    known = nothing if table is None or table.is_empty() else table
    return (
        known.filter(~pl.col("calibrator").is_in(UNASKED))
        .group_by(keys, maintain_order=True)
        .agg(
            cs.float().exclude("low", "high").mean(),
            pl.when(~pl.col("low", "high").has_nulls()).then(pl.col("low", "high").mean()),
            pl.col("n_questions").max(),
        )
    )
