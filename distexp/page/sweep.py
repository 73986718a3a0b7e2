"""The data of a page of many runs: one leaderboard on the cases that all of its rows share.

Rows of one survey are compared where each of them has an estimate, so that none looks better for
having been spared what was hard. The page has a sum of distances by question for each row, from
which it draws intervals and tests any two rows.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distexp.evaluation.baselines import LABELS, RAW, REFERENCE, UNIFORM
from distexp.metrics.ties import DIGITS
from distexp.page.again import setting
from distexp.page.run import cases, head, metrics, replies, view
from distexp.page.shared import is_ordinal, shared
from distexp.page.tables import Tables, views
from distexp.run_folder import FAILURES, PAGE
from distexp.types import CONDITION

MOST_ROWS = 1500
"""Of a leaderboard; a page of more is no longer read."""
BASELINES = (UNIFORM, REFERENCE)
CHOSEN = frozenset({*CONDITION, "calibrator"})
"""Groups whose choice has a column of its own."""


def sweep(folder: Path, runs: Sequence[Tables]) -> dict[str, Any]:
    """Return the leaderboard, the runs and what failed."""
    names = [one.folder.relative_to(folder).as_posix() for one in runs]
    surveys = _surveys(runs, _settings(runs))
    failures = folder / FAILURES
    own_views = [] if (folder / "scores.parquet").exists() else views(folder).items()
    return {
        "kind": "sweep",
        "metrics": metrics(),
        "labels": LABELS,
        "surveys": surveys,
        "n_rows": sum(len(one["rows"]) for one in surveys),
        "jobs": [
            {
                "name": name,
                "said": _said(one),
                "raw": _raw(one),
                "missing": sum(s.get("n_unreadable", 0) for s in one.summary.get("studies", [])),
                "page": f"{name}/{PAGE}" if (one.folder / PAGE).is_file() else None,
                "inside": False,
            }
            for name, one in zip(names, runs, strict=True)
        ],
        "views": [view(name, *found) for name, found in own_views if name != "leaderboard"],
        "failures": failures.read_text(encoding="utf-8") if failures.is_file() else "",
    }


def inside(run: Tables) -> dict[str, Any]:
    """Return all that the page of one run shows."""
    return {"head": head(run), "cases": cases(run), "replies": replies(run)}


def _surveys(runs: Sequence[Tables], settings: Sequence[str]) -> list[dict[str, Any]]:
    """Return, by survey, the rows of the leaderboard on the cases that they share."""
    against = {(job, *row[:-4]): row[-4:] for job, one in enumerate(runs) for row in _against(one)}
    surveys = []
    ordinal = [dict(is_ordinal(run)) for run in runs]
    for dataset in dict.fromkeys(name for of_run in ordinal for name in of_run):
        metric = "w1" if any(of_run.get(dataset) for of_run in ordinal) else "tv"
        there = {job: run for job, run in enumerate(runs) if dataset in ordinal[job]}
        found = shared(there, dataset, metric)
        if not found.n_rows:
            continue
        rows = _rows(found.sums, runs, settings, against)
        known = [_values(run, metric) for run in runs]
        for row in rows:
            key = (*row.pop("study"), row["name"])
            job = row.pop("of")
            row["own"] = known[job].get(key) if (job, *key) in found.whole else None
        n_questions = len(found.counts)
        note = _note(dataset, found.n_shared, found.n_cases, n_questions, found.n_rows)
        surveys.append(
            {"name": dataset, "counts": found.counts, "rows": rows[:MOST_ROWS], "note": note}
        )
    return surveys


def _note(dataset: str, n_shared: int, n_cases: int, n_questions: int, n_rows: int) -> str:
    if not n_shared:
        return f"{dataset}: its {n_rows} rows share no case, so that none can be compared."
    more = f" The page shows the first {MOST_ROWS} rows." if n_rows > MOST_ROWS else ""
    return (
        f"{dataset}: {n_shared} of {n_cases} cases, of {n_questions} questions, have an estimate "
        f"in each of {n_rows} rows (those that are equal in all cases stand once); the "
        f"leaderboard is of these.{more}"
    )


def _rows(
    sums: "Mapping[tuple[Any, ...], Sequence[float]]",
    runs: Sequence[Tables],
    settings: Sequence[str],
    against: Mapping[tuple[Any, ...], Sequence[Any]],
) -> list[dict[str, Any]]:
    """Return the rows of one survey; those that are equal in every case stand once."""
    ignoring = [
        {tuple(one[name] for name in CONDITION): one.get("ignoring", []) for one in studies}
        for studies in (run.sentences.get("studies", []) for run in runs)
    ]
    once: set[tuple[Any, ...]] = set()
    rows, beside = [], []
    for key, of_row in sums.items():
        job, *condition, name = key
        by_question = [round(x, DIGITS) for x in of_row]
        asks = name not in {*BASELINES, *ignoring[job].get(tuple(condition), [])}
        told = against.get(key)
        row = {
            "job": job, "condition": condition, "name": name, "label": LABELS.get(name, name),
            "setting": settings[job], "sums": by_question, "asks": asks,
            "against": told and told[:1], "kind": told[1] if told else "baseline",
            "adds": told and told[3], "missing": _missing(runs[job], condition), "of": job,
            "study": condition,
        }  # fmt: skip
        if not asks:
            row |= {"condition": [condition[0], "", "", ""], "kind": "baseline"}
            row |= {"job": None} if name in BASELINES else {}
        same = (*row["condition"], name, *by_question)
        if same not in once:  # as the uncalibrated model is for any number of training questions
            once.add(same)
            rows.append(row)
            beside.append(condition[1:])
    alone = Counter((*row["condition"], row["name"]) for row in rows)
    for row in rows:
        if alone[(*row["condition"], row["name"])] == 1:
            row["setting"] = ""
    _tell_apart(rows, beside)
    return rows


def _tell_apart(rows: Sequence[dict[str, Any]], beside: Sequence[Sequence[str]]) -> None:
    """Say of rows of one name and setting beside which answers they stand, as some lack."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for place, row in enumerate(rows):
        alike.setdefault((*row["condition"], row["name"], row["setting"]), []).append(place)
    for places in alike.values():
        varied = [at for at in range(3) if len({beside[place][at] for place in places}) > 1]
        for place in places:
            if varied:
                said = f"beside {' '.join(beside[place][at] for at in varied)}"
                rows[place]["setting"] = ", ".join(filter(None, [rows[place]["setting"], said]))


def _values(run: Tables, metric: str) -> dict[tuple[Any, ...], list[float | None]]:
    """Return value and interval of each method of a run, by condition and name."""
    import polars as pl

    columns = (*CONDITION, "calibrator", "value", "low", "high")
    scores = run.scores.filter(pl.col("metric") == metric).select(columns)
    return {tuple(row[:-3]): [*map(_short, row[-3:])] for row in scores.rows()}


def _short(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, DIGITS)


def _against(run: Tables) -> list[tuple[Any, ...]]:
    """Return how each method compares with the training mean: difference, verdict and p-value.

    And whether it is closer than that and than all else that never asks the model; None where it
    is closer than that, learnt from human answers, and nothing was scored that does so alone.
    """
    import polars as pl

    alpha = 1 - run.sentences.get("confidence", 0.95)
    found = run.comparisons.filter(pl.col("metric") == "w1", pl.col("difference").is_not_null())
    columns = (*CONDITION, "method", "other", "difference", "low", "high", "p_holm")
    pairs: dict[tuple[Any, ...], tuple[float, str, float | None]] = {}
    for *condition, method, other, difference, low, high, p in found.select(columns).iter_rows():
        told = p is not None and p < alpha and not (low or 0) <= 0 <= (high or 0)
        verdict = ("better" if difference < 0 else "worse") if told else "level"
        opposite = {"better": "worse", "worse": "better"}.get(verdict, verdict)
        pairs[(*condition, method, other)] = difference, verdict, p
        pairs.setdefault((*condition, other, method), (-difference, opposite, p))
    ignoring = {
        tuple(one[name] for name in CONDITION): set(one.get("ignoring", [])) - {*BASELINES, RAW}
        for one in run.sentences.get("studies", [])
    }
    rows = []
    for (*condition, method, other), (difference, verdict, p) in pairs.items():
        if other != REFERENCE:
            continue
        blind = ignoring.get(tuple(condition), set()) - {method}
        closer = [verdict, *(pairs.get((*condition, method, of), (0, ""))[1] for of in blind)]
        adds = all(one == "better" for one in closer)
        unknown = adds and not blind and method != RAW
        rows.append((*condition, method, difference, verdict, p, None if unknown else adds))
    return rows


def _settings(runs: Sequence[Tables]) -> list[str]:
    """Return, by run, the settings without a column of their own that differ between runs."""
    found = []
    for run in runs:
        pairs = map(setting, run.changed)
        found.append({name: value for name, value in pairs if name not in CHOSEN})
    every = dict.fromkeys(name for one in found for name in one)
    varied = [name for name in every if len({one.get(name) for one in found}) > 1]
    last = Counter(name.rpartition(".")[2] for name in varied)
    short = {name: end if last[end := name.rpartition(".")[2]] == 1 else name for name in varied}
    return [", ".join(f"{short[n]} {one[n]}" for n in varied if n in one) for one in found]


def _missing(run: Tables, condition: Sequence[str]) -> int | None:
    for one in run.summary.get("studies", []):
        if [one.get(name) for name in CONDITION] == list(condition):
            missing: int | None = one.get("n_unreadable")
            return missing
    return None


def _said(run: Tables) -> str:
    """Return what a run asked of whom, in a line."""
    studies = run.summary.get("studies", [])
    parts = [dict.fromkeys(str(one.get(name, "")) for one in studies) for name in CONDITION]
    scored = (key.removesuffix(".w1") for one in studies for key in one if key.endswith(".w1"))
    own = dict.fromkeys(name for name in scored if name not in LABELS)
    return " · ".join(", ".join(part) for part in (*parts, own) if part)


def _raw(run: Tables) -> float | None:
    values = [one.get(f"{RAW}.w1") for one in run.summary.get("studies", [])]
    known = [value for value in values if value is not None]
    return min(known, default=None)
