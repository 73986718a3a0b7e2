"""A few numbers about each entry, kept beside it, so that a million of them are added up at once.

The table `Facts` has a row for each row of `Cache`, under the same `rowid`. Triggers take it away
when its entry is changed or deleted by whatever program, so it is never wrong; it may be missing,
for entries that another version of distexp stored, and is then read from the entry itself.
"""

import json
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Self

from distexp.cache.record import Record
from distexp.request import REFUSED

REFUSALS = frozenset({"content_filter", "refusal", REFUSED})
"""Finish reasons of replies that a provider withheld, a model declined to give, or of none."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS Source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS Facts (id INTEGER PRIMARY KEY, source INTEGER NOT NULL,"
    " created TEXT, replaced INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER,"
    " cost_usd REAL, refused INTEGER, empty INTEGER)",
    "CREATE TRIGGER IF NOT EXISTS Facts_update AFTER UPDATE OF value, tag ON Cache"
    " FOR EACH ROW BEGIN DELETE FROM Facts WHERE id = OLD.rowid; END",
    "CREATE TRIGGER IF NOT EXISTS Facts_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN"
    " DELETE FROM Facts WHERE id = OLD.rowid; END",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What can be counted about an entry."""

    source: str
    """JSON list of provider, model and endpoint."""
    created: str
    replaced: bool
    """Whether `refresh` has put a newer answer in its place."""
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    refused: bool
    empty: bool
    """Whether the reply has no text."""

    @classmethod
    def of(cls, record: Record, name: str) -> Self:
        """Read them from a record and the name of its entry."""
        response = record.response
        usage = response.usage
        return cls(
            # The body comes first in a canonical document, and need not be read.
            source=_source(record.request[record.request.rindex('"draw":') :]),
            created=record.created,
            replaced="/" in name,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            cost_usd=response.cost_usd,
            refused=response.finish_reason in REFUSALS,
            empty=not response.text,
        )


@lru_cache(maxsize=1024)
def _source(rest: str) -> str:
    """Return the source by the part of a document after its body, which many requests share."""
    request = json.loads("{" + rest)
    return json.dumps([request[name] for name in ("provider", "model", "endpoint")])


COUNTED = tuple(field.name for field in fields(Facts) if field.name != "source")
"""Columns of the table `Facts` beside the source."""
Noted = tuple[Any, ...]
"""The source, and the values of `COUNTED`."""
REPLACED = 1 + COUNTED.index("replaced")
"""Which of them says whether a newer answer is there."""
_NOTED = attrgetter("source", *COUNTED)


def noted(record: Record, name: str) -> Noted:
    """Return what is counted about an entry, as values alone."""
    values: Noted = _NOTED(Facts.of(record, name))
    return values
