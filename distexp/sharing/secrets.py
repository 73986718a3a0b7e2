"""Secrets of this environment, looked for in whatever is about to be passed on."""

import json
import re
from collections.abc import Mapping

from distexp.errors import ArchiveError

SHORTEST = 8
"""Characters of the shortest value that is taken for a secret."""

_NAME = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)


class Secrets:
    """The values of environment variables whose names say that they are secret.

    Nothing that distexp writes should hold one: requests and answers have no place for it. It
    gets there only if it was put into a prompt or a setting, or if a server sent it back. What is
    found is refused and never blotted out: an answer of which a letter was changed has another
    digest, a request another key, and both would pass for what they are not.

    Parameters
    ----------
    environment : mapping of str to str
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._forms = {
            name: _forms(value)
            for name, value in environment.items()
            if _NAME.search(name) and len(value) >= SHORTEST
        }

    def check(self, data: bytes, where: str) -> None:
        """Refuse a text that holds a secret.

        Raises
        ------
        ArchiveError
            Names the variable and the place, not the value.
        """
        for name, forms in self._forms.items():
            if any(form in data for form in forms):
                msg = (
                    f"{where} holds the value of the environment variable {name}: nothing was "
                    "written. If it is secret, replace it where it was issued, for whoever has "
                    f"the cache has it. If it is not, run the command with 'env -u {name}'."
                )
                raise ArchiveError(msg)


def _forms(value: str) -> frozenset[bytes]:
    """Return how a value may stand in a text: as it is, or escaped as JSON writes it."""
    texts = value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
    return frozenset(text.encode(errors="surrogateescape") for text in texts)
