"""How much scores vary with a choice, before and after calibration."""

from pathlib import Path
from typing import TYPE_CHECKING

from distexp.evaluation.baselines import RAW, UNASKED
from distexp.report import figures
from distexp.report.markdown import escaped
from distexp.types import CONDITION
from distexp.view.base import Runs

if TYPE_CHECKING:
    import polars as pl


class VarianceView:
    """Standard deviation of alignment over models, elicitations, prompts and surveys.

    For each choice the others are held fixed; the standard deviations of all such sets of two or
    more are averaged.

    References
    ----------
    arXiv 2507.00439, on the variance over models, elicitations and surveys.
    """

    name = "variance"
    pools = "intervals take them for runs of other questions and are too narrow"
    """How runs of one condition are put together."""

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per calibrator and choice: the spread, and what it rests on."""
        import polars as pl

        alignments = runs.scores.filter(
            pl.col("metric") == "alignment", ~pl.col("calibrator").is_in(UNASKED)
        )
        rows = []
        for choice in CONDITION:
            others = [name for name in CONDITION if name != choice]
            spread = (
                alignments.group_by("calibrator", *others, maintain_order=True)
                .agg(pl.col("value").std().alias("sd"), pl.col("value").count().alias("n"))
                .filter(pl.col("n") > 1)
                .group_by("calibrator", maintain_order=True)
                .agg(
                    pl.col("sd").mean(),
                    pl.len().alias("n_sets"),
                    pl.col("n").sum().alias("n_scores"),
                )
            )
            rows.append(
                spread.select("calibrator", pl.lit(choice).alias("over"), pl.exclude("calibrator"))
            )
        return pl.concat(rows)

    def caption(self, table: "pl.DataFrame") -> str:
        """Say whether calibration narrows the spread over each choice."""
        import polars as pl

        sentences = ["Standard deviation of alignment over each choice, the others held fixed."]
        for choice in table["over"].unique(maintain_order=True):
            rows = table.filter(pl.col("over") == choice)
            sds = dict(zip(rows["calibrator"], rows["sd"], strict=True))
            raw = sds.pop(RAW)
            changes = ", ".join(f"{escaped(name)} {sd:.4f}" for name, sd in sds.items())
            sentences.append(
                f"Over {choice}: {raw:.4f} uncalibrated; {changes or 'nothing else'}."
            )
        if table.is_empty():
            sentences.append("These runs vary in none: sweep one with -m.")
        return " ".join(sentences)

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the standard deviations as bars, a panel a choice."""
        figures.bars(table, panel="over", label="calibrator", value="sd", path=path)
