"""What the batch endpoints of all providers have in common: states, rows, and calls over HTTP."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from distexp.errors import ModelError, TransientModelError
from distexp.model.http.address import proxy_for
from distexp.model.http.client import account_headers, tls_context
from distexp.model.http.failures import Failures
from distexp.model.http.redaction import of_proxy
from distexp.model.http.secrets import Secrets
from distexp.model.http.verdicts import error_within
from distexp.request import Json

if TYPE_CHECKING:
    from aiohttp import ClientSession

LARGEST_BYTES = 1 << 30
"""Of what a server sends at once; more is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a batch is."""

    remote: str
    """Its name at the provider."""
    is_over: bool
    said: str
    """The provider's word for it."""
    done: int = 0
    total: int | None = None
    answered: int = 0
    """How many of its requests the provider says have an answer."""
    label: str | None = None
    """The name of our own that it was given, where the provider keeps one."""
    created: datetime | None = None
    files: tuple[str, ...] = ()
    """Where its results are."""
    error: str = ""
    """Why none of it was answered, if that is so."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All that the provider said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one request: the provider's reply, or why there is none."""

    key: str
    """The request's key, which was the row's name."""
    reply: Mapping[str, Any] | None = None
    status: int | None = None
    said: str = ""
    """What stands in place of a reply."""
    again: bool = False
    """Whether it was not tried: expired, or cancelled."""


class NotSentError(TransientModelError):
    """No connection could be made: nothing left this machine."""


class GoneError(ModelError):
    """The provider does not know the batch, or has its results no more."""


class Endpoint(ABC):
    """The batch endpoint of a provider.

    Parameters
    ----------
    api_base : str, optional
        Its address; None is the provider's own.
    key : str, optional
        The API key.
    failures : Failures
        Makes errors that name the model.
    timeout_s : float
        How long one call may take, in seconds.
    """

    usual: str
    most_requests: int
    most_bytes: int
    labels: bool = True
    """Whether a batch can be found by a name of our own."""

    def __init__(
        self, api_base: str | None, key: str | None, failures: Failures, timeout_s: float = 600.0
    ) -> None:
        self.base = (api_base or self.usual).rstrip("/")
        self.failures = failures
        self._own = api_base is None
        self._key = key or ""
        self._timeout_s = timeout_s
        self._proxy = proxy_for(self.base)
        self._hidden = Secrets(of_proxy(self._proxy))
        self._session: ClientSession | None = None

    async def bring(self, label: str, bodies: Mapping[str, Mapping[str, Json]]) -> str | None:
        """Bring requests to the provider where that is a call of its own, which costs nothing."""
        return None

    @abstractmethod
    async def submit(
        self, label: str, model: str, bodies: Mapping[str, Mapping[str, Json]], brought: str | None
    ) -> str:
        """Hand over requests by their keys; return the batch's name at the provider.

        Raises
        ------
        NotSentError
            If it is certain that they did not arrive.
        """

    @abstractmethod
    async def state(self, remote: str) -> State:
        """Return how far a batch is."""

    @abstractmethod
    async def rows(self, state: State) -> list[Row]:
        """Return what came of the requests of a batch that is over, in any order."""

    @abstractmethod
    async def cancel(self, remote: str) -> None:
        """Ask for no more of a batch; what is answered by then can be collected."""

    @abstractmethod
    async def listed(self) -> list[State]:
        """Return the newest batches of the account."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """Return what says who asks."""

    async def call(self, method: str, path: str, *, body: Json = None, form: Any = None) -> bytes:
        """Make a call and return what the server sends.

        Raises
        ------
        ModelError
            As calls do that are no batches.
        """
        import aiohttp

        url = f"{self.base}/{path}"
        headers = self.headers() | (account_headers() if self._own else {})
        data = form
        if body is not None:
            data = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        try:
            async with self._open().request(
                method, url, data=data, headers=headers, proxy=self._proxy, allow_redirects=False
            ) as reply:
                payload = await self._body(reply)
        except aiohttp.ClientConnectorCertificateError as exc:
            raise self.failures.untrusted(str(exc)) from exc
        except aiohttp.ClientConnectorError as exc:
            raise NotSentError(str(self.failures.unreachable(str(exc)))) from exc
        except TimeoutError as exc:
            raise self.failures.broken(f"nothing came within {self._timeout_s:g} s.") from exc
        except (aiohttp.ClientError, OSError, EOFError, ValueError) as exc:
            said = self._hidden.struck(f"{type(exc).__name__}: {exc}")
            raise self.failures.broken(said) from None  # may name the proxy's password
        if 300 <= reply.status < 400:
            raise self.failures.redirected(reply.status, url, reply.headers.get("Location"))
        if reply.status >= 400:
            text = payload.decode(errors="replace")
            try:
                said, asked_s, _ = error_within(json.loads(text)) or (text, None, None)
            except (ValueError, RecursionError):
                said, asked_s = text, None
            error = self.failures.refused(reply.status, said, reply.headers, asked_s)
            if reply.status in (404, 410) and method == "GET":
                raise GoneError(str(error))
            raise error
        return payload

    async def json(self, method: str, path: str, *, body: Json = None, form: Any = None) -> Any:
        """Make a call and return the object that the server sends."""
        payload = await self.call(method, path, body=body, form=form)
        try:
            document = json.loads(payload)
        except (ValueError, RecursionError) as exc:
            raise self.failures.unusable("its reply about a batch is no JSON.") from exc
        if not isinstance(document, Mapping):
            raise self.failures.unusable("its reply about a batch is no JSON object.")
        return document

    async def _body(self, reply: Any) -> bytes:
        parts, room = [], LARGEST_BYTES
        async for part in reply.content.iter_any():
            parts.append(part)
            room -= len(part)
            if room < 0:
                raise self.failures.unusable(f"it is larger than {LARGEST_BYTES} bytes.")
        return b"".join(parts)

    def _open(self) -> "ClientSession":
        if self._session is None:
            import aiohttp

            secure = self.base.startswith("https:")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=tls_context() if secure else True),
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def named(document: Mapping[str, Any], name: str, failures: Failures) -> str:
    """Return a text that a server must have sent.

    Raises
    ------
    ModelError
        If it did not, or it would lead elsewhere as part of an address.
    """
    value = document.get(name)
    if not isinstance(value, str) or not re.fullmatch(r"[\w./-]{1,200}", value) or ".." in value:
        raise failures.unusable(f"a batch without a usable {name!r}.")
    return value


def lines(payload: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a JSON Lines file; a line that is none is passed over."""
    for line in payload.splitlines():
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, Mapping):
            yield document


def once(rows: Sequence[Row]) -> list[Row]:
    """Leave out all but one row of a key: a reply before none."""
    found: dict[str, Row] = {}
    for row in rows:
        if row.key not in found or (found[row.key].reply is None and row.reply is not None):
            found[row.key] = row
    return list(found.values())


def moment(value: object) -> datetime | None:
    """Read a time: seconds since 1970, or ISO 8601."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def count(value: object) -> int:
    """Read a count, which some servers write as text; 0 of what is none."""
    try:
        return max(0, int(value))  # type: ignore[call-overload, no-any-return]
    except (ValueError, TypeError, OverflowError):
        return 0


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one in place of what is none."""
    return value if isinstance(value, Mapping) else {}


def error_row(key: str, error: object, *, again: bool = False) -> Row:
    """Return the row of a request that has an error in place of a reply."""
    said, _, status = error_within({"error": error}) or (str(error), None, None)
    return Row(key=key, status=status, said=said, again=again)


def check_model_error(error: str, failures: Failures) -> ModelError:
    """Return the error for a batch none of which was answered."""
    return ModelError(f"The batch of model {failures.name} failed as a whole: {error}")
