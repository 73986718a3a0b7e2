"""How close the model comes to each group of people, and whose difference it overstates."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.evaluation.baselines import RAW, UNASKED, named
from distexp.evaluation.bootstrap import Bootstrap, interval
from distexp.metrics.ties import DIGITS
from distexp.report import figures
from distexp.report.markdown import escaped
from distexp.run_folder import CALIBRATED
from distexp.types import CONDITION, FloatArray
from distexp.view.base import CONFIDENCE, HELD_FIXED, N_BOOTSTRAP, SEED, Runs

if TYPE_CHECKING:
    import polars as pl


class GroupView:
    """Alignment per group of people before and after calibration, the worst served first.

    Intervals resample the group's questions.
    """

    name = "groups"
    pools = True
    """Whether runs of one condition are put together."""

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per condition, calibrator and group."""
        import polars as pl

        scored = runs.cases.filter(
            pl.col("w1").is_not_null(), ~pl.col("calibrator").is_in(UNASKED)
        )
        rows = []
        keys = [*CONDITION, "calibrator", "attribute", "group"]
        for key, cases in scored.group_by(keys, maintain_order=True):
            alignments = 1 - cases["w1"].to_numpy()
            value, low, high = interval(_means(alignments), CONFIDENCE)
            rows.append(
                dict(zip(keys, key, strict=True))
                | {"alignment": value, "low": low, "high": high}
                | {"n_questions": len(alignments)}
            )
        lowest_first = pl.col("alignment").round(DIGITS)
        return pl.DataFrame(rows).sort(*CONDITION, "calibrator", lowest_first, maintain_order=True)

    def caption(self, table: "pl.DataFrame") -> str:
        """Name the worst served group of each condition and calibrator."""
        sentences = [
            f"Alignment by group of people; the worst served group comes first. {HELD_FIXED}"
        ]
        for cell in table.partition_by(*CONDITION, "calibrator", maintain_order=True):
            worst = cell.row(0, named=True)
            condition = ", ".join(escaped(worst[name]) for name in CONDITION)
            method = escaped(named(worst["calibrator"]))
            sentences.append(
                f"{condition}, {method}: {escaped(worst['group'])} "
                f"({escaped(worst['attribute'])}) "
                f"{worst['alignment']:.3f} [{worst['low']:.3f}, {worst['high']:.3f}]; mean over "
                f"groups {cell['alignment'].to_numpy().mean():.3f}."
            )
        return " ".join(sentences)

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the groups of the last condition, before and after."""
        import polars as pl

        *_, last = table.partition_by(*CONDITION, maintain_order=True)
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
    differ, below 1 that it flattens it. Calibrated positions are those of the mean held-out
    prediction. Intervals resample questions.

    References
    ----------
    arXiv 2507.00439, on exaggerated differences between groups.
    """

    name = "exaggeration"
    pools = True
    """Whether runs of one condition are put together."""

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per condition, calibrator and attribute."""
        import polars as pl

        ordinal = runs.predictions.filter(pl.col("kind") != "nominal", pl.col("status") == "ok")
        shares = {
            name.removeprefix(CALIBRATED): name
            for name in ordinal.columns
            if name.startswith(CALIBRATED) and name.removeprefix(CALIBRATED) not in UNASKED
        }
        case = [*CONDITION, "attribute", "question_id", "group"]
        low, high = pl.col("ordinal").min().over(case), pl.col("ordinal").max().over(case)
        positions = (
            ordinal.with_columns(((pl.col("ordinal") - low) / (high - low)).alias("position"))
            .group_by(case, maintain_order=True)
            .agg(
                (pl.col("position") * pl.col(c)).sum().alias(c)
                for c in ["human", *shares.values()]
            )
        )
        spread = positions.group_by(case[:-1], maintain_order=True).agg(
            pl.col("human", *shares.values()).std(ddof=0), pl.len().alias("n_groups")
        )
        rows = []
        for key, cell in spread.filter(pl.col("n_groups") > 1).group_by(
            case[:-2], maintain_order=True
        ):
            for calibrator, column in shares.items():
                both = cell.select("human", column).drop_nulls().to_numpy()
                if len(both):
                    human, predicted = map(_means, both.T)
                    draws = predicted / np.where(human, human, np.nan)
                    ratio, ratio_low, ratio_high = interval(draws, CONFIDENCE)
                    rows.append(
                        dict(zip(case[:-2], key, strict=True))
                        | {"calibrator": calibrator, "human_sd": float(human[0])}
                        | {"predicted_sd": float(predicted[0])}
                        | {"ratio": ratio if human[0] else None}
                        | {"ratio_low": ratio_low, "ratio_high": ratio_high}
                        | {"n_questions": len(both)}
                    )
        return pl.DataFrame(rows)

    def caption(self, table: "pl.DataFrame") -> str:
        """Count where the uncalibrated model exaggerates and where it flattens."""
        import polars as pl

        raw = table.filter(pl.col("calibrator") == RAW)
        more = raw.filter(pl.col("ratio_low") > 1).height
        less = raw.filter(pl.col("ratio_high") < 1).height
        return (
            "Spread of the groups' mean answers, the model's over the humans'. Uncalibrated, the "
            f"model exaggerates it in {more} and flattens it in {less} of {raw.height} sets of a "
            "condition and an attribute; the others' intervals include 1. "
            f"{HELD_FIXED}"
        )

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the ratios of the last condition."""
        import polars as pl

        *_, last = table.partition_by(*CONDITION, maintain_order=True)
        figures.dots(
            last.with_columns(pl.col("attribute").alias("label")), metric="ratio", path=path
        )


def _means(values: FloatArray) -> FloatArray:
    """Return the mean over questions, which `values` has one of each, and that of every redraw."""
    question = np.arange(len(values))
    return Bootstrap(question, N_BOOTSTRAP, SEED).mean(values, question)
