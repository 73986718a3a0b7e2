"""YAML in which what stands there is what is read: `NO`, `010` and `2024-01-01` stay texts."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from distexp.errors import DatasetError

_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_FLAG_WORDS = ("yes", "no", "on", "off", "true", "false", "y", "n")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without quotes that YAML may take for something else than a text."""

    text: str
    """As it stands there."""
    value: bool | float | None
    """What it says, if it is `true`, `false` or a plain decimal number."""

    def __repr__(self) -> str:
        return self.text


def worded(value: object) -> object:
    """Return the word that stands there, of one that YAML takes for true or false.

    Examples
    --------
    >>> worded(Scalar("No", None)), worded(Scalar("TRUE", True)), worded(Scalar("null", None))
    ('No', 'TRUE', null)
    """
    if isinstance(value, Scalar) and value.text.lower() in _FLAG_WORDS:
        return value.text
    return value


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads texts, mappings, lists and, for all other values without quotes, `Scalar`."""


def _scalar(loader: Loader, node: Any) -> Scalar:
    text = str(loader.construct_scalar(node))
    number = _NUMBER.fullmatch(text) if any(char.isdigit() for char in text) else None
    return Scalar(text, _FLAGS.get(text) if number is None else float(text))


for _kind in ("bool", "int", "float", "null", "timestamp", "value", "merge"):
    Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _scalar)


def load(text: str, name: str) -> object:
    """Read YAML; a tag that would make an object is refused.

    Raises
    ------
    DatasetError
        If it is not plain YAML, a key stands twice in a mapping, or a text in it is none.
    """
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        _check(node, name)
        return None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as exc:
        raise DatasetError(f"{name} is not plain YAML: {_said(exc)}") from exc
    except RecursionError as exc:
        msg = f"{name} is not plain YAML: its lists and mappings are nested too deeply."
        raise DatasetError(msg) from exc


def _said(exc: yaml.YAMLError | ValueError) -> str:
    """Return what is wrong, in which line, and what it mostly takes."""
    if isinstance(exc, yaml.MarkedYAMLError) and exc.problem and exc.problem_mark:
        return (
            f"line {exc.problem_mark.line + 1}, {exc.problem}. A text that holds a colon or a "
            "hash, or a question mark or comma within brackets, stands in quotes."
        )
    return " ".join(str(exc).split())[:300]


def _check(node: Any, name: str) -> None:
    """Raise `DatasetError` if YAML would keep the last of two keys, or a text has no form."""
    nodes, visited = [node], set()
    while nodes:
        node = nodes.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        line = 0 if node is None else node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode) and _is_no_text(node.value):
            msg = f"{name}, line {line}: {node.value!r} holds half a character or an unseen sign."
            raise DatasetError(msg)
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            seen: set[str] = set()
            for key in keys:
                if key.value in seen:
                    msg = f"{name}, line {key.start_mark.line + 1}: {key.value!r} comes twice."
                    raise DatasetError(msg)
                seen.add(key.value)
            nodes += [part for pair in node.value for part in pair]


def _is_no_text(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" or char == "\0" for char in text)
