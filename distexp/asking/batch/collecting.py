"""What came of a batch that is over: answers, what is asked again, and what ends the model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from distexp.cache import Paid
from distexp.cache.disk.batches import Batch
from distexp.errors import ModelError, RefusedPromptError, TransientModelError
from distexp.model.batch.terms import Terms
from distexp.model.batch.wire import Row, State
from distexp.request import Request, Response

WHOLE = ("completed", "ended", "succeeded")
"""Providers' words for a batch that has a row for each request."""


@dataclass(slots=True)
class Collected:
    """What came of a batch."""

    responses: dict[str, Response] = field(default_factory=dict)
    """Stored, by key."""
    again: dict[str, str] = field(default_factory=dict)
    """Requests to be asked again, and why they were not answered."""
    error: ModelError | None = None
    """Why the model is not to be asked any more."""
    cancelled: bool = False
    """Whether somebody has asked for no more of it."""


def sorted_out(
    terms: Terms, batch: Batch, state: State, rows: Sequence[Row]
) -> tuple[Collected, list[Paid]]:
    """Put the rows of a batch where they belong; return also the answers that are to be stored.

    Rows of requests that are not in the batch are nobody's, and are passed over.

    Raises
    ------
    TransientModelError
        If not all that was answered is in the results yet: it would be paid for again.
    """
    by_key = {row.key: row for row in rows}
    n_answered = sum(row.reply is not None for row in rows)
    nothing = not rows and state.said in WHOLE
    if nothing or n_answered < min(state.answered, len(batch.keys)):
        msg = (
            f"Batch {state.remote} of model {terms.name} is over ({state.said}, with "
            f"{state.answered} answers), but its results hold {n_answered} so far. The same "
            "command goes on."
        )
        raise TransientModelError(msg)
    requests = list(map(_request, batch.documents))
    found = Collected()
    answered = any(row.reply is not None for row in rows)
    for request in requests:
        _sort(terms, request, by_key.get(request.key), found, answered=answered)
    said = (state.said, *(row.said for row in rows))
    found.cancelled = any(one.startswith("cancel") for one in said)
    if state.error and not answered:
        msg = f"Batch {state.remote} of model {terms.name} failed: {state.error}"
        found.error = found.error or ModelError(msg)
    if found.cancelled:
        found.error = found.error or was_cancelled(terms, state.remote)
    left_out = batch.about.get("left_out")
    dropped = {"not sent": ", ".join(left_out)} if left_out else {}
    waited = datetime.now(UTC) - datetime.fromisoformat(batch.created)
    paid = [
        Paid(
            request=request,
            response=found.responses[request.key],
            latency_s=max(0.0, waited.total_seconds()),
            attempts=1,
            versions={"distexp": version("distexp"), "batch": state.remote, **dropped},
        )
        for request in requests
        if request.key in found.responses
    ]
    return found, paid


def _sort(
    terms: Terms, request: Request, row: Row | None, found: Collected, *, answered: bool
) -> None:
    """Put one row where it belongs: answered, refused, to be asked again, or an error."""
    if row is None or row.again:
        found.again[request.key] = (row and row.said) or "the batch has no row of it"
        return
    try:
        if row.reply is None:
            raise terms.failures.within(row.status, row.said, None)
        found.responses[request.key] = terms.read(request, row.reply)
    except RefusedPromptError as exc:
        if exc.certain or answered:
            found.responses[request.key] = Response.refusal(exc.said)
        else:
            found.error = found.error or exc
    except TransientModelError as exc:
        found.again[request.key] = str(exc)
    except ModelError as exc:
        found.error = found.error or exc


def was_cancelled(terms: Terms, remote: str | None) -> ModelError:
    """Return why a run that waits for a cancelled batch ends."""
    return ModelError(
        f"Batch {remote} of model {terms.name} was cancelled. What it had answered is kept; the "
        "same command hands the rest over again."
    )


def _request(document: str) -> Request:
    fields = json.loads(document)
    del fields["schema"]
    return Request(**fields)
