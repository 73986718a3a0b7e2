"""What a run says in words, kept beside its tables: pages are made again from both alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.evaluation.evaluation import Result
from distexp.report import asked_tables
from distexp.report.explained import described, explained
from distexp.report.opening import opening
from distexp.report.verdicts import findings
from distexp.run_folder import ESTIMATES, QUESTIONS, REPLIES, SENTENCES
from distexp.types import Study

if TYPE_CHECKING:
    from distexp.report.report import Report


def write_words(report: "Report", folder: Path) -> None:
    """Write questions, prompts, replies and sentences, and the estimates of open cases."""
    asked_tables.questions(report.whole or report.studies).write_parquet(folder / QUESTIONS)
    asked_tables.replies(report.replies).write_parquet(folder / REPLIES)
    if report.estimated is not None:
        report.estimated.write_parquet(folder / ESTIMATES)
    text = json.dumps(told(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / SENTENCES).write_text(text, encoding="utf-8")


def told(report: "Report") -> dict[str, object]:
    """Return the sentences of a report, in Markdown, as `sentences.json` holds them."""
    alpha = 1 - report.evaluation.confidence
    return {
        "about": list(
            filter(None, [report.partial(), report.refused(), report.open(), *report.notes])
        ),
        "opening": list(opening(_outcomes(report), report.evaluation)),
        "described": _lines(described(report.survey)),
        "explained": _lines(explained(report.evaluation)),
        "estimates": report.estimates,
        "confidence": report.evaluation.confidence,
        "studies": [
            asdict(study.condition)
            | {
                "note": result.note,
                "ignoring": sorted(result.ignoring),
                "findings": _items(findings(result, alpha, report.evaluation.equivalence)),
            }
            for study, result in _outcomes(report)
        ],
    }


def _outcomes(report: "Report") -> list[tuple[Study, Result]]:
    return list(zip(report.studies, report.results, strict=True))


def _lines(text: Iterator[str]) -> list[str]:
    return [line for line in text if line]


def _items(text: str) -> Sequence[str]:
    """Return the items of a Markdown list."""
    return [line.removeprefix("- ") for line in text.splitlines() if line]
