"""What the situations are played with: readings, a local server, files, and the command line."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from distexp.asking.backoff import Backoff
from distexp.asking.progress import Progress
from distexp.asking.schedule import Schedule
from distexp.cache import ResponseCache
from distexp.cache.audit.verifying import verify
from distexp.cache.disk.reader import Reader
from distexp.cli.main import COMMANDS
from distexp.cli.run import _groups
from distexp.dataset.table import Table
from distexp.errors import DistexpError, ModelError, ParseError
from distexp.model.http.failures import Failures
from distexp.model.http.reply import read_reply
from distexp.protocols import Model
from distexp.request import Prompt, Request, Response
from distexp.sweep import typos
from distexp.sweep.command_line import chosen, options_and_settings, readable, refuse_words
from distexp.types import Question, Reading, Survey
from tests.conftest import OpenAIServer, Reply
from tests.elicitation.replies import ASKS, GROUP, STYLE
from tests.faults.client import model_at

QUICK = Backoff(first_s=0.001, longest_s=0.01, give_up_s=0.2)
YES_NO = ("Yes", "No")
N_CALLS = 14


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a situation is played."""

    folder: Path
    """Empty."""
    server: OpenAIServer


@dataclass(frozen=True, slots=True)
class Situation:
    """One of them."""

    number: str
    what: str
    expected: str
    """What `play` returns begins so."""
    play: Callable[[Scene], str]


def question(options: Sequence[str] = YES_NO, number: int = 0) -> Question:
    """Make a question with options in no order."""
    return Question(
        question_id=f"q{number}", text=f"Question {number}?", options=tuple(options), ordinals=None
    )


def _read(how: str, asked: Question, prompt: Prompt, response: Response) -> str:
    try:
        reading = ASKS[how].read(asked, prompt, response)
    except ParseError as exc:
        return f"unreadable: {exc}"
    assert isinstance(reading, Reading)
    shares = zip(asked.options, reading.distribution.probabilities, strict=True)
    return ", ".join(f"{option} {share:.2f}" for option, share in shares)


def read(how: str, *replies: str, options: Sequence[str] = YES_NO) -> str:
    """Return what is read in replies to the options in their order: all of it that differs."""
    asked = question(options)
    prompt = ASKS[how].prompts(asked, GROUP, STYLE)[0]
    answers = (Response(text=reply, finish_reason="stop") for reply in replies)
    return " | ".join(dict.fromkeys(_read(how, asked, prompt, one) for one in answers))


def choice(content: object = None, **also: Any) -> dict[str, Any]:
    """Make a reply of a server; `message` holds what the message has beside its content."""
    message = {"role": "assistant", "content": content, **also.pop("message", {})}
    return {"model": "m", "choices": [{"message": message, "finish_reason": "stop", **also}]}


def taken(how: str, document: object) -> str:
    """Return what is read in the reply of a server."""
    asked = question()
    prompt = ASKS[how].prompts(asked, GROUP, STYLE)[0]
    body = {"logprobs": True} if how == "logprobs" else {}
    request = Request(provider="openai", model="m", endpoint=None, body=body)
    try:
        response = read_reply(document, request, Failures("m"), price=None)
    except ModelError as exc:
        return f"{type(exc).__name__}: {exc}"
    return _read(how, asked, prompt, response)


def called(
    scene: Scene, answer: Callable[[str, int], Reply], how: str = "verbalized", **headers: str
) -> str:
    """Ask twice with one cache, and return what came of it."""
    scene.server.requests.clear()
    scene.server.headers = headers
    scene.server.answer = lambda body, n: answer(body["messages"][-1]["content"], n)
    model = model_at(scene.server.url)
    asked = [question(number=number) for number in range(N_CALLS)]
    prompts = [ASKS[how].prompts(one, GROUP, STYLE)[0] for one in asked]
    calls: list[tuple[Model, Request]] = [(model, model.request(prompt)) for prompt in prompts]
    told: list[str] = []
    for _ in range(2):
        before = len(scene.server.requests)
        schedule = Schedule(ResponseCache(scene.folder / "cache"), backoff=QUICK)
        outcome = schedule.run(calls, Progress("asking", total=N_CALLS, shown=False))
        came = outcome.responses
        read = [
            "refused" if came[call.key].is_refusal else _read(how, one, prompt, came[call.key])
            for one, prompt, (_, call) in zip(asked, prompts, calls, strict=True)
            if call.key in came
        ]
        counts = [f"{read.count(each)} {each}" for each in dict.fromkeys(sorted(read))]
        n_calls = len(scene.server.requests) - before
        told.append(
            "; ".join([*counts, f"{n_calls} calls", *(str(e) for _, e in outcome.failures)])
        )
    if (scene.folder / "cache").exists():
        _, faults = verify(Reader(scene.folder / "cache"))
        told += [f"FAULTS {faults}"] * bool(faults)
    scene.server.headers = {}
    return " / ".join(told)


HEAD = "name: n\npopulation: p\nsource: s\nlicence: l\ncitation: c\n"


def book(
    options: str = "[[1, Agree, 1], [2, Neither, 2], [3, Disagree, 3]]",
    *,
    levels: str = "Women: {codes: 2, phrase: w}, Men: {codes: 1, phrase: m}",
    column: str = "sex",
    question_column: str = "q1",
    kind: str = "ordinal",
    extra: str = "",
) -> str:
    """Write a codebook."""
    return (
        f"{HEAD}{extra}\nattributes:\n  group:\n    column: {column}\n    levels: {{{levels}}}\n"
        f"questions:\n  q:\n    text: '?'\n    column: {question_column}\n    kind: {kind}\n"
        f"    options: {options}\n"
    )


def survey(scene: Scene, data: str | bytes, codebook: str, file: str = "survey.csv") -> str:
    """Return the human shares of a file by group."""
    path = scene.folder / file
    if isinstance(data, bytes) or data:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    (scene.folder / "codebook.yaml").write_text(codebook, encoding="utf-8")
    table = Table(
        str(path), str(scene.folder / "codebook.yaml"), attributes=["group"], min_respondents=1
    )
    return shares(table.load)


def shares(load: Callable[[], Survey]) -> str:
    """Return the shares of a survey by group, with what is off the scale, or why it has none."""
    try:
        cases = load().cases
    except DistexpError as exc:
        return f"error: {exc}"
    told = []
    for case in cases:
        pairs = zip(case.question.options, case.answers.probabilities, strict=True)
        said = ", ".join(f"{option} {share:.2f}" for option, share in pairs)
        off = f", off {case.off_scale:.2f}" if case.off_scale else ""
        told.append(f"{case.group.value}: {said}{off}")
    return "; ".join(sorted(told))


def typed(scene: Scene, *arguments: str, files: Mapping[str, str] | None = None) -> str:
    """Return what the settings say, or what is said about them."""
    for name, text in (files or {}).items():
        path = scene.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with chdir(scene.folder):
        options, settings, sweep = options_and_settings(arguments)
        try:
            refuse_words(arguments, settings, COMMANDS, _groups())
            settings = [chosen(readable(one, sweep=sweep), _groups()) for one in settings]
            loader = ConfigLoaderImpl(create_config_search_path("pkg://distexp.conf"))
            config = loader.load_configuration("config", settings, RunMode.RUN)
        except DistexpError as exc:
            return f"error: {exc}"
        except (HydraException, OmegaConfBaseException) as exc:
            return f"error: {typos.explained_alone(exc, settings, options)}"
    return str(config.dataset.get("path"))
