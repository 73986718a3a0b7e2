"""Finding out what a server can do, before anything else is asked of it."""

from typing import Protocol, runtime_checkable

from distexp.asking.answers import Answer
from distexp.asking.runner import Runner
from distexp.protocols import Model
from distexp.request import Request, Response


@runtime_checkable
class Probed(Protocol):
    """A model that finds out by a call what its server can do."""

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

    def look(self, runner: Runner) -> list[Request]:
        """Learn what the cache knows without a call; return what would have to be asked."""
        if self.request is None:
            return []
        found = runner.known(self.request)
        if found is not None:
            self._learn(found)
        return [self.request]

    def ask(self, runner: Runner) -> bool:
        """Ask unless the cache knows, or may only be read; tell whether anything was learnt."""
        if self.request is None:
            return False
        if runner.cache.mode == "replay":  # what was asked before there were probes stays valid
            self.look(runner)
        elif (answer := runner.run([self.request]).get(self.request.key)) is not None:
            self._learn(answer)
        return bool(self.answers)

    def _learn(self, answer: Answer) -> None:
        assert self.request is not None
        assert isinstance(self._model, Probed)
        self.answers = {self.request.key: answer}
        self.notes = [self._model.learn(answer.response)]
