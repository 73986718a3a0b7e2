"""Calls to several endpoints at once, each at the pace it stands: retried, limited, paid once."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence

from distexp.asking.backoff import Backoff
from distexp.asking.batch.desk import Desk, batch_price_of, terms_of
from distexp.asking.batch.inside import Inside, paid_in_batches
from distexp.asking.budget import Budget
from distexp.asking.by_model import ByModel, each_once
from distexp.asking.dispatch import Dispatch
from distexp.asking.endpoint import Endpoint
from distexp.asking.outcome import Outcome
from distexp.asking.progress import Progress
from distexp.asking.storing import Recorder
from distexp.asking.uncollected import seldom_collected
from distexp.cache import Cache, ResponseCache
from distexp.checks import parameter_error
from distexp.errors import ConfigError
from distexp.model.probing import PROBE
from distexp.protocols import Limited, Limits, Model, price_of
from distexp.request import Request

CALLS = ("live", "batch")


class Schedule:
    """Makes calls, those to one endpoint within its limits, and stores each answer as it comes.

    What another process is asking for, with the same cache, is not asked: its answer is waited
    for. Endpoints are told apart by provider and address, and remember from one run to the next
    how fast they were asked. Calls to one endpoint start in the order given.

    Parameters
    ----------
    cache : Cache
    budget : Budget, optional
        None sets no limit.
    backoff : Backoff, optional
        How long to wait after failures.
    calls : {"live", "batch"}
        Whether calls are made one by one, or in batches at half the price, within a day.
    """

    def __init__(
        self,
        cache: Cache,
        *,
        budget: Budget | None = None,
        backoff: Backoff | None = None,
        calls: str = "live",
    ) -> None:
        if calls not in CALLS:
            raise parameter_error("Experiment", "calls", f"one of {', '.join(CALLS)}", calls)
        if calls == "batch" and (not isinstance(cache, ResponseCache) or cache.mode == "off"):
            msg = (
                "calls=batch writes down in the cache what is in flight, so it takes cache=disk "
                "and no cache.mode=off."
            )
            raise ConfigError(msg)
        self.calls = calls
        self.cache = cache
        self.budget = budget or Budget()
        self.backoff = backoff or Backoff()
        self._endpoints: dict[tuple[str, str | None], Endpoint] = {}

    def run(
        self,
        asked: Sequence[tuple[Model, Request]],
        progress: Progress,
        answering: Collection[Model] = (),
    ) -> Outcome:
        """Make the calls, each until it is answered or its model has failed for good.

        What ends a model, or the run, is in the outcome; the calls in flight are waited for and
        stored first. After an interrupt they are waited for `GRACE_S` seconds. A prompt that is
        refused for what it says gets a response that says so, which is stored like an answer.

        Parameters
        ----------
        asked : sequence of model and request
        progress : Progress
        answering : collection of Model
            Models known to answer prompts like these: a bad request is then the prompt's.

        Raises
        ------
        ModelError, CacheError, ConfigError
            Before the first call, if it would be in vain or its answer be lost.
        """
        with Recorder(self.cache) as recorder:
            writable = recorder.check()
            models = each_once(model for model, _ in asked)
            self.budget.check_prices({model.name: self.price_of(model) for model in models})
            for model in models:
                model.preflight()
            probes = [one for one in asked if PROBE in one[1].body]  # others depend on them
            one_by_one = asked if self.calls == "live" else probes
            dispatch = Dispatch(
                endpoint=self.endpoint,
                budget=self.budget,
                backoff=self.backoff,
                recorder=recorder,
                progress=progress,
                answering=answering,
            )
            dispatch.add(one_by_one)  # while the cache is opened
            writable.result()
            try:
                outcome = self._one_by_one(dispatch, one_by_one)
                if self.calls == "live":
                    return outcome
                failed = ByModel(outcome.failures)
                rest = [one for one in asked if PROBE not in one[1].body and one[0] not in failed]
                if not rest or outcome.stopped is not None:
                    return outcome
                further = self._in_batches(rest, progress, recorder)
                return Outcome(
                    responses=outcome.responses | further.responses,
                    shared=outcome.shared | further.shared,
                    failures=outcome.failures + further.failures,
                    stopped=further.stopped,
                )
            finally:
                progress.close()

    def _one_by_one(self, dispatch: Dispatch, asked: Sequence[tuple[Model, Request]]) -> Outcome:
        if not asked:
            return Outcome()
        _check_none_in_batches(self.cache, asked)
        return _come_of(dispatch.finish())

    def price_of(self, model: Model) -> tuple[float, float] | None:
        """Return what a token of a prompt and of a reply cost, in USD; None if unknown."""
        return batch_price_of(model) if self.calls == "batch" else price_of(model)

    def _in_batches(
        self, asked: Sequence[tuple[Model, Request]], progress: Progress, recorder: Recorder
    ) -> Outcome:
        assert isinstance(self.cache, ResponseCache)
        for model in each_once(model for model, _ in asked):
            terms_of(model).prepare()
        desk = Desk(cache=self.cache, recorder=recorder, budget=self.budget, progress=progress)
        return _come_of(desk.finish(asked))

    def endpoint(self, model: Model, request: Request) -> Endpoint:
        """Return the endpoint that a request goes to; the strictest limits of its models hold."""
        where = (request.provider, request.endpoint)
        limits = limits_of(model)
        endpoint = self._endpoints.setdefault(where, Endpoint(limits, self.backoff))
        endpoint.restrict(limits)
        return endpoint


@seldom_collected()
def _come_of(work: Coroutine[None, None, Outcome]) -> Outcome:
    """Return what comes of work in an event loop of its own.

    Not as the result of its task: `asyncio.run` of Python 3.11 writes that as a text at the end,
    with all answers in it, only to throw the text away.
    """
    found = []

    async def keep() -> None:
        found.append(await work)

    asyncio.run(keep())
    return found[0]


def _check_none_in_batches(cache: Cache, asked: Sequence[tuple[Model, Request]]) -> None:
    """Refuse to pay for what is in a batch that is paid for."""
    if inside := Inside(cache).of(request.key for _, request in asked):
        raise ConfigError(paid_in_batches(len(inside)))


def limits_of(model: Model) -> Limits:
    """Return the limits of a model's endpoint."""
    if isinstance(model, Limited):
        return model.limits
    return Limits(max_concurrency=model.max_concurrency)
