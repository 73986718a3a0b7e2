"""YAML with comments, written by a real emitter: any text is read back as it was."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from distexp.errors import DatasetError

KeyPath = tuple[str, ...]
"""The keys that lead to an entry, e.g. `("questions", "q1", "off_scale")`."""

_WIDTH = 99


class _Dumper(yaml.SafeDumper):  # type: ignore[misc] # yaml has no types
    """Writes lists and mappings of scalars on one line, and everything where it stands."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, text: str) -> Any:
        """Escape what is not printable, line breaks among it: then no text spans lines."""
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def annotated(
    document: Mapping[str, Any],
    comments: Mapping[KeyPath, Sequence[str]],
    head: Sequence[str] = (),
    tail: Sequence[str] = (),
) -> str:
    """Return a mapping as YAML, each comment on lines of its own above the entry it is about.

    Parameters
    ----------
    document : mapping of str to texts, numbers, lists and mappings of such
    comments : mapping of paths of keys to comments
        A comment is written without what is not printable. Those about an entry that stands
        inside a line are written above the line.
    head, tail : sequence of str
        Comments before and after the document.

    Raises
    ------
    DatasetError
        If the document is not read back as it was given.

    Examples
    --------
    >>> print(annotated({"a": {"b": ["x: y", 1]}}, {("a", "b"): ["check: why"]}), end="")
    a:
      # check: why
      b: ['x: y', 1]
    """
    text = yaml.dump(
        document,
        Dumper=_Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
    )
    lines = text.split("\n")
    above: dict[int, list[str]] = {}
    for path, line in _lines_of(yaml.compose(text, Loader=yaml.SafeLoader)).items():
        above.setdefault(line, []).extend(comments.get(path, ()))
    written = [line for comment in head for line in _comment(comment)]
    for number, line in enumerate(lines):
        indent = line[: len(line) - len(line.lstrip(" "))]
        for comment in above.get(number, ()):
            written += _comment(comment, indent)
        written.append(line)
    written.pop()  # the empty one after the last break
    written += [line for comment in tail for line in _comment(comment)]
    written.append("")
    whole = "\n".join(written)
    if yaml.safe_load(whole) != document:
        msg = "The draft cannot be written as YAML that reads back the same. Report the data file."
        raise DatasetError(msg)
    return whole


def _lines_of(root: Any) -> dict[KeyPath, int]:
    """Return the number of the line above which a comment on each entry can stand."""
    lines: dict[KeyPath, int] = {}

    def visit(node: Any, path: KeyPath, line: int | None) -> None:
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            at = line if line is not None else key.start_mark.line
            lines[*path, key.value] = at
            inside = isinstance(value, yaml.CollectionNode) and value.flow_style
            visit(value, (*path, key.value), at if inside else line)

    visit(root, (), None)
    return lines


def _comment(text: str, indent: str = "") -> Sequence[str]:
    """Return the lines of a comment, whatever the text holds."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return textwrap.wrap(
        line,
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}#   ",
        break_on_hyphens=False,
    ) or [f"{indent}#"]
