"""Secrets of this environment, found in whatever form a text may hold them."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping

from distexp.errors import ArchiveError

SHORTEST = 8
"""Shorter words, like `none` and `EMPTY`, are no secrets: they may stand in an answer."""
STRUCK = "[key]"

_NAME = re.compile(
    r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PGPASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE
)
_UNUSUAL = re.compile(rb"[%&\\](?:[0-9A-Fa-f]{2}|#|[a-z]{2,4};|[/\\]|u00[2-7])")
"""What a text holds that escapes a sign without need. Most do not: they are searched fast."""
_NAMED = {'"': "quot", "&": "amp", "'": "apos", "<": "lt", ">": "gt"}


class Secrets:
    """Values that nobody may see, as they are and as JSON, addresses, HTML and Base64 write them.

    Each sign may be escaped or not, as a server pleases, and a backslash may be doubled.

    Parameters
    ----------
    values : iterable of str or None
        None and words too short to be secrets are left out.
    """

    def __init__(self, values: Iterable[str | None]) -> None:
        found = {value for value in values if value is not None and len(value) >= SHORTEST}
        longest_first = sorted(found, key=lambda value: (-len(value), value))
        self._pattern = re.compile("|".join(map(_pattern, longest_first)) or r"(?!)")
        in_bytes = "|".join(map(_pattern, longest_first)).encode(errors="surrogateescape")
        self._in_bytes = re.compile(in_bytes or rb"(?!)")
        self._usual = [form for value in longest_first for form in _usual(value)]

    @classmethod
    def named(cls, environment: Mapping[str, str]) -> "dict[str, Secrets]":
        """Return the secrets of the variables whose names say that they hold one."""
        return {
            name: cls([value])
            for name, value in environment.items()
            if _NAME.search(name) and len(value) >= SHORTEST
        }

    def struck(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._pattern.sub(STRUCK, text)

    def within(self, data: bytes) -> bool:
        """Tell whether a text, in UTF-8, holds a secret."""
        if any(form in data for form in self._usual):
            return True
        return bool(_UNUSUAL.search(data)) and self._in_bytes.search(data) is not None


class Leaks:
    """Looks for the values of environment variables whose names say that they are secret.

    Nothing that distexp writes should hold one: requests and answers have no place for it. It
    gets there only if it was put into a prompt or a setting, or if a server sent it back. What is
    found is refused and never blotted out: an answer of which a letter was changed has another
    digest, a request another key, and both would pass for what they are not.

    Parameters
    ----------
    environment : mapping of str to str
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._named = Secrets.named(environment)

    def check(self, data: bytes, where: str) -> None:
        """Refuse a text that holds a secret.

        Raises
        ------
        ArchiveError
            Names the variable and the place, not the value.
        """
        for name, secrets in self._named.items():
            if secrets.within(data):
                msg = (
                    f"{where} holds the value of the environment variable {name}: nothing was "
                    "written. If it is secret, replace it where it was issued, for whoever has "
                    f"the cache has it. If it is not, run the command with 'env -u {name}'."
                )
                raise ArchiveError(msg)


def _usual(value: str) -> set[bytes]:
    """Return how a value mostly stands in a text."""
    data = value.encode(errors="surrogateescape")
    encoded = [b64encode(b"\0" * shift + data)[(0, 2, 3)[shift] : -3] for shift in range(3)]
    written = [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
    texts = [text.encode(errors="surrogateescape") for text in written]
    return {data, *texts, *encoded, *(form.replace(b"+", b"-") for form in encoded)}


def _pattern(value: str) -> str:
    return "|".join(["".join(map(_sign, value)), *_in_base64(value)])


def _sign(sign: str) -> str:
    """Return a pattern of the ways to write one sign of a secret."""
    units = sign.encode("utf-16-be", errors="surrogatepass")
    code = "".join(rf"\\+u{_any_case(units[at : at + 2].hex())}" for at in range(0, len(units), 2))
    in_utf8 = sign.encode(errors="surrogateescape")
    quoted = "".join(f"%{_any_case(f'{byte:02x}')}" for byte in in_utf8)
    point = ord(sign)
    html = rf"&#(?:0*{point}|[xX]0*{_any_case(f'{point:x}')});"
    if sign in _NAMED:
        html += f"|&{_NAMED[sign]};"
    short = {"\n": r"|\\+n", "\t": r"|\\+t", "\r": r"|\\+r"}.get(sign, "")
    plain = rf"\\*{re.escape(sign)}" if sign in "\"'/\\" else re.escape(sign)
    return f"(?:{plain}|{code}|{quoted}|{html}{short})"


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _in_base64(value: str) -> list[str]:
    """Return the part of its Base64 that does not depend on what stands beside it, thrice."""
    data = value.encode(errors="surrogateescape")
    patterns = []
    for shift in range(3):
        text = b64encode(b"\0" * shift + data).decode().rstrip("=")
        first = (0, 2, 3)[shift]
        whole = (len(data) + shift) % 3 == 0
        inner = text[first:] if whole else text[first:-1]
        signs = {"+": r"(?:[+-]|%2[bB])", "/": r"(?:\\*/|_|%2[fF])"}
        patterns.append("".join(signs.get(sign, sign) for sign in inner))
    return patterns
