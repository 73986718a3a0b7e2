"""One job of a sweep, as its worker process runs it, and what it tells the sweep."""

import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from distexp.asking.answers import Answer
from distexp.asking.budget import Budget
from distexp.asking.plan import Plan
from distexp.asking.probing import Probed
from distexp.asking.runner import Runner
from distexp.cache import Cache
from distexp.errors import (
    ConfigError,
    DistexpError,
)
from distexp.protocols import Model
from distexp.request import Request, Response


class Unanswered(Exception):  # noqa: N818 - no error: a job of a sweep says what it waits for
    """What has to be asked before a job of a sweep can go on.

    Attributes
    ----------
    requests : tuple of Request
    n_hits : int
        How many of the job's requests were answered already.
    n_answered : int
        How many of these are no refusals.
    """

    def __init__(self, requests: Sequence[Request], n_hits: int, n_answered: int) -> None:
        super().__init__(f"{len(requests)} requests have to be asked")
        self.requests = tuple(requests)
        self.n_hits = n_hits
        self.n_answered = n_answered


class JobRunner(Runner):
    """Answers the requests of one job of a sweep, which asks for all its jobs together.

    Parameters
    ----------
    model : Model
    cache : Cache
    given : Given
        What the sweep has asked for on behalf of this job.
    stopped : str, optional
        Why the sweep asks no more; then what is missing stays unanswered.
    """

    def __init__(
        self,
        model: Model,
        cache: Cache,
        *,
        given: "Given",
        stopped: str | None = None,
        calls: str = "live",
    ) -> None:
        super().__init__(model, cache, calls=calls, processes=1)  # others run beside it
        self.stopped = stopped
        self._given = given

    def _known(self, requests: Sequence[Request]) -> dict[str, Answer]:
        told, paid = self._given.answers, self._given.paid
        given = {r.key: told[r.key] for r in requests if r.key in told}
        found = super()._known([r for r in requests if r.key not in given])
        for key in paid & found.keys():
            found[key] = found[key]._replace(hit=False)
        return given | found

    def _ask(self, missing: Sequence[Request], n_hits: int) -> dict[str, Answer]:
        raise Unanswered(missing, n_hits, n_answered=n_hits if self._answers else 0)


class NotComposedError(ConfigError):
    """The settings of a job do not exist."""


@dataclass(slots=True, kw_only=True)
class Given:
    """What a sweep has asked for on behalf of one job, over all its rounds."""

    answers: dict[str, Answer] = field(default_factory=dict)
    """Those that the job does not find in the cache, by the keys of the requests."""
    paid: set[str] = field(default_factory=set)
    """Keys of those that it finds there, and that count as its own: they are no hits."""


@dataclass(slots=True, kw_only=True)
class Task:
    """A job to be run, from its beginning."""

    number: int
    overrides: tuple[str, ...]
    given: Given = field(default_factory=Given)
    stopped: str | None = None
    """Why the sweep asks no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A job that is over."""

    number: int
    text: str = ""
    """What it printed."""
    error: str | None = None
    """What went wrong."""
    composed: bool = True
    """False where its settings do not exist: a sweep with such a job asks nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A job of a dry run."""

    number: int
    plan: Plan
    budget: Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A job that lacks answers."""

    number: int
    packed: tuple[bytes, ...] = field(repr=False)
    """The requests, `IN_A_PACK` at a time: for a whole sweep they do not fit into memory."""
    n_requests: int
    n_hits: int
    n_answered: int
    """How many of the hits are no refusals."""
    model: str
    """What its model is made from, as JSON: equal texts are one model."""
    cache: str
    """Likewise its cache."""
    budget: Budget
    progress: bool
    calls: str = "live"
    is_kept: bool = False
    """Whether what is asked for it is then in the cache for any other job."""
    probed: Response | None = None
    """What the model has learnt from, where it had to find out what its server can do."""


IN_A_PACK = 1000
_REQUEST = tuple(field.name for field in fields(Request))


def packed(requests: Sequence[Request]) -> tuple[bytes, ...]:
    """Return texts of requests, compressed: as documents they would lose the order of fields."""
    rows = list(map(attrgetter(*_REQUEST), requests))
    parts = [rows[at : at + IN_A_PACK] for at in range(0, len(rows), IN_A_PACK)]
    return tuple(zlib.compress(json.dumps(part, allow_nan=False).encode(), 1) for part in parts)


def unpacked(pack: bytes) -> list[Request]:
    """Return the requests of one of the texts that `packed` makes."""
    rows = json.loads(zlib.decompress(pack))
    return [Request(**dict(zip(_REQUEST, row, strict=True))) for row in rows]


class Current:
    """A job while it runs."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.plan: tuple[Plan, Budget] | None = None
        self._experiment: Any = None
        self._settings: Mapping[str, object] = {}

    def runner(self, experiment: Any, settings: Mapping[str, object]) -> JobRunner:
        """Return who answers the requests of the job's experiment.

        Parameters
        ----------
        experiment : Experiment
        settings : mapping
            What it was made from.
        """
        self._experiment, self._settings = experiment, settings
        return JobRunner(
            experiment.model,
            experiment.cache,
            given=self.task.given,
            stopped=self.task.stopped,
            calls=experiment.calls,
        )

    def waiting(self, unanswered: Unanswered) -> Waiting:
        """Say what the job waits for."""
        experiment, model = self._experiment, self._experiment.model
        return Waiting(
            number=self.task.number,
            packed=packed(unanswered.requests),
            n_requests=len(unanswered.requests),
            n_hits=unanswered.n_hits,
            n_answered=unanswered.n_answered,
            model=json.dumps(self._settings["model"], sort_keys=True),
            cache=json.dumps(self._settings["cache"], sort_keys=True),
            budget=experiment.budget,
            progress=experiment.progress,
            calls=experiment.calls,
            is_kept=experiment.cache.mode == "use" and experiment.calls == "live",
            probed=model.probed if isinstance(model, Probed) else None,
        )


_current: ContextVar[Current | None] = ContextVar("current", default=None)


def current() -> Current | None:
    """Return the job that this process is running for a sweep; None outside of one."""
    return _current.get()


def run(task: Task, function: Callable[[Task], None]) -> Done | Planned | Waiting:
    """Run `function` as the job of a sweep, and say what came of it."""
    job = Current(task)
    token = _current.set(job)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            function(task)
    except Unanswered as exc:
        return job.waiting(exc)
    except DistexpError as exc:
        composed = not isinstance(exc, NotComposedError)
        text = printed.getvalue()
        return Done(number=task.number, text=text, error=str(exc), composed=composed)
    else:
        if job.plan is not None:
            plan, budget = job.plan
            return Planned(number=task.number, plan=plan, budget=budget)
        return Done(number=task.number, text=printed.getvalue())
    finally:
        _current.reset(token)
