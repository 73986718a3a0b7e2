"""Addresses of servers: what may stand in a configuration, and which proxy is in the way."""

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from distexp.checks import check_text, parameter_error

WANTED = "an http or https address without user, password and query, or null"


def check_address(owner: str, parameter: str, address: object) -> None:
    """Refuse what is no address, or would write a secret into configurations, keys and tables.

    Raises
    ------
    ConfigError
        With the part of the address that is no secret.
    """
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or parts.scheme not in ("http", "https"):
        raise parameter_error(owner, parameter, WANTED, _shown(address))
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise parameter_error(owner, parameter, WANTED, _shown(address))


def check_alias(owner: str, parameter: str, alias: object, api_base: str | None) -> None:
    """Refuse what is no name for a server.

    Raises
    ------
    ConfigError
        If it is an address, or there is no address that it could be a name for.
    """
    check_text(owner, parameter, alias)
    if api_base is None or "/" in str(alias):
        wanted = "a name without slashes for the server of api_base, or null"
        raise parameter_error(owner, parameter, wanted, alias)


def one_form(address: str) -> str:
    """Return the address in one form, where it can be written in several.

    Examples
    --------
    >>> one_form("HTTP://GPU-1:80/v1/")
    'http://gpu-1/v1'
    """
    parts = urlsplit(address)
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    host = parts.netloc.lower().removesuffix(usual)
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def _shown(address: object) -> object:
    """Leave out what may be a secret: what stands before an @, and what a query says."""
    if not isinstance(address, str):
        return address
    return re.split(r"[?#]", address.rpartition("@")[2])[0]


def proxy_for(address: str) -> str | None:
    """Return the proxy that the environment names for a server; None for this machine's own."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def bypass_proxies(address: str) -> None:
    """Have litellm call this machine without the proxy that the environment names for all."""
    host = urlsplit(address).hostname or ""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if is_loopback(host) and host not in hosts.split(","):
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = f"{hosts},{host}".lstrip(",")


def is_loopback(host: str) -> bool:
    """Tell whether a name or number stands for this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, not an address
        return host == "localhost"
