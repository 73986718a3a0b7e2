"""Every elicitation, from its file to a report; and what becomes of what cannot be read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from distexp.cache import ResponseCache
from distexp.dataset.embedded import EmbeddedSurvey
from distexp.evaluation.evaluation import Evaluation
from distexp.experiment import Experiment
from distexp.model.mock import MockModel
from distexp.prompt.template import PromptTemplate
from distexp.report.report import Report
from distexp.request import Request, Response

CONF = Path(__file__).parents[2] / "conf/elicitation"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))


class NoWordings(MockModel):
    """A mock that refuses to reword the question about space."""

    async def complete(self, request: Request) -> Response:
        """Answer, or refuse."""
        response = await super().complete(request)
        asked = json.dumps(request.body["messages"])
        refused = "different ways" in asked and "space exploration" in asked
        return replace(response, text="I would rather not.") if refused else response


def run(folder: Path, elicitation: str, model: MockModel) -> Report:
    """Ask about five questions for both sexes in one prompt style."""
    report = Experiment(
        model=model,
        dataset=EmbeddedSurvey(
            "gss2018",
            attributes=["sex"],
            questions=["natspac", "natenvir", "natheal", "abany", "abdefect"],
        ),
        elicitation=instantiate(OmegaConf.load(CONF / f"{elicitation}.yaml"), _convert_="all"),
        prompt={
            "sd": PromptTemplate(layout="{group}: {question}\n{options}\n{task}", audience="you")
        },
        calibrator={},
        cache=ResponseCache(folder),
        evaluation=Evaluation(n_splits=5, n_bootstrap=10, n_ceiling_draws=10),
        progress=False,
    ).run()
    assert isinstance(report, Report)
    return report


@pytest.mark.parametrize("elicitation", NAMES)
def test_mock_answers_every_elicitation(tmp_path: Path, elicitation: str) -> None:
    """Each reply of the mock can be read, and the estimates of different cases differ."""
    report = run(tmp_path, elicitation, MockModel())

    ((study,), unreadable) = report.studies, report.unreadable
    estimates = [estimate.reading for estimate in study.estimates]
    assert not unreadable
    assert None not in estimates
    assert len({reading.distribution for reading in estimates if reading}) > 3


def test_question_without_wordings_is_counted_and_never_asked(tmp_path: Path) -> None:
    """Its refusal is one unreadable reply, its two cases are parse errors, the rest is asked."""
    report = run(tmp_path, "paraphrase", NoWordings())

    ((study,), (reply,)) = report.studies, report.unreadable
    lost = [case.question.question_id for case, estimate in zip(
        study.cases, study.estimates, strict=True) if estimate.reading is None]  # fmt: skip
    assert (reply.question_id, reply.text) == ("natspac", "I would rather not.")
    assert "no list of wordings" in reply.reason
    assert lost == ["natspac", "natspac"]
    assert report.calls.misses == 5 + 4 * 2 * 10
    assert report.calls.parse_errors == 1
