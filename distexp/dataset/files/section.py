"""YAML that is data and nothing else, read key by key so that each mistake is named."""

import reprlib
from collections.abc import Callable
from typing import Any, TypeVar

from distexp.dataset.files.codes import Codes
from distexp.dataset.files.layout import near
from distexp.dataset.files.scalars import Scalar, load
from distexp.errors import DatasetError

_REQUIRED = object()
T = TypeVar("T")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class Section:
    """A mapping in a YAML file, all of whose keys must be used.

    Each method that takes a key raises `DatasetError` if the key is missing and has no default,
    or its value is of another type.

    Parameters
    ----------
    content : object
        What stands there.
    where : str
        What messages call it.
    """

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            msg = f"{where} must be a mapping of keys to values. Got {shown(content)} instead."
            raise DatasetError(msg)
        self._content = content
        self._where = where
        self._used: set[str] = set()

    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a text, which is not blank but for a separator, or the default."""
        value = self._get(key, str, "a text (in quotes)", default)
        if isinstance(value, str) and not value.strip() and key != "separator":
            raise self.error(key, "is blank: write a text, or leave the line out.")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._get(key, bool | Scalar, "true or false", default)
        if isinstance(value, Scalar):
            if not isinstance(value.value, bool):
                raise self.error(key, f"must be true or false. Got {shown(value)} instead.")
            return value.value
        return bool(value)

    def holds_mapping(self, key: str) -> bool:
        """Tell whether a mapping stands under a key."""
        return isinstance(self._content.get(key), dict)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return texts, of which there may be none; a single one needs no brackets."""
        value = self._get(key, list | str, "a text or a list of texts (in quotes)", [])
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            if not isinstance(entry, str):
                raise self.error(key, f"must hold texts (in quotes). Got {shown(entry)} in it.")
        return tuple(entries)

    def rows(self, key: str, default: Any = _REQUIRED) -> list[Any]:
        """Return a list."""
        return list(self._get(key, list, "a list", default))

    def codes(self, key: str, default: Any = _REQUIRED) -> Codes:
        """Return a set of codes; a single one needs no brackets."""
        value = self._get(key, list | str | Scalar, "a list of codes", default)
        return value if isinstance(value, Codes) else self.codes_of(key, value)

    def codes_of(self, key: str, value: object) -> Codes:
        """Return the set of codes that stands somewhere under a key, as its texts say it."""
        entries = value if isinstance(value, list) else [value]
        for entry in entries:
            if not isinstance(entry, str | Scalar):
                raise self.error(key, f"must be a list of codes. Got {shown(entry)} in it.")
            if isinstance(entry, Scalar) and entry.text in ("", "~", "null", "Null", "NULL"):
                hint = 'put it in quotes if the file says so, and a blank is ""'
                raise self.error(key, f"holds {entry.text or 'nothing'} as a code: {hint}.")
        return Codes.parse([e.text if isinstance(e, Scalar) else e for e in entries])

    def number(self, key: str, value: object) -> float:
        """Return the number that stands somewhere under a key."""
        number = value.value if isinstance(value, Scalar) else None
        if number is None or isinstance(number, bool):
            raise self.error(key, f"must hold plain decimal numbers. Got {shown(value)} instead.")
        return number

    def section(self, key: str, default: Any = _REQUIRED) -> "Section":
        """Return the mapping under a key."""
        value = self._get(key, dict, "a mapping of keys to values", default)
        return Section(value, f"{self._where}, {key}")

    def sections(self) -> "list[tuple[str, Section]]":
        """Return the mappings under the names that the file gives them."""
        return [(name, self.section(name)) for name in self.names()]

    def each(self, read: "Callable[[str, Section], T]") -> dict[str, T]:
        """Return what `read` makes of each name that the file gives and the mapping under it."""
        return {name: read(name, section) for name, section in self.sections()}

    def names(self) -> list[str]:
        """Return the names that the file gives."""
        for name in self._content:
            if not isinstance(name, str):
                said = name.text[:80] if isinstance(name, Scalar) else shown(name)
                raise self.error(said, f"must be a text. Put it in quotes: '{said}'.")
        return list(self._content)

    def check_all_used(self) -> None:
        """Raise `DatasetError` if a key has no meaning here."""
        for key in self._content:
            if key not in self._used:
                said = str(key)[:80] if isinstance(key, str | Scalar) else shown(key)
                raise self.error(said, f"has no meaning. {near(said, sorted(self._used))}")

    def refuse(self, key: object, problem: str) -> None:
        """Raise the error that says where; reading goes on where all errors are gathered."""
        raise self.error(key, problem)

    def error(self, key: object, problem: str) -> DatasetError:
        """Return an error that says where."""
        return DatasetError(f"{self._where}: {key!r} {problem}")

    def _get(self, key: str, kind: Any, wanted: str, default: Any) -> Any:
        self._used.add(key)
        if key not in self._content:
            if default is _REQUIRED:
                raise self.error(key, f"is missing; it must be {wanted}.")
            return default
        value = self._content[key]
        if not isinstance(value, kind):
            raise self.error(key, f"must be {wanted}. Got {shown(value)} instead.")
        return value


def read_yaml(text: str, name: str) -> Section:
    """Read a mapping; see `distexp.dataset.files.scalars.load`.

    Raises
    ------
    DatasetError
        If it is not plain YAML, not a mapping, or a key stands twice in a mapping.
    """
    return Section(load(text, name), name)


def shown(value: object) -> str:
    """Return how a value begins: one that refers to itself may be endless."""
    return "nothing" if isinstance(value, Scalar) and not value.text else _SHORT.repr(value)
