"""Anthropic's message batches: the requests in one call, the results in one file."""

from collections.abc import Mapping
from typing import Any

from distexp.model.batch.wire import (
    Endpoint,
    Row,
    State,
    count,
    error_row,
    lines,
    mapping,
    moment,
    named,
    once,
)
from distexp.request import Json

VERSION = "2023-06-01"
BETA = "structured-outputs-2025-11-13"
"""What litellm asks for where a reply is held to a schema."""
PATH = "v1/messages/batches"
STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class AnthropicBatches(Endpoint):
    """The Message Batches API of Anthropic. Batches have no names there but Anthropic's own."""

    usual = "https://api.anthropic.com"
    most_requests = 100_000
    most_bytes = 256_000_000
    labels = False

    def headers(self) -> dict[str, str]:
        """Return the key as Anthropic takes it."""
        return {"x-api-key": self._key, "anthropic-version": VERSION, "anthropic-beta": BETA}

    async def submit(
        self, label: str, model: str, bodies: Mapping[str, Mapping[str, Json]], brought: str | None
    ) -> str:
        """Hand the requests over in one call."""
        requests: list[Json] = [{"custom_id": k, "params": body} for k, body in bodies.items()]
        batch = await self.json("POST", PATH, body={"requests": requests})
        return named(batch, "id", self.failures)

    async def state(self, remote: str) -> State:
        """Return how far a batch is."""
        return self._state(await self.json("GET", f"{PATH}/{remote}"))

    async def rows(self, state: State) -> list[Row]:
        """Read the results; their address is made here, whatever the server says it is."""
        payload = await self.call("GET", f"{PATH}/{state.remote}/results")
        return once([_row(line) for line in lines(payload)])

    async def cancel(self, remote: str) -> None:
        """Cancel a batch."""
        await self.json("POST", f"{PATH}/{remote}/cancel", body={})

    async def listed(self) -> list[State]:
        """Return the newest batches."""
        found: list[State] = []
        after = ""
        for _ in range(20):
            page = await self.json("GET", f"{PATH}?limit=100{after}")
            here = [self._state(one) for one in page.get("data") or () if isinstance(one, Mapping)]
            found += here
            if not page.get("has_more") or not here:
                break
            after = f"&after_id={here[-1].remote}"
        return found

    def _state(self, batch: Mapping[str, Any]) -> State:
        counts, status = mapping(batch.get("request_counts")), str(batch.get("processing_status"))
        total = sum(map(count, counts.values()))
        return State(
            remote=named(batch, "id", self.failures),
            is_over=status == "ended",
            said=status,
            done=total - count(counts.get("processing")),
            total=total,
            answered=count(counts.get("succeeded")),
            created=moment(batch.get("created_at")),
        )


def _row(line: Mapping[str, Any]) -> Row:
    key, result = str(line.get("custom_id")), mapping(line.get("result"))
    kind, message = result.get("type"), result.get("message")
    if kind == "succeeded" and isinstance(message, Mapping):
        return Row(key=key, reply=message)
    if kind in ("expired", "canceled"):
        return Row(key=key, said=str(kind), again=True)
    outer = mapping(result.get("error"))
    error = mapping(outer.get("error")) or outer
    found = error_row(key, error or "no reply")
    return Row(key=key, status=STATUS.get(str(error.get("type"))), said=found.said)
