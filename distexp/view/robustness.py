"""How much of a score hangs on the wording: a designed sweep, and the shares of its variance."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distexp.checks import parameter_error
from distexp.evaluation.baselines import RAW, UNASKED, named
from distexp.metrics.names import METRIC
from distexp.prompt.spoken import wording_in
from distexp.report import figures
from distexp.report.markdown import escaped
from distexp.run_folder import CALIBRATED
from distexp.types import FloatArray
from distexp.view.base import CASE, Runs
from distexp.visible import within

if TYPE_CHECKING:
    import polars as pl

FACTORS = ("order", "labels", "wording", "dont_know")
LABELS = ("numbers", "texts")
ORDERS = ("reversed", "shuffled")
USUAL = ("natural", "letters", "usual", "not offered")
SAID = {"dont_know": '"don\'t know"'}
ROUNDING = 1e-9
KEYS = ("dataset", "model", "prompt", "calibrator")
NUMBERS = (
    "usual", "usual_low", "usual_high", "mean", "sd", "best", "worst", "moved", *FACTORS,
    "interactions",
)  # fmt: skip
_NAME = re.compile(r"(?P<name>[^(]*?)(?: \((?P<varied>[^)]*)\))?")


class RobustnessView:
    """A score over all wordings of the same questions, and what of a wording moves it.

    Of each survey, model, prompt and calibrator the scores of all combinations are taken apart
    into main effects and the rest, which is interactions. The usual wording stands beside the
    mean over all, the spread and the extremes.

    Parameters
    ----------
    metric : str
    """

    name = "robustness"

    def __init__(self, *, metric: str = "w1") -> None:
        if metric not in METRIC:
            raise parameter_error(
                "RobustnessView", "metric", f"one of {', '.join(METRIC)}", metric
            )
        self.metric = metric

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return one row per `KEYS`; a share is null where none varies.

        `moved` is the mean total variation, in [0, 1], of the estimates at another wording from
        those of the same cases at the usual one; `n_missing` counts those that are missing.
        """
        import polars as pl

        scores = runs.scores.filter(
            pl.col("metric") == self.metric, ~pl.col("calibrator").is_in(UNASKED)
        )
        cells: dict[tuple[str, ...], dict[tuple[str, ...], dict[str, Any]]] = {}
        for row in scores.iter_rows(named=True):
            prompt, levels = levels_of(row["elicitation"], row["prompt"])
            if levels is not None and row["value"] is not None:
                key: tuple[str, ...] = (row["dataset"], row["model"], prompt, row["calibrator"])
                cells.setdefault(key, {}).setdefault(levels, row)
        rows = []
        for of, found in cells.items():
            row = taken_apart({levels: one["value"] for levels, one in found.items()})
            values = sorted((one["value"] for one in found.values()), key=self._badness)
            row |= {"best": values[0], "worst": values[-1]}
            usual = found.get(USUAL, {})
            row |= {"usual_low": usual.get("low"), "usual_high": usual.get("high")}
            rows.append(dict(zip(KEYS, of, strict=True)) | row | _between(runs, of, found))
        whole = dict.fromkeys(["n_wordings", "n_missing"], pl.Int64)
        schema = dict.fromkeys(KEYS, pl.String) | whole | dict.fromkeys(NUMBERS, pl.Float64)
        return pl.DataFrame(rows, schema=schema)

    def caption(self, table: "pl.DataFrame") -> str:
        """Say how far each model's score moves with the wording, and with what of it."""
        told = [self._told(row) for row in table.iter_rows(named=True) if row["n_wordings"] > 1]
        told += self._ahead(table)
        if (n_missing := table["n_missing"].sum()) and not table.is_empty():
            told.append(
                f"{n_missing:,} estimates are missing in some wordings, so that these are scored "
                "on fewer cases."
            )
        if not table.is_empty() and table["n_wordings"].max() != 1:
            told.append(
                "Wordings are all combinations of option order, labels, wording of the question, "
                'and "don\'t know" offered or not. '
                "The usual wording is one of many, and its interval is of other questions, not of "
                "other wordings: where wordings spread wider, one score says less than it seems."
            )
        else:
            told.append("These runs have one wording: distexp -m experiment=open/robustness.")
        return " ".join(told)

    def _told(self, row: Mapping[str, Any]) -> str:
        """Say how far one score moves."""
        usual, moved = "", ""
        if row["usual"] is not None:
            low, high = row["usual_low"], row["usual_high"]
            interval = within(low, high, "{:.4f}".format)
            usual = f"{row['usual']:.4f}{interval} as usually worded, "
        if row["moved"] is not None:
            moved = f"; another wording moves an estimate by {row['moved']:.3f} in total variation"
        shares = {name: row[name] for name in FACTORS if row[name] is not None}
        of_what = ""
        if shares:
            most = max(shares, key=lambda name: shares[name])
            of_what = (
                f"; of the variance {shares[most]:.0%} is {SAID.get(most, most)}, the most of the "
                f"{len(shares)}, and {row['interactions']:.0%} interactions"
            )
        of = [escaped(row[name]) for name in ("dataset", "prompt")]
        return (
            f"{METRIC[self.metric].label} of {escaped(row['model'])} on {', '.join(of)}, "
            f"{escaped(named(row['calibrator']))}: {usual}{row['mean']:.4f} on average over "
            f"{row['n_wordings']} wordings (sd {row['sd']:.4f}), {row['worst']:.4f} at the worst"
            f"{moved}{of_what}."
        )

    def _badness(self, value: float) -> float:
        """Return a number that is the greater, the worse a score is."""
        return {"small": value, "great": -value, "one": abs(value - 1)}[METRIC[self.metric].best]

    def _ahead(self, table: "pl.DataFrame") -> Iterator[str]:
        """Say of each survey what is best as usually worded, on average and at the worst."""
        for (dataset,), rows in table.group_by("dataset", maintain_order=True):
            if rows.height < 2 or rows["usual"].null_count() or table["n_wordings"].min() == 1:
                continue
            first = []
            for name in ("usual", "mean", "worst"):
                best = min(rows[name], key=self._badness)
                row = rows.row(rows[name].to_list().index(best), named=True)
                names = (row["model"], row["prompt"], named(row["calibrator"]))
                first.append(", ".join(map(escaped, names)))
            usual, mean, worst = first
            said = "on average and at the worst"
            if len(set(first)) > 1:
                said = f"{mean} on average, and {worst} at the worst"
            yield f"On {escaped(dataset)} {usual} is best as usually worded, {said}."

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the standard deviation over wordings as bars, a panel a model."""
        figures.bars(table, panel="model", label="calibrator", value="sd", path=path)


def _between(
    runs: Runs, key: Sequence[str], found: Mapping[tuple[str, ...], Mapping[str, Any]]
) -> dict[str, object]:
    """Return how far estimates at other wordings are from the usual ones, and what is missing."""
    import polars as pl

    dataset, model, _, calibrator = key
    column = "predicted" if calibrator == RAW else f"{CALIBRATED}{calibrator}"
    table = runs.predictions.filter(pl.col("dataset") == dataset, pl.col("model") == model)
    at = ("elicitation", "prompt")
    of = {
        levels: table.filter(*(pl.col(n) == row[n] for n in at)) for levels, row in found.items()
    }
    first = [one.filter(pl.col("option_index") == 0) for one in of.values()]
    n_missing = sum(int((one["status"] != "ok").sum()) for one in first)
    if USUAL not in of or column not in table.columns or len(of) < 2:
        return {"moved": None, "n_missing": n_missing}
    others = pl.concat([one for levels, one in of.items() if levels != USUAL])
    both = others.join(of[USUAL], on=[*CASE, "option_index"], suffix="_usual")
    apart = (pl.col(column) - pl.col(f"{column}_usual")).abs()
    moved = (
        both.group_by(*at, *CASE)
        .agg((apart.sum() / 2).alias("tv"), apart.null_count().alias("n_null"))
        .filter(pl.col("n_null") == 0, pl.col("tv").is_finite())["tv"]
        .mean()
    )
    return {"moved": moved, "n_missing": n_missing}


def levels_of(elicitation: str, prompt: str) -> tuple[str, tuple[str, ...] | None]:
    """Return the prompt without its wording, and the level of each factor.

    The levels are None where the elicitation names its variations in no way that is known.

    Examples
    --------
    >>> levels_of("verbalized (numbers, reversed)", "base (de, rephrased)")
    ('base (de)', ('reversed', 'numbers', 'rephrased', 'not offered'))
    """
    style, wording = wording_in(prompt)
    varied_name = _NAME.fullmatch(elicitation)
    if varied_name is None:
        return style, None
    varied = (varied_name["varied"] or "").split(", ")
    order = next((one for one in ORDERS if one in varied), "natural")
    labels = next((one for one in LABELS if one in varied), "letters")
    offered = "offered" if "don't know" in varied else "not offered"
    return style, (order, labels, wording or "usual", offered)


def taken_apart(found: Mapping[tuple[str, ...], float]) -> dict[str, Any]:
    """Return the shares of variance of each factor, by least squares, with mean and spread.

    A factor's share is what leaving it out of the main effects takes from the sum of squares: of a
    full design the classical one. It is None where the factor does not vary, or varies only
    together with others, and where the values differ by no more than rounding.
    """
    levels, values = list(found), np.array(list(found.values()))
    total = float(((values - values.mean()) ** 2).sum())
    row: dict[str, Any] = {
        "n_wordings": len(values),
        "usual": found.get(USUAL),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
    }
    if np.ptp(values) <= ROUNDING * np.abs(values).max() or len(values) < 2:
        return row | dict.fromkeys([*FACTORS, "interactions"])
    whole, rank = _residual(levels, values, range(len(FACTORS)))
    for place, factor in enumerate(FACTORS):
        others = [other for other in range(len(FACTORS)) if other != place]
        n_levels = len({one[place] for one in levels})
        without, rank_without = _residual(levels, values, others)
        alone = n_levels > 1 and rank - rank_without == n_levels - 1
        row[factor] = max(0.0, without - whole) / total if alone else None
    return row | {"interactions": whole / total}


def _residual(
    levels: Sequence[tuple[str, ...]], values: FloatArray, factors: Sequence[int]
) -> tuple[float, int]:
    """Return the sum of squares that the main effects of some factors leave, and their rank."""
    columns = [np.ones(len(values))]
    for place in factors:
        names = sorted({one[place] for one in levels})
        columns += [np.array([float(one[place] == name) for one in levels]) for name in names[1:]]
    design = np.column_stack(columns)
    effects, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    return float(((values - design @ effects) ** 2).sum()), int(rank)
