"""What must not enter configurations and requests, and what an address may hide."""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from distexp.errors import ConfigError
from distexp.request import Json

SECRET_FIELDS = frozenset(
    {
        *("apikey", "xapikey", "apitoken", "accesstoken", "authtoken", "authorization"),
        *("bearer", "password", "secret", "clientsecret", "extraheaders", "headers"),
    }
)
"""Names, in small letters alone, of fields that hold credentials."""


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
