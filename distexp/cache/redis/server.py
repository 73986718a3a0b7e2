"""A Redis server that answers are kept on: its address, what it must be like, what goes wrong."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from distexp.checks import check_text, parameter_error
from distexp.errors import CacheCorruptError, CacheError, ConfigError, to_install

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

TIMEOUT_S = 10.0
"""How long to wait for a sign of life, in seconds."""
RETRIES = 20
"""Tries in half a minute, once a connection is lost: a server that is started again, or replaced
by its replica, costs no paid answer."""

_PREFIX = re.compile("[A-Za-z0-9._-]+")
_SCHEMES = ("redis", "rediss", "unix")
_ADVICE: tuple[tuple[str, str, type[CacheError], str], ...] = (
    # error of the package redis, what its text holds, the kind of ours, what to do
    ("AuthenticationError", "", CacheError, "Name the environment variable that holds its "
     "password with cache.password_env=NAME, and another user in cache.url=redis://USER@HOST."),
    ("NoPermissionError", "", CacheError, "docs/scaling.md lists what the user must be allowed."),
    ("OutOfMemoryError", "", CacheError, "Raise its maxmemory, then run the same command again."),
    ("ReadOnlyError", "", CacheError, "It is a replica: set cache.url to its primary, or only "
     "read with cache.mode=replay."),
    ("BusyLoadingError", "", CacheError, "Run the same command again when it has started."),
    ("ConnectionError", "", CacheError, "Start the server, or set cache.url to where it is."),
    ("TimeoutError", "", CacheError, "Start the server, or set cache.url to where it is."),
    ("ResponseError", "MISCONF", CacheError, "Its disk may be full: free some space there, then "
     "run the same command again."),
    ("ResponseError", "WRONGTYPE", CacheCorruptError, "Something under its prefix was not "
     "written by distexp: choose another with cache.prefix=NAME."),
)  # fmt: skip
_warned: set[str] = set()


class Server:
    """A server, and connections to it that are made where they are needed.

    Parameters
    ----------
    url : str
        `redis://HOST:PORT/DB`, `rediss://` for TLS, or `unix:///SOCKET?db=DB`; no password in it.
    password_env : str or None
        Name of the environment variable that holds the password.
    prefix : str
        What the names of all entries begin with.
    retries : int
        How often to try again once a connection is lost.
    """

    def __init__(
        self, url: str, password_env: str | None, prefix: str, retries: int = RETRIES
    ) -> None:
        _check_url(url)
        if password_env is not None:
            check_text("RedisCache", "password_env", password_env)
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            wanted = "letters, digits, dots, hyphens and underscores"
            raise parameter_error("RedisCache", "prefix", wanted, prefix)
        self.url = url
        self.password_env = password_env
        self.retries = retries
        self.label = f"{url}#{prefix}"
        self._patient: Redis | None = None
        self._hasty: Redis | None = None

    def client(self, *, reading_only: bool = False) -> "Redis":
        """Return the connection for all that matters.

        Raises
        ------
        CacheError
            When it is made: if the server cannot be reached, or would lose answers.
        ConfigError
            If the package redis is missing, or the environment variable of the password.
        """
        if self._patient is None:
            with self.plain_errors():
                self._check(self.hasty_client(), reading_only)
            self._patient = self._connected(self.retries)
        return self._patient

    def hasty_client(self) -> "Redis":
        """Return the connection for what can be left undone: it hardly tries again."""
        if self._hasty is None:
            self._hasty = self._connected(retries=2)
        return self._hasty

    def close(self) -> None:
        """Let go of the connections. Safe to call at any time."""
        for client in (self._patient, self._hasty):
            if client is not None:
                client.close()
        self._patient = self._hasty = None

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn what goes wrong with the server into a `CacheError` of one line."""
        errors = _package().exceptions.RedisError
        try:
            yield
        except errors as exc:
            kind, advice = _advice(exc)
            said = " ".join(str(exc).split()).rstrip(".")
            msg = f"The response cache {self.label} cannot be used: {said}. {advice}".strip()
            raise kind(msg) from exc

    def _connected(self, retries: int) -> "Redis":
        redis = _package()
        client: Redis = redis.Redis.from_url(
            self.url,
            password=self._password(),
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=redis.retry.Retry(redis.backoff.ExponentialBackoff(cap=2.0, base=0.05), retries),
        )
        return client

    def _password(self) -> str | None:
        if self.password_env is None:
            return None
        password = os.environ.get(self.password_env)
        if password is None:
            msg = (
                f"The environment variable {self.password_env}, which cache.password_env names "
                f"as the place of the password of {self.url}, is not set."
            )
            raise ConfigError(msg)
        return password

    def _check(self, client: "Redis", reading_only: bool) -> None:
        """Refuse a server that would drop answers; warn of one that keeps them in memory alone."""
        info: dict[str, Any] = client.info()
        if info.get("redis_mode") == "cluster":
            msg = (
                f"The response cache {self.label} is a Redis Cluster, where answers cannot be "
                "stored all or none. Set cache.url to a single server."
            )
            raise CacheError(msg)
        if reading_only:
            return
        policy = info["maxmemory_policy"]
        if policy != "noeviction":
            msg = (
                f"The response cache {self.label} would drop paid answers when its memory is "
                f"full (maxmemory-policy {policy}). Set it in the server's configuration: "
                "maxmemory-policy noeviction."
            )
            raise CacheError(msg)
        if self.label not in _warned and not _is_persistent(client, info):
            _warned.add(self.label)
            logger.warning(
                "The response cache %s keeps paid answers in memory alone, or does not say that "
                "it writes them to disk. Set in the server's configuration: appendonly yes.",
                self.label,
            )


def _check_url(url: object) -> None:
    """Refuse what is no address of a server, without repeating a password."""
    check_text("RedisCache", "url", url)
    parts = urlsplit(str(url))
    if parts.password is not None or "password" in parts.query:
        msg = (
            "The 'url' parameter of RedisCache must hold no password, which would end up in logs. "
            "Name the environment variable that holds it with cache.password_env=NAME."
        )
        raise ConfigError(msg)
    at_host = parts.scheme != "unix" and parts.hostname and not parts.query
    db = (parts.query.removeprefix("db=") if parts.scheme == "unix" else parts.path[1:]) or "0"
    if (
        parts.scheme not in _SCHEMES
        or not (at_host or (parts.scheme == "unix" and parts.path))
        or not db.isdecimal()
        or parts.fragment
    ):
        wanted = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///SOCKET?db=DB"
        raise parameter_error("RedisCache", "url", wanted, url)


def _is_persistent(client: "Redis", info: dict[str, Any]) -> bool:
    """Tell whether the server says that it writes its data to disk."""
    if info.get("aof_enabled"):
        return True
    try:
        settings: dict[str, str] = client.config_get("save")
    except _package().exceptions.ResponseError:  # a hosted server does not tell
        return False
    return bool(settings.get("save"))


def _package() -> Any:
    """Import the package redis, which few need."""
    try:
        import redis
    except ModuleNotFoundError as exc:
        msg = f"cache=redis needs the Python package redis: {to_install('redis')}."
        raise ConfigError(msg) from exc
    return redis


def _advice(exc: BaseException) -> tuple[type[CacheError], str]:
    """Choose the kind of error and what to do about it."""
    names = [kind.__name__ for kind in type(exc).__mro__]
    for name, part, kind, advice in _ADVICE:
        if name in names and part in str(exc):
            return kind, advice
    return CacheError, ""
