"""The batches of one model: handed over, found again after a crash, and collected."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from distexp.asking.batch.collecting import Collected, sorted_out, was_cancelled
from distexp.asking.storing import Recorder
from distexp.cache import Paid, ResponseCache
from distexp.cache.disk.batches import (
    CANCELLED,
    COLLECTED,
    GIVEN_UP,
    IN_FLIGHT,
    OPEN,
    PREPARING,
    SENDING,
    Batch,
)
from distexp.errors import (
    ModelError,
    ThrottledError,
    TransientModelError,
    UnstorableError,
)
from distexp.model.batch.terms import Terms
from distexp.model.batch.wire import GoneError, NotSentError, State
from distexp.request import Json, Request, Response

GRACE_S = 120.0
"""How long a batch is looked for of which it is not known whether it arrived, in seconds."""
SKEW = timedelta(days=1)
"""How far the provider's clock may be from ours."""


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
        self._gone: dict[str, str] = {}
        """By label, what the provider says of batches that it had."""
        self._seen: set[str] = set()
        """Labels of the batches that were waited for here."""

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

    async def hand_over(self, part: Sequence[tuple[Request, Mapping[str, Json]]]) -> bool:
        """Write down a batch, then hand it over; False where a request became somebody else's.

        Raises
        ------
        ModelError
            If it is refused, or could not be brought there. Where it is not known whether it
            arrived, nothing is raised: the batch stays written down as being sent, and is looked
            for.
        """
        bodies = {request.key: body for request, body in part}
        batch = Batch(
            label=f"distexp-{token_hex(16)}",
            remote=None,
            state=PREPARING,
            created=_now(),
            about=self.terms.about(),
            keys=tuple(bodies),
        )
        await self._hold(batch)
        try:
            if not await self._recorder.do(lambda: self._cache.reserve(batch)):
                return False
            self._seen.add(batch.label)
            documents = tuple(request.document for request, _ in part)
            await self._submit(batch, bodies, documents)
        finally:
            await self._let_go(batch)
        return True

    async def _submit(
        self, batch: Batch, bodies: Mapping[str, Mapping[str, Json]], documents: tuple[str, ...]
    ) -> None:
        """Hand over a batch that is reserved."""
        try:
            brought = await self.endpoint.bring(batch.label, bodies)
        except ModelError:
            await self._save(replace(batch, state=GIVEN_UP))
            raise
        sending = replace(batch, state=SENDING, created=_now(), documents=documents)
        if not await self._save(sending):
            return  # that took so long that another process has taken it for dead
        try:
            remote = await self.endpoint.submit(batch.label, self.terms.name, bodies, brought)
        except ModelError as exc:
            certain = isinstance(exc, ThrottledError | NotSentError)
            if isinstance(exc, TransientModelError) and not certain:
                return
            await self._save(replace(batch, state=GIVEN_UP))
            raise
        await self._save(replace(sending, remote=remote, state=IN_FLIGHT))

    async def look(self, batch: Batch) -> tuple[State | None, Collected | None]:
        """Return how far a batch is, and what came of it once it is over and collected here.

        Where it cannot be found, `lost` holds it afterwards.
        """
        self._seen.add(batch.label)
        try:
            return await self._look(batch)
        except GoneError as exc:
            self.lost[batch.label] = batch
            self._gone[batch.label] = str(exc)
            return None, None

    async def _look(self, batch: Batch) -> tuple[State | None, Collected | None]:
        if batch.remote is not None:
            state = await self.endpoint.state(batch.remote)
            if not state.is_over:
                return state, None
        if not await self._hold(batch):
            return None, None  # another process is at it
        try:
            whole = await self._written(batch.label)
            if whole is None or whole.state not in OPEN:
                cancelled = whole is not None and whole.state == CANCELLED
                error = was_cancelled(self.terms, batch.remote) if cancelled else None
                return None, Collected(error=error, cancelled=cancelled)
            if whole.state == PREPARING:  # its process died
                await self._save(replace(whole, state=GIVEN_UP))
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
        """Give up a batch that cannot be found at the provider; False where it cannot be.

        What is in it is then handed over again: only somebody who has looked can tell that it is
        not paid for.
        """
        if not await self._hold(batch):
            return False
        try:
            whole = await self._written(batch.label)
            if whole is None or whole.state not in OPEN or await self._is_there(whole):
                return False
            return await self._save(replace(whole, state=GIVEN_UP, documents=()))
        finally:
            await self._let_go(batch)

    async def _is_there(self, batch: Batch) -> bool:
        if batch.state == PREPARING:
            return False
        if batch.remote is None:
            return await self._found(batch) is not None
        try:
            state = await self.endpoint.state(batch.remote)
            if state.is_over:
                await self.endpoint.rows(state)
        except GoneError:
            return False
        return True

    def check_found(self, keys: Collection[str]) -> None:
        """Raise `ModelError` if all these requests are in batches that cannot be found."""
        inside = {key for batch in self.lost.values() for key in batch.keys}
        if not keys or not inside.issuperset(keys):
            return
        batch = next(iter(self.lost.values()))
        if batch.label in self._gone:
            raise ModelError(
                f"Batch {batch.remote} ({len(batch.keys)} requests, {batch.created[:16]} UTC) is "
                f"no longer at {self.terms.provider}: {self._gone[batch.label]} If its answers "
                f"are lost, run 'distexp cache batches forget {batch.label}'; then the same "
                "command hands it over, and pays, again."
            )
        where = f"{self.terms.provider}'s list of batches"
        sign = "of that name" if self.endpoint.labels else "of so many requests and that time"
        raise ModelError(
            f"Whether batch {batch.label} ({len(batch.keys)} requests, {batch.created[:16]} UTC) "
            f"reached {self.terms.provider} is not known: the connection or the process ended "
            f"while it was handed over, and {where} does not show it. To hand it over again "
            f"could pay twice. If you see none {sign} there, run 'distexp cache batches forget "
            f"{batch.label}'; then, or if it appears later, the same command goes on."
        )

    async def check_cancelled(self, keys: Collection[str]) -> None:
        """Raise `ModelError` if one of these was in a batch that was waited for, and cancelled."""
        for label in self._seen if keys else ():
            batch = await self._written(label)
            if batch is not None and batch.state == CANCELLED and {*batch.keys} & {*keys}:
                raise was_cancelled(self.terms, batch.remote)

    async def cancel(self, batch: Batch) -> None:
        """Ask for no more of a batch."""
        if batch.remote is not None:
            await self.endpoint.cancel(batch.remote)

    async def _written(self, label: str) -> Batch | None:
        return await self._recorder.do(lambda: self._cache.batch(label))

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
        now = datetime.now(UTC)
        since = min(now, written := datetime.fromisoformat(batch.created))  # clocks are set back
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
        if abs(now - written) > timedelta(seconds=self._grace_s):
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
        rows = await self.endpoint.rows(state)
        found, paid = sorted_out(self.terms, batch, state, rows)
        over = replace(batch, state=CANCELLED if found.cancelled else COLLECTED, documents=())
        try:
            await self._save(over, paid)
        except UnstorableError:
            reasons = await self._recorder.do(lambda: self._unstorable(paid))
            await self._save(over, [one for one in paid if one.request.key not in reasons])
            found.responses |= {key: Response.refusal(said) for key, said in reasons.items()}
        return found

    def _unstorable(self, answers: Sequence[Paid]) -> dict[str, str]:
        """Return by key why some answers cannot be stored; the next run asks for them again."""
        reasons = {}
        for paid in answers:
            try:
                self._cache.check_storable(paid)
            except UnstorableError as exc:
                reasons[paid.request.key] = str(exc)
        return reasons


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
