"""Calls to a server that speaks OpenAI's protocol, over connections that are kept."""

import json
import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from distexp.model.http.address import proxy_for
from distexp.model.http.failures import Failures
from distexp.model.http.redaction import Secrets, of_proxy
from distexp.types import Json

if TYPE_CHECKING:
    from aiohttp import ClientSession

OPENAI = "https://api.openai.com/v1"
ACCOUNT_HEADERS = {
    "OpenAI-Organization": ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID"),
    "OpenAI-Project": ("OPENAI_PROJECT_ID",),
}
"""Headers that say whom OpenAI bills, and the environment variables that they come from."""
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
    """

    def __init__(self, api_base: str | None, *, timeout_s: float) -> None:
        self.api_base = api_base
        self.url = f"{(api_base or OPENAI).rstrip('/')}/chat/completions"
        self._timeout_s = timeout_s
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
        ModelError
            If the server refuses the request.
        """
        import aiohttp

        headers = {**self._account, "Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        try:
            async with self._open().post(
                self.url, data=data, headers=headers, proxy=self._proxy
            ) as reply:
                payload = failures.secrets.struck_bytes(await reply.read())
        except aiohttp.ClientConnectorCertificateError as exc:
            raise failures.untrusted(str(exc)) from exc
        except aiohttp.ClientConnectorError as exc:
            raise failures.unreachable(str(exc)) from exc
        except TimeoutError as exc:
            raise failures.broken(f"nothing came within {self._timeout_s:g} s.") from exc
        except (aiohttp.ClientError, ConnectionError) as exc:
            said = self._hidden.struck(f"{type(exc).__name__}: {exc}")
            raise failures.broken(said) from None  # the cause may name the proxy's password
        if reply.status >= 400:
            raise failures.refused(reply.status, _reason(payload), reply.headers)
        try:
            return json.loads(payload)
        except ValueError as exc:
            raise failures.broken(f"{payload[:100]!r} is no JSON.") from exc

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

        file = certifi.where()
    return ssl.create_default_context(cafile=file)


def _reason(payload: bytes) -> str:
    """Return what the server says is wrong: the message of a JSON error, or the text as it is."""
    text = payload.decode(errors="replace")
    try:
        error = json.loads(text)["error"]
        parts = (error["message"], error.get("code"), error.get("type"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return text
    return " ".join(str(part) for part in parts if part)
