"""How much of a score hangs on the wording: a designed sweep, and the shares of its variance."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distexp.checks import parameter_error
from distexp.evaluation.baselines import UNASKED, named
from distexp.metrics.names import METRIC
from distexp.report import figures
from distexp.report.markdown import escaped
from distexp.types import FloatArray
from distexp.view.base import Runs

if TYPE_CHECKING:
    import polars as pl

FACTORS = ("order", "labels", "wording", "dont_know")
LABELS = ("numbers", "texts")
ORDERS = ("reversed", "shuffled")
WORDINGS = ("base", "rephrased")
USUAL = ("natural", "letters", "base", "not offered")
SAID = {"dont_know": '"don\'t know"'}
_NAME = re.compile(r"(?P<name>[^(]*?)(?: \((?P<varied>[^)]*)\))?")


class RobustnessView:
    """Shares of a score's variance that are order, labels, wording, and "don't know".

    Of each survey, model and calibrator the scores of all combinations are taken apart into main
    effects and the rest, which is interactions. The usual wording stands beside the mean over all.

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
        """Return one row per survey, model and calibrator; a share is null where none varies."""
        import polars as pl

        scores = runs.scores.filter(
            pl.col("metric") == self.metric, ~pl.col("calibrator").is_in(UNASKED)
        )
        keys = ("dataset", "model", "calibrator")
        rows = []
        for key, cell in scores.group_by(keys, maintain_order=True):
            found: dict[tuple[str, ...], float] = {}
            for elicitation, prompt, value in cell.select(
                "elicitation", "prompt", "value"
            ).iter_rows():
                levels = levels_of(elicitation, prompt)
                if levels is not None and value is not None:
                    found.setdefault(levels, value)
            if found:
                rows.append(dict(zip(keys, key, strict=True)) | taken_apart(found))
        numbers = ["usual", "mean", "sd", "least", "most", *FACTORS, "interactions"]
        schema = dict.fromkeys(keys, pl.String) | {"n_wordings": pl.Int64}
        return pl.DataFrame(rows, schema=schema | dict.fromkeys(numbers, pl.Float64))

    def caption(self, table: "pl.DataFrame") -> str:
        """Say how far each model's score moves with the wording, and with what of it."""
        told = [
            f"{METRIC[self.metric].label} over every combination of option order, labels, "
            'wording, and "don\'t know" offered or not; shares of its variance.'
        ]
        for row in table.iter_rows(named=True):
            shares = {name: row[name] for name in FACTORS if row[name] is not None}
            if not shares:
                continue
            most = max(shares, key=lambda name: shares[name])
            usual = "" if row["usual"] is None else f"{row['usual']:.4f} as usually worded, "
            told.append(
                f"{escaped(row['model'])} on {escaped(row['dataset'])}, "
                f"{escaped(named(row['calibrator']))}: {usual}{row['mean']:.4f} on average, from "
                f"{row['least']:.4f} to {row['most']:.4f}; most is {SAID.get(most, most)} "
                f"({shares[most]:.0%})."
            )
        if table.is_empty() or table["n_wordings"].max() == 1:
            told.append("These runs have one wording: distexp -m experiment=open/robustness.")
        return " ".join(told)

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the standard deviation over wordings as bars, a panel a model."""
        figures.bars(table, panel="model", label="calibrator", value="sd", path=path)


def levels_of(elicitation: str, prompt: str) -> tuple[str, ...] | None:
    """Return the level of each factor; None of a condition that is no part of the design.

    Examples
    --------
    >>> levels_of("verbalized (numbers, reversed)", "rephrased")
    ('reversed', 'numbers', 'rephrased', 'not offered')
    """
    named = _NAME.fullmatch(elicitation)
    if named is None or prompt not in WORDINGS:
        return None
    varied = (named["varied"] or "").split(", ")
    order = next((one for one in ORDERS if one in varied), "natural")
    labels = next((one for one in LABELS if one in varied), "letters")
    return order, labels, prompt, "offered" if "don't know" in varied else "not offered"


def taken_apart(found: Mapping[tuple[str, ...], float]) -> dict[str, object]:
    """Return the shares of variance of each factor, by least squares, with mean and spread.

    A factor's share is what leaving it out of the main effects takes from the sum of squares: of a
    full design the classical one.
    """
    levels, values = list(found), np.array(list(found.values()))
    total = float(((values - values.mean()) ** 2).sum())
    row: dict[str, object] = {
        "n_wordings": len(values),
        "usual": found.get(USUAL),
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "least": float(values.min()),
        "most": float(values.max()),
    }
    if total <= 0 or len(values) < 2:
        return row | dict.fromkeys([*FACTORS, "interactions"])
    whole = _residual(levels, values, range(len(FACTORS)))
    for place, factor in enumerate(FACTORS):
        others = [other for other in range(len(FACTORS)) if other != place]
        varies = len({one[place] for one in levels}) > 1
        row[factor] = (_residual(levels, values, others) - whole) / total if varies else None
    return row | {"interactions": whole / total}


def _residual(
    levels: Sequence[tuple[str, ...]], values: FloatArray, factors: Sequence[int]
) -> float:
    """Return the sum of squares that the main effects of some factors leave."""
    columns = [np.ones(len(values))]
    for place in factors:
        names = sorted({one[place] for one in levels})
        columns += [np.array([float(one[place] == name) for one in levels]) for name in names[1:]]
    design = np.column_stack(columns)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(((values - fitted) ** 2).sum())
