"""All that is wrong between a codebook and its file, and what each column holds."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import yaml

from distexp.dataset.draft.held import Column, held, meaning_for, meaning_of
from distexp.dataset.files.answers import answers, filtered, members, weights
from distexp.dataset.files.codebook import Codebook, read_codebook
from distexp.dataset.files.codes import Codes
from distexp.dataset.files.columns import read_columns
from distexp.dataset.files.layout import near
from distexp.dataset.files.sampling import units
from distexp.dataset.files.section import Section, read_yaml
from distexp.dataset.files.variables import column_names
from distexp.errors import DatasetError
from distexp.visible import one_line

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")
FEW = 50
"""Groups and questions with fewer people are warned of: the default of `min_respondents`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    columns: tuple[Column, ...]
    n_respondents: int | None
    """Who pass the filters; None where the file could not be read."""


def check_codebook(path: Path, text: str, name: str) -> Checked:
    """Compare a codebook with its data file, and go on after each error.

    Parameters
    ----------
    path : Path
        The data file.
    text : str
        The codebook, as YAML.
    name : str
        What messages call it.
    """
    problems: list[str] = []
    codebook = _read(text, name, problems)
    warnings = [note.replace("**", "") for note in codebook.notes] if codebook else []
    if n_open := sum(line.strip().startswith("# check:") for line in text.splitlines()):
        warnings.append(f"{name} still has {n_open} lines that begin with '# check:'.")
    comparison = codebook and _Comparison(codebook, path, problems, warnings)
    columns = tuple(comparison.columns()) if comparison else ()
    return Checked(
        errors=tuple(dict.fromkeys(problems)),
        warnings=tuple(dict.fromkeys(warnings)),
        columns=columns,
        n_respondents=comparison.n_respondents if comparison else None,
    )


class _Gathering(Section):
    """A section that notes each mistake and reads on, with something harmless in its place."""

    def __init__(self, content: object, where: str, problems: list[str]) -> None:
        super().__init__(content, where)
        self._problems = problems
        self._harmless: set[str] = set()

    def text(self, key: str, *default: Any, **named: Any) -> Any:
        return self._try(lambda: super(_Gathering, self).text(key, *default, **named), key, "")

    def flag(self, key: str, default: bool) -> bool:
        return self._try(lambda: super(_Gathering, self).flag(key, default), key, default)

    def rows(self, key: str, *default: Any, **named: Any) -> list[Any]:
        read = super().rows
        return self._try(lambda: read(key, *default, **named), key, [])

    def codes(self, key: str, *default: Any, **named: Any) -> Codes:
        read = super().codes
        return self._try(lambda: read(key, *default, **named), key, Codes())

    def section(self, key: str, *default: Any, **named: Any) -> Section:
        read = super().section
        empty = Section({}, f"{self._where}, {key}")
        found = self._try(lambda: read(key, *default, **named), key, empty)
        return _Gathering(found._content, found._where, self._problems)

    def names(self) -> list[str]:
        return self._try(
            super().names, "", [name for name in self._content if isinstance(name, str)]
        )

    def each(self, read: Callable[[str, Section], T]) -> dict[str, T]:
        made: dict[str, T] = {}
        for name in self.names():
            section = self.section(name)
            assert isinstance(section, _Gathering)
            try:
                made[name] = read(name, section)
            except DatasetError as exc:
                section.note(exc)
        return made

    def refuse(self, key: object, problem: str) -> None:
        if key not in self._harmless:
            self._problems.append(str(self.error(key, problem)))

    def check_all_used(self) -> None:
        known = sorted(self._used)
        for key in self._content:
            if key not in self._used:
                self.refuse(str(key), f"has no meaning. {near(str(key), known)}")

    def note(self, exc: DatasetError) -> None:
        """Note an error, unless it comes of what was put in place of a mistake."""
        message = str(exc)
        if "options" not in self._harmless and not any(
            message.startswith(str(self.error(key, ""))) for key in self._harmless
        ):
            self._problems.append(message)

    def _try(self, read: Callable[[], T], key: str, instead: T) -> T:
        try:
            return read()
        except DatasetError as exc:
            self._problems.append(str(exc))
            self._harmless.add(key)
            return instead


def _read(text: str, name: str, problems: list[str]) -> Codebook | None:
    """Read a codebook as far as it can be read."""
    try:
        top = read_yaml(_without_doubled_keys(text, name, problems), name)
        gathering = _Gathering(top._content, name, problems)
        return read_codebook(gathering, hashlib.sha256(text.encode()).hexdigest())
    except DatasetError as exc:
        problems.append(str(exc))
        return None


def _without_doubled_keys(text: str, name: str, problems: list[str]) -> str:
    """Note every key that stands twice in its mapping, and return the YAML with the first only."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return text  # which reading it will say
    doubled = False
    nodes, visited = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in visited or not isinstance(node, yaml.CollectionNode):
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
            continue
        first: dict[str, Any] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in first:
                doubled = True
                line = key.start_mark.line + 1
                problems.append(f"{name}, line {line}: {key.value!r} comes twice.")
            else:
                first[key.value if isinstance(key, yaml.ScalarNode) else str(id(key))] = (
                    key,
                    value,
                )
        node.value = list(first.values())
        nodes += [value for _, value in node.value]
    return yaml.serialize(root, Dumper=yaml.SafeDumper) if doubled else text


class _Comparison:
    """A codebook beside its file."""

    def __init__(
        self, codebook: Codebook, path: Path, problems: list[str], warnings: list[str]
    ) -> None:
        self.codebook = codebook
        self.path = path
        self.problems = problems
        self.warnings = warnings
        self.table = self._table()
        self.n_respondents = None if self.table is None else self.table.height

    def columns(self) -> Iterator[Column]:
        """Compare column by column, and return what each holds."""
        if self.table is None:
            return
        codebook, table = self.codebook, self.table
        self._check_sample(table)
        for name, attribute in codebook.attributes.items():
            if attribute.column not in table.columns:
                continue
            people = self._try(members, name, attribute, codebook.missing, table, self.path) or {}
            for group, mask in people.items():
                self._warn_of_few(
                    f"Group {_named(group.value)} of {_named(name)}", int(np.sum(mask))
                )
            meaning = meaning_for(attribute, codebook)
            yield held(f"attribute {_named(name)}", table[attribute.column], meaning)
        for item in codebook.items:
            if not item.asked or item.column not in table.columns:
                continue
            question_id = item.question.question_id
            given = self._try(answers, item, codebook.missing, table, self.path)
            if given is not None:
                self._warn_of_few(f"Question {_named(question_id)}", int(np.sum(given >= 0)))
                for index, option in enumerate(item.question.options):
                    if not (given == index).any():
                        self.warnings.append(
                            f"Question {_named(question_id)}: nobody chose {_named(option)}."
                        )
            if item.question.text == item.column:
                self.warnings.append(
                    f"Question {_named(question_id)}: its text is its column's name."
                )
            yield held(
                f"question {_named(question_id)}", table[item.column], meaning_of(item, codebook)
            )

    def _check_sample(self, table: "pl.DataFrame") -> None:
        """Check the columns that say how people were drawn, as far as they are there."""
        for key, column in self.codebook.sample.items():
            if column in table.columns:
                more = () if key == "weight" else (key,)
                self._try(units if more else weights, column, table, self.path, *more)

    def _warn_of_few(self, what: str, n: int) -> None:
        if n < FEW:
            self.warnings.append(f"{what} has {n} people: below the usual min_respondents={FEW}.")

    def _table(self) -> "pl.DataFrame | None":
        """Read the columns that are there, and apply the filters that can be."""
        found = self._try(column_names, self.path, self.codebook.layout)
        if found is None:
            return None
        for column, user in self._wanted():
            if column not in found:
                self.problems.append(
                    f"{self.path} has no column {column!r}, wanted as {user}. "
                    f"{near(column, found)}"
                )
        wanted = dict.fromkeys(column for column, _ in self._wanted() if column in found)
        source = self.codebook.source
        table = self._try(read_columns, self.path, list(wanted), self.codebook.layout, source)
        if table is None or not wanted:
            return None
        book = self.codebook
        alone = [
            *(replace(book, filters={c: codes}, exclude={}) for c, codes in book.filters.items()),
            *(replace(book, filters={}, exclude={c: codes}) for c, codes in book.exclude.items()),
        ]
        for one in alone:
            if wanted.keys() >= {*one.filters, *one.exclude}:
                kept = self._try(filtered, one, table, self.path)
                table = table if kept is None else kept
        return table

    def _wanted(self) -> list[tuple[str, str]]:
        """Return each column with what it is wanted for."""
        book = self.codebook
        return [
            *(
                (item.column, f"question {item.question.question_id!r}")
                for item in book.items
                if item.asked
            ),
            *((attr.column, f"attribute {name!r}") for name, attr in book.attributes.items()),
            *((column, "a filter") for column in (*book.filters, *book.exclude)),
            *((column, f"the {what}") for what, column in book.sample.items()),
        ]

    def _try(self, do: Callable[..., T], *arguments: Any) -> T | None:
        """Return what comes of it, or None after noting the error."""
        try:
            return do(*arguments)
        except DatasetError as exc:
            self.problems.append(str(exc))
            return None


def _named(name: str) -> str:
    """Return a name in quotes as people read it: in any script, on one line."""
    return f"'{one_line(name)}'"
