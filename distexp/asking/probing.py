"""Finding out what a server can do, before anything else is asked of it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from distexp.asking.answers import Answer
from distexp.asking.plan import Plan
from distexp.asking.runner import Runner
from distexp.protocols import Model
from distexp.request import Request, Response
from distexp.types import Condition


@runtime_checkable
class Probed(Protocol):
    """A model that finds out by a call what its server can do.

    What is found changes what is sent, and what is refused in the plan; it moves no key, so that
    answers from before are found.
    """

    probed: Response | None
    """What was learnt from; None before."""

    def probe(self) -> Request | None:
        """Return the request that finds it out; None where all is known."""
        ...

    def learn(self, response: Response) -> str:
        """Take in the response to it, and say what was found in a sentence."""
        ...


class Probing:
    """The probe of a model, whose response is kept in the cache like any other.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    request : Request or None
        What is to be asked; None where nothing has to be found out.
    answers : dict of str to Answer
        The response by its key, once it is there.
    notes : list of str
        What was found, once it is.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.request: Request | None = model.probe() if isinstance(model, Probed) else None
        self.answers: dict[str, Answer] = {}
        self.notes: list[str] = []

    def look(self, runner: Runner) -> None:
        """Learn what the cache knows, without a call."""
        if self.request is not None and (found := runner.known(self.request)) is not None:
            self._learn(found)

    def plan(
        self, runner: Runner, requests: Sequence[Request], cells: Iterable[Condition]
    ) -> Plan:
        """Plan requests with the probe before them, unless there is nothing to be asked."""
        plan = runner.plan(requests, cells)
        if self.request is None or not (plan.n_misses or self.answers):
            return plan
        return runner.plan([self.request, *requests], cells)

    def ask(self, runner: Runner, needed: Callable[[], Iterable[Request]]) -> bool:
        """Ask unless the cache knows that, or all that is needed; tell whether it was learnt.

        Parameters
        ----------
        runner : Runner
        needed : callable
            Returns what is going to be asked, as far as that is known.
        """
        if self.request is None:
            return False
        self.look(runner)
        if self.answers or runner.cache.mode == "replay":
            return bool(self.answers)
        if not runner.plan([*needed()]).n_misses:  # from before there were probes, perhaps
            return False
        if (answer := runner.run([self.request]).get(self.request.key)) is not None:
            self._learn(answer)
        return bool(self.answers)

    def _learn(self, answer: Answer) -> None:
        assert self.request is not None
        assert isinstance(self._model, Probed)
        self.answers = {self.request.key: answer}
        self.notes = [self._model.learn(answer.response)]
