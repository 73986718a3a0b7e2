"""The cases that all rows of a leaderboard share, found without holding two runs at once.

The cases of many runs together may not fit into memory; what is held is a row a case of the
survey, and a row a question for each row of the leaderboard.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from distexp.evaluation.baselines import CEILING
from distexp.page.tables import Tables
from distexp.types import CONDITION

if TYPE_CHECKING:
    import polars as pl

ROW = (*CONDITION, "calibrator")
CASE = ("question_id", "attribute", "group")


class Shared(NamedTuple):
    """What the rows of one survey have in common."""

    n_cases: int
    """Of the survey, in any run."""
    n_rows: int
    n_shared: int
    """Cases with an estimate in each row."""
    counts: list[int]
    """How many of these each question has."""
    sums: dict[tuple[Any, ...], list[float]]
    """By run, condition and calibrator: the sum of distances over them, question by question."""
    whole: set[tuple[Any, ...]]
    """Rows with no other case."""


def is_ordinal(run: Tables) -> list[tuple[str, bool]]:
    """Return the surveys of a run, and whether any case of them has a Wasserstein distance."""
    import polars as pl

    of_run = run.scanned_cases.group_by("dataset", maintain_order=True)
    return of_run.agg(pl.col("w1").is_not_null().any()).collect().rows()


def shared(runs: Mapping[int, Tables], dataset: str, metric: str) -> Shared:
    """Return what rows of a survey share, and their sums over that.

    Parameters
    ----------
    runs : mapping of int to Tables
        By their numbers; are read twice, one after the other.
    dataset : str
    metric : str
        Column of the distances, `w1` or `tv`.
    """
    import polars as pl

    counted = pl.DataFrame(schema={**dict.fromkeys(CASE, pl.String), "n": pl.UInt32})
    n_of = dict[tuple[Any, ...], int]()
    for job, run in runs.items():
        cases = _cases(run, dataset, metric)
        by_case = cases.group_by(CASE, maintain_order=True).agg(pl.col(metric).count().alias("n"))
        counted = (
            pl.concat([counted, by_case])
            .group_by(CASE, maintain_order=True)
            .agg(pl.col("n").sum())
        )
        by_row = cases.group_by(ROW, maintain_order=True).agg(pl.col(metric).count())
        n_of |= {(job, *row): n for *row, n in by_row.iter_rows() if n}
    common = counted.filter((pl.col("n") == len(n_of)) & (pl.col("n") > 0)).select(CASE)
    order = common.select("question_id").unique(maintain_order=True).with_row_index("place")
    sums: dict[tuple[Any, ...], list[float]] = {}
    for job, run in runs.items() if common.height else ():
        summed = (
            _cases(run, dataset, metric)
            .filter(pl.col(metric).is_not_null())
            .join(common, on=CASE, how="semi", maintain_order="left")
            .group_by(*ROW, "question_id", maintain_order=True)
            .agg(pl.col(metric).sum())
            .join(order, on="question_id", maintain_order="left")
        )
        for row, of_row in summed.partition_by(ROW, maintain_order=True, as_dict=True).items():
            sums[job, *row] = of_row.sort("place")[metric].to_list()
    counts = common.group_by("question_id", maintain_order=True).len()
    return Shared(
        n_cases=counted.height,
        n_rows=len(n_of),
        n_shared=common.height,
        counts=counts["len"].to_list(),
        sums=sums,
        whole={row for row, n in n_of.items() if n == common.height},
    )


def _cases(run: Tables, dataset: str, metric: str) -> "pl.DataFrame":
    """Return the distances of a run, a row a case and calibrator, without those of the ceiling."""
    import polars as pl

    of_run = run.scanned_cases.select(*ROW, *CASE, metric)
    return of_run.filter(pl.col("dataset") == dataset, pl.col("calibrator") != CEILING).collect()
