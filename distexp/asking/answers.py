"""Responses with where they came from, and the replies that could not be read."""

from dataclasses import dataclass

from distexp.errors import ParseError
from distexp.request import Message, Response
from distexp.types import Reading, Shares

REFUSAL = "The server refused the prompt: "
"""How the reason begins of what is no reply at all; the server's words follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response together with where it came from."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One prompt about a case, what came back, and what was read from it."""

    prompt: str
    question_id: str
    attribute: str
    group: str
    draw: int
    option_order: tuple[int, ...]
    messages: tuple[Message, ...]
    key: str
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
