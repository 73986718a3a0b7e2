"""Settings of a cache on Redis are checked without a server, and without the package redis."""

import sys

import pytest

from distexp.cache.redis.store import RedisCache
from distexp.errors import ConfigError
from tests.cache.answers import ask

BAD: dict[str, tuple[dict[str, object], str]] = {
    "no scheme": ({"url": "localhost:6379"}, "'url' parameter of RedisCache must be redis://HOST"),
    "another scheme": ({"url": "http://localhost"}, "Got 'http://localhost' instead"),
    "no host": ({"url": "redis:///0"}, "must be redis://HOST:PORT/DB"),
    "database of letters": ({"url": "redis://localhost/main"}, "must be redis://HOST:PORT/DB"),
    "settings in the address": ({"url": "redis://localhost/0?ssl_cert_reqs=none"}, "must be"),
    "no socket": ({"url": "unix://?db=1"}, "unix:///SOCKET"),
    "none": ({"url": None}, "'url' parameter of RedisCache must be a non-empty str. Got None"),
    "odd prefix": ({"prefix": "a:b*"}, "letters, digits, dots, hyphens and underscores. Got 'a:"),
    "no variable": ({"password_env": ""}, "'password_env' parameter .* non-empty str. Got ''"),
}


@pytest.mark.parametrize("case", BAD)
def test_parameters_are_checked(case: str) -> None:
    """A bad setting is named with the value it got, before anything is opened."""
    settings, sentence = BAD[case]

    with pytest.raises(ConfigError, match=sentence):
        RedisCache(**{"url": "redis://localhost"} | settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["redis://me:hunter2@localhost", "redis://localhost?password=hunter2"]
)
def test_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    """It would end up in logs and in the configuration that a run keeps."""
    with pytest.raises(ConfigError, match=r"cache\.password_env=NAME") as caught:
        RedisCache(url)

    assert "hunter2" not in str(caught.value)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the cache needs it not; the first use says how to get it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    cache = RedisCache("redis://localhost")

    with pytest.raises(ConfigError, match=r"pip install -e '.\[redis\]'"):
        cache.known([ask()])
