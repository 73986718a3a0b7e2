"""Scores picked and ordered: which condition, which calibrator, how far."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_text, parameter_error
from distexp.evaluation.baselines import named
from distexp.metrics.names import METRIC
from distexp.metrics.ties import DIGITS
from distexp.report import figures
from distexp.report.markdown import escaped
from distexp.types import CONDITION
from distexp.view.base import Runs
from distexp.view.common import OF_RUN, on_common_cases
from distexp.visible import counted, within

if TYPE_CHECKING:
    import polars as pl


class ScoreView:
    """The chosen metrics of the chosen calibrators, a row a condition.

    Parameters
    ----------
    name : str
        Of the files.
    question : str
        What the table answers.
    metrics : sequence of str
        The first one orders the rows and is drawn.
    calibrators : sequence of str, optional
        None takes all.
    leave_out : sequence of str
        Calibrators to leave out.
    x : str, optional
        A column to draw along, e.g. `n_train`; rows are then ordered by it.
    """

    reads_cases = False

    def __init__(
        self,
        *,
        name: str,
        question: str,
        metrics: Sequence[str],
        calibrators: Sequence[str] | None = None,
        leave_out: Sequence[str] = (),
        x: str | None = None,
    ) -> None:
        check_text("ScoreView", "name", name)
        check_text("ScoreView", "question", question)
        if not metrics or any(metric not in METRIC for metric in metrics):
            wanted = f"a list out of {', '.join(METRIC)}"
            raise parameter_error("ScoreView", "metrics", wanted, metrics)
        if x not in {None, "n_train"}:
            raise parameter_error("ScoreView", "x", "n_train or null", x)
        self.name = name
        self.question = question
        self.metrics = tuple(metrics)
        self.calibrators = calibrators
        self.leave_out = leave_out
        self.x = x

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per condition and calibrator: value, low and high of each metric."""
        import polars as pl

        keys = [*CONDITION, "calibrator", "scope", "n_train", "run"]
        scores = runs.scores.with_columns(run=0) if runs.by_run is None else runs.by_run
        counted = None
        if self.x is None and runs.folders:
            scores, counted = on_common_cases(scores, runs.folders)
        chosen = scores.filter(~pl.col("calibrator").is_in(list(self.leave_out)))
        if self.calibrators is not None:
            chosen = chosen.filter(pl.col("calibrator").is_in(list(self.calibrators)))
        table = chosen.select(*keys, "n_questions").unique(keys, maintain_order=True)
        for metric in self.metrics:
            of_metric = chosen.filter(pl.col("metric") == metric).select(
                *keys,
                pl.col("value").alias(metric),
                pl.col("low").alias(f"{metric}_low"),
                pl.col("high").alias(f"{metric}_high"),
            )
            table = table.join(of_metric, on=keys, how="left", maintain_order="left")
        if counted is not None and runs.missing is not None:
            counted = counted.join(runs.missing, on=OF_RUN, how="left")
            table = table.join(counted, on=OF_RUN, how="left", maintain_order="left")
        # A row is of one run: those of runs that differ in a seed, say, stand one below the other.
        table = table.drop("run").unique(maintain_order=True)
        if self.x:
            return table.sort(*CONDITION, "calibrator", self.x)
        best, first = METRIC[self.metrics[0]].best, pl.col(self.metrics[0])
        unranked = [~pl.col("ranked")] if "ranked" in table.columns else []
        return table.sort(
            "dataset",
            *unranked,
            ((first - 1).abs() if best == "one" else first).round(DIGITS),
            descending=[False, *(False for _ in unranked), best == "great"],
            nulls_last=True,
            maintain_order=True,
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """Name the first row of each dataset, with its interval."""
        metric = self.metrics[0]
        if self.x or table[metric].is_null().all():
            return self.question
        answers = []
        for dataset in table.partition_by("dataset", maintain_order=True):
            best = dataset.row(0, named=True)
            if best[metric] is not None:
                survey, model, elicitation, prompt = (escaped(best[name]) for name in CONDITION)
                calibrator = escaped(named(best["calibrator"]))
                ends = (best[f"{metric}_low"], best[f"{metric}_high"])
                n = best["n_questions"]
                over = "" if n is None else f" over {counted(n, 'question')}"
                answers.append(
                    f"On {survey}: {model}, {elicitation}, prompt {prompt}, {calibrator}: "
                    f"{metric} {best[metric]:.3f}{within(*ends, '{:.3f}'.format)}{over} (the best "
                    f"of {dataset.height} by this metric, so it flatters)."
                )
        return " ".join([self.question, *answers, *_same_cases(table)])

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the first metric: lines along `x`, or dots."""
        if self.x:
            figures.lines(table, x=self.x, metric=self.metrics[0], path=path)
        else:
            figures.dots(table, metric=self.metrics[0], path=path)


def _same_cases(table: "pl.DataFrame") -> list[str]:
    """Say what the rows of a dataset have in common, where they do not all have the same cases."""
    if "ranked" not in table.columns:
        return []
    said = []
    if table["n_missing"].sum() or not table["ranked"].all():
        said.append(
            "Rows of a survey are compared on the cases that all of them were scored on (n_cases)."
        )
    if not table["ranked"].all():
        said.append(
            "A row that is not ranked has less than half of another's cases: it stands below, "
            "with its own cases."
        )
    return said
