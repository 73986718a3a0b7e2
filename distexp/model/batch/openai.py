"""OpenAI's batches: a file of requests, a batch of the file, one or two files of results."""

import json
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

OVER = frozenset({"completed", "failed", "expired", "cancelled"})


class OpenAIBatches(Endpoint):
    """The Batch API of OpenAI, which other servers have taken over."""

    usual = "https://api.openai.com/v1"
    most_requests = 50_000
    most_bytes = 200_000_000

    def headers(self) -> dict[str, str]:
        """Return the key as OpenAI takes it."""
        return {"Authorization": f"Bearer {self._key}"}

    async def bring(self, label: str, bodies: Mapping[str, Mapping[str, Json]]) -> str:
        """Upload the requests; return the name of the file."""
        import aiohttp

        rows = (
            json.dumps(
                {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body},
                ensure_ascii=False,
                allow_nan=False,
            )
            for key, body in bodies.items()
        )
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        content = "\n".join(rows).encode()
        form.add_field(
            "file", content, filename=f"{label}.jsonl", content_type="application/jsonl"
        )
        file = await self.json("POST", "files", form=form)
        return named(file, "id", self.failures)

    async def submit(
        self, label: str, model: str, bodies: Mapping[str, Mapping[str, Json]], brought: str | None
    ) -> str:
        """Make a batch of the file."""
        batch = await self.json(
            "POST",
            "batches",
            body={
                "input_file_id": brought,
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
                "metadata": {"distexp": label},
            },
        )
        return named(batch, "id", self.failures)

    async def state(self, remote: str) -> State:
        """Return how far a batch is."""
        return self._state(await self.json("GET", f"batches/{remote}"))

    async def rows(self, state: State) -> list[Row]:
        """Read the file of results and that of errors."""
        found = []
        for file in state.files:
            for line in lines(await self.call("GET", f"files/{file}/content")):
                found.append(_row(line))
        return once(found)

    async def cancel(self, remote: str) -> None:
        """Cancel a batch."""
        await self.json("POST", f"batches/{remote}/cancel", body={})

    async def listed(self) -> list[State]:
        """Return the newest batches."""
        found: list[State] = []
        after = ""
        for _ in range(20):
            page = await self.json("GET", f"batches?limit=100{after}")
            data = page.get("data")
            here = [self._state(one) for one in data if isinstance(one, Mapping)] if data else []
            found += here
            if not page.get("has_more") or not here:
                break
            after = f"&after={here[-1].remote}"
        return found

    def _state(self, batch: Mapping[str, Any]) -> State:
        counts, status = mapping(batch.get("request_counts")), str(batch.get("status"))
        files = [batch.get(name) for name in ("output_file_id", "error_file_id")]
        errors = mapping(batch.get("errors")).get("data") or []
        return State(
            remote=named(batch, "id", self.failures),
            is_over=status in OVER,
            said=status,
            done=count(counts.get("completed")) + count(counts.get("failed")),
            total=count(counts.get("total")) or None,
            answered=count(counts.get("completed")),
            label=mapping(batch.get("metadata")).get("distexp"),
            created=moment(batch.get("created_at")),
            files=tuple(
                named({"file": file}, "file", self.failures) for file in files if file is not None
            ),
            error="; ".join(str(mapping(one).get("message")) for one in errors)
            if status == "failed"
            else "",
        )


def _row(line: Mapping[str, Any]) -> Row:
    key, error = str(line.get("custom_id")), line.get("error")
    response = mapping(line.get("response"))
    status, body = response.get("status_code"), response.get("body")
    if error and mapping(error).get("code") in ("batch_expired", "batch_cancelled"):
        return Row(key=key, said=str(mapping(error).get("message")), again=True)
    if status == 200 and isinstance(body, Mapping):
        return Row(key=key, reply=body)
    found = error_row(key, mapping(body).get("error") or error or "no reply")
    if isinstance(status, int):
        return Row(key=key, status=status, said=found.said)
    return found
