"""What a run left and what the same run leaves here: equal, within a tolerance, or where not."""

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.report.tables import SCHEMA
from distexp.run_folder import CONFIG, OVERRIDES, PROVENANCE, SENTENCES, SUMMARY
from distexp.sharing.contents import RUN
from distexp.sharing.earlier import WORDED, as_of, schema_of
from distexp.sharing.nearness import TOLERANCE, first_line, furthest, renamed, unequal
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

TABLE = ".parquet"
FIGURE_SUFFIX = ".svg"
PRINTED = (".md", FIGURE_SUFFIX, SENTENCES)
"""Files that show numbers of the tables, to a few digits."""
TOLERANT = (TABLE, ".json", ".md", FIGURE_SUFFIX)
"""Files in which numbers may differ by the tolerance; any other is the same bytes or is not."""
SHOWN = 60
"""Characters of a value that are shown of each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One file of a run beside the same file made here."""

    name: str
    """In the folder of the run or sweep."""
    difference: str | None
    """Where they part by more than the tolerance; None where they do not."""
    exact: bool = False
    """Whether they do not part at all."""

    @property
    def how(self) -> str:
        """How a file of this name is compared."""
        path = Path(self.name)
        if path.suffix not in TOLERANT:
            return "byte for byte"
        without = LEFT_OUT.get(path.name)
        return f"numbers to {TOLERANCE:g}" + (f", all but {', '.join(without)}" if without else "")


def compare(bundle: Bundle, out: Path) -> list[Compared]:
    """Compare every file that the runs of a bundle left with the one made here, in order of names.

    Of a bundle with tables of an earlier schema the texts and figures, which are worded anew, are
    left out, and of its tables what came since.

    Where all tables are the same bytes, texts and figures have to be the same as well. Where
    numbers in them differ within the tolerance, one in a text may be rounded the other way.

    Parameters
    ----------
    bundle : Bundle
    out : Path
        Folder of what was made here.

    Raises
    ------
    ArchiveError
        If a file of the bundle is not as its manifest lists it.
    """
    schema = schema_of(bundle)
    listed = {name: member.sha256 for name, member in bundle.parcel.members.items()}
    found: dict[str, Compared] = {}
    # Tables come first.
    for name, sha256 in sorted(
        {**listed, **bundle.withheld}.items(), key=lambda one: not one[0].endswith(TABLE)
    ):
        top, _, below = name.partition("/")
        worded = schema < SCHEMA and name.endswith(WORDED)
        if top == RUN and Path(name).name not in GIVEN and not worded:
            moved = not all(one.exact for of, one in found.items() if of.endswith(TABLE))
            found[name] = _compared(bundle, name, sha256, out / below, moved=moved, schema=schema)
    return [found[name] for name in sorted(found)]


def _compared(
    bundle: Bundle, name: str, sha256: str, made: Path, *, moved: bool, schema: int
) -> Compared:
    """Compare a file; `moved` says that numbers in tables are not the same in all digits."""
    below = name.partition("/")[2]
    if not made.is_file():
        return Compared(name=below, difference="it is not made here")
    if name not in bundle.withheld:
        bundle.parcel.check(name)  # else a file with other numbers would pass for what is listed
    data = made.read_bytes()
    if schema < SCHEMA:
        data = as_of(schema, made.name, data)
    if hashlib.sha256(data).hexdigest() == sha256:
        return Compared(name=below, difference=None, exact=True)
    if name in bundle.withheld:
        why = (
            "its SHA-256 is another; the file itself is not in the bundle, as it may not be, so "
            "nobody can say by how much"
        )
        return Compared(name=below, difference=why)
    there = bundle.parcel.read(name)
    if schema < SCHEMA:
        there = as_of(schema, made.name, there)
        if there == data:
            return Compared(name=below, difference=None, exact=True)
    if made.name in LEFT_OUT:
        there, data = (_without(side, LEFT_OUT[made.name]) for side in (there, data))
    if made.suffix == TABLE:
        return Compared(name=below, difference=_first_value(there, data))
    same = there == data
    if made.suffix == FIGURE_SUFFIX:
        there, data = renamed(there), renamed(data)
    printed = made.name.endswith(PRINTED)
    exact = made.suffix not in TOLERANT or (printed and not moved)
    parted = first_line(there, data, exact=exact, printed=printed)
    return Compared(name=below, difference=parted, exact=same)


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


def _first_value(there: bytes, here: bytes) -> str | None:
    """Say in which row and column two tables part; None where they do not."""
    import polars as pl

    try:
        old, new = (pl.read_parquet(BytesIO(side)) for side in (there, here))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as exc:
        return f"it cannot be read as a table: {str(exc).splitlines()[0]}"
    if old.schema != new.schema:
        return f"its columns are {_named(old)} there, {_named(new)} here"
    if old.height != new.height:
        return f"it has {old.height} rows there, {new.height} here"
    parted = unequal(old, new)
    rows = parted.select(pl.any_horizontal(pl.all())).to_series().arg_true()
    if not len(rows):
        return None
    row = rows[0]
    column = next(name for name in parted.columns if parted[name][row])
    n_parted = sum(parted.sum().row(0))
    most = furthest(old, new)
    return (
        f"row {row + 1}, column {column!r} is {old[column][row]!r:.{SHOWN}} there, "
        f"{new[column][row]!r:.{SHOWN}} here; {n_parted} of {old.height * old.width} values "
        f"differ{f', numbers by {most:.3g} at most' if most else ''}"
    )


def _named(table: "pl.DataFrame") -> str:
    return ", ".join(f"{name} ({dtype})" for name, dtype in table.schema.items())[:500]
