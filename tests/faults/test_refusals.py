"""One prompt that is refused costs one case: the others are asked, and the verdict is kept."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from distexp.asking.backoff import Backoff
from distexp.asking.dispatch import MOST_DOUBTS, MOST_LOST
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.runner import Runner
from distexp.asking.schedule import Schedule
from distexp.cache import ResponseCache
from distexp.cache.audit.totals import totals
from distexp.cache.audit.verifying import verify
from distexp.cache.disk.reader import Reader
from distexp.errors import ConfigError, ModelError
from distexp.evaluation.evaluation import Evaluation
from distexp.experiment import Experiment
from distexp.model.http.client import tls_context
from distexp.protocols import Model
from distexp.report.report import Report
from distexp.request import REFUSED, Request
from distexp.sharing.archive import export, take_in
from tests.conftest import OpenAIServer, chat
from tests.faults.client import model_at, requests
from tests.faults.hostile import MODES, hostile

QUICK = Backoff(first_s=0.001, longest_s=0.01)
FILTERED = {"error": {"message": "It was filtered", "code": "content_filter"}}
UNCLEAR = {"error": {"message": "Bad request"}}


def run(
    folder: Path, model: Model, n: int, mode: str = "use", answering: tuple[Model, ...] = ()
) -> Outcome:
    """Ask a number of questions."""
    calls = [(model, request) for request in requests(model, n)]  # type: ignore[arg-type]
    schedule = Schedule(ResponseCache(folder, mode), backoff=QUICK)
    return schedule.run(calls, Progress("asking", total=n, shown=False), answering)


def refusing(server: OpenAIServer, refusal: dict[str, Any], *numbers: int) -> None:
    """Have a server refuse some questions with status 400."""

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        number = int(body["messages"][-1]["content"].split()[-1])
        return (400, refusal) if number in numbers else (200, chat(body))

    server.answer = answer


@pytest.mark.parametrize("refusal", [FILTERED, UNCLEAR])
def test_refused_prompt_is_remembered_and_the_others_are_answered(
    openai_server: OpenAIServer, tmp_path: Path, refusal: dict[str, Any]
) -> None:
    """The server's words are stored in place of an answer; a later run does not ask again."""
    refusing(openai_server, refusal, 0, 3)
    model = model_at(openai_server.url, max_concurrency=2)
    asked = requests(model, 6)

    outcome = run(tmp_path, model, 6)

    assert outcome.failures == []
    assert len(openai_server.requests) == 6
    stored = ResponseCache(tmp_path).get_many(asked)
    assert [stored[request.key].response.is_refusal for request in asked] == [
        number in (0, 3) for number in range(6)
    ]
    assert refusal["error"]["message"] in stored[asked[0].key].response.text


def test_refusals_are_known_to_every_reader_of_a_cache(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Verified, counted, exported and taken in like answers."""
    refusing(openai_server, FILTERED, 1)
    run(tmp_path / "one", model_at(openai_server.url), 3)

    export(tmp_path / "one", None, tmp_path / "archive.zip")
    take_in(tmp_path / "archive.zip", ResponseCache(tmp_path / "other"))

    for folder in ("one", "other"):
        assert verify(Reader(tmp_path / folder)) == (3, [])
        ((total,), n_unreadable) = totals(Reader(tmp_path / folder))
        assert (total.answers, total.refused, n_unreadable) == (3, 1, 0)


def test_refresh_asks_a_refused_prompt_again(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """And keeps the refusal beside the answer."""
    refusing(openai_server, FILTERED, 1)
    model = model_at(openai_server.url)
    run(tmp_path, model, 2)
    refusing(openai_server, FILTERED)

    run(tmp_path, model, 2, mode="refresh")

    record = ResponseCache(tmp_path).get_many(requests(model, 2))[requests(model, 2)[1].key]
    assert (record.generation, record.response.is_refusal) == (1, False)


def test_bad_requests_without_a_reason_and_without_an_answer_end_the_model(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Then it is how it is asked: nothing is remembered."""
    refusing(openai_server, UNCLEAR, *range(100))
    model = model_at(openai_server.url, max_concurrency=1)

    few = run(tmp_path, model, 3)
    n_few = len(openai_server.requests)
    many = run(tmp_path, model, 100)

    assert n_few == 3
    assert len(openai_server.requests) == n_few + MOST_DOUBTS
    for outcome in (few, many):
        assert outcome.responses == {}
        assert "status 400: Bad request" in str(outcome.failures[0][1])
    assert ResponseCache(tmp_path).known(requests(model, 100)) == set()


@pytest.mark.parametrize("reply", [(400, UNCLEAR), (200, {"choices": []})])
def test_run_that_ends_over_one_request_says_so_in_an_error_of_the_model(
    reply: tuple[int, dict[str, Any]], openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Refused, or answered without an answer: with the server's words, and what is kept."""
    openai_server.answer = lambda *_: reply
    model = model_at(openai_server.url, max_retries=0)

    with pytest.raises(ModelError, match="0 of 3 calls were answered and are kept"):
        Runner(model, ResponseCache(tmp_path)).run(requests(model, 3))


def test_bad_request_is_the_prompts_where_the_cache_has_answers_to_others(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """A run that only asks what an earlier one left ends with a report too."""
    refusing(openai_server, UNCLEAR, 0)
    model = model_at(openai_server.url)

    outcome = run(tmp_path, model, 1, answering=(model,))

    assert [response.finish_reason for response in outcome.responses.values()] == [REFUSED]


def test_reply_that_cannot_be_used_costs_its_own_case_and_is_not_remembered(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """It is asked for again as often as other failures are, and in the next run."""

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        odd = body["messages"][-1]["content"].endswith(" 1")
        return 200, {"choices": [17]} if odd else chat(body)

    openai_server.answer = answer
    model = model_at(openai_server.url, max_retries=2, max_concurrency=1)

    outcome = run(tmp_path, model, 3)

    assert outcome.failures == []
    odd = requests(model, 3)[1]
    assert "a reply without an answer" in outcome.responses[odd.key].text
    assert len(openai_server.requests) == 2 + 3
    assert ResponseCache(tmp_path).known(requests(model, 3)) == {
        request.key for request in requests(model, 3) if request is not odd
    } - {odd.key}


def test_server_that_breaks_in_the_middle_ends_the_run(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """Its replies cannot be used any more: that is no matter of a few prompts."""
    openai_server.answer = lambda body, number: (200, chat(body) if number < 5 else {"choices": 1})
    model = model_at(openai_server.url, max_retries=1, max_concurrency=1)

    outcome = run(tmp_path, model, 50)

    assert "a reply without an answer" in str(outcome.failures[0][1])
    assert len(openai_server.requests) == 4 + 2 * (MOST_LOST + 1)
    assert len(ResponseCache(tmp_path).known(requests(model, 50))) == 4


class Cases:
    """A survey of given cases."""

    def __init__(self, cases: Any) -> None:
        self.cases = cases

    def load(self) -> Any:
        """Return it."""
        from distexp.types import Survey

        return Survey(
            name="s", cases=tuple(self.cases), digest="0", licence="none", citation="none"
        )


def test_run_scores_the_others_and_names_the_question(
    openai_server: OpenAIServer, tmp_path: Path, cases: Any
) -> None:
    """The case has a status of its own in the tables; a replay gives the same report."""
    from hydra import compose, initialize_config_module
    from hydra.utils import instantiate

    def answer(body: dict[str, Any], _: int) -> tuple[int, dict[str, Any]]:
        filtered = "Question 4?" in body["messages"][-1]["content"]
        return (400, FILTERED) if filtered else (200, chat(body))

    openai_server.answer = answer
    with initialize_config_module("distexp.conf", version_base="1.3"):
        style = instantiate(
            compose("config", overrides=["prompt=sociodemographic"]).prompt, _convert_="all"
        )
        elicitation = instantiate(
            compose("config", overrides=["elicitation=verbalized"]).elicitation, _convert_="all"
        )

    def report(mode: str) -> Report:
        outcome = Experiment(
            model=model_at(openai_server.url),
            dataset=Cases(cases),
            elicitation=elicitation,
            prompt=style,
            calibrator={},
            cache=ResponseCache(tmp_path / "cache", mode),
            evaluation=Evaluation(n_splits=2, n_bootstrap=20),
            retries=1,
            progress=False,
        ).run()
        assert isinstance(outcome, Report)
        outcome.write(tmp_path / mode, config="", overrides="", figures=False)
        return outcome

    first, again = report("use"), report("replay")

    assert len(openai_server.requests) == len(first.request_keys)
    table = pl.read_parquet(tmp_path / "use" / "predictions.parquet")
    by_status = table.group_by("status").agg(pl.col("question_id").unique()).sort("status")
    assert by_status["status"].to_list() == ["ok", "refused"]
    assert by_status["question_id"].to_list()[1] == ["Q4"]
    assert table.filter(status="refused")["predicted"].is_null().all()
    unreadable = pl.read_parquet(tmp_path / "use" / "unreadable.parquet")
    assert unreadable["question_id"].unique().to_list() == ["Q4"]
    assert all("It was filtered" in reason for reason in unreadable["reason"])
    assert "**Refused: 2 of 20 estimates, of the question Q4.**" in first.markdown()
    assert first.markdown() == again.markdown()
    for name in ("predictions", "unreadable", "scores"):
        one, other = ((tmp_path / m / f"{name}.parquet").read_bytes() for m in ("use", "replay"))
        assert one == other


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_named_and_never_followed(
    openai_server: OpenAIServer, tmp_path: Path, status: int
) -> None:
    """The prompt and the key go nowhere else, and nothing is stored."""
    target = OpenAIServer()
    openai_server.headers = {"Location": f"{target.url}/chat/completions?key=1"}
    openai_server.answer = lambda *_: (status, {})

    outcome = run(tmp_path, model_at(openai_server.url), 1)
    target.close()

    ((_, exc),) = outcome.failures
    assert f"is redirected (status {status}) to {target.url}." in str(exc)
    assert f"give model.api_base={target.url}." in str(exc)
    assert (target.requests, outcome.responses) == ([], {})


@pytest.mark.parametrize("mode", ["bomb", "bomb that is an error", "body too large"])
def test_reply_is_read_up_to_a_limit(tmp_path: Path, mode: str) -> None:
    """Unfolded: a few kilobytes may become gigabytes."""
    with hostile(mode) as url:
        outcome = run(tmp_path, model_at(url, max_retries=0), 1)

    ((_, exc),) = outcome.failures
    assert "larger than 4194304 bytes; the setting model.max_reply_bytes allows more" in str(exc)


def test_compressed_reply_is_read(tmp_path: Path) -> None:
    """Of the one kind that is asked for."""
    assert MODES["deflate"] is not None
    with hostile("deflate") as url:
        outcome = run(tmp_path, model_at(url), 1)

    assert [response.finish_reason for response in outcome.responses.values()] == ["stop"]


def test_unknown_address_says_what_to_look_at(openai_server: OpenAIServer, tmp_path: Path) -> None:
    """The end of the address and the model's name."""
    openai_server.answer = lambda *_: (404, {"detail": "Not Found"})
    base = openai_server.url.removesuffix("/v1")

    outcome = run(tmp_path, model_at(base), 1)

    ((_, exc),) = outcome.failures
    assert f"mostly ends in /v1 ({base}/v1), and model.name (m)." in str(exc)


def test_one_address_in_several_forms_is_one_endpoint() -> None:
    """Equal questions have equal keys; the form that everybody uses keeps its key."""
    forms = ("http://gpu-1:80/v1", "http://gpu-1/v1/", "HTTP://GPU-1/v1//", "http://gpu-1/v1")

    keys = {requests(model_at(form), 1)[0].key for form in forms}

    plain = Request(
        provider="openai",
        model="m",
        endpoint="http://gpu-1/v1",
        body=requests(model_at("http://gpu-1/v1"), 1)[0].body,
    )
    assert keys == {plain.key}


def test_server_with_a_name_keeps_its_answers_when_it_moves() -> None:
    """The name takes the address's place in the key."""
    here = model_at("http://gpu-1:8000/v1", endpoint="our-vllm")
    there = model_at("http://gpu-2:9000/v1", endpoint="our-vllm")

    assert requests(here, 1)[0].key == requests(there, 1)[0].key
    assert requests(here, 1)[0].endpoint == "our-vllm"
    with pytest.raises(ConfigError, match="a name without slashes"):
        model_at("http://gpu-1:8000/v1", endpoint="http://gpu-2/v1")


def test_file_of_certificates_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the variable that names it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))

    with pytest.raises(ModelError, match=r"SSL_CERT_FILE names .*none\.pem"):
        tls_context()
