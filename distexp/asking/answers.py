"""Responses with where they came from, and the replies that could not be read."""

from dataclasses import dataclass
from typing import NamedTuple

from distexp.errors import ParseError
from distexp.request import Message, Response
from distexp.types import Case, Reading, Shares

REFUSAL = "The server refused the prompt: "
"""How the reason begins of what is no reply at all; the server's words follow."""


class Answer(NamedTuple):
    """A response together with where it came from.

    A tuple like others here, which is made in half the time: there are millions of them.
    """

    response: Response
    hit: bool
    """True when it was read from the cache, False when it was paid for in this run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A reply that could not be read as a distribution, or a prompt that was refused."""

    prompt: str
    question_id: str
    attribute: str
    group: str
    draw: int
    option_order: str
    reason: str
    text: str
    key: str

    @property
    def is_refusal(self) -> bool:
        """Whether the server refused the prompt; `text` is what it said."""
        return self.reason.startswith(REFUSAL)


class Reply(NamedTuple):
    """One prompt about a case, what came back, and what was read from it."""

    prompt: str
    """The name of its style."""
    case: Case
    draw: int
    option_order: tuple[int, ...]
    messages: tuple[Message, ...]
    key: str
    model: str
    """Full identity of the model that was asked."""
    response: Response
    read: Reading | Shares | None
    """None where it could not be read."""
    reason: str | None = None
    """Why not."""

    @property
    def status(self) -> str:
        """`ok`, `parse_error`, or `refused` where the server refused the prompt."""
        if self.read is not None:
            return "ok"
        return "refused" if self.response.is_refusal else "parse_error"


def check_answered(response: Response) -> None:
    """Raise `ParseError` if the server refused the prompt, so that nothing is read from it."""
    if response.is_refusal:
        raise ParseError(f"{REFUSAL}{response.text}", text=response.text)
