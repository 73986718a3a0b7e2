"""`report.md`: everything that a run says, in one text."""

from typing import TYPE_CHECKING

from distexp.report.counted import masses, n_unreadable
from distexp.report.explained import described, explained
from distexp.report.markdown import escaped
from distexp.report.opening import opening

if TYPE_CHECKING:
    from distexp.report.report import Report

FIGURES = (
    "## Figures",
    "",
    "![Alignment by method, with baselines and ceiling](alignment.svg)",
    "",
    "![Human, uncalibrated and calibrated distributions](distributions.svg)",
    "",
)


def document(report: "Report", figures: bool) -> str:
    """Return the text; `figures` says whether they were drawn."""
    evaluation, calls = report.evaluation, report.calls
    outcomes = zip(report.studies, report.results, strict=True)
    n_lost = sum(map(n_unreadable, report.studies))
    n_estimates = sum(len(study.estimates) for study in report.studies)
    cost = "unknown" if calls.original_cost_usd is None else f"${calls.original_cost_usd:.2f}"
    return "\n".join(
        [
            f"# {escaped(report.survey.name)}: how close do the model's distributions come?",
            "",
            *(f"- {line}" for line in opening(outcomes, evaluation)),
            "",
            *described(report.survey),
            "",
            f"{calls.total} distinct requests, price {cost}; {calls.parse_errors} replies "
            f"could not be read; {n_lost} of {n_estimates} estimates are missing.",
            *masses(report.studies),
            "",
            "## Scores",
            "",
            *explained(evaluation),
            "",
            report.markdown(),
            "",
            *(FIGURES if figures else ()),
            "## Source of the human answers",
            "",
            f"{escaped(report.survey.citation)} Licence: {escaped(report.survey.licence)}",
            "",
        ]
    )
