"""Write docs/reference/files.md: every file and column that a run leaves, from the schemas.

Run `python tools/dictionary.py` after a change of a table; a test compares.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import yaml

from distexp.metrics.names import DISTANCES, METRICS, TASKS
from distexp.report import asked_tables, kept_tables, tables

PAGE = Path(__file__).parents[1] / "docs/reference/files.md"

MEANING = PAGE.parents[2] / "tools/columns.yaml"


def page() -> str:
    """Return the page."""
    unreadable = tables.unreadable([]).collect_schema()
    files: dict[str, tuple[str, Mapping[str, object]]] = {
        "predictions.parquet": (
            "a row a case and option",
            {**tables.predictions_schema(), "calibrated_NAME": pl.Float64},
        ),
        "scores.parquet": ("a row a calibrator and metric", tables.scores_schema()),
        "new_topics.parquet": (
            "a row a calibrator and metric, with each battery held out as a whole; there where "
            "questions name two batteries",
            tables.scores_schema(),
        ),
        "comparisons.parquet": ("a row a pair of methods and metric", tables.comparisons_schema()),
        "group_scores.parquet": (
            "a row a calibrator and group of people; not there with evaluation.extras=false, as "
            "the next",
            kept_tables.group_scores_schema(),
        ),
        "spreads.parquet": ("a row a calibrator and attribute", kept_tables.spreads_schema()),
        "refits.parquet": (
            "a row a calibrator and group of questions that intervals leave out; not there with "
            "evaluation.intervals=bootstrap",
            kept_tables.refits_schema(),
        ),
        "cases.parquet": ("a row a case and calibrator", tables.cases_schema()),
        "unreadable.parquet": ("a row a reply that could not be read", unreadable),
        "replies.parquet": ("a row a case and prompt about it", asked_tables.replies_schema()),
        "questions.parquet": ("a row a question", asked_tables.questions_schema()),
        "trials.parquet": ("a row a trial of a tuning", tables.trials_schema()),
    }
    meaning = (
        yaml.safe_load(MEANING.read_text())
        | {one.key: f"{one.label} between predicted and human" for one in DISTANCES}
        | {
            f"moved_{one.key}": f"what the mean of `{one.key}` over other questions gains by it"
            for one in (*DISTANCES, *TASKS)
        }
    )
    lines = [
        "# Files and columns",
        "",
        "What a run leaves in its folder. The tables below are written from the schemas by "
        "`tools/dictionary.py`; "
        f"their version is {tables.SCHEMA} (`schema` in `summary.json`).",
        "",
        HEAD,
    ]
    for name, (rows, schema) in files.items():
        lines += ["", f"## {name}", "", f"{rows.capitalize()}.", ""]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{key}` | {kind} | {meaning[key]} |" for key, kind in schema.items()]
    lines += [
        "",
        "## Metrics",
        "",
        "| `metric` | shown as | better | since schema |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{one.key}` | {one.label} | {one.best} | {one.since} |" for one in METRICS]
    return "\n".join(lines) + "\n"


HEAD = """\
| file | what is in it |
|---|---|
| `report.html` | all of it for people: one file, made of the others; again by `distexp report` |
| `report.md`, `*.svg` | what was found, in words, tables and figures |
| `config.yaml`, `overrides.yaml` | the whole configuration, and what was typed |
| `requests.txt` | the keys of all answers used, one a line |
| `summary.json` | `schema`; `calls`: how many answers, from the cache (`hits`) and asked (`misses`), unreadable, and their cost; `partial`: why not all were asked, or null; `studies`: the main scores of each |
| `provenance.json` | `versions` of what computed; `models` that answered; `seed`; digests of data and requests; the survey's `language`, null where it names none; `licence`, `citation`, and whether the survey is `gated` |
| `sentences.json` | what the report says in words: its opening, and of each study the findings, of which methods `ignoring` the model |
| `estimates.parquet` | of open cases, as in the file `out` ([page](../predict.md)) |
| `*.parquet` | the tables below |"""  # noqa: E501

if __name__ == "__main__":
    PAGE.write_text(page())
