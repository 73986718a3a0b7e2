"""What one run would ask, before it does."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from distexp.protocols import Limits, Model
from distexp.request import Request
from distexp.types import Condition

Where = tuple[str, str | None]
"""Provider and address of an endpoint."""


@runtime_checkable
class Labelled(Protocol):
    """A model that tables call by more than its name."""

    label: str
    """The name, and how much it is asked to think."""


def label_of(model: Model) -> str:
    """Return what tables call a model."""
    return model.label if isinstance(model, Labelled) else model.name


def discount(calls: str, model: Model) -> str:
    """Say whose prices are those of a plan, where they are not the usual ones."""
    if calls == "batch":
        return "Prices are those of batches, which are answered within a day."
    tier = getattr(model, "service_tier", None)
    return f"Prices are those of service_tier={tier}." if tier is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run would ask."""

    model: str
    """Its name."""
    price: tuple[float, float] | None
    """USD for a token of a prompt and of a reply; None where it is not known."""
    limits: Limits
    cells: frozenset[Condition]
    """The estimates that come of it: dataset, model, elicitation and prompt of each."""
    known: frozenset[str]
    """Keys of the requests that the cache answers."""
    missing: tuple[Request, ...]
    """What has to be asked, each once."""
    more_follows: bool = False
    """Whether what is asked next depends on these answers."""
    follows: tuple[Request, ...] = ()
    """About what that is, as far as it can be told: how many requests, of which length."""
    note: str = ""
    """What to know before anything is paid."""

    @property
    def n_requests(self) -> int:
        """Distinct requests."""
        return len(self.known) + len(self.missing)

    @property
    def n_hits(self) -> int:
        """How many of them the cache answers."""
        return len(self.known)

    @property
    def n_misses(self) -> int:
        """How many have to be asked."""
        return len(self.missing)
