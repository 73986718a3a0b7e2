"""The figures of a report, drawn with matplotlib and the same bytes for the same data."""

import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.evaluation.baselines import CEILING, NOT_CALIBRATED, RAW, UNASKED, UNCALIBRATED, named
from distexp.run_folder import CALIBRATED
from distexp.types import CONDITION
from distexp.visible import visible

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

N_EXAMPLES = 6
COLOURS = {"human": "#4d4d4d", UNCALIBRATED: "#d95f02", "calibrated": "#1b9e77"}
VERDICTS = {"better": COLOURS["calibrated"], "worse": COLOURS[UNCALIBRATED]}


@contextmanager
def _plain() -> Iterator[None]:
    """Draw as matplotlib does by itself, whatever a `matplotlibrc` says; fix identifiers."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "distexp", "svg.fonttype": "none"})
        mpl.rcParams["pdf.fonttype"] = 42  # TrueType, which journals ask for
        mpl.rcParams["text.parse_math"] = False  # a dollar sign is one
        yield


@_plain()
def alignment(scores: "pl.DataFrame", labels: Mapping[str, str], path: Path) -> None:
    """Draw alignment by calibrator with its interval, the ceiling as a line, a panel a study.

    Parameters
    ----------
    scores : DataFrame
        The table of `distexp.report.tables.scores_schema`.
    labels : mapping of str to str
        What to call a calibrator; itself where missing.
    path : Path
        The SVG file to write.
    """
    import polars as pl

    rows = scores.filter(pl.col("metric") == "alignment", pl.col("value").is_not_null())
    studies = rows.partition_by(*CONDITION, maintain_order=True)
    height = 0.42 * rows.n_unique("calibrator") + 1.4
    figure, axes = _panels(max(1, len(studies)), width=4.6, height=height, sharex=True)
    for axis, study in zip(axes, studies, strict=False):
        panel = study.reverse()
        for place, row in enumerate(panel.iter_rows(named=True)):
            name, value = row["calibrator"], 100 * row["value"]
            reach = _reach(value, row, 100)
            colour = COLOURS["human" if name in UNASKED else "calibrated"]
            colour = COLOURS[UNCALIBRATED] if name == RAW else colour
            axis.errorbar(value, place, xerr=reach, fmt="o", color=colour, capsize=3)
            if name == CEILING:
                axis.axvline(value, color=COLOURS["human"], linestyle=":", linewidth=1)
        names = panel["calibrator"].to_list()
        axis.set_yticks(range(len(names)), [labels.get(name, name) for name in names])
        axis.set_title("\n".join(study.row(0)[1:4]), fontsize=9)
        axis.set_xlabel("alignment, points")
    for axis in axes[len(studies) :]:
        axis.set_axis_off()
    _save(figure, path)


@_plain()
def distributions(predictions: "pl.DataFrame", path: Path) -> None:
    """Draw human, uncalibrated and calibrated distributions of a few cases.

    The cases are spread evenly over questions and groups, not picked for their looks. The
    last study and the first calibrator that is no baseline are shown.

    Parameters
    ----------
    predictions : DataFrame
        The table of `distexp.report.tables.predictions_schema`.
    path : Path
        The SVG file to write.
    """
    import polars as pl

    calibrated = [
        name
        for name in predictions.columns
        if name.startswith(CALIBRATED) and name.removeprefix(CALIBRATED) not in NOT_CALIBRATED
    ][:1]
    *_, study = predictions.partition_by(*CONDITION, maintain_order=True)
    readable = study.filter(pl.col("status") == "ok")
    cases = readable.select("question_id", "attribute", "group").unique(maintain_order=True)
    n_shown = min(N_EXAMPLES, len(cases))
    places = [(index * len(cases) // n_shown + index) % len(cases) for index in range(n_shown)]
    picked = [
        readable.filter(*(pl.col(name).eq_missing(key) for name, key in case.items()))
        for case in (cases.row(at, named=True) for at in places)
    ]
    figure, axes = _panels(max(1, n_shown), width=3.4, height=2.6)
    figure.suptitle(", ".join(study.row(0)[:4]), fontsize=9)
    columns = {"human": "human", UNCALIBRATED: "predicted"}
    if calibrated:
        columns["calibrated"] = calibrated[0]
    for axis, case in zip(axes, picked, strict=False):
        width = 0.8 / len(columns)
        for place, (label, column) in enumerate(columns.items()):
            name = label if label != "calibrated" else column.removeprefix(CALIBRATED)
            heights = [100 * (share or 0.0) for share in case[column]]
            shift = (place - (len(columns) - 1) / 2) * width
            left = [index + shift for index in case["option_index"]]
            axis.bar(left, heights, width, color=COLOURS[label], label=name)
        axis.set_title(f"{case['question_id'][0]}: {case['group'][0]}", fontsize=9)
        axis.set_xticks(case["option_index"], [_short(option) for option in case["option"]])
        axis.tick_params(labelsize=7)
    for axis in axes[n_shown:]:
        axis.set_axis_off()
    axes[0].set_ylabel("share, %", fontsize=8)
    axes[0].legend(fontsize=7, frameon=False)
    _save(figure, path)


@_plain()
def dots(table: "pl.DataFrame", *, metric: str, path: Path) -> None:
    """Draw a metric with its interval, a line a label, a colour a calibrator.

    Parameters
    ----------
    table : DataFrame
        Has the columns `calibrator`, METRIC, METRIC_low and METRIC_high, and `label` or the
        columns of a condition.
    metric : str
    path : Path
        The SVG file to write.
    """
    import polars as pl

    if "label" not in table.columns:
        table = table.with_columns(pl.concat_str(CONDITION, separator=", ").alias("label"))
    table = table.filter(pl.col(metric).is_not_null())
    labels = table["label"].unique(maintain_order=True).to_list()[::-1]
    figure, (axis,) = _panels(1, width=8.0, height=0.3 * len(labels) + 1.4)
    calibrators = table.partition_by("calibrator", maintain_order=True)
    for number, rows in enumerate(calibrators):
        shift = 0.6 * ((number + 0.5) / len(calibrators) - 0.5)
        values, low, high = (rows[f"{metric}{end}"].to_numpy() for end in ("", "_low", "_high"))
        places = [labels.index(label) - shift for label in rows["label"]]
        # An interval may leave out its value where a ratio is skewed.
        reach = [(values - low).clip(0), (high - values).clip(0)]
        name = named(rows["calibrator"][0])
        axis.errorbar(values, places, xerr=reach, fmt="o", capsize=2, markersize=4, label=name)
    axis.set_yticks(range(len(labels)), [*map(_wrapped, labels)], fontsize=7)
    axis.set_xlabel(metric)
    if calibrators:
        axis.legend(fontsize=7, frameon=False)
    _save(figure, path)


@_plain()
def lines(table: "pl.DataFrame", *, x: str, metric: str, path: Path) -> None:
    """Draw a metric along `x` with its interval as a band, a panel a condition."""
    conditions = table.partition_by(*CONDITION, maintain_order=True)
    figure, axes = _panels(max(1, len(conditions)), width=4.2, height=3.2)
    for axis, condition in zip(axes, conditions, strict=False):
        for rows in condition.partition_by("calibrator", maintain_order=True):
            axis.plot(rows[x], rows[metric], marker=".", label=named(rows["calibrator"][0]))
            low, high = (rows[f"{metric}_{end}"].cast(float) for end in ("low", "high"))
            axis.fill_between(rows[x], low, high, alpha=0.12)
        axis.set_title("\n".join(condition.row(0)[1:4]), fontsize=9)
        axis.set_xlabel(x)
    for axis in axes[len(conditions) :]:
        axis.set_axis_off()
    axes[0].set_ylabel(metric)
    axes[0].legend(fontsize=7, frameon=False)
    _save(figure, path)


@_plain()
def bars(table: "pl.DataFrame", *, panel: str, label: str, value: str, path: Path) -> None:
    """Draw `value` as bars by `label`, a panel each value of `panel`; without those unknown."""
    panels = table.drop_nulls(value).partition_by(panel, maintain_order=True)
    figure, axes = _panels(max(1, len(panels)), width=3.2, height=2.6)
    for axis, rows in zip(axes, panels, strict=False):
        axis.bar(list(map(named, rows[label])), rows[value].to_list(), color=COLOURS["calibrated"])
        axis.set_title(f"{panel} {rows[panel][0]}", fontsize=9)
        axis.tick_params(labelsize=7)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    axes[0].set_ylabel(value)
    _save(figure, path)


def _panels(
    n: int, *, width: float, height: float, sharex: bool = False
) -> "tuple[Figure, list[Any]]":
    """Return a figure with room for `n` panels, three to a row."""
    from matplotlib.figure import Figure

    n_rows, n_columns = -(-n // 3), min(3, n)
    figure = Figure(figsize=(width * n_columns, height * n_rows), layout="constrained")
    axes = (
        figure.subplots(n_rows, n_columns, squeeze=False, sharey=True, sharex=sharex)
        .ravel()
        .tolist()
    )
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _short(option: str) -> str:
    """Break a label that is too long for its place, and say so where it is cut."""
    words = option.split()
    if len(option) < 10:
        return option
    return "\n".join(words if len(words) <= 4 else [*words[:4], "…"])


def _wrapped(label: str) -> str:
    """Break a label that would leave no room for what is drawn, and cut one of many lines."""
    return "\n".join(textwrap.wrap(label, 70, max_lines=3, placeholder=" …"))


def _save(figure: "Figure", path: Path) -> None:
    """Write the figure without its date; XML has no place for control characters."""
    drawn = io.StringIO()
    if path.suffix == ".pdf":
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(path, format="pdf", metadata={"CreationDate": None})
        return
    with warnings.catch_warnings():
        # Whoever shows the text, which is kept as text, has its fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    path.write_text(visible(drawn.getvalue()), encoding="utf-8")


def _reach(
    value: float, row: Mapping[str, float | None], scale: float = 1
) -> list[list[float]] | None:
    """Return how far an interval goes to both sides of its value; None where there is none."""
    low, high = row["low"], row["high"]
    if low is None or high is None:
        return None
    # An interval may leave out its value where draws are skewed.
    return [[max(value - scale * low, 0)], [max(scale * high - value, 0)]]


@_plain()
def differences(table: "pl.DataFrame", *, path: Path) -> None:
    """Draw differences with their intervals around 0, a panel a metric.

    Parameters
    ----------
    table : DataFrame
        Has the columns `label`, `metric`, `difference`, `low`, `high` and `verdict`.
    path : Path
        The SVG file to write.
    """
    panels = table.partition_by("metric", maintain_order=True)
    labels = table["label"].unique(maintain_order=True).to_list()[::-1]
    height = 0.3 * len(labels) + 1.4
    figure, axes = _panels(max(1, len(panels)), width=5.0, height=height)
    for axis, rows in zip(axes, panels, strict=False):
        for row in rows.iter_rows(named=True):
            value, place = row["difference"], labels.index(row["label"])
            reach = _reach(value, row)
            colour = VERDICTS.get(row["verdict"], COLOURS["human"])
            axis.errorbar(value, place, xerr=reach, fmt="o", capsize=2, markersize=4, color=colour)
        axis.axvline(0, color=COLOURS["human"], linestyle=":", linewidth=1)
        axis.set_yticks(range(len(labels)), [*map(_wrapped, labels)], fontsize=7)
        axis.set_xlabel(f"difference in {rows['metric'][0]}")
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    _save(figure, path)


@_plain()
def curves(
    table: "pl.DataFrame", *, x: str, colour: str, panels: Sequence[str], path: Path
) -> None:
    """Draw differences along `x` with their intervals as bands.

    Parameters
    ----------
    table : DataFrame
        Has the columns `difference`, `low`, `high` and those named.
    x, colour : str
        Columns: what to draw along, and whose values have a line each.
    panels : sequence of str
        Columns whose values have a panel each.
    path : Path
        The SVG file to write.
    """
    parts = table.partition_by(panels, maintain_order=True)
    figure, axes = _panels(max(1, len(parts)), width=5.0, height=3.8)
    for axis, panel in zip(axes, parts, strict=False):
        for rows in panel.sort(x).partition_by(colour, maintain_order=True):
            axis.plot(rows[x], rows["difference"], marker=".", label=named(rows[colour][0]))
            axis.fill_between(rows[x], rows["low"], rows["high"], alpha=0.1)
        axis.axhline(0, color=COLOURS["human"], linestyle=":", linewidth=1)
        axis.set_xscale("log")
        axis.set_title(", ".join(panel.select(panels).row(0)), fontsize=9)
        axis.set_xlabel(x)
    for axis in axes[len(parts) :]:
        axis.set_axis_off()
    if parts:
        axes[0].set_ylabel("difference")
        axes[0].legend(fontsize=7, frameon=False)
    _save(figure, path)


@_plain()
def power(n: Sequence[int], widths: Mapping[str, Sequence[float]], label: str, path: Path) -> None:
    """Draw the width of intervals by the number of people asked.

    Parameters
    ----------
    n : sequence of int
    widths : mapping of str to sequence of float
        A line each, of as many points.
    label : str
        Of the widths.
    path : Path
        The SVG file to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = _panels(1, width=5.0, height=3.4)
    colours = (COLOURS["human"], COLOURS[UNCALIBRATED], COLOURS["calibrated"])
    for (name, values), colour in zip(widths.items(), colours, strict=False):
        axes[0].plot(n, values, marker=".", color=colour, label=name)
    axes[0].set_xscale("symlog", linthresh=5)
    axes[0].set_xticks(n, [str(one) for one in n], fontsize=7)
    axes[0].set_ylim(0, 1)
    axes[0].set_xlabel("people asked, a question and group")
    axes[0].set_ylabel(label)
    axes[0].legend(fontsize=7, frameon=False)
    _save(figure, path)
