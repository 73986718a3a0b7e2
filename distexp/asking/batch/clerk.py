"""The batches of one model: handed over, found again after a crash, and collected."""

import json
from collections.abc import Collection, Mapping, Sequence
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
from distexp.model.batch.wire import NotSentError, Row, State
from distexp.request import Json, Request, Response

GRACE_S = 120.0
"""How long a batch is looked for of which it is not known whether it arrived, in seconds."""
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
        self.lost: dict[str, Batch] = {}
        """By label, what the last look at it could not find."""

    async def open(self) -> list[Batch]:
        """Return the batches of this model that are not collected yet, without their requests."""
        every = await self._recorder.do(lambda: self._cache.batches(only_open=True))
        return [one for one in every if self.terms.made(one.about)]

    def parts(self, requests: Sequence[Request]) -> list[list[tuple[Request, dict[str, Json]]]]:
        """Cut requests into batches that the provider takes, with the body of each."""
        parts: list[list[tuple[Request, dict[str, Json]]]] = []
        room = 0
        for request in requests:
            body = self.terms.body(request)
            size = len(json.dumps(body, ensure_ascii=False).encode()) + 256
            if not parts or size > room or len(parts[-1]) == self.endpoint.most_requests:
                parts.append([])
                room = self.endpoint.most_bytes
            parts[-1].append((request, body))
            room -= size
        return parts

    async def hand_over(self, part: Sequence[tuple[Request, Mapping[str, Json]]]) -> None:
        """Write down a batch, then hand it over.

        Raises
        ------
        ModelError
            If it is refused, or could not be brought there. Where it is not known whether it
            arrived, nothing is raised: the batch stays written down as being sent, and is looked
            for.
        """
        label = f"distexp-{token_hex(16)}"
        bodies = {request.key: body for request, body in part}
        brought = await self.endpoint.bring(label, bodies)
        if any(not bodies.keys().isdisjoint(one.keys) for one in await self.open()):
            return  # that took so long that another process has taken them over
        batch = Batch(
            label=label,
            remote=None,
            state=SENDING,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            about=self.terms.about(),
            keys=tuple(bodies),
            documents=tuple(request.document for request, _ in part),
        )
        await self._hold(batch)
        try:
            await self._save(batch)
            try:
                remote = await self.endpoint.submit(label, self.terms.name, bodies, brought)
            except ModelError as exc:
                certain = isinstance(exc, ThrottledError | NotSentError)
                if isinstance(exc, TransientModelError) and not certain:
                    return
                await self._save(replace(batch, state=GIVEN_UP, documents=()))
                raise
            await self._save(replace(batch, remote=remote, state=IN_FLIGHT))
        finally:
            await self._let_go(batch)

    async def look(self, batch: Batch) -> tuple[State | None, Collected | None]:
        """Return how far a batch is, and what came of it once it is over and collected here.

        Where it cannot be found, `lost` holds it afterwards.
        """
        if batch.remote is not None:
            state = await self.endpoint.state(batch.remote)
            if not state.is_over:
                return state, None
        if not await self._hold(batch):
            return None, None  # another process is at it
        try:
            whole = await self._recorder.do(lambda: self._cache.batch(batch.label))
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
            await self._let_go(batch)

    async def forget(self, batch: Batch) -> bool:
        """Give up a batch that is being sent and cannot be found; False where it cannot be.

        What is in it is then handed over again: only somebody who has looked can tell that it is
        not paid for.
        """
        if not await self._hold(batch):
            return False
        try:
            whole = await self._recorder.do(lambda: self._cache.batch(batch.label))
            if whole is None or whole.state != SENDING or await self._found(whole) is not None:
                return False
            return await self._save(replace(whole, state=GIVEN_UP, documents=()))
        finally:
            await self._let_go(batch)

    def check_found(self, keys: Collection[str]) -> None:
        """Raise `ModelError` if all these requests are in batches that cannot be found."""
        inside = {key for batch in self.lost.values() for key in batch.keys}
        if not keys or not inside.issuperset(keys):
            return
        batch = next(iter(self.lost.values()))
        where = f"{self.terms.provider}'s list of batches"
        sign = "of that name" if self.endpoint.labels else "of so many requests and that time"
        raise ModelError(
            f"Whether batch {batch.label} ({len(batch.keys)} requests, {batch.created[:16]} UTC) "
            f"reached {self.terms.provider} is not known: the connection or the process ended "
            f"while it was handed over, and {where} does not show it. To hand it over again "
            f"could pay twice. If you see none {sign} there, run 'distexp cache batches forget "
            f"{batch.label}'; then, or if it appears later, the same command goes on."
        )

    async def cancel(self, batch: Batch) -> None:
        """Ask for no more of a batch."""
        if batch.remote is not None:
            await self.endpoint.cancel(batch.remote)

    async def _hold(self, batch: Batch) -> bool:
        return await self._recorder.do(lambda: self._cache.hold(batch.label))

    async def _let_go(self, batch: Batch) -> None:
        await self._recorder.do(lambda: self._cache.let_go(batch.label))

    async def _save(self, batch: Batch, answers: Sequence[Paid] = ()) -> bool:
        return await self._recorder.do(lambda: self._cache.save_batch(batch, answers)) is not None

    async def _found(self, batch: Batch) -> Batch | None:
        """Look for a batch of which it is not known whether it arrived.

        None where it is not there, or where that cannot be told yet.
        """
        since = datetime.fromisoformat(batch.created)
        known = {one.remote for one in await self._recorder.do(self._cache.batches)}
        for state in await self.endpoint.listed():
            if self.endpoint.labels:
                same = state.label == batch.label
            else:
                recent = state.created is None or state.created >= since - SKEW
                if state.remote in known or not recent or state.total != len(batch.keys):
                    continue
                if not state.is_over:
                    return None  # its rows will tell
                same = await self._has_rows_of(batch, state)
            if same:
                found = replace(batch, remote=state.remote, state=IN_FLIGHT)
                await self._save(found)
                return found
        if datetime.now(UTC) - since > timedelta(seconds=self._grace_s):
            self.lost[batch.label] = batch
        return None

    async def _has_rows_of(self, batch: Batch, state: State) -> bool:
        try:
            keys = {row.key for row in await self.endpoint.rows(state)}
        except TransientModelError:
            raise
        except ModelError:  # its results are no longer there
            return False
        return bool(keys) and keys <= {*batch.keys}

    async def _collect(self, batch: Batch, state: State) -> Collected:
        """Store what a batch has brought, and that it is collected, in one transaction."""
        rows = {row.key: row for row in await self.endpoint.rows(state)}
        if len(rows) < state.answered:  # what is not there yet would be paid for again
            msg = (
                f"Batch {state.remote} of model {self.terms.name} has {state.answered} answers, "
                f"of which {len(rows)} are in its results so far. The same command goes on."
            )
            raise TransientModelError(msg)
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
        versions = self._versions(batch, state)
        paid = [
            self._paid(by_key[key], one, batch, versions) for key, one in found.responses.items()
        ]
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

    @staticmethod
    def _versions(batch: Batch, state: State) -> dict[str, str]:
        left_out = batch.about.get("left_out")
        dropped = {"not sent": ", ".join(left_out)} if left_out else {}
        return {"distexp": version("distexp"), "batch": state.remote, **dropped}

    @staticmethod
    def _paid(
        request: Request, response: Response, batch: Batch, versions: Mapping[str, str]
    ) -> Paid:
        waited = datetime.now(UTC) - datetime.fromisoformat(batch.created)
        return Paid(
            request=request,
            response=response,
            latency_s=max(0.0, waited.total_seconds()),
            attempts=1,
            versions=versions,
        )


def _request(document: str) -> Request:
    fields = json.loads(document)
    del fields["schema"]
    return Request(**fields)
