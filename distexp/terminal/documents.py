"""Markdown laid out for a terminal: all of it, or what stands in a few lines."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distexp.terminal.texts import fitting, plain, rendered, sentences, shortened, wrapped

MOST_OF_SENTENCES = 3
"""Lines of a paragraph, where not all is shown."""
LEAST_DRAWN = 4
"""Lines of a table or chart that is cut."""
_NAMED = re.compile(r"^\*\*(.+?)\*\* ")
_CELLS = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, a part of a chart, or a table."""

    source: Sequence[str]
    kind: str = "words"

    def lines(self, columns: int) -> list[str]:
        if self.kind == "table":
            return _table(self.source, columns)
        if self.kind == "chart":
            return [shortened(line, columns) for line in self.source]
        return [line for one in self.source for line in _words(one, columns)]

    def first(self, columns: int) -> list[str]:
        """Return whole sentences of a paragraph, as many as stand in a few lines."""
        lines = self.lines(columns)
        if self.kind != "words" or len(lines) <= MOST_OF_SENTENCES:
            return lines
        return sentences(_plain(" ".join(self.source)), MOST_OF_SENTENCES, columns)


def laid_out(markdown: str, columns: int) -> list[str]:
    r"""Return the lines of Markdown, none of them wider than there is room.

    Sentences are wrapped. Of a table that is too wide the last columns are left out.

    Examples
    --------
    >>> laid_out("## Trams\n\n```text\nYes  ██  40%\n```", 40)
    ['Trams', '', 'Yes  ██  40%']
    """
    return [line for block in _blocks(markdown) for line in ("", *block.lines(columns))][1:]


def beginning(markdown: str, columns: int, most: int) -> list[str]:
    r"""Return as much of Markdown as stands in so many lines.

    Paragraphs follow each other without a gap, and are cut after whole sentences. Charts are
    whole, but for the first; of tables the last rows are left out.

    Parameters
    ----------
    markdown : str
    columns, most : int
        Characters of a line, and lines.

    Examples
    --------
    >>> beginning("# A\n\nB\n\n```text\nYes  ██\nNo   █\n\nOld\n\n```\n\nC", 40, 6)
    ['A', 'B', '', 'Yes  ██', 'No   █']
    """
    found: list[str] = []
    before: _Block | None = None
    drawn = False
    for block in _blocks(markdown):
        lines = block.first(columns)
        is_drawn = block.kind != "words"
        gap = [""] * bool(before and (is_drawn or before.kind != "words"))
        room = most - len(found) - len(gap)
        if len(lines) > room:
            if is_drawn and room >= LEAST_DRAWN and (block.kind == "table" or not drawn):
                found += [*gap, *lines[:room]]
            elif is_drawn and drawn and before and before.kind == "words":
                del found[-len(before.first(columns)) :]  # the heading of what is not shown
            break
        found += [*gap, *lines]
        drawn |= is_drawn
        before = block
    while found and not found[-1]:
        found.pop()
    return found


def _blocks(markdown: str) -> Iterator[_Block]:
    """Part Markdown at empty lines, and where a table or chart begins or ends."""
    lines: list[str] = []
    kind, in_chart = "words", False
    for line in [*markdown.splitlines(), ""]:
        fence = line.rstrip() == "```" if in_chart else line.startswith("```")
        of = "chart" if in_chart else "table" if line.startswith("|") else "words"
        if lines and (fence or not line or of != kind):
            yield _Block(lines, kind)
            lines = []
        if fence:
            in_chart = not in_chart
        elif line:
            lines, kind = [*lines, line], of


def _words(line: str, columns: int) -> list[str]:
    return wrapped(_plain(line), columns)


def _plain(line: str) -> str:
    return plain(_NAMED.sub(r"\1: ", line))


def _table(source: Sequence[str], columns: int) -> list[str]:
    """Lay out the rows of a table in Markdown."""
    head, rule, *rows = ([cell.strip() for cell in _CELLS.split(one)[1:-1]] for one in source)
    right = {place for place, cell in enumerate(rule) if cell.endswith(":")}
    cells = [[plain(cell) for cell in row] for row in rows]
    return rendered(
        [fitting([plain(cell) for cell in head], cells, columns, right=right)], columns
    ).splitlines()
