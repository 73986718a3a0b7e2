"""YAML that is data and nothing else, read key by key so that each mistake is named."""

from collections.abc import Callable
from typing import Any, TypeVar

import yaml

from distexp.dataset.files.codes import Codes
from distexp.dataset.files.columns import near
from distexp.errors import DatasetError

_REQUIRED = object()
T = TypeVar("T")


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
            msg = f"{where} must be a mapping of keys to values. Got {content!r} instead."
            raise DatasetError(msg)
        self._content = content
        self._where = where
        self._used: set[str] = set()

    def text(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a text, or the default."""
        return self._get(key, str, "a text (in quotes)", default)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        return bool(self._get(key, bool, "true or false", default))

    def rows(self, key: str) -> list[Any]:
        """Return a list."""
        return list(self._get(key, list, "a list", _REQUIRED))

    def codes(self, key: str, default: Any = _REQUIRED) -> Codes:
        """Return a set of codes; a single one needs no brackets."""
        value = self._get(key, list | str | int | float, "a list of codes", default)
        if isinstance(value, Codes):
            return value
        return Codes.parse(value if isinstance(value, list) else [value])

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
                raise self.error(name, f"must be a text. Put it in quotes: '{name}'.")
        return list(self._content)

    def check_all_used(self) -> None:
        """Raise `DatasetError` if a key has no meaning here."""
        for key in self._content:
            if key not in self._used:
                raise self.error(key, f"has no meaning. {near(str(key), sorted(self._used))}")

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
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, f"must be {wanted}. Got {value!r} instead.")
        return value


def read_yaml(text: str, name: str) -> Section:
    """Read a mapping with `yaml.safe_load`: a tag that would make an object is refused.

    Raises
    ------
    DatasetError
        If it is not plain YAML, not a mapping, or a key stands twice in a mapping.
    """
    try:
        _check_unique_keys(yaml.compose(text, Loader=yaml.SafeLoader), name)
        return Section(yaml.safe_load(text), name)
    except yaml.YAMLError as exc:
        msg = f"{name} is not plain YAML: {' '.join(str(exc).split())}"
        raise DatasetError(msg) from exc


def _check_unique_keys(node: Any, name: str) -> None:
    """Raise `DatasetError` if a key stands twice in one mapping: YAML would keep the last."""
    nodes, visited = [node], set()
    while nodes:
        node = nodes.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            values = [key.value for key in keys]
            for place, key in enumerate(keys):
                if key.value in values[:place]:
                    msg = f"{name}, line {key.start_mark.line + 1}: {key.value!r} comes twice."
                    raise DatasetError(msg)
            nodes += [value for _, value in node.value]
