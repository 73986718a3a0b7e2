"""What a run left and what the same run leaves here: the same bytes, or where they part."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distexp.report.tables import SCHEMA
from distexp.sharing.contents import CONFIG, OVERRIDES, PROVENANCE, RUN, SUMMARY
from distexp.sharing.earlier import WORDED, as_of, schema_of
from distexp.sharing.rerun import Bundle

if TYPE_CHECKING:
    import polars as pl

GIVEN = {
    CONFIG: "not compared: the run was made from it",
    OVERRIDES: "not compared: config.yaml holds what came of it",
}
LEFT_OUT = {
    PROVENANCE: ("versions",),
    SUMMARY: ("calls.hits", "calls.misses", "calls.cost_usd"),
}
"""What differs between a run that asked a model and one that replays, or between machines."""

SHOWN = 60
"""Characters of a text that are shown of each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One file of a run beside the same file made here."""

    name: str
    """In the folder of the run or sweep."""
    difference: str | None
    """Where they part; None where they do not."""

    @property
    def how(self) -> str:
        """How a file of this name is compared."""
        without = LEFT_OUT.get(Path(self.name).name)
        return f"all but {', '.join(without)}" if without else "byte for byte"


def compare(bundle: Bundle, out: Path) -> Iterator[Compared]:
    """Compare every file that the runs of a bundle left with the one made here, in order of names.

    Of a bundle with tables of an earlier schema the texts and figures, which are worded anew, are
    left out, and of its tables what came since.

    Parameters
    ----------
    bundle : Bundle
    out : Path
        Folder of what was made here.
    """
    schema = schema_of(bundle)
    listed = {name: member.sha256 for name, member in bundle.parcel.members.items()}
    for name, sha256 in sorted({**listed, **bundle.withheld}.items()):
        top, _, below = name.partition("/")
        worded = schema < SCHEMA and Path(name).suffix in WORDED
        if top == RUN and Path(name).name not in GIVEN and not worded:
            difference = _difference(bundle, name, sha256, out / below, schema)
            yield Compared(name=below, difference=difference)


def _difference(bundle: Bundle, name: str, sha256: str, made: Path, schema: int) -> str | None:
    if not made.is_file():
        return "it is not made here"
    data = made.read_bytes()
    if schema < SCHEMA:
        data = as_of(schema, made.name, data)
    if hashlib.sha256(data).hexdigest() == sha256:
        return None
    if name in bundle.withheld:
        return "its SHA-256 is another; the file itself is not in the bundle, as it may not be"
    there = bundle.parcel.read(name)
    if made.name in LEFT_OUT:
        there, data = (_without(side, LEFT_OUT[made.name]) for side in (there, data))
    if made.suffix == ".parquet":
        return _first_value(there, data)
    return None if there == data else _first_line(there, data)


def _without(text: bytes, fields: tuple[str, ...]) -> bytes:
    """Return a JSON text without some of its fields; any other text as it is."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    for field in fields:
        *path, last = field.split(".")
        node = document
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(last, None)
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _first_line(there: bytes, here: bytes) -> str:
    """Say in which line two texts part."""
    lines = [side.decode(errors="replace").split("\n") for side in (there, here)]
    number, pair = next(
        (number, pair)
        for number, pair in enumerate(zip(*_padded(lines), strict=True), start=1)
        if pair[0] != pair[1]
    )
    return f"line {number} is {_around(*pair)!r} there, {_around(*pair[::-1])!r} here"


def _padded(sides: list[list[str]]) -> list[list[str]]:
    length = max(map(len, sides))
    return [side + [""] * (length - len(side)) for side in sides]


def _around(text: str, other: str) -> str:
    """Cut a text to what surrounds the place where it parts from another."""
    place = next((at for at, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), 0)
    start = max(0, place - SHOWN // 2)
    return ("…" if start else "") + text[start : start + SHOWN]


def _first_value(there: bytes, here: bytes) -> str:
    """Say in which row and column two tables part."""
    import polars as pl

    try:
        old, new = (pl.read_parquet(BytesIO(side)) for side in (there, here))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as exc:
        return f"it cannot be read as a table: {str(exc).splitlines()[0]}"
    if old.schema != new.schema:
        return f"its columns are {_named(old)} there, {_named(new)} here"
    if old.height != new.height:
        return f"it has {old.height} rows there, {new.height} here"
    unequal = old.select(column.ne_missing(new[column.name]) for column in old)
    rows = unequal.select(pl.any_horizontal(pl.all())).to_series().arg_true()
    if not len(rows):
        return "the values are the same, the bytes are not: another polars wrote it"
    row = rows[0]
    column = next(name for name in unequal.columns if unequal[name][row])
    n_unequal = sum(unequal.sum().row(0))
    return (
        f"row {row + 1}, column {column!r} is {old[column][row]!r:.{SHOWN}} there, "
        f"{new[column][row]!r:.{SHOWN}} here; {n_unequal} of {old.height * old.width} values "
        f"differ{_furthest(old, new)}"
    )


def _named(table: "pl.DataFrame") -> str:
    return ", ".join(f"{name} ({dtype})" for name, dtype in table.schema.items())[:500]


def _furthest(old: "pl.DataFrame", new: "pl.DataFrame") -> str:
    """Say by how much numbers differ at most."""
    gaps: list[Any] = [
        (column - new[column.name]).abs().max() for column in old if column.dtype.is_float()
    ]
    most = max((gap for gap in gaps if gap is not None), default=0.0)
    return f", numbers by {most:.3g} at most" if most else ""
