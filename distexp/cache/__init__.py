"""The record of paid answers: one JSON document per call, kept in SQLite and never dropped.

`diskcache` keeps the file; three of its habits are taken from it. It pickles (a planted row runs
code when it is read, CVE-2025-69872), it evicts what exceeds a size, and it opens for writing in
order to read. Here every entry is JSON text, nothing is evicted, and reading changes no file.

An entry is a row of the table `Cache`: `key` is the request's key, `value` the JSON text of a
`Record` (zlib-compressed where long), `tag` the SHA-256 of that text. A generation that `refresh`
replaced keeps its text under `<key>/<generation>`. The table `Facts` says of each row, in a few
numbers, what `distexp cache stats` adds up. Rows that are not what was written lie in the table
`Aside` once `distexp cache verify --drop` has moved them there.
"""

from distexp.cache.audit.explaining import why_missing
from distexp.cache.base import MODES, Cache
from distexp.cache.disk.adopting import Adopted
from distexp.cache.disk.database import JSONDisk
from distexp.cache.disk.faults import network_file_system
from distexp.cache.disk.store import ResponseCache
from distexp.cache.record import Paid, Record

__all__ = [
    "MODES",
    "Adopted",
    "Cache",
    "JSONDisk",
    "Paid",
    "Record",
    "ResponseCache",
    "network_file_system",
    "why_missing",
]
