"""Secrets, struck out of what a server says before anybody shows or stores it."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote, urlsplit

from distexp.errors import ConfigError
from distexp.types import Json

SHORTEST = 8
"""Shorter words, like `none` and `EMPTY`, are no secrets: they may stand in an answer."""
STRUCK = "[key]"

SECRET_FIELDS = frozenset(
    {
        *("apikey", "xapikey", "apitoken", "accesstoken", "authtoken", "authorization"),
        *("bearer", "password", "secret", "clientsecret", "extraheaders", "headers"),
    }
)
"""Names, in small letters alone, of fields that hold credentials."""


class Secrets:
    """What must not be seen: each value as it is, and as it looks within JSON and addresses.

    Parameters
    ----------
    values : iterable of str or None
        None and words too short to be secrets are left out.
    """

    def __init__(self, values: Iterable[str | None]) -> None:
        found = [value for value in values if value is not None and len(value) >= SHORTEST]
        forms = {form for value in found for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._bytes = [form.encode() for form in self._forms]

    def struck(self, text: str) -> str:
        """Return a text without the secrets."""
        for form in self._forms:
            text = text.replace(form, STRUCK)
        return text

    def struck_bytes(self, data: bytes) -> bytes:
        """Return UTF-8 without the secrets."""
        for form in self._bytes:
            data = data.replace(form, STRUCK.encode())
        return data


def of_proxy(address: str | None) -> list[str]:
    """Return the secrets in the address of a proxy, and in the header that it becomes."""
    given, at, _ = urlsplit(address or "").netloc.rpartition("@")
    users = {given, unquote(given)} if at else set()
    passwords = [user.partition(":")[2] for user in users]
    return [*users, *passwords, *(b64encode(user.encode()).decode() for user in users)]


def check_no_secret(owner: str, parameter: str, value: Json) -> None:
    """Refuse fields for credentials in what is written into the cache.

    Raises
    ------
    ConfigError
        With the name of the field and without its value.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if "".join(filter(str.isalnum, name)).lower() in SECRET_FIELDS:
                msg = (
                    f"The {parameter!r} parameter of {owner} has a field {name!r}, and all of it "
                    "is stored with each answer. Give a key as the name of the environment "
                    "variable that holds it: model.api_key_env=NAME."
                )
                raise ConfigError(msg)
            check_no_secret(owner, parameter, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_no_secret(owner, parameter, inner)


def _forms(value: str) -> tuple[str, str, str]:
    return value, quote(value, safe=""), json.dumps(value)[1:-1]
