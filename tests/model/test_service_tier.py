"""What a call costs is what the tier costs that its reply says has served it."""

from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distexp.asking.budget import Budget
from distexp.asking.interview import Interview, Interviewed
from distexp.asking.plan import discount
from distexp.asking.runner import Runner
from distexp.cache import ResponseCache
from distexp.elicitation.verbalized import Verbalized
from distexp.model.litellm import LiteLLMModel
from distexp.model.litellm_reply import tier_of
from distexp.model.prices import list_price, price_served
from distexp.prompt.template import PromptTemplate
from distexp.protocols import Capabilities
from distexp.types import Case, Survey
from tests.conftest import OpenAIServer, chat

USUAL = list_price("openai", "gpt-6-luna")
FLEX = list_price("openai", "gpt-6-luna", "_flex")
PRIORITY = list_price("openai", "gpt-6-luna", "_priority")
STYLE = PromptTemplate(layout="{question}\n{options}\n{group}\n{task}", audience="people")
GEMINI: dict[str, Any] = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": '{"A": 20, "B": 30, "C": 50}'}]},
            "index": 0,
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18},
}


class AtListPrice(LiteLLMModel):
    """A local server that is paid like the provider."""

    @cached_property
    def price(self) -> tuple[float, float] | None:
        """Return the list price of the tier asked for."""
        return list_price(self.provider, self.name, "_flex" if self.service_tier else "")

    def price_served(self, tier: object) -> tuple[float, float] | None:
        """Return that of the tier that a reply names."""
        return price_served(self.provider, self.name, self.price, tier)


def interviewed(
    server: OpenAIServer, cases: list[Case], folder: Path, usd: float | None = None, **model: Any
) -> tuple[Interviewed, Budget]:
    """Ask about every case, and return what came of it and what it took."""
    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    luna = {"name": "gpt-6-luna", "provider": "openai", "reasoning_effort": "none"}
    at: dict[str, Any] = {"capabilities": can, **luna, **model}
    asks = AtListPrice(**at, api_base=server.url, max_concurrency=1)
    interview = Interview(
        survey=Survey(name="s", cases=tuple(cases), digest="", licence="", citation=""),
        model=asks,
        elicitation=Verbalized(task="t"),
        prompt={"base": STYLE},
    )
    budget = Budget(usd=usd)
    return interview.run(Runner(asks, ResponseCache(folder), budget=budget)), budget


@pytest.mark.parametrize(
    ("tier", "price"),
    [
        (None, FLEX), ("", FLEX), ("flex", FLEX), ("FLEX", FLEX), ("ON_DEMAND_FLEX", FLEX),
        ("default", USUAL), ("standard", USUAL), ("ON_DEMAND", USUAL), ("scale", USUAL),
        ("priority", PRIORITY), ("ON_DEMAND_PRIORITY", PRIORITY), (3, FLEX), ({}, FLEX),
    ],
)  # fmt: skip
def test_tier_that_a_reply_names_has_its_price(tier: object, price: tuple[float, float]) -> None:
    """One that it does not name is the one that was asked for; an unknown one is the usual."""
    assert price_served("openai", "gpt-6-luna", FLEX, tier) == price


def test_price_that_was_given_is_the_price() -> None:
    """Whatever a reply says: who gives one knows it."""
    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    known: dict[str, Any] = {"name": "gpt-6-luna", "provider": "openai", "capabilities": can}
    given = LiteLLMModel(**known, usd_per_million_tokens=[1, 2])
    own = LiteLLMModel(**known, api_base="http://127.0.0.1:1/v1")

    assert given.price_served("priority") == (1e-6, 2e-6)
    assert own.price_served("priority") is None
    assert LiteLLMModel(**known).price_served("priority") == PRIORITY


@pytest.mark.parametrize(
    ("asked", "served", "price", "dearer"),
    [
        ("flex", "flex", FLEX, 0),
        ("flex", "default", USUAL, 20),
        ("flex", None, FLEX, 0),
        (None, "priority", PRIORITY, 20),
        (None, "flex", FLEX, 0),
    ],
)
def test_costs_budget_and_report_count_the_tier_that_served(
    asked: str | None,
    served: str | None,
    price: tuple[float, float],
    dearer: int,
    openai_server: OpenAIServer,
    cases: list[Case],
    tmp_path: Path,
) -> None:
    """Twenty calls of 11 and 7 tokens; a run that reads them again has nothing to say."""
    openai_server.answer = lambda body, _: (200, {**chat(body), "service_tier": served})

    found, budget = interviewed(openai_server, cases, tmp_path, service_tier=asked)
    again, _ = interviewed(openai_server, cases, tmp_path, service_tier=asked)

    cost = 11 * price[0] + 7 * price[1]
    costs = [one.response.cost_usd for one in found.answers.values()]
    assert costs == pytest.approx([cost] * 20)
    assert budget.spent.usd == pytest.approx(20 * cost)
    told = [note for note in found.notes if "dearer service tier" in note]
    assert [note.partition(" of 20 calls")[0] for note in told] == [f"**{dearer}"] * bool(dearer)
    assert not any("dearer" in note for note in again.notes)


def test_budget_ends_by_what_was_paid_and_not_by_what_was_asked_for(
    openai_server: OpenAIServer, cases: list[Case], tmp_path: Path
) -> None:
    """Flex would have paid for all twenty calls; served as usual the money ends at half."""
    openai_server.answer = lambda body, _: (200, {**chat(body), "service_tier": "default"})
    assert FLEX is not None
    usd = 20 * (11 * FLEX[0] + 7 * FLEX[1])

    found, budget = interviewed(openai_server, cases, tmp_path, usd, service_tier="flex")

    assert len(found.answers) <= 10
    assert budget.spent.usd <= 1.1 * usd


@pytest.mark.parametrize(
    ("header", "traffic", "tier"),
    [
        ("standard", None, ""), ("flex", None, "_flex"), (None, "ON_DEMAND", ""),
        (None, "ON_DEMAND_FLEX", "_flex"), ("standard", "ON_DEMAND_FLEX", ""),
        (None, None, "_flex"),
    ],
)  # fmt: skip
def test_gemini_says_it_in_a_header_or_as_traffic(
    header: str | None,
    traffic: str | None,
    tier: str,
    openai_server: OpenAIServer,
    cases: list[Case],
    tmp_path: Path,
) -> None:
    """The header counts where there are both."""
    usage = {**GEMINI["usageMetadata"], **({"trafficType": traffic} if traffic else {})}
    openai_server.answer = lambda *_: (200, {**GEMINI, "usageMetadata": usage})
    openai_server.headers = {"x-gemini-service-tier": header} if header else {}

    found, _ = interviewed(
        openai_server, cases[:1], tmp_path,
        name="gemini-3.5-flash", provider="gemini", reasoning_effort=None, service_tier="flex",
    )  # fmt: skip

    (answer,) = found.answers.values()
    assert answer.response.price_usd_per_token == list_price("gemini", "gemini-3.5-flash", tier)


def test_reply_of_litellm_without_a_tier_names_none() -> None:
    """Whatever its hidden parts are."""
    nothing: list[Any] = [{}, None, {"provider_specific_fields": None}]
    for hidden in nothing:
        assert tier_of(SimpleNamespace(_hidden_params=hidden)) is None
    assert tier_of(SimpleNamespace(service_tier="flex")) == "flex"


@pytest.mark.parametrize(
    ("calls", "tier", "said"),
    [("live", None, ""), ("live", "flex", "service_tier=flex"), ("batch", None, "batches")],
)
def test_a_plan_says_whose_prices_are_its_own(calls: str, tier: str | None, said: str) -> None:
    """Only where they are not the usual ones."""
    can = Capabilities(logprobs=True, json_schema=True, seed=True, system_role=True)
    luna: dict[str, Any] = {"name": "gpt-6-luna", "provider": "openai", "capabilities": can}

    found = discount(calls, LiteLLMModel(**luna, reasoning_effort="none", service_tier=tier))

    assert said in found
    assert bool(found) == bool(said)
