"""Models served from a local GGUF file by llama.cpp: no network, no key, no cost."""

import asyncio
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from distexp.checks import check_bool, check_int, check_number, check_text, parameter_error
from distexp.errors import ModelError, TransientModelError
from distexp.model.litellm import LiteLLMModel
from distexp.model.llama.server import LlamaServer
from distexp.model.llama.weights import WEIGHTS, find_weights, weights_digest
from distexp.protocols import Capabilities
from distexp.request import Json, Request, Response

RUNTIME = "xllamacpp==2026.10.11549"
KV_CACHE = ("f16", "bf16")
"""Types of llama.cpp's cached keys and values. That they differ is what makes its attention
handle one token at a time, whatever the number of tokens at once; see `LlamaCppModel`."""


class LlamaCppModel(LiteLLMModel):
    """A GGUF file served by llama.cpp in a child process, which starts with the first call.

    Parameters
    ----------
    name : str
        Name in the tables.
    path : str, optional
        The GGUF file; None takes SmolLM2-135M-Instruct from its package.
    sha256 : str, optional
        SHA-256 of the file, 64 hexadecimal digits. Another file is refused. None takes the file
        as it is; its digest becomes part of the model's identity all the same.
    cache_prompt : bool
        Whether a prompt's beginning is taken over from the call before.
    seed : int
        Seed of the sampler, plus the draw.
    n_ctx : int
        Tokens that prompt and reply may have together: a longer reply is cut off.
    n_threads : int
        Threads that compute.
    start_timeout_s, timeout_s : float
        How long loading the weights and one call may take, in seconds.
    salt : str, optional
        Any text: keeps the answers apart from those given under another salt.

    Attributes
    ----------
    server : LlamaServer or None
        None before the first call and after `close`.

    Notes
    -----
    The same request gets bit-identical log-probabilities in any order of calls, in any process
    and with any number of threads. llama.cpp does not promise this: its attention rounds
    differently for one token, for a few and for 64 or more at once, so an answer depends on how
    much of its prompt was there already (shares of options by 0.03 in total variation). With
    `KV_CACHE` one kernel does it all, and SmolLM2's 4-bit weights (Q4_1) have but one. Then
    `cache_prompt` is safe: a prompt of 150 tokens takes 0.16 s on two cores instead of 0.57 s.
    Weights in formats with several kernels (Q4_0, Q8_0, F16, most K-quants) need
    ``cache_prompt=False`` to be as exact.
    """

    def __init__(
        self,
        *,
        name: str,
        path: str | None = None,
        sha256: str | None = None,
        cache_prompt: bool = False,
        seed: int = 0,
        n_ctx: int = 2048,
        n_threads: int = 2,
        start_timeout_s: float = 60.0,
        timeout_s: float = 120.0,
        salt: str | None = None,
    ) -> None:
        check_bool("LlamaCppModel", "cache_prompt", cache_prompt)
        check_int("LlamaCppModel", "n_ctx", n_ctx, minimum=1)
        check_int("LlamaCppModel", "n_threads", n_threads, minimum=1)
        check_number("LlamaCppModel", "start_timeout_s", start_timeout_s, low=0, low_open=True)
        if path is not None:
            check_text("LlamaCppModel", "path", path)
        if sha256 is not None and not _is_sha256(sha256):
            wanted = "64 lower-case hexadecimal digits, or null"
            raise parameter_error("LlamaCppModel", "sha256", wanted, sha256)
        super().__init__(
            name=name,
            provider="llamacpp",
            capabilities=Capabilities(
                logprobs=True, json_schema=True, seed=True, system_role=True
            ),
            seed=seed,
            top_p=1.0,
            # llama.cpp's defaults keep 40 tokens at most, and none below 5 % of the likeliest.
            extra_body={"cache_prompt": cache_prompt, "top_k": 0, "min_p": 0.0},
            max_concurrency=1,
            max_retries=1,
            timeout_s=timeout_s,
            salt=salt,
        )
        self.path = path
        self.sha256 = sha256
        self.n_ctx = n_ctx
        self.n_threads = n_threads
        self.start_timeout_s = start_timeout_s
        self.server: LlamaServer | None = None

    @cached_property
    def identity(self) -> str:
        """Name, digest and what else of the serving decides about the answers.

        Raises
        ------
        ModelError
            If the file is not the one that `sha256` names, or neither is there.
        """
        if self.sha256 is not None and (self.path is None or not Path(self.path).is_file()):
            digest = self.sha256  # a replay from the cache needs no weights
        else:
            digest = weights_digest(self.path, self.sha256)
        return f"{self.name}@sha256:{digest}+ctx-{self.n_ctx}+kv-{'-'.join(KV_CACHE)}"

    def preflight(self) -> None:
        """Check that runtime and weights are there, and that the weights are the right ones.

        Raises
        ------
        ModelError
            If not; names the command that installs what is missing.
        """
        if find_spec("xllamacpp") is None:
            packages = [RUNTIME, *([WEIGHTS] if self.path is None else [])]
            msg = (
                f"Model {self.name} is served by llama.cpp, which is not installed. Run 'pip "
                f"install --no-deps {' '.join(packages)}', or in a clone 'make install'."
            )
            raise ModelError(msg)
        weights_digest(self.path, self.sha256)

    async def complete(self, request: Request) -> Response:
        """Make the call; the first one starts the server.

        Raises
        ------
        TransientModelError
            If the call takes longer than `timeout_s`.
        ModelError
            If the server cannot start or has died, or refuses the request.
        """
        server = await asyncio.to_thread(self._started)
        try:
            return await self._call(request, model=self.name, api_base=f"{server.address}/v1")
        except TransientModelError as exc:
            if await asyncio.to_thread(server.has_ended, 1.0):
                raise ModelError(server.last_words()) from exc
            raise

    def _started(self) -> LlamaServer:
        """Return the running server; the weights are checked before it loads them."""
        if self.server is None:
            self.preflight()
            settings: dict[str, Json] = {
                "path": str(find_weights(self.path)),
                "alias": self.name,
                "n_ctx": self.n_ctx,
                "n_threads": self.n_threads,
                "cache_type_k": KV_CACHE[0],
                "cache_type_v": KV_CACHE[1],
            }
            self.server = LlamaServer(settings, start_timeout_s=self.start_timeout_s)
        self.server.start()
        return self.server

    @property
    def _route(self) -> str:
        """Return the protocol that llama.cpp's server speaks, as litellm names it."""
        return "openai"

    @cached_property
    def price(self) -> tuple[float, float]:
        """Zero USD: nobody sends a bill for this machine."""
        return 0.0, 0.0

    def versions(self) -> dict[str, str]:
        """Return the versions of the software that makes the calls."""
        return {**super().versions(), "xllamacpp": metadata.version("xllamacpp")}

    async def close(self) -> None:
        """End the child process."""
        await super().close()
        server, self.server = self.server, None
        if server is not None:
            await asyncio.to_thread(server.stop)


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")
