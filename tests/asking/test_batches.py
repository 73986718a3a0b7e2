"""Requests in batches are answered once, paid once, and never lost, whatever happens."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from distexp.asking.batch.clerk import Clerk
from distexp.asking.batch.desk import Desk
from distexp.asking.budget import Budget
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule
from distexp.asking.storing import Recorder
from distexp.cache import ResponseCache
from distexp.cache.disk.batches import OPEN, Batch
from distexp.cli.cache import main
from distexp.errors import BudgetError, ConfigError
from distexp.model.litellm import LiteLLMModel
from distexp.protocols import Capabilities
from distexp.request import Message, Prompt, Request, Response
from tests.asking.batch_server import BatchServer, Faults, Made
from tests.asking.batch_trial import trial
from tests.conftest import OpenAIServer, chat

CAN = Capabilities(logprobs=False, json_schema=True, seed=False, system_role=True)
NAMES = {"openai": "m", "anthropic": "claude-haiku-4-5-20251001", "gemini": "gemini-3.5-flash"}
PATHS = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}
PROTOCOLS = sorted(NAMES)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """Serve until the test ends."""
    serving = BatchServer()
    yield serving
    serving.close()


def model_at(
    server: BatchServer,
    protocol: str,
    max_retries: int = 3,
    price: Sequence[float] = (1.0, 2.0),
) -> LiteLLMModel:
    """Return a model whose batches go to the server."""
    return LiteLLMModel(
        name=NAMES[protocol],
        provider=protocol,
        capabilities=CAN,
        api_base=server.url + PATHS[protocol],
        usd_per_million_tokens=price,
        max_retries=max_retries,
    )


def requests_of(model: LiteLLMModel, n_requests: int) -> list[Request]:
    """Return requests that differ, some of them draws of one prompt."""
    return [
        model.request(
            Prompt(
                messages=(
                    Message(role="user", content=f"Question {number % max(1, n_requests - 2)}?"),
                ),
                option_order=(0, 1),
                max_tokens=10,
                draw=number,
            )
        )
        for number in range(n_requests)
    ]


def ask(
    model: LiteLLMModel,
    requests: list[Request],
    folder: Path,
    budget: Budget | None = None,
    mode: str = "use",
) -> Outcome:
    """Have requests answered in batches, without long waits."""
    cache = ResponseCache(folder, mode)
    with Recorder(cache) as recorder:
        desk = Desk(
            cache=cache,
            recorder=recorder,
            budget=budget or Budget(),
            progress=Progress("", total=len(requests), shown=False),
            poll_s=(0.01, 0.02),
            grace_s=0.2,
        )
        return asyncio.run(desk.finish([(model, request) for request in requests]))


def forget(label: str, folder: Path) -> None:
    """Say that a batch never arrived."""
    main(["batches", "forget", label, f"--path={folder}"])


def check_all_right(requests: list[Request], outcome: Outcome, folder: Path) -> None:
    """Each has its own answer, in the outcome and in the cache, and nothing is left in flight."""
    stored = ResponseCache(folder).get_many(requests)
    assert set(outcome.responses) == set(stored) == {request.key for request in requests}
    for key, response in outcome.responses.items():
        assert stored[key].response == response
        assert response.is_refusal or response.text == f"A {key[:16]}"
    assert not [one for one in ResponseCache(folder).batches() if one.state in OPEN]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_request_gets_its_own_answer_out_of_disorder(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Rows out of order, doubled, failing and refused: each is answered once and paid once."""
    server.faults = Faults(failing=0.2, refused=0.1, duplicated=0.2, polls=2)
    model = model_at(server, protocol)
    requests = requests_of(model, 60)

    outcome = ask(model, requests, tmp_path)

    check_all_right(requests, outcome, tmp_path)
    refused = [one for one in outcome.responses.values() if one.is_refusal]
    assert 0 < len(refused) < 20
    assert set(server.paid.values()) == {1}
    assert len(server.paid) + len(refused) == len(requests)
    answered = next(one for one in outcome.responses.values() if not one.is_refusal)
    assert answered.usage is not None
    assert answered.cost_usd == pytest.approx(25e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_second_run_hands_nothing_over(protocol: str, server: BatchServer, tmp_path: Path) -> None:
    """What is stored is found, as with calls one by one."""
    model = model_at(server, protocol)
    requests = requests_of(model, 5)
    ask(model, requests, tmp_path)

    again = ask(model, requests, tmp_path)

    assert again.shared == {request.key for request in requests}
    assert len(server.batches) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_whose_name_was_lost_is_found_and_not_made_again(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """The connection broke after the provider had taken the batch, before it could say so."""
    server.faults = Faults(lose_replies=1, polls=2)
    model = model_at(server, protocol)
    requests = requests_of(model, 7)

    outcome = ask(model, requests, tmp_path)

    check_all_right(requests, outcome, tmp_path)
    assert len(server.batches) == 1
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_that_is_listed_late_is_asked_about_and_never_paid_twice(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Whether it arrived is not known; once it shows, the same command goes on."""
    server.faults = Faults(lose_replies=1, hidden=True)
    model = model_at(server, protocol)
    requests = requests_of(model, 7)

    first = ask(model, requests, tmp_path)
    second = ask(model, requests, tmp_path)
    server.faults.hidden = False
    third = ask(model, requests, tmp_path)

    for outcome in (first, second):
        assert "is not known" in str(outcome.failures[0][1])
        assert "distexp cache batches forget distexp-" in str(outcome.failures[0][1])
    check_all_right(requests, third, tmp_path)
    assert len(server.batches) == 1
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_that_never_arrived_is_handed_over_again_once_somebody_says_so(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """`distexp cache batches forget` gives up what is not listed, and adopts what is."""
    server.faults = Faults(lose_calls=1)
    model = model_at(server, protocol)
    requests = requests_of(model, 7)
    first = ask(model, requests, tmp_path)
    (lost,) = ResponseCache(tmp_path).batches(only_open=True)
    n_before = len(server.batches)

    forget(lost.label, tmp_path)
    again = ask(model, requests, tmp_path)

    assert "is not known" in str(first.failures[0][1])
    assert n_before == 0
    check_all_right(requests, again, tmp_path)
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_that_arrived_is_not_forgotten(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Whoever says that it never arrived is asked to look again by the list itself."""
    server.faults = Faults(lose_replies=1, hidden=True)
    model = model_at(server, protocol)
    requests = requests_of(model, 7)
    ask(model, requests, tmp_path)
    (lost,) = ResponseCache(tmp_path).batches(only_open=True)
    server.faults = Faults()
    for made in server.batches.values():
        made.polls_left = 0

    forget(lost.label, tmp_path)
    again = ask(model, requests, tmp_path)

    check_all_right(requests, again, tmp_path)
    assert len(server.batches) == 1
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_results_that_come_late_are_waited_for_and_not_paid_again(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """A batch that is over, with answers by its count and none in its results."""
    server.faults = Faults(late_results=2)
    model = model_at(server, protocol)
    requests = requests_of(model, 7)

    outcome = ask(model, requests, tmp_path)

    check_all_right(requests, outcome, tmp_path)
    assert len(server.batches) == 1
    assert server.faults.late_results == 0


def test_server_that_is_away_leaves_nothing_to_be_asked_about(
    server: BatchServer, tmp_path: Path
) -> None:
    """Without a connection nothing left, so the next run hands over without a question."""
    model = model_at(server, "anthropic", max_retries=1)
    requests = requests_of(model, 3)
    port = server._http.server_address[1]
    server.close()
    first = ask(model, requests, tmp_path)
    server.__init__(port=port)  # type: ignore[misc]

    again = ask(model, requests, tmp_path)

    assert "cannot be reached" in str(first.failures[0][1])
    check_all_right(requests, again, tmp_path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_expired_is_handed_over_again_and_the_rest_is_kept(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Half of the first batch was never tried."""
    server.faults = Faults(expire_first=1)
    model = model_at(server, protocol)
    requests = requests_of(model, 9)

    outcome = ask(model, requests, tmp_path)

    check_all_right(requests, outcome, tmp_path)
    assert [len(made.rows) for made in server.batches.values()] == [9, 4]
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cancelled_batch_ends_the_model_and_a_rerun_goes_on(
    protocol: str, server: BatchServer, tmp_path: Path
) -> None:
    """Somebody wanted no more of it: that is said, and not undone unasked."""
    server.faults = Faults(polls=10**6)
    model = model_at(server, protocol)
    requests = requests_of(model, 3)
    real = server._looked_at

    def cancelled_at_once(made: Made) -> Made:
        server._cancel(made)
        return real(made)

    server._looked_at = cancelled_at_once  # type: ignore[method-assign]
    outcome = ask(model, requests, tmp_path)
    server._looked_at = real  # type: ignore[method-assign]
    server.faults = Faults()
    again = ask(model, requests, tmp_path)

    assert "was cancelled" in str(outcome.failures[0][1])
    assert outcome.responses == {}
    check_all_right(requests, again, tmp_path)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seen", ["before", "after"])
def test_a_batch_that_another_process_cancels_is_not_handed_over_again_by_the_run(
    seen: str,
    protocol: str,
    server: BatchServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run ends in those words, whether or not it still saw the batch in flight."""
    server.faults = Faults(polls=5)
    model = model_at(server, protocol)
    requests = requests_of(model, 3)
    real = Clerk.look
    cancelling = Thread(target=main, args=(["batches", "cancel", f"--path={tmp_path}"],))

    async def cancelled_meanwhile(clerk: Clerk, batch: Batch) -> Any:
        if cancelling.ident is not None:  # it has begun
            return await real(clerk, batch)
        shown = await real(clerk, batch)
        cancelling.start()
        cancelling.join()
        return shown if seen == "after" else await real(clerk, batch)

    monkeypatch.setattr(Clerk, "look", cancelled_meanwhile)
    outcome = ask(model, requests, tmp_path)
    n_handed = len(server.batches)
    server.faults = Faults()
    again = ask(model, requests, tmp_path)

    assert "was cancelled" in str(outcome.failures[0][1])
    assert (n_handed, outcome.responses) == (1, {})
    check_all_right(requests, again, tmp_path)
    assert set(server.paid.values()) == {1}


def test_limits_of_the_provider_cut_requests_into_several_batches(
    server: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number, and by bytes."""
    from distexp.model.batch.openai import OpenAIBatches

    model = model_at(server, "openai")
    requests = requests_of(model, 10)
    monkeypatch.setattr(OpenAIBatches, "most_requests", 4)

    outcome = ask(model, requests, tmp_path)

    check_all_right(requests, outcome, tmp_path)
    assert sorted(len(made.rows) for made in server.batches.values()) == [2, 4, 4]


def test_two_processes_hand_over_once(server: BatchServer, tmp_path: Path) -> None:
    """The second waits for the batch of the first and takes its answers as hits."""
    server.faults = Faults(polls=8)
    model, other = model_at(server, "openai"), model_at(server, "openai")
    requests = requests_of(model, 12)

    async def both() -> list[Outcome]:
        outcomes = []
        caches = [ResponseCache(tmp_path), ResponseCache(tmp_path)]
        with Recorder(caches[0]) as one, Recorder(caches[1]) as two:
            desks = [
                Desk(
                    cache=cache,
                    recorder=recorder,
                    budget=Budget(),
                    progress=Progress("", total=12, shown=False),
                    poll_s=(0.01, 0.02),
                    grace_s=0.2,
                )
                for cache, recorder in zip(caches, (one, two), strict=True)
            ]
            pairs = zip(desks, (model, other), strict=True)
            outcomes = await asyncio.gather(
                *(desk.finish([(m, request) for request in requests]) for desk, m in pairs)
            )
        return list(outcomes)

    first, second = asyncio.run(both())

    check_all_right(requests, first, tmp_path)
    check_all_right(requests, second, tmp_path)
    assert set(server.paid.values()) == {1}
    assert sum(len(made.rows) for made in server.batches.values()) == len(requests)


def test_budget_at_batch_prices_ends_a_run_and_the_next_goes_on(
    server: BatchServer, tmp_path: Path
) -> None:
    """No more is handed over than the budget has room for."""
    model = model_at(server, "openai")
    requests = requests_of(model, 10)

    outcome = ask(model, requests, tmp_path, Budget(calls=4))
    again = ask(model, requests, tmp_path)

    assert isinstance(outcome.stopped, BudgetError)
    assert len(outcome.responses) == 4
    check_all_right(requests, again, tmp_path)
    assert set(server.paid.values()) == {1}


def test_refresh_adds_a_generation(server: BatchServer, tmp_path: Path) -> None:
    """The old answers are kept, as with calls one by one."""
    model = model_at(server, "openai")
    requests = requests_of(model, 4)
    ask(model, requests, tmp_path)

    ask(model, requests, tmp_path, mode="refresh")

    stored = ResponseCache(tmp_path).get_many(requests)
    assert {record.generation for record in stored.values()} == {1}
    assert set(server.paid.values()) == {2}


def test_calls_one_by_one_do_not_pay_for_what_is_in_a_batch(
    server: BatchServer, tmp_path: Path
) -> None:
    """A run in flight in batches is not asked again by a run without."""
    server.faults = Faults(polls=10**6)
    model = model_at(server, "openai")
    requests = requests_of(model, 4)

    async def begin() -> None:
        cache = ResponseCache(tmp_path)
        with Recorder(cache) as recorder:
            progress = Progress("", total=4, shown=False)
            desk = Desk(
                cache=cache,
                recorder=recorder,
                budget=Budget(),
                progress=progress,
                poll_s=(0.01, 0.02),
            )
            task = asyncio.create_task(desk.finish([(model, request) for request in requests]))
            while not server.batches:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(begin())

    with pytest.raises(ConfigError, match="4 requests are in batches in flight"):
        Schedule(ResponseCache(tmp_path)).run(
            [(model, request) for request in requests], Progress("", total=4, shown=False)
        )
    server.faults.polls = 0
    for made in server.batches.values():
        made.polls_left = 0
    check_all_right(requests, ask(model, requests, tmp_path), tmp_path)
    assert len(server.batches) == 1


@pytest.mark.parametrize("works", [True, False])
def test_probe_among_other_requests_is_asked_by_itself_and_the_others_in_batches(
    works: bool, server: BatchServer, openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """As in a sweep over models; one whose probe fails is handed nothing."""
    server.faults = Faults(polls=0)
    openai_server.answer = lambda body, _: (
        (200, chat(body, '{"A": 1}'))
        if works
        else (401, {"error": {"message": "invalid api key"}})
    )
    unknown = Capabilities(logprobs=None, json_schema=None, seed=None, system_role=None)
    asked_first = LiteLLMModel(
        name="m", provider="openai", capabilities=unknown, api_base=openai_server.url
    )
    model = model_at(server, "openai")
    probe, requests = asked_first.probe(), requests_of(model, 5)
    assert probe is not None
    asked = [*((model, request) for request in requests), (asked_first, probe)]
    if not works:
        asked += [(asked_first, request) for request in requests_of(asked_first, 2)]

    schedule = Schedule(ResponseCache(tmp_path), calls="batch")
    outcome = schedule.run(asked, Progress("", total=len(asked), shown=False))

    assert outcome.responses.keys() == {r.key for r in requests} | (
        {probe.key} if works else set()
    )
    assert [failed for failed, _ in outcome.failures] == ([] if works else [asked_first])
    assert [len(made.rows) for made in server.batches.values()] == [5]


def test_batches_leave_out_what_a_probe_found_of_no_use(
    server: BatchServer, tmp_path: Path
) -> None:
    """As calls one by one do: under the same keys, and the record says so."""
    unknown = Capabilities(logprobs=None, json_schema=None, seed=None, system_role=None)
    model = LiteLLMModel(
        name="m", provider="openai", capabilities=unknown, api_base=server.url + "/v1"
    )
    before = requests_of(model, 3)
    found = '{"seed": {"works": false, "said": ""}}'

    model.learn(Response(text=found, finish_reason="stop"))
    ask(model, before, tmp_path)

    assert requests_of(model, 3) == before
    assert "seed" in before[0].body
    assert not any("seed" in body for body in server.bodies)
    records = ResponseCache(tmp_path).get_many(before).values()
    assert {record.versions["not sent"] for record in records} == {"seed"}


def test_batches_need_a_cache_that_remembers_them(tmp_path: Path) -> None:
    """Without one, a crash would lose what is paid for."""
    with pytest.raises(ConfigError, match=r"cache\.mode=off"):
        Schedule(ResponseCache(tmp_path, "off"), calls="batch")
    with pytest.raises(ConfigError, match="calls"):
        Schedule(ResponseCache(tmp_path), calls="batches")


def test_price_of_a_batch_is_half_and_other_providers_are_refused() -> None:
    """By litellm's table, which has such prices apart."""
    model = LiteLLMModel(name="gpt-6-luna", provider="openai", capabilities=CAN)
    other = LiteLLMModel(name="grok-4.7", provider="xai", capabilities=CAN)

    assert model.price is not None
    assert model.terms().price == (model.price[0] / 2, model.price[1] / 2)
    with pytest.raises(ConfigError, match="whose batches distexp does not know"):
        other.terms()


def test_kills_at_any_moment_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    """A small one of `python -m tests.asking.batch_trial`, which says what it found."""
    assert trial(tmp_path, n_requests=240, n_kills=4, n_batches=6, protocol="openai") == []
