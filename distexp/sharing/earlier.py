"""Runs of an earlier schema of tables beside what is made here: what both have is compared."""

import json
from io import BytesIO
from pathlib import Path

from distexp.report.tables import REMADE, SCHEMA, cut
from distexp.run_folder import SENTENCES, SUMMARY
from distexp.sharing.contents import RUN
from distexp.sharing.rerun import Bundle

WORDED = (".md", ".svg", SENTENCES)
"""Files for people: they show all metrics, in today's words."""


def schema_of(bundle: Bundle) -> int:
    """Return the schema of the tables in a bundle; 1 where its runs state none."""
    stated = []
    for name in bundle.parcel.members:
        if name.startswith(f"{RUN}/") and Path(name).name == SUMMARY:
            try:
                schema = json.loads(bundle.parcel.read(name)).get("schema")
            except (ValueError, RecursionError, AttributeError):
                schema = None
            stated.append(schema if isinstance(schema, int) else 1)
    return min(stated, default=SCHEMA)


def as_of(schema: int, name: str, data: bytes) -> bytes:
    """Return a file, of today's or of an earlier schema, with what both of them have alike.

    Columns whose numbers are made otherwise today are left out.
    """
    import polars as pl

    if name == SUMMARY:
        document = json.loads(data)
        document.pop("schema", None)
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
    if not name.endswith(".parquet"):
        return data
    table = pl.read_parquet(BytesIO(data))
    remade = [column for since, columns in REMADE.items() if since > schema for column in columns]
    earlier = cut(table, schema).drop(remade, strict=False)
    if earlier.shape == table.shape:
        return data
    written = BytesIO()
    earlier.write_parquet(written)
    return written.getvalue()
