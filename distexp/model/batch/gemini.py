"""Gemini's batches: the requests in one call, the results within the state of the batch."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from distexp.model.batch.wire import (
    Endpoint,
    Row,
    State,
    count,
    error_row,
    mapping,
    moment,
    named,
    once,
)
from distexp.request import Json

OVER = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")


class GeminiBatches(Endpoint):
    """The Batch API of Gemini, with requests inline: no more than fit into 20 MB."""

    usual = "https://generativelanguage.googleapis.com/v1beta"
    most_requests = 50_000
    most_bytes = 19_000_000

    def headers(self) -> dict[str, str]:
        """Return the key as Google takes it."""
        return {"x-goog-api-key": self._key}

    async def submit(
        self, label: str, model: str, bodies: Mapping[str, Mapping[str, Json]], brought: str | None
    ) -> str:
        """Hand the requests over in one call."""
        requests: list[Json] = [
            {"request": body, "metadata": {"key": key}} for key, body in bodies.items()
        ]
        document: Json = {
            "batch": {"display_name": label, "input_config": {"requests": {"requests": requests}}}
        }
        path = f"models/{quote(model, safe='')}:batchGenerateContent"
        return self._state(await self.json("POST", path, body=document)).remote

    async def state(self, remote: str) -> State:
        """Return how far a batch is, with its results once it is over."""
        return self._state(await self.json("GET", remote))

    async def rows(self, state: State) -> list[Row]:
        """Read the results out of the state."""
        document = mapping(state.document.get("response")) or mapping(
            mapping(state.document.get("metadata")).get("output")
        )
        inlined = document.get("inlinedResponses") or document.get("inlined_responses")
        inner = (
            mapping(inlined).get("inlinedResponses") if isinstance(inlined, Mapping) else inlined
        )
        return once([_row(one) for one in inner or () if isinstance(one, Mapping)])

    async def cancel(self, remote: str) -> None:
        """Cancel a batch."""
        await self.json("POST", f"{remote}:cancel", body={})

    async def listed(self) -> list[State]:
        """Return the newest batches."""
        found: list[State] = []
        token = ""
        for _ in range(20):
            page = await self.json("GET", f"batches?pageSize=100{token}")
            given = page.get("operations") or page.get("batches") or ()
            found += [self._state(one) for one in given if isinstance(one, Mapping)]
            if not (following := page.get("nextPageToken")):
                break
            token = f"&pageToken={quote(str(following), safe='')}"
        return found

    def _state(self, batch: Mapping[str, Any]) -> State:
        about = mapping(batch.get("metadata")) or batch
        stats = mapping(about.get("batchStats"))
        said = str(about.get("state", "")).rpartition("STATE_")[2]
        total, pending = count(stats.get("requestCount")), count(stats.get("pendingRequestCount"))
        error = batch.get("error")
        return State(
            remote=named(batch, "name", self.failures),
            is_over=bool(batch.get("done")) or said in OVER,
            said=said.lower() or "pending",
            done=max(0, total - pending),
            total=total or None,
            answered=count(stats.get("successfulRequestCount")),
            label=about.get("displayName"),
            created=moment(about.get("createTime")),
            error=json.dumps(error)[:300] if error and not batch.get("response") else "",
            document=batch,
        )


def _row(one: Mapping[str, Any]) -> Row:
    key = str(mapping(one.get("metadata")).get("key"))
    reply = one.get("response")
    if isinstance(reply, Mapping):
        return Row(key=key, reply=reply)
    error = one.get("error") or "no reply"
    code = mapping(error).get("code")
    found = error_row(key, error)
    again = code in (1, 4)  # google.rpc: cancelled, past its deadline
    status = _STATUS.get(code, found.status) if isinstance(code, int) else found.status
    return Row(key=key, status=status, said=found.said, again=again)


_STATUS: Mapping[int, int] = {3: 400, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401}
"""HTTP statuses of google.rpc's codes."""
