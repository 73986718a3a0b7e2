"""The data of one run's page: its tables as JSON, columns as lists, shares in ten-thousandths.

Only `head` is needed for the first sight of a page; `cases` and `replies` are unpacked after it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from distexp.evaluation.baselines import CEILING, LABELS, RAW, UNIFORM
from distexp.metrics.names import METRICS
from distexp.page.again import again
from distexp.page.tables import Tables, name_of
from distexp.page.words import pieces
from distexp.types import CONDITION

if TYPE_CHECKING:
    import polars as pl

SHARE = 10_000
"""What a share of 1 is in the page."""
MOST_ROWS = 400
"""Of a view's table; the file beside the page has all."""
MOST_ESTIMATES = 5000
"""Rows of estimates that go into a page."""
MOST_REPLIES = 20_000
"""Prompts with their replies that go into a page; of more, those that could not be read and the
first ones."""
NOT_DRAWN = (UNIFORM, CEILING)
"""Methods whose distributions say nothing that needs a picture."""
CASE = ("question_id", "attribute", "group")
METHODS = ("calibrator", "first", "second")
OF_CASE = ("kind", "wording", "status", "n_replies", "n_unreadable", "n_respondents", "mass")
"""What predictions repeat for each option."""


def metrics() -> list[dict[str, object]]:
    """Return what the page must know of each metric to show it."""
    return [
        {
            "key": metric.key, "label": metric.label, "note": metric.note, "best": metric.best,
            "scale": metric.shown.scale, "digits": metric.shown.digits,
            "unit": metric.shown.unit, "people": metric.shown.people,
        }
        for metric in METRICS
    ]  # fmt: skip


def head(tables: Tables) -> dict[str, Any]:
    """Return what is seen first: scores, sentences, calls, and how to run it again."""
    told = {_condition(one): one for one in tables.sentences.get("studies", [])}
    counted = {_condition(one): one for one in tables.summary.get("studies", [])}
    scores, compared = _by_study(tables.scores), _by_study(tables.comparisons)
    return {
        "kind": "run",
        "name": name_of(tables.folder),
        "metrics": metrics(),
        "labels": LABELS,
        "studies": [
            {
                "condition": list(key),
                "n_cases": counted.get(key, {}).get("n_cases"),
                "missing": counted.get(key, {}).get("n_unreadable"),
                "mass": counted.get(key, {}).get("mean_mass"),
                "scores": _scores(scores.get(key)),
                "comparisons": _comparisons(compared.get(key)),
                "ignoring": told.get(key, {}).get("ignoring", []),
                "findings": [pieces(line) for line in told.get(key, {}).get("findings", [])],
                "note": told.get(key, {}).get("note", ""),
            }
            for key in _studies(tables.predictions)
        ],
        **{
            part: [pieces(line) for line in tables.sentences.get(part, [])]
            for part in ("about", "opening", "described", "explained")
        },
        "confidence": tables.sentences.get("confidence", 0.95),
        "views": [view(name, *found) for name, found in tables.views().items()],
        "trials": tables.trials is not None and rows(tables.trials),
        "estimates": tables.estimates is not None and rows(tables.estimates, most=MOST_ESTIMATES),
        "estimates_said": [pieces(line) for line in _before_bars(tables.sentences)],
        "calls": tables.summary.get("calls", {}),
        "again": again(tables),
    }


def cases(tables: Tables) -> dict[str, Any]:
    """Return every case with its distributions and errors, and the questions."""
    import polars as pl

    questions: dict[tuple[str, str], int] = {}
    described: list[dict[str, Any]] = []
    groups: dict[tuple[str, str], int] = {}
    texts: dict[tuple[str, str], dict[str, Any]] = {}
    if tables.questions is not None:
        rows = tables.questions.iter_rows(named=True)
        texts = {(row["dataset"], row["question_id"]): row for row in rows}
    studies = []
    by_study = _by_study(tables.cases)
    of_groups, apart = (
        {} if table is None or not table.height else _by_study(table)
        for table in (tables.group_scores, tables.spreads)
    )
    for key, table in _by_study(tables.predictions).items():
        is_first = pl.col("option_index") == 0
        first = table.lazy().filter(is_first).select(*CASE, *OF_CASE).collect()
        options = _options(table)
        q, g = [], []
        for number, (question_id, attribute, group) in enumerate(first.select(CASE).iter_rows()):
            name = (key[0], question_id)
            if name not in questions:
                questions[name] = len(described)
                about = texts.get(name, {})
                described.append(
                    {
                        "id": question_id,
                        "text": about.get("question") or "",
                        "battery": about.get("battery"),
                        "kind": first["kind"][number],
                        "wording": first["wording"][number],
                        "options": [option for option, _ in options[question_id]],
                        "ordinals": [ordinal for _, ordinal in options[question_id]],
                    }
                )
            q.append(questions[name])
            g.append(groups.setdefault((attribute, group), len(groups)))
        studies.append(
            {"q": q, "g": g}
            | {
                short: first[name].to_list() if name == "status" else first[name]
                for short, name in (
                    ("status", "status"), ("replies", "n_replies"), ("lost", "n_unreadable"),
                )
            }
            | {"n": _rounded(first["n_respondents"], 1), "mass": _shares(first["mass"])}
            | {"human": _shares(table["human"]), "raw": _shares(table["predicted"])}
            | {"methods": _distributions(table)}
            | {"error": _errors(by_study.get(key), first)}
            | {"of_groups": _of_groups(of_groups.get(key), groups)}
            | {"spreads": _spreads(apart.get(key))}
        )  # fmt: skip
    return {"questions": described, "groups": list(groups), "studies": studies}


def replies(tables: Tables) -> dict[str, Any]:
    """Return prompts and replies, each text once, by study and case."""
    table = tables.replies
    if table is None or not table.height:
        return {"n": 0, "left_out": 0, "studies": {}}
    import polars as pl

    n = table.height
    if n > MOST_REPLIES:
        lost = table.filter(pl.col("status") != "ok").head(MOST_REPLIES // 2)
        kept = table.filter(pl.col("status") == "ok").head(MOST_REPLIES - lost.height)
        table = pl.concat([lost, kept])
    messages, of_row = _numbered(table["messages"])
    once = table.unique("key", maintain_order=True)
    keys = {key: number for number, key in enumerate(once["key"])}
    said = ("key", "text", "thought", "alternatives", "finish_reason", "provider_model")
    found: dict[str, dict[str, list[Any]]] = {}
    of_case: dict[tuple[str, ...], list[Any]] = {}
    columns = ("prompt", *CASE, "key", "draw", "option_order", "status", "reason", "mass", "read")
    for row, (style, q, a, g, key, *rest, read) in enumerate(table.select(columns).iter_rows()):
        if (style, q, a, g) not in of_case:
            case = json.dumps([q, a, g], ensure_ascii=False, separators=(",", ":"))
            of_case[style, q, a, g] = found.setdefault(style, {}).setdefault(case, [])
        shares = read and [None if one is None else round(one * SHARE) for one in read]
        of_case[style, q, a, g].append([keys[key], of_row[row], *rest, shares])
    return {
        "n": n,
        "left_out": n - table.height,
        "messages": [json.loads(text) for text in messages],
        "said": [list(row) for row in once.select(said).iter_rows()],
        "studies": found,
        "unreadable": _unreadable(tables.unreadable, keys),
    }


def rows(table: "pl.DataFrame", most: int = MOST_ROWS) -> dict[str, Any]:
    """Return any table: columns, and rows as far as a page shows them."""
    import polars.selectors as cs

    shown = table.head(most).with_columns(cs.float().round_sig_figs(6).fill_nan(None))
    numbers = [column.dtype.is_numeric() for column in table]
    return {
        "columns": table.columns,
        "numeric": numbers,
        "rows": [[_plain(cell) for cell in row] for row in shown.iter_rows()],
        "n": table.height,
    }


def view(name: str, caption: str, table: "pl.DataFrame") -> dict[str, Any]:
    """Return the table of a view with what it says."""
    import polars as pl

    lines = [pieces(line) for line in caption.split("\n") if line]
    methods = [one for one in METHODS if table.schema.get(one) == pl.String]
    shown = rows(table.with_columns(pl.col(methods).replace(LABELS)))
    return {"name": name, "caption": lines, **shown}


def _before_bars(sentences: dict[str, Any]) -> list[str]:
    """Return what is said of the estimates before they are drawn in letters."""
    said = str(sentences.get("estimates") or "").split("\n\n")[1:]
    first = (at for at, part in enumerate(said) if part.startswith(("**", "|", "Bars go")))
    return [part for part in said[: next(first, 2)] if part]


def _plain(cell: object) -> object:
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)


def _condition(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row.get(name, "")) for name in CONDITION)


def _studies(table: "pl.DataFrame") -> Iterator[tuple[str, ...]]:
    """Yield the condition of each study."""
    for key in table.select(CONDITION).unique(maintain_order=True).iter_rows():
        yield tuple(map(str, key))


def _by_study(table: "pl.DataFrame") -> "dict[tuple[str, ...], pl.DataFrame]":
    import polars as pl

    if table.select(pl.struct(CONDITION).n_unique()).item() == 1:
        return {tuple(map(str, table.select(CONDITION).row(0))): table}
    parts = table.partition_by(CONDITION, maintain_order=True, as_dict=True)
    return {tuple(map(str, key)): part for key, part in parts.items()}


def _scores(table: "pl.DataFrame | None") -> dict[str, dict[str, Any]]:
    """Return, by method, the counts and the value of each metric with its interval."""
    found: dict[str, dict[str, Any]] = {}
    columns = ("calibrator", "metric", "value", "low", "high", "detail")
    counts = ("n_questions", "n_groups", "n_train")
    for row in () if table is None else table.select(*columns, *counts).iter_rows():
        name, metric, *numbers, detail = row[: len(columns)]
        of_one = found.setdefault(name, {"n": row[len(columns) :], "of": {}})
        of_one["of"][metric] = [*map(_short, numbers), *([detail] if detail else [])]
    return found


def _comparisons(table: "pl.DataFrame | None") -> list[Any]:
    if table is None:
        return []
    columns = ("method", "other", "metric", "difference", "low", "high", "p", "p_holm")
    return [
        [*row[:3], *map(_short, row[3:])]
        for row in table.select(columns).iter_rows()
        if row[2] in {"w1", "tv"}
    ]


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.6g}")


def _options(table: "pl.DataFrame") -> dict[str, list[tuple[str, float | None]]]:
    """Return the options of each question with their ordinals."""
    found: dict[str, list[tuple[str, float | None]]] = {}
    columns = ("question_id", "option_index", "option", "ordinal")
    once = table.select(columns).unique(columns[:2], keep="first", maintain_order=True)
    for question_id, _, option, ordinal in once.iter_rows():
        found.setdefault(question_id, []).append((option, ordinal))
    return found


def _distributions(table: "pl.DataFrame") -> "dict[str, pl.Series]":
    prefix = "calibrated_"
    names = [name.removeprefix(prefix) for name in table.columns if name.startswith(prefix)]
    drawn = [name for name in names if name not in {RAW, *NOT_DRAWN}]
    shares = {name: table[f"{prefix}{name}"] for name in drawn}
    return {name: _shares(of) for name, of in shares.items() if of.null_count() < len(of)}


def _errors(table: "pl.DataFrame | None", first: "pl.DataFrame") -> dict[str, Any]:
    """Return, by method, the W1 of each case, or the total variation where there is no scale."""
    import polars as pl

    if table is None:
        return {}
    found = {}
    errors = table.select("calibrator", pl.coalesce("w1", "tv").alias("error"))
    for (name,), of_one in errors.partition_by(
        "calibrator", maintain_order=True, as_dict=True
    ).items():
        if of_one.height == first.height:
            found[str(name)] = _shares(of_one["error"])
    return found


def _of_groups(
    table: "pl.DataFrame | None", groups: dict[tuple[str, str], int]
) -> dict[str, list[Any]] | None:
    """Return, by method, number, distance and interval of every group, and of how many questions.

    None where a run of an earlier version left none.
    """
    if table is None:
        return None
    found: dict[str, list[Any]] = {}
    columns = ("calibrator", "attribute", "group", "w1", "low", "high", "n_questions")
    for name, attribute, group, *numbers, n in table.select(columns).iter_rows():
        if (attribute, group) in groups:
            row = [groups[attribute, group], *map(_short, numbers), n]
            found.setdefault(name, []).append(row)
    return found


def _spreads(table: "pl.DataFrame | None") -> dict[str, dict[str, list[Any]]]:
    """Return, by attribute and method, the humans' spread, the ratio to it, and of how many."""
    found: dict[str, dict[str, list[Any]]] = {}
    columns = ("attribute", "calibrator", "human_sd", "ratio", "low", "high", "n_questions")
    for attribute, name, *numbers, n in () if table is None else table.select(columns).iter_rows():
        found.setdefault(attribute, {})[name] = [*map(_short, numbers), n]
    return found


def _shares(column: "pl.Series") -> "pl.Series":
    import polars as pl

    return (column.cast(pl.Float64) * SHARE).round().cast(pl.Int64)


def _rounded(column: "pl.Series", digits: int) -> "pl.Series":
    import polars as pl

    return column.cast(pl.Float64).round(digits)


def _numbered(column: "pl.Series") -> tuple[list[str], list[int]]:
    """Return the different values, and the number of each row's."""
    numbers: dict[str, int] = {}
    of_row = [numbers.setdefault(value, len(numbers)) for value in column]
    return list(numbers), of_row


def _unreadable(table: "pl.DataFrame | None", shown: dict[str, int]) -> list[list[Any]]:
    """Return what could not be read and is not among the replies: asked again, or before."""
    if table is None:
        return []
    columns = ("prompt", *CASE, "draw", "option_order", "reason", "text", "key")
    return [list(row) for row in _others(table.select(columns).iter_rows(), shown)][:MOST_ROWS]


def _others(found: Iterator[Sequence[Any]], shown: dict[str, int]) -> Iterator[Sequence[Any]]:
    yield from (row for row in found if row[-1] not in shown)
