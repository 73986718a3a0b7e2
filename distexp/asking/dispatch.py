"""The calls of one run: each started as it may be, retried, stored, and paid once."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version

from distexp.asking.backoff import Backoff
from distexp.asking.batch.inside import paid_in_batches
from distexp.asking.budget import Budget, expected
from distexp.asking.by_model import ByModel
from distexp.asking.claiming import Claiming
from distexp.asking.endpoint import Endpoint, Permit
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.queue import Call, Line
from distexp.asking.storing import Recorder
from distexp.cache import Paid, Record
from distexp.errors import (
    BudgetError,
    CacheError,
    ModelError,
    RefusedPromptError,
    ThrottledError,
    TransientModelError,
    UnstorableError,
    UnusableReplyError,
)
from distexp.protocols import Model, price_of
from distexp.request import Request, Response

MOST_DOUBTS = 20
"""So many bad requests without reason or answer are the model's fault, not the prompts'."""
MOST_LOST = 3
"""So many calls in a row may come to nothing usable; when more do, it is not the calls."""
GRACE_S = 0.7
"""How long an interrupted run waits for the calls in flight, in seconds: they are paid for."""


@dataclass(slots=True, kw_only=True)
class _State:
    """What is known of one model during a run."""

    model: Model
    line: Line
    price: tuple[float, float] | None
    versions: dict[str, str]
    answers: bool
    """Whether it has answered, in this run or before: a bad request is then the prompt's."""
    n_lost: int = 0
    """Calls in a row that came to nothing usable."""
    doubted: list[tuple[Call, RefusedPromptError]] = field(default_factory=list)
    """Bad requests that may be the model's fault, until it has answered another."""


class Dispatch:
    """Makes the calls of one run of a schedule, within one event loop.

    Parameters
    ----------
    endpoint : callable
        Returns the endpoint that a request to a model goes to.
    budget : Budget
    backoff : Backoff
    recorder : Recorder
    progress : Progress
    answering : collection of Model
        Models known to answer prompts like these.
    """

    def __init__(
        self,
        *,
        endpoint: Callable[[Model, Request], Endpoint],
        budget: Budget,
        backoff: Backoff,
        recorder: Recorder,
        progress: Progress,
        answering: Collection[Model],
    ) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._backoff = backoff
        self._recorder = recorder
        self._progress = progress
        self._answering = ByModel((model, None) for model in answering)
        self._lines: dict[Endpoint, Line] = {}
        self._claiming: dict[Line, Claiming] = {}
        self._states: ByModel[_State] = ByModel()
        self._totals: Counter[str] = Counter()
        self._outcome = Outcome()
        self._crash: BaseException | None = None

    def add(self, asked: Sequence[tuple[Model, Request]]) -> None:
        """Take in the calls to be made."""
        for model, request in asked:
            self._add(model, request)
        self._totals.update(model.name for model, _ in asked)

    async def finish(self) -> Outcome:
        """Make all calls, and let go of everything at the end."""
        self._progress.begin(self._totals)
        beat = asyncio.create_task(self._beat())
        try:
            await asyncio.gather(*map(self._serve, self._lines.values()))
            await self._end_tasks(None)
            for state in self._states.values():
                if state.doubted:
                    self._give_up(state.line, *state.doubted[0])
        except asyncio.CancelledError:
            await self._end_tasks(GRACE_S)
            raise
        finally:
            beat.cancel()
            rescued = await self._recorder.drain()
            self._outcome.responses |= {key: one.response for key, one in rescued.items()}
            for state in self._states.values():
                await state.model.close()
            self._claiming.clear()  # they refer back: all answers would stay until Python looks
        if self._crash is not None:
            raise self._crash
        if isinstance(exc := self._outcome.stopped, CacheError) and self._recorder.unstored:
            msg = f"{exc} Answers received that could not be stored: "
            self._outcome.stopped = type(exc)(f"{msg}{len(self._recorder.unstored)}.")
        return self._outcome

    async def _beat(self) -> None:
        """Keep what is shown up to date while no answer comes."""
        while True:
            await asyncio.sleep(1.0)
            self._progress.tick()

    def _add(self, model: Model, request: Request) -> None:
        state = self._states.get(model)
        if state is None:
            endpoint = self._endpoint(model, request)
            if endpoint not in self._lines:
                self._lines[endpoint] = self._new_line(endpoint)
            state = self._states[model] = _State(
                model=model,
                line=self._lines[endpoint],
                price=price_of(model),
                versions={"distexp": version("distexp"), **model.versions()},
                answers=model in self._answering,
            )
        state.line.add(Call(model=model, request=request))

    def _state(self, call: Call) -> _State:
        return self._states[call.model]

    def _new_line(self, endpoint: Endpoint) -> Line:
        line = Line(endpoint, self._backoff)
        ended = partial(self._ended, line)
        batched = partial(self._in_batches, line)
        self._claiming[line] = Claiming(line, self._recorder, self._share, batched, ended)
        return line

    async def _serve(self, line: Line) -> None:
        """Start the calls of a line, one after the other, as soon as each may."""
        claiming = self._claiming[line]
        while self._crash is None and self._outcome.stopped is None:
            look_s = claiming.go_on()
            if not (line.waits or line.tasks or claiming.busy):
                return
            wait_s = line.wait_s()
            if wait_s == 0 and (limit := self._budget.exhausted()):
                if not any(other.endpoint.in_flight for other in self._lines.values()):
                    msg = f"{limit} is spent. Raise it, and the same command goes on."
                    self._stop(BudgetError(msg))
                    return
                wait_s = None  # a call in flight may take less than expected
            if wait_s == 0:
                self._start(line, line.pop())
            else:
                await line.change(min(filter(None, (wait_s, look_s)), default=None))

    def _start(self, line: Line, call: Call) -> None:
        if not call.attempts:
            call.expected = expected(call.request, self._state(call).price)
        permit = line.endpoint.start(call.expected.tokens)
        self._budget.start(call.expected)
        call.attempts += 1
        task = asyncio.create_task(self._make(line, call, permit))
        line.tasks.add(task)
        task.add_done_callback(partial(self._ended, line))

    def _ended(self, line: Line, task: asyncio.Task[None]) -> None:
        line.tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            if isinstance(exc, CacheError):
                self._stop(exc)
            else:
                self._crash = self._crash or exc
        self._progress.elsewhere(sum(len(line.elsewhere) for line in self._lines.values()))
        self._wake_all()

    async def _make(self, line: Line, call: Call, permit: Permit) -> None:
        """Make one attempt at a call, and see to what comes of it."""
        start = time.monotonic()
        outcome: Response | ModelError
        try:
            outcome = await call.model.complete(call.request)
        except ModelError as exc:
            outcome = exc
        except BaseException:  # interrupted, or a defect
            self._budget.end(call.expected, None)
            line.endpoint.dropped()
            raise
        if isinstance(outcome, Response):
            await self._keep(line, call, permit, outcome, time.monotonic() - start)
            return
        if isinstance(outcome, RefusedPromptError | UnusableReplyError):
            self._budget.end_unanswered(call.expected)
        else:
            self._budget.end(call.expected, None)
        if isinstance(outcome, RefusedPromptError):
            line.endpoint.answered(permit, 0)
            await self._refused(line, call, outcome)
        elif isinstance(outcome, ThrottledError):
            line.endpoint.throttled(permit, outcome.retry_after_s)
        elif isinstance(outcome, TransientModelError):
            line.endpoint.failed(permit)
        else:
            line.endpoint.dropped()
        if not isinstance(outcome, RefusedPromptError):
            self._retry(line, call, outcome)

    async def _keep(
        self, line: Line, call: Call, permit: Permit, response: Response, latency_s: float
    ) -> None:
        """Count an answer, let the next call start, and store it."""
        usage = response.usage
        tokens = usage.prompt_tokens + usage.completion_tokens if usage else None
        line.endpoint.answered(permit, tokens)
        paid = Paid(
            request=call.request,
            response=response,
            latency_s=latency_s,
            attempts=call.attempts,
            versions=self._state(call).versions,
        )
        try:
            self._budget.end(call.expected, response)
        except BudgetError as exc:
            self._stop(exc)
        line.wake()
        state = self._state(call)
        state.answers, state.n_lost = True, 0
        doubted, state.doubted = state.doubted, []
        settled = [self._refused(line, other, exc) for other, exc in doubted]
        put = self._put(call, paid)
        await (asyncio.gather(put, *settled) if settled else put)

    async def _put(self, call: Call, paid: Paid) -> None:
        """Store an answer."""
        try:
            record = await self._recorder.put(paid)
        except UnstorableError as exc:
            self._leave_out(call, str(exc))
            return
        if self._recorder.trouble is not None:
            self._stop(self._recorder.trouble)
        self._outcome.responses[call.request.key] = record.response
        self._progress.answered(record.response, call.model.name)

    async def _refused(self, line: Line, call: Call, exc: RefusedPromptError) -> None:
        """Store that a prompt is refused; wait until another is answered where that is unsure."""
        if not line.keeps(call):
            self._recorder.release([call.request])
            return
        state = self._state(call)
        if not exc.certain and not state.answers:
            state.doubted.append((call, exc))
            if len(state.doubted) >= MOST_DOUBTS:
                self._give_up(line, call, exc)
            return
        refusal = Paid(
            request=call.request,
            response=Response.refusal(exc.said),
            latency_s=0.0,
            attempts=call.attempts,
            versions=state.versions,
        )
        await self._put(call, refusal)

    def _leave_out(self, call: Call, reason: str) -> None:
        """Give one call up, and nothing else: it is not stored, and asked for in the next run."""
        self._recorder.release([call.request])
        refusal = Response.refusal(reason)
        self._outcome.responses[call.request.key] = refusal
        self._progress.answered(refusal, call.model.name)

    def _share(self, call: Call, record: Record) -> None:
        """Take an answer that another process has paid for."""
        self._outcome.responses[call.request.key] = record.response
        self._outcome.shared.add(call.request.key)
        self._progress.shared(call.model.name)

    def _in_batches(self, line: Line, calls: Sequence[Call]) -> None:
        """Ask models no further some of whose requests were handed over in batches meanwhile."""
        of_models: ByModel[list[Call]] = ByModel()
        for call in calls:
            of_models.setdefault(call.model, []).append(call)
        for of_model in of_models.values():
            if line.keeps(of_model[0]):
                self._give_up(line, of_model[0], ModelError(paid_in_batches(len(of_model))))

    def _retry(self, line: Line, call: Call, exc: ModelError) -> None:
        """Have a call made again, or give its model up."""
        if not line.keeps(call):
            self._recorder.release([call.request])
            return
        final = line.fail(call, exc)
        if final is None:
            self._progress.failed(str(exc))
            return
        if isinstance(final, UnusableReplyError) and self._is_lost_alone(call):
            self._leave_out(call, final.said)
        else:
            self._give_up(line, call, final)

    def _is_lost_alone(self, call: Call) -> bool:
        """Count a call without a usable reply; tell whether it is the call, not the model."""
        state = self._state(call)
        state.n_lost += 1
        return state.answers and state.n_lost <= MOST_LOST

    def _give_up(self, line: Line, call: Call, exc: ModelError) -> None:
        """Ask a model no further."""
        self._outcome.failures.append((call.model, exc))
        self._progress.given_up(call.model.name)
        state = self._state(call)
        doubted, state.doubted = [other for other, _ in state.doubted], []
        given_up = [call, *doubted, *line.drop(call.model)]
        self._recorder.release([call.request for call in given_up])

    def _stop(self, exc: BudgetError | CacheError) -> None:
        self._outcome.stopped = self._outcome.stopped or exc
        self._wake_all()

    def _wake_all(self) -> None:
        for line in self._lines.values():
            line.wake()

    async def _end_tasks(self, timeout_s: float | None) -> None:
        """Wait for the calls in flight; cancel those that take longer, or all after a crash."""
        await asyncio.gather(*(claiming.end() for claiming in self._claiming.values()))
        tasks = [task for line in self._lines.values() for task in line.tasks]
        if tasks and self._crash is None:
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
