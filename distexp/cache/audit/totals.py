"""What a cache holds, added up by who was asked."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import reduce
from itertools import pairwise
from typing import Any, Self

from distexp.cache.disk.facts import Facts
from distexp.cache.disk.reader import Reader
from distexp.cache.entry import checked
from distexp.cache.rows import REFUSED, WHOLE, entry
from distexp.errors import CacheCorruptError

Sums = Sequence[Any]
ROWS_AT_ONCE = 20_000
_ADDED_UP = (
    "count(*), total(replaced), total(prompt_tokens), total(completion_tokens), "
    "total(prompt_tokens IS NULL), total(cost_usd), total(cost_usd IS NULL), total(refused), "
    "total(empty), min(created), max(created)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What one model at one endpoint has answered, answers that `refresh` replaced included."""

    provider: str
    model: str
    endpoint: str | None
    answers: int
    replaced: int
    """How many of the answers have been replaced by newer ones."""
    prompt_tokens: int
    completion_tokens: int
    uncounted: int
    """Answers whose tokens the server did not count."""
    known_cost_usd: float
    """Of the answers whose price is known."""
    unpriced: int
    """Answers whose price is unknown."""
    refused: int
    empty: int
    """Answers without text."""
    first: str
    """When the first of them came: UTC, ISO 8601."""
    last: str

    @property
    def cost_usd(self) -> float | None:
        """What all of them cost; None where the price of any is unknown."""
        return None if self.unpriced else self.known_cost_usd

    @classmethod
    def of(cls, source: Sequence[str | None], sums: Sums) -> Self:
        """Make it from provider, model and endpoint, and what is added up, in order."""
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, [*source, *sums], strict=True)))


def totals(reader: Reader) -> tuple[list[Total], int]:
    """Add up all entries of a cache.

    Returns
    -------
    list of Total, int
        By provider, model and endpoint, and the number of entries that cannot be read.

    Raises
    ------
    CacheError
        If the cache cannot be read, or its tables are not what was written.
    """
    sums = _of_noted(reader)
    n_unreadable = 0
    for facts in _not_noted(reader, sum(of_source[0] for of_source in sums.values())):
        if facts is None:
            n_unreadable += 1
        else:
            sums[facts.source] = _sum(sums.get(facts.source), _counts(facts))
    try:
        found = [Total.of(json.loads(name), _whole(added)) for name, added in sums.items()]
    except REFUSED as exc:
        msg = (
            f"The table Source of the response cache {reader.folder} is not what distexp wrote: "
            f"{exc}. Restore cache.db from a copy."
        )
        raise CacheCorruptError(msg) from exc
    return sorted(found, key=lambda total: (-total.answers, total.model)), n_unreadable


def overall(of: Sequence[Total]) -> Total:
    """Add totals up, of which there must be one."""
    names = [field.name for field in fields(Total)][3:]
    rows = [[getattr(total, name) for name in names] for total in of]
    return Total.of(("all", "", None), reduce(_sum, rows))


def _of_noted(reader: Reader) -> dict[str, Sums]:
    """Add up the table `Facts`, by source.

    In parts, as SQLite sorts the rows of a sum by groups: many short sorts take half the time of
    one of millions. And side by side, as it lets go of Python's lock meanwhile.
    """
    [(n_rows, first, last)] = reader.query(
        "SELECT (SELECT count(*) FROM Facts), (SELECT min(id) FROM Facts), "
        "(SELECT max(id) FROM Facts)",  # one by one each is looked up, not scanned for
        table="Facts",
    ) or [(0, 0, 0)]
    if not n_rows:
        return {}
    by_source = f"SELECT source, {_ADDED_UP} FROM Facts WHERE id BETWEEN ? AND ? GROUP BY source"
    statement = f"SELECT name, sums.* FROM ({by_source}) AS sums JOIN Source ON id = sums.source"

    def of_part(part: tuple[int, int]) -> list[tuple[Any, ...]]:
        return reader.query(statement, part, table="Facts")

    n_parts = n_rows // ROWS_AT_ONCE + 1
    ends = [first + (last + 1 - first) * part // n_parts for part in range(n_parts + 1)]
    sums: dict[str, Sums] = {}
    with ThreadPoolExecutor(min(n_parts, os.cpu_count() or 1)) as threads:
        for rows in threads.map(of_part, [(a, b - 1) for a, b in pairwise(ends)]):
            for name, _, *added in rows:
                sums[name] = _sum(sums.get(name), added)
    return sums


def _not_noted(reader: Reader, n_noted: int) -> Iterator[Facts | None]:
    """Yield the facts that another version of distexp did not note; None for what is no entry."""
    if reader.query("SELECT count(*) FROM Cache") == [(n_noted,)]:
        return
    noted = reader.query("SELECT 1 FROM sqlite_master WHERE name = 'Facts'")
    lacking = " WHERE rowid NOT IN (SELECT id FROM Facts)" if noted else ""
    for _, *row in reader.rows(reader.query(f"SELECT rowid FROM Cache{lacking}"), WHOLE):
        try:
            name, text = entry(*row)
            yield Facts.of(checked(name, text), name)
        except REFUSED:
            yield None


def _counts(facts: Facts) -> Sums:
    """Return what one entry adds to each sum."""
    unpriced, uncounted = facts.cost_usd is None, facts.prompt_tokens is None
    return (
        *(1, facts.replaced, facts.prompt_tokens or 0, facts.completion_tokens or 0, uncounted),
        *(facts.cost_usd or 0.0, unpriced, facts.refused, facts.empty),
        *(facts.created, facts.created),
    )


def _sum(sums: Sums | None, more: Sums) -> Sums:
    if sums is None:
        return more
    (*counts, first, last), (*others, other_first, other_last) = sums, more
    added = [a + b for a, b in zip(counts, others, strict=True)]
    firsts, lasts = filter(None, (first, other_first)), filter(None, (last, other_last))
    return [*added, min(firsts, default=None), max(lasts, default=None)]


def _whole(sums: Sums) -> Sums:
    """Write counts as whole numbers: SQLite's total() is a float, which never overflows."""
    cost = 5  # its place
    return [
        int(value) if isinstance(value, int | float) and place != cost else value
        for place, value in enumerate(sums)
    ]
