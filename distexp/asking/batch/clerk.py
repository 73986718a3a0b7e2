"""The batches of one model: handed over, found again after a crash, and collected."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from secrets import token_hex

from distexp.asking.storing import Recorder
from distexp.cache import Paid, ResponseCache
from distexp.cache.disk.batches import COLLECTED, GIVEN_UP, IN_FLIGHT, OPEN, SENDING, Batch
from distexp.errors import (
    ModelError,
    RefusedPromptError,
    ThrottledError,
    TransientModelError,
)
from distexp.model.batch.terms import Terms
from distexp.model.batch.wire import Row, State
from distexp.request import Request, Response

GRACE_S = 60.0
"""How long a batch that was being handed over when its process died may take to be listed."""
SKEW = timedelta(days=1)
"""How far the provider's clock may be from ours."""


@dataclass(slots=True)
class Collected:
    """What came of a batch."""

    responses: dict[str, Response] = field(default_factory=dict)
    """Stored, by key."""
    again: dict[str, str] = field(default_factory=dict)
    """Requests to be asked again, and why they were not answered."""
    error: ModelError | None = None
    """Why the model is not to be asked any more."""


class Clerk:
    """Sees to the batches of one model.

    Parameters
    ----------
    terms : Terms
    cache : ResponseCache
    recorder : Recorder
        Does what is done to the cache.
    grace_s : float
        See `GRACE_S`.
    """

    def __init__(
        self, terms: Terms, cache: ResponseCache, recorder: Recorder, grace_s: float = GRACE_S
    ) -> None:
        self.terms = terms
        self.endpoint = terms.endpoint()
        self._cache = cache
        self._recorder = recorder
        self._grace_s = grace_s

    async def open(self) -> list[Batch]:
        """Return the batches of this model that are not collected yet, without their requests."""
        every = await self._recorder.do(self._cache.batches)
        return [one for one in every if one.state in OPEN and self.terms.made(one.about)]

    def parts(self, requests: Sequence[Request]) -> list[list[tuple[Request, dict[str, object]]]]:
        """Cut requests into batches that the provider takes, with the body of each."""
        parts: list[list[tuple[Request, dict[str, object]]]] = []
        room = 0
        for request in requests:
            body: dict[str, object] = dict(self.terms.body(request))
            size = len(json.dumps(body, ensure_ascii=False).encode()) + 256
            if not parts or size > room or len(parts[-1]) == self.endpoint.most_requests:
                parts.append([])
                room = self.endpoint.most_bytes
            parts[-1].append((request, body))
            room -= size
        return parts

    async def hand_over(self, part: Sequence[tuple[Request, Mapping[str, object]]]) -> None:
        """Write down a batch, then hand it over.

        Raises
        ------
        ModelError
            If it is refused. Where it is not known whether it arrived, nothing is raised: the
            batch stays written down as being sent, and is looked for.
        """
        batch = Batch(
            label=f"distexp-{token_hex(16)}",
            remote=None,
            state=SENDING,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            about=self.terms.about(),
            keys=tuple(request.key for request, _ in part),
            documents=tuple(request.document for request, _ in part),
        )
        await self._hold(batch)
        try:
            await self._save(batch)
            bodies = {request.key: body for request, body in part}
            try:
                remote = await self.endpoint.submit(batch.label, self.terms.name, bodies)  # type: ignore[arg-type]
            except TransientModelError as exc:
                if isinstance(exc, ThrottledError):
                    await self._save(replace(batch, state=GIVEN_UP, documents=()))
                    raise
                return
            except ModelError:
                await self._save(replace(batch, state=GIVEN_UP, documents=()))
                raise
            await self._save(replace(batch, remote=remote, state=IN_FLIGHT))
        finally:
            await self._recorder.do(lambda: self._cache.let_go(batch.label))

    async def look(self, batch: Batch) -> tuple[State | None, Collected | None]:
        """Return how far a batch is, and what came of it once it is over and collected here."""
        if not await self._hold(batch):
            return None, None  # another process is at it
        try:
            whole = await self._whole(batch.label)
            if whole is None or whole.state not in OPEN:
                return None, Collected()
            if whole.remote is None:
                found = await self._found(whole)
                if found is None:
                    return None, None
                whole = found
            assert whole.remote is not None
            state = await self.endpoint.state(whole.remote)
            return state, (await self._collect(whole, state)) if state.is_over else None
        finally:
            await self._recorder.do(lambda: self._cache.let_go(batch.label))

    async def cancel(self, batch: Batch) -> None:
        """Ask for no more of a batch."""
        if batch.remote is not None:
            await self.endpoint.cancel(batch.remote)

    async def _hold(self, batch: Batch) -> bool:
        return await self._recorder.do(lambda: self._cache.hold(batch.label))

    async def _whole(self, label: str) -> Batch | None:
        every = await self._recorder.do(lambda: self._cache.batches(whole=True))
        return next((one for one in every if one.label == label), None)

    async def _save(self, batch: Batch, answers: Sequence[Paid] = ()) -> bool:
        return await self._recorder.do(lambda: self._cache.save_batch(batch, answers)) is not None

    async def _found(self, batch: Batch) -> Batch | None:
        """Look for a batch whose process died while it was handed over.

        None where that cannot be told yet, or it never arrived; then it is given up.
        """
        every = await self._recorder.do(self._cache.batches)
        known = {one.remote for one in every}
        since = datetime.fromisoformat(batch.created)
        for state in await self.endpoint.listed():
            if self.endpoint.labels:
                same = state.label == batch.label
            else:
                recent = state.created is None or state.created >= since - SKEW
                if state.remote in known or not recent or state.total != len(batch.keys):
                    continue
                if not state.is_over:
                    return None  # its rows will tell
                same = {row.key for row in await self.endpoint.rows(state)} <= {*batch.keys}
            if same:
                found = replace(batch, remote=state.remote, state=IN_FLIGHT)
                await self._save(found)
                return found
        if datetime.now(UTC) - since > timedelta(seconds=self._grace_s):
            await self._save(replace(batch, state=GIVEN_UP, documents=()))
        return None

    async def _collect(self, batch: Batch, state: State) -> Collected:
        """Store what a batch has brought, and that it is collected, in one transaction."""
        rows = {row.key: row for row in await self.endpoint.rows(state)}
        requests = [_request(document) for document in batch.documents]
        found = Collected()
        answered = any(row.reply is not None for row in rows.values())
        for request in requests:
            self._sort(request, rows.get(request.key), found, answered=answered)
        if state.error and not answered:
            found.error = found.error or ModelError(
                f"Batch {state.remote} of model {self.terms.name} failed: {state.error}"
            )
        elif state.said.startswith("cancel") or any(
            row.said.startswith("cancel") for row in rows.values()
        ):
            found.error = found.error or ModelError(
                f"Batch {state.remote} of model {self.terms.name} was cancelled. "
                "What it had answered is kept; the same command hands the rest over again."
            )
        by_key = {request.key: request for request in requests}
        paid = [self._paid(by_key[k], one, batch, state) for k, one in found.responses.items()]
        await self._save(replace(batch, state=COLLECTED, documents=()), paid)
        return found

    def _sort(
        self, request: Request, row: Row | None, found: Collected, *, answered: bool
    ) -> None:
        """Put one row where it belongs: answered, refused, to be asked again, or an error."""
        if row is None or row.again:
            found.again[request.key] = (row and row.said) or "the batch has no row of it"
            return
        try:
            if row.reply is None:
                raise self.terms.failures.within(row.status, row.said, None)
            found.responses[request.key] = self.terms.read(request, row.reply)
        except RefusedPromptError as exc:
            if exc.certain or answered:
                found.responses[request.key] = Response.refusal(exc.said)
            else:
                found.error = found.error or exc
        except TransientModelError as exc:
            found.again[request.key] = str(exc)
        except ModelError as exc:
            found.error = found.error or exc

    def _paid(self, request: Request, response: Response, batch: Batch, state: State) -> Paid:
        waited = datetime.now(UTC) - datetime.fromisoformat(batch.created)
        return Paid(
            request=request,
            response=response,
            latency_s=max(0.0, waited.total_seconds()),
            attempts=1,
            versions={"distexp": version("distexp"), "batch": state.remote},
        )


def _request(document: str) -> Request:
    fields = json.loads(document)
    del fields["schema"]
    return Request(**fields)
