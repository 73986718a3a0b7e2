"""An interview whose unreadable replies are asked for again."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from distexp.asking.budget import Budget
from distexp.asking.interview import Interview, Interviewed
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.prompt.spoken import without_words
from distexp.types import Case, Survey
from tests.conftest import OpenAIServer, chat
from tests.faults.client import model_at


@pytest.fixture
def silent(openai_server: OpenAIServer) -> OpenAIServer:
    """Have a server say nothing of use about half of the questions, when first asked."""

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        odd = any(f"Question {n}?" in str(body["messages"]) for n in (1, 3, 5, 7, 9))
        return 200, chat(body, "No.") if odd and body["seed"] < 1_000_000 else chat(body)

    openai_server.answer = answer
    return openai_server


def interviewed(
    server: OpenAIServer, cases: list[Case], folder: Path, retries: int, calls: int | None = None
) -> Interviewed:
    """Ask about every case by verbalized percentages, one call at a time."""
    with initialize_config_module("distexp.conf", version_base="1.3"):
        settings = compose(
            "config", overrides=["elicitation=verbalized", "prompt=sociodemographic"]
        )
    interview = Interview(
        survey=Survey(name="s", cases=tuple(cases), digest="", licence="", citation=""),
        model=model_at(server.url, max_concurrency=1),
        elicitation=instantiate(settings.elicitation, _convert_="all"),
        prompt=without_words(instantiate(settings.prompt, _convert_="all"))[0],
        retries=retries,
    )
    cache = ResponseCache(folder)
    return interview.run(Runner(interview.model, cache, budget=Budget(calls=calls)))


def test_what_was_paid_for_in_this_run_is_no_hit(
    silent: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """Answers of the first round are read again in the second, and were paid for all the same."""
    asked = interviewed(silent, cases, tmp_path / "cache", retries=1)

    assert len(silent.requests) == len(asked.answers) == 20 + 10
    assert not any(answer.hit for answer in asked.answers.values())
    assert len(asked.unreadable) == 10


def test_a_case_whose_second_asking_the_budget_ends_keeps_its_first_reply(
    silent: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """Twenty calls pay for the first replies alone: ten cases are unreadable, and all asked."""
    asked = interviewed(silent, cases, tmp_path / "cache", retries=1, calls=20)

    (study,) = asked.studies
    assert all(estimate.asked for estimate in study.estimates)
    assert [estimate.reading is None for estimate in study.estimates].count(True) == 10
    assert len(asked.unreadable) == 10
