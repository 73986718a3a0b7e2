"""A server that plays the batch endpoints of OpenAI, Anthropic and Gemini, with their faults.

`python -m tests.asking.batch_server PORT` serves until it is ended; `GET /_ledger` says what was
paid for. A request is answered, and billed, once for each batch that it is in.
"""

import json
import random
import re
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Document = dict[str, Any]


@dataclass
class Faults:
    """What goes wrong."""

    failing: float = 0.0
    """Share of rows that fail in a passing way, the first time that they are tried."""
    refused: float = 0.0
    """Share of prompts that are refused for good."""
    duplicated: float = 0.0
    """Share of rows that stand in the results twice."""
    expire_first: int = 0
    """How many batches expire with half of their rows untried."""
    polls: int = 1
    """How often a batch is looked at before it is over."""
    lose_replies: int = 0
    """How many calls that make a batch are done, and their reply lost."""
    lose_calls: int = 0
    """How many calls that make a batch are lost before they are done."""
    late_results: int = 0
    """How many times the results of a batch that is over are not there yet."""
    foreign: bool = False
    """Whether results hold rows of nobody too, one of them with a name that is no key."""
    huge: bool = False
    """Whether one answer of each batch took more tokens than any program can count."""
    hidden: bool = False
    """Whether lists of batches are empty: they may be late."""
    seed: int = 0


@dataclass
class Made:
    """One batch."""

    remote: str
    protocol: str
    rows: list[tuple[str, Document]]
    label: str | None
    polls_left: int
    number: int
    state: str = "running"
    results: list[tuple[str, str, Document]] = field(default_factory=list)
    """Key, kind (`ok`, `error`, `expired`, `cancelled`) and body."""

    @property
    def n_answered(self) -> int:
        """How many requests have an answer."""
        return len({key for key, kind, _ in self.results if kind == "ok"})


class BatchServer:
    """The three protocols on the loopback."""

    def __init__(self, faults: Faults | None = None, port: int = 0) -> None:
        self.faults = faults or Faults()
        self.batches: dict[str, Made] = {}
        self.files: dict[str, bytes] = {}
        self.paid: Counter[str] = Counter()
        """How often each request was answered."""
        self.tried: Counter[str] = Counter()
        self.bodies: list[Document] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do("GET")

            def do_POST(self) -> None:
                self._do("POST")

            def _do(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with server.lock:
                    server.headers.append(dict(self.headers))
                    status, payload, lost = server.answer(method, self.path, body)
                if lost:
                    self.close_connection = True
                    return
                data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # whoever asked is dead
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any, bool]:
        """Return status, reply, and whether the reply is lost on the way."""
        path = path.partition("?")[0]
        made_before = len(self.batches)
        makes = path.endswith(("/batches", ":batchGenerateContent")) and method == "POST"
        if makes and self.faults.lose_calls:
            self.faults.lose_calls -= 1
            return 0, b"", True
        if path == "/_ledger":
            return 200, self.ledger(), False
        if path.startswith("/v1/messages/batches"):
            found = self._anthropic(method, path.removeprefix("/v1/messages/batches"), body)
        elif path.startswith("/v1beta/"):
            found = self._gemini(method, path.removeprefix("/v1beta/"), body)
        else:
            found = self._openai(method, path.removeprefix("/v1/"), body)
        lost = len(self.batches) > made_before and self.faults.lose_replies > 0
        self.faults.lose_replies -= lost
        return *found, lost

    def ledger(self) -> Document:
        """Return what was paid for."""
        return {
            "paid": dict(self.paid),
            "batches": len(self.batches),
            "rows": sum(len(made.rows) for made in self.batches.values()),
        }

    def _make(self, protocol: str, rows: list[tuple[str, Document]], label: str | None) -> Made:
        number = len(self.batches)
        remote = {"gemini": f"batches/b{number}"}.get(protocol, f"{protocol}_batch_{number}")
        made = Made(remote, protocol, rows, label, self.faults.polls, number)
        self.batches[remote] = made
        self.bodies += [body for _, body in rows]
        return made

    def _is_late(self) -> bool:
        late = self.faults.late_results > 0
        self.faults.late_results -= late
        return late

    def _listed(self, protocol: str) -> list[Made]:
        of_all = [] if self.faults.hidden else self.batches.values()
        return [made for made in of_all if made.protocol == protocol]

    def _looked_at(self, made: Made) -> Made:
        if made.state == "running":
            if made.polls_left:
                made.polls_left -= 1
            else:
                self._work(made)
        return made

    def _work(self, made: Made) -> None:
        """Answer a batch, out of order and with faults."""
        chance = random.Random(f"{self.faults.seed} {made.number}")
        rows = list(made.rows)
        chance.shuffle(rows)
        expires = made.number < self.faults.expire_first
        for place, (key, body) in enumerate(rows):
            if expires and place % 2:
                made.results.append((key, "expired", {}))
                continue
            luck = random.Random(f"{self.faults.seed} {key} {self.tried[key]}").random()
            fate = random.Random(f"{self.faults.seed} {key}").random()
            self.tried[key] += 1
            if fate < self.faults.refused:
                made.results.append((key, "refused", {}))
            elif luck < self.faults.failing and self.tried[key] == 1:
                made.results.append((key, "error", {}))
            else:
                self.paid[key] += 1
                made.results.append((key, "ok", _reply(made.protocol, key, body)))
            if chance.random() < self.faults.duplicated:
                made.results.append(made.results[-1])
        if self.faults.foreign:
            for key in ("row-1", "f" * 64):
                made.results.append((key, "ok", _reply(made.protocol, key, rows[0][1])))
        if self.faults.huge:
            reply = next(reply for _, kind, reply in made.results if kind == "ok")
            _usage(reply, 1 << 52)
        made.state = "expired" if expires else "done"

    def _cancel(self, made: Made) -> None:
        if made.state == "running":
            made.results = [(key, "cancelled", {}) for key, _ in made.rows]
            made.state = "cancelled"

    def _openai(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if (method, path) == ("POST", "files"):
            content = body.split(b"application/jsonl\r\n", 1)[1].split(b"\r\n\r\n", 1)[1]
            name = f"file-{len(self.files)}"
            self.files[name] = content.rsplit(b"\r\n--", 1)[0]
            return 200, {"id": name, "object": "file"}
        if path.startswith("files/"):
            return 200, self._openai_results(path.split("/")[1])
        if (method, path) == ("POST", "batches"):
            asked = json.loads(body)
            lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
            rows = [(line["custom_id"], line["body"]) for line in lines]
            return 200, self._openai_state(
                self._make("openai", rows, asked["metadata"]["distexp"]), look=False
            )
        if path == "batches":
            mine = self._listed("openai")
            states = [self._openai_state(made, look=False) for made in reversed(mine)]
            return 200, {"data": states, "has_more": False}
        made = self.batches.get(path.split("/")[1])
        if made is None:
            return 404, {"error": {"message": "no such batch"}}
        if path.endswith("/cancel"):
            self._cancel(made)
        return 200, self._openai_state(made)

    def _openai_state(self, made: Made, *, look: bool = True) -> Document:
        if look:
            self._looked_at(made)
        word = {"running": "in_progress", "done": "completed"}.get(made.state, made.state)
        over = made.state != "running"
        return {
            "id": made.remote,
            "status": word,
            "created_at": 1_800_000_000,
            "metadata": {"distexp": made.label},
            "request_counts": {
                "total": len(made.rows),
                "completed": made.n_answered,
                "failed": len({key for key, *_ in made.results}) - made.n_answered,
            },
            "output_file_id": f"{made.remote}-output" if over else None,
            "error_file_id": f"{made.remote}-errors" if over else None,
        }

    def _openai_results(self, file: str) -> bytes:
        remote, _, which = file.rpartition("-")
        lines: list[str] = []
        if self._is_late():
            return b""
        for key, kind, reply in self.batches[remote].results:
            if (kind == "ok") != (which == "output"):
                continue
            line: Document = {"custom_id": key, "response": None, "error": None}
            if kind in ("expired", "cancelled"):
                line["error"] = {"code": f"batch_{kind}", "message": f"{kind}."}
            elif kind == "ok":
                line["response"] = {"status_code": 200, "body": reply}
            else:
                status, said = FAULTS[kind]
                line["response"] = {"status_code": status, "body": {"error": {"message": said}}}
            lines.append(json.dumps(line))
        return "\n".join(lines).encode()

    def _anthropic(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if method == "POST" and not path:
            asked = json.loads(body)["requests"]
            rows = [(one["custom_id"], one["params"]) for one in asked]
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", key) for key, _ in rows)
            return 200, self._anthropic_state(self._make("anthropic", rows, None))
        if not path:
            mine = self._listed("anthropic")
            states = [self._anthropic_state(self._looked_at(made)) for made in reversed(mine)]
            return 200, {"data": states, "has_more": False}
        found = self.batches.get(path.split("/")[1])
        if found is None:
            return 404, {"error": {"type": "not_found_error", "message": "no such batch"}}
        made = found
        if path.endswith("/cancel"):
            self._cancel(made)
        if path.endswith("/results") and self._is_late():
            return 200, b""
        if path.endswith("/results"):
            return 200, "\n".join(map(json.dumps, map(_anthropic_row, made.results))).encode()
        return 200, self._anthropic_state(self._looked_at(made))

    @staticmethod
    def _anthropic_state(made: Made) -> Document:
        over = made.state != "running"
        return {
            "id": made.remote,
            "processing_status": "ended" if over else "in_progress",
            "created_at": "2027-01-15T08:00:00Z",
            "request_counts": {
                "processing": 0 if over else len(made.rows),
                "succeeded": made.n_answered,
                "errored": len(made.rows) - made.n_answered if over else 0,
            },
            "results_url": "http://127.0.0.1:1/elsewhere",
        }

    def _gemini(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path.endswith(":batchGenerateContent"):
            asked = json.loads(body)["batch"]
            inline = asked["input_config"]["requests"]["requests"]
            rows = [(one["metadata"]["key"], one["request"]) for one in inline]
            made = self._make("gemini", rows, asked["display_name"])
            return 200, _gemini_state(made)
        if path == "batches":
            mine = self._listed("gemini")
            return 200, {"operations": [_gemini_state(made) for made in reversed(mine)]}
        name, _, verb = path.partition(":")
        if name not in self.batches:
            return 404, {"error": {"code": 404, "message": "no such batch"}}
        made = self.batches[name]
        if verb == "cancel":
            self._cancel(made)
            return 200, {}
        state = _gemini_state(self._looked_at(made))
        if made.results and self._is_late():
            del state["response"]
        return 200, state


FAULTS = {
    "error": (500, "The server had an error."),
    "refused": (400, "blocked by the content_filter policy"),
}


def _anthropic_row(result: tuple[str, str, Document]) -> Document:
    key, kind, reply = result
    if kind == "ok":
        return {"custom_id": key, "result": {"type": "succeeded", "message": reply}}
    if kind in ("expired", "cancelled"):
        word = "canceled" if kind == "cancelled" else kind
        return {"custom_id": key, "result": {"type": word}}
    name = "api_error" if kind == "error" else "invalid_request_error"
    error = {"type": "error", "error": {"type": name, "message": FAULTS[kind][1]}}
    return {"custom_id": key, "result": {"type": "errored", "error": error}}


def _gemini_state(made: Made) -> Document:
    over = made.state != "running"
    words = {"running": "RUNNING", "done": "SUCCEEDED"}
    state: Document = {
        "name": made.remote,
        "done": over,
        "metadata": {
            "displayName": made.label,
            "state": f"BATCH_STATE_{words.get(made.state, made.state.upper())}",
            "batchStats": {
                "requestCount": str(len(made.rows)),
                "successfulRequestCount": str(made.n_answered),
            },
        },
    }
    if over:
        rows = [_gemini_row(result) for result in made.results]
        state["response"] = {"inlinedResponses": {"inlinedResponses": rows}}
    return state


def _gemini_row(result: tuple[str, str, Document]) -> Document:
    key, kind, reply = result
    if kind == "ok":
        return {"metadata": {"key": key}, "response": reply}
    codes = {"error": 13, "refused": 3, "expired": 4, "cancelled": 1}
    said = FAULTS.get(kind, (0, kind))[1]
    return {"metadata": {"key": key}, "error": {"code": codes[kind], "message": said}}


def _usage(reply: Document, n_tokens: int) -> None:
    usage = reply.get("usage") or reply["usageMetadata"]
    usage[next(iter(usage))] = n_tokens


def _reply(protocol: str, key: str, body: Document) -> Document:
    """Answer with the beginning of the key, so that a mistaken identity shows."""
    text = f"A {key[:16]}"
    if protocol == "openai":
        return {
            "model": body["model"],
            "choices": [
                {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7},
        }
    if protocol == "anthropic":
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 11, "output_tokens": 7},
        }
    content = {"role": "model", "parts": [{"text": text}]}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 11,
            "candidatesTokenCount": 7,
            "totalTokenCount": 18,
        },
        "modelVersion": "gemini",
    }


if __name__ == "__main__":
    serving = BatchServer(Faults(failing=0.1, duplicated=0.05, polls=3), port=int(sys.argv[1]))
    serving._thread.join()
