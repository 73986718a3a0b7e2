"""A leaderboard compares the same cases: those that every condition of a survey was scored on.

What a model could not be read on, or was shown, is often what is hard, so that a condition with
fewer cases looks better than it is. A condition with less than half of the cases that another has
is not ranked, and does not keep the others from being compared.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.evaluation.baselines import CEILING, RAW, REFERENCE
from distexp.evaluation.bootstrap import Bootstrap
from distexp.metrics.names import DISTANCES, keys
from distexp.metrics.ties import EQUAL
from distexp.report.tables import cases_schema, scanned
from distexp.run_folder import CASES
from distexp.types import CONDITION, FloatArray
from distexp.view.base import CASE, CONFIDENCE, N_BOOTSTRAP, SEED

if TYPE_CHECKING:
    import polars as pl

OF_RUN = ("run", *CONDITION)
"""Columns that name what is ranked, besides the calibrator."""
LEAST_SHARE = 0.5
"""Of the most cases of a survey, for a condition to be ranked."""
BLIND = "against "
"""Begins what says that skill is against another method than the training mean."""


def on_common_cases(
    scores: "pl.DataFrame", folders: Sequence[Path]
) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Score again, on the common cases, every condition that was scored on more of them.

    Parameters
    ----------
    scores : polars.DataFrame
        With the columns `OF_RUN`.
    folders : sequence of Path
        Of the runs, by their numbers. Their cases are read one run after the other, as those of
        many runs together may not fit into memory.

    Returns
    -------
    polars.DataFrame
        The scores. Of a condition that is scored again only what is made of distances is there.
    polars.DataFrame
        By `OF_RUN`: `n_cases` that the scores rest on, and whether it is `ranked`.
    """
    import polars as pl

    of_runs = (_tested(folders, number) for number in range(len(folders)))
    counts = pl.concat(
        one.group_by(OF_RUN, maintain_order=True).agg(pl.len().alias("n_cases")) for one in of_runs
    )
    most = pl.col("n_cases").max().over("dataset")
    counts = counts.with_columns((pl.col("n_cases") >= LEAST_SHARE * most).alias("ranked"))
    ranked = counts.filter("ranked")
    common = _in_all(folders, ranked)
    n_common = common.group_by("dataset").agg(pl.len().alias("n_common"))
    cut = ranked.join(n_common, on="dataset").filter(pl.col("n_cases") > pl.col("n_common"))
    if cut.height:
        again = _scored(scores, folders, common, cut)
        scores = pl.concat([scores.join(cut, on=OF_RUN, how="anti"), again], how="diagonal")
        counts = counts.join(cut.select(*OF_RUN, "n_common"), on=OF_RUN, how="left").with_columns(
            pl.coalesce("n_common", "n_cases").alias("n_cases")
        )
    return scores, counts.select(*OF_RUN, "n_cases", "ranked")


def _tested(folders: Sequence[Path], number: int) -> "pl.DataFrame":
    """Return the cases of one run that were scored, with the columns `OF_RUN` and `CASE`."""
    import polars as pl

    cases = scanned(folders[number] / CASES, cases_schema())
    tested = cases.filter(pl.col("calibrator") == RAW, pl.col("tv").is_not_null())
    of_run = tested.select(pl.lit(number).alias("run"), *CONDITION, *CASE).unique()
    return of_run.collect()


def _in_all(folders: Sequence[Path], ranked: "pl.DataFrame") -> "pl.DataFrame":
    """Return the cases of each survey that every ranked condition was scored on."""
    import polars as pl

    names = ["dataset", *CASE]
    n_ranked = ranked.group_by("dataset").agg(pl.len().alias("n_ranked"))
    counted = pl.DataFrame(schema={**dict.fromkeys(names, pl.String), "n": pl.UInt32})
    for number in ranked["run"].unique().sort():
        of_run = _tested(folders, number).join(ranked, on=OF_RUN, how="semi")
        of_run = of_run.group_by(names).agg(pl.len().alias("n"))
        counted = pl.concat([counted, of_run]).group_by(names).agg(pl.col("n").sum())
    common = counted.join(n_ranked, on="dataset").filter(pl.col("n") == pl.col("n_ranked"))
    return common.select(names)


def _scored(
    scores: "pl.DataFrame", folders: Sequence[Path], common: "pl.DataFrame", cut: "pl.DataFrame"
) -> "pl.DataFrame":
    """Return the scores of the conditions in `cut` on the cases that are common."""
    import polars as pl

    rows = []
    for key in cut.select(OF_RUN).sort("run").rows(named=True):
        same = [pl.col(name) == value for name, value in key.items()]
        cases = scanned(folders[key["run"]] / CASES, cases_schema()).filter(*same[1:]).collect()
        of_key = cases.join(common, on=["dataset", *CASE], how="semi", maintain_order="left")
        before = scores.filter(*same)
        known = before.unique("calibrator", maintain_order=True).rows(named=True)
        described = {row["calibrator"]: row for row in known}
        against = before.filter(pl.col("metric") == "w1_skill")["detail"].drop_nulls()
        rivals = {one.removeprefix(BLIND) for one in against} | {REFERENCE}
        for name, metric, value, low, high, n_questions in _values(of_key, sorted(rivals)):
            if name in described:
                new = {"metric": metric, "value": value, "low": low, "high": high}
                rows.append(described[name] | new | {"detail": None, "n_questions": n_questions})
    return pl.DataFrame(rows, schema=scores.schema).fill_nan(None)


def _values(
    cases: "pl.DataFrame", rivals: list[str]
) -> Iterator[tuple[str, str, float, float, float, int]]:
    """Yield calibrator, metric, value, interval and number of questions that it is of."""
    import polars as pl

    by_name = {
        str(name): of_name.sort(CASE)
        for (name,), of_name in cases.group_by("calibrator", maintain_order=True)
        if name != CEILING
    }
    codes = by_name[RAW].select(pl.col("question_id").rank("dense")).to_series().to_numpy()
    question = codes.astype(np.int64)
    bootstrap = Bootstrap(question, N_BOOTSTRAP, SEED)

    def mean(name: str, metric: str) -> FloatArray:
        values = by_name[name][metric].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return bootstrap.mean(values, question)

    raw = mean(RAW, "w1")
    means = [mean(name, "w1") for name in rivals if name in by_name]
    closest = min(means, key=lambda draws: float(draws[0]))
    for name in by_name:
        draws = {metric: mean(name, metric) for metric in keys(DISTANCES)}
        w1 = draws["w1"]
        draws["alignment"] = 1 - w1
        if name != RAW:
            draws["w1_reduction"] = _share(raw - w1, raw)
            draws["alignment_gain"] = _share(raw - w1, 1 - raw)
        if name != REFERENCE:
            draws["w1_skill"] = _share(closest - w1, closest)
        for metric, of_metric in draws.items():
            distance = metric if metric in keys(DISTANCES) else "w1"
            known = question[by_name[name][distance].is_not_null().to_numpy()]
            shown = bootstrap.interval(of_metric, known, CONFIDENCE)
            yield name, metric, *shown, len(np.unique(known))


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    share: FloatArray = part / np.where(whole > EQUAL, whole, np.nan)
    return share
