"""How many training questions a calibrator needs before it helps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.evaluation.baselines import RAW
from distexp.metrics.names import METRIC
from distexp.report import figures
from distexp.view.contrast import BETTER, WORSE
from distexp.view.pairs import ContrastView
from distexp.view.sentences import listed, named, rules, signed
from distexp.visible import within

if TYPE_CHECKING:
    import polars as pl


class ExamplesView(ContrastView):
    """Every calibrator against the uncalibrated model, along the number of training questions.

    Parameters
    ----------
    name, question : str
        As in `ContrastView`.
    metric : str
        A distance: one of the keys of `distexp.metrics.names.DISTANCES`.
    by : sequence of str
        Columns that have curves of their own: what helps one elicitation may harm another.
    calibrators : sequence of str, optional
        None takes all of the runs.
    """

    def __init__(
        self,
        *,
        name: str,
        question: str,
        metric: str,
        by: Sequence[str] = ("elicitation",),
        calibrators: Sequence[str] | None = None,
    ) -> None:
        names = ["*"] if calibrators is None else calibrators
        super().__init__(
            name=name,
            question=question,
            column="calibrator",
            pairs=[(calibrator, RAW) for calibrator in names],
            metrics=[metric],
            by=by,
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """Say from how many questions on each calibrator is better, and where it is worse."""
        if table["n_train"].n_unique() < 2:
            return super().caption(table)  # there is no curve in one run
        said = [
            listed(rows, [self._along(curve) for curve in self._curves(rows)])
            for rows in table.partition_by("dataset", maintain_order=True)
        ]
        return "\n\n".join([self.question, *said, rules(table)])

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the differences along the number of training questions."""
        panels = ["dataset", *self.by]
        figures.curves(table, x="n_train", colour="first", panels=panels, path=path)

    def _curves(self, rows: "pl.DataFrame") -> "list[pl.DataFrame]":
        keys = [*self.by, "first"]
        return rows.sort(*self.by, maintain_order=True).partition_by(keys, maintain_order=True)

    def _along(self, curve: "pl.DataFrame") -> str:
        """Tell one calibrator's curve: where it helps, where it harms, its two ends."""
        rows = curve.sort("n_train").rows(named=True)
        helps = _helps_from(rows)
        harms = [str(row["n_train"]) for row in rows if row["verdict"] == WORSE]
        most = rows[-1]["n_train"]
        unclear = f"not shown to be better even at {most}"
        parts = [f"better from {helps} on" if helps else unclear]
        parts += [f"worse at {', '.join(harms)}"] if harms else ["worse at none"]
        ends = [
            f"{signed(row['difference'])}{within(row['low'], row['high'], signed)} "
            f"at {row['n_train']}"
            for row in (rows[0], rows[-1])
        ]
        where = "".join(f"{named(rows[0][name])}, " for name in self.by)
        metric = METRIC[rows[0]["metric"]].label
        name, told = named(rows[0]["first"]), ", ".join(ends)
        return f"{where}{name} is {' and '.join(parts)} ({metric} {told})."


def _helps_from(rows: Sequence[dict[str, Any]]) -> int | None:
    """Return the fewest questions from which on the verdict is always `BETTER`."""
    fewest = None
    for row in reversed(rows):
        if row["verdict"] != BETTER:
            break
        fewest = row["n_train"]
    return fewest
