"""What came of a number of requests, whether they were asked one by one or in batches."""

from dataclasses import dataclass, field

from distexp.errors import BudgetError, CacheError, ModelError
from distexp.protocols import Model
from distexp.request import Response


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a number of calls."""

    responses: dict[str, Response] = field(default_factory=dict)
    """By the keys of their requests."""
    shared: set[str] = field(default_factory=set)
    """Keys of the answers that another process paid for meanwhile: hits, like those before."""
    failures: list[tuple[Model, ModelError]] = field(default_factory=list)
    """Why a model was asked no further; the first reason of each."""
    stopped: BudgetError | CacheError | None = None
    """Why no model was."""
