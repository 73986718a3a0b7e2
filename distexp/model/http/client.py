"""Calls to a server that speaks OpenAI's protocol, over connections that are kept."""

import json
import os
import ssl
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from distexp.errors import ModelError, RefusedPromptError, TransientModelError
from distexp.model.http.address import proxy_for
from distexp.model.http.failures import Failures
from distexp.model.http.redaction import of_proxy
from distexp.model.http.secrets import Secrets
from distexp.model.http.verdicts import LONGEST_SAID, error_within
from distexp.request import Json

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

OPENAI = "https://api.openai.com/v1"
ACCOUNT_HEADERS = {
    "OpenAI-Organization": ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID"),
    "OpenAI-Project": ("OPENAI_PROJECT_ID",),
}
"""Headers that say whom OpenAI bills, and the environment variables that they come from."""
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
MAX_REPLY_BYTES = 4 << 20
KEEP_ALIVE_S = 4.0
"""Servers close a connection that nobody uses after 5 s, some with a call on its way to them."""


class ChatClient:
    """Posts JSON and returns JSON; connections are opened with the first call and kept.

    Parameters
    ----------
    api_base : str, optional
        Address of the server; None is OpenAI's own.
    timeout_s : float
        How long one call may take, in seconds.
    max_reply_bytes : int
        How long a reply may be once it is unfolded; a longer one is not read to its end.
    """

    def __init__(
        self,
        api_base: str | None,
        *,
        timeout_s: float,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.api_base = api_base
        self.url = f"{(api_base or OPENAI).rstrip('/')}/chat/completions"
        self._timeout_s = timeout_s
        self._max_reply_bytes = max_reply_bytes
        self._listed = False
        self._models: list[str] | None = None
        self._proxy = proxy_for(self.url)
        self._hidden = Secrets(of_proxy(self._proxy))
        self._account = account_headers() if api_base is None else {}
        self._session: ClientSession | None = None

    async def post(self, body: Mapping[str, Json], key: str | None, failures: Failures) -> object:
        """Return what the server replies.

        Raises
        ------
        TransientModelError
            After a rate limit, a time-out, a server fault, a lost connection or a broken body.
        RefusedPromptError
            If the server refuses this request for what it says.
        ModelError
            If it refuses all, or sends the caller elsewhere.
        """
        data = _ENCODER.encode(body).encode()
        status, headers, payload = await self._call("POST", self.url, data, key, failures)
        if 300 <= status < 400:
            raise failures.redirected(status, self.url, headers.get("Location"))
        if status >= 400:
            raise await self._refused(status, headers, payload, key, failures)
        try:
            return json.loads(payload)
        except (ValueError, RecursionError) as exc:
            raise failures.unusable(f"{shown(payload, failures)} is no JSON.") from exc

    async def _call(
        self, method: str, url: str, data: bytes | None, key: str | None, failures: Failures
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body; a redirect is returned, never followed."""
        import aiohttp

        payload = data and aiohttp.BytesPayload(data)  # what it is would be found out slowly
        try:
            async with self._open().request(
                method,
                url,
                data=payload,
                headers=None if key is None else {"Authorization": f"Bearer {key}"},
                proxy=self._proxy,
                allow_redirects=False,
            ) as reply:
                return reply.status, reply.headers, await self._body(reply, failures)
        except aiohttp.ClientConnectorCertificateError as exc:
            raise failures.untrusted(str(exc)) from exc
        except aiohttp.ClientConnectorError as exc:
            raise failures.unreachable(str(exc)) from exc
        except TimeoutError as exc:
            raise failures.broken(f"nothing came within {self._timeout_s:g} s.") from exc
        except (aiohttp.ClientError, OSError, EOFError, ValueError) as exc:
            said = self._hidden.struck(f"{type(exc).__name__}: {exc}")
            raise failures.broken(said) from None  # the cause may name the proxy's password

    async def _body(self, reply: "ClientResponse", failures: Failures) -> bytes:
        """Return the body, unfolded, as far as the limit."""
        coding = reply.headers.get("Content-Encoding", "identity").strip().lower()
        unfolding = zlib.decompressobj(wbits=47) if coding in ("gzip", "deflate") else None
        if unfolding is None and coding not in ("identity", ""):
            raise failures.unusable(f"it is compressed with {coding!r}, which was not asked for.")
        parts, room = [], self._max_reply_bytes
        async for part in reply.content.iter_any():
            try:
                plain = part if unfolding is None else unfolding.decompress(part, room + 1)
            except zlib.error as exc:
                raise failures.unusable(f"its {coding} cannot be read: {exc}.") from exc
            parts.append(plain)
            room -= len(plain)
            if room < 0:
                raise failures.unusable(
                    f"it is larger than {self._max_reply_bytes} bytes; the setting "
                    "model.max_reply_bytes allows more."
                )
        if unfolding is not None and parts and not unfolding.eof:
            raise failures.broken(f"its {coding} is cut off.")
        return b"".join(parts)

    async def _refused(
        self,
        status: int,
        headers: Mapping[str, str],
        payload: bytes,
        key: str | None,
        failures: Failures,
    ) -> ModelError:
        """Return the error for a status that says no, with advice where an address is unknown."""
        text = payload.decode(errors="replace")
        try:
            said, asked_s, _ = error_within(json.loads(text)) or (text, None, None)
        except (ValueError, RecursionError):
            said, asked_s = text, None
        error = failures.refused(status, said, headers, asked_s)
        if status != 404 or isinstance(error, RefusedPromptError | TransientModelError):
            return error
        base = self.url.removesuffix("/chat/completions")
        return failures.not_found(said, base, await self._offered(base, key, failures))

    async def _offered(self, base: str, key: str | None, failures: Failures) -> list[str] | None:
        """Return the models that the server lists, once; None where it lists none."""
        if not self._listed:
            self._listed = True
            for url in (f"{base}/models", f"{base}/v1/models"):
                try:
                    status, _, payload = await self._call("GET", url, None, key, failures)
                    listed = json.loads(payload)["data"] if status == 200 else []
                    names = [one["id"] for one in listed if isinstance(one["id"], str)]
                except (ModelError, ValueError, KeyError, TypeError, RecursionError):
                    continue
                if names:
                    self._models = names
                    break
        return self._models

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> "ClientSession":
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # calls in flight are limited where they start
                    keepalive_timeout=KEEP_ALIVE_S,
                    ssl=tls_context() if self.url.startswith("https:") else True,
                ),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={**HEADERS, **self._account},
                auto_decompress=False,  # a megabyte may unfold to a thousand
            )
        return self._session


def account_headers() -> dict[str, str]:
    """Return the headers that say whom OpenAI bills."""
    named = {
        header: next(filter(None, map(os.environ.get, variables)), None)
        for header, variables in ACCOUNT_HEADERS.items()
    }
    return {header: value for header, value in named.items() if value}


def tls_context() -> ssl.SSLContext:
    """Trust the certificates that `SSL_CERT_FILE` names, or else those of certifi."""
    file = os.environ.get("SSL_CERT_FILE")
    if not file:
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as exc:  # ssl.SSLError is one
        msg = (
            f"The environment variable SSL_CERT_FILE names {file}, which holds no certificates "
            f"that can be read: {exc}. Give another file, or unset it."
        )
        raise ModelError(msg) from exc


def shown(payload: bytes, failures: Failures) -> str:
    """Return the beginning of what a server sent, without the key."""
    text = payload[:LONGEST_SAID].decode(errors="replace")
    return repr(failures.secrets.struck(text)[:100])
