"""Which methods' numbers are others where a run is made again by another distexp, in words."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from distexp.report.tables import SCHEMA
from distexp.run_folder import CALIBRATED, PREDICTIONS
from distexp.sharing.contents import RUN
from distexp.sharing.earlier import schema_of
from distexp.sharing.nearness import unequal
from distexp.sharing.rerun import Bundle

REDEFINED = {
    "auto": 3,
    "blind": 3,
    "damped": 3,
    "cumulative": 3,
    "gradient_boosting": 3,
}
"""Calibrators that learn otherwise than before, by the schema of tables since which they do."""


def changed(bundle: Bundle, out: Path) -> Iterator[str]:
    """Say which methods' held-out shares are others and which are the same, if any differ.

    Parameters
    ----------
    bundle : Bundle
    out : Path
        Folder of what was made here.
    """
    import polars as pl

    same: dict[str, bool] = {}
    for name in bundle.parcel.members:
        top, _, below = name.partition("/")
        made = out / below
        if top != RUN or made.name != PREDICTIONS or not made.is_file():
            continue
        try:
            old, new = pl.read_parquet(BytesIO(bundle.parcel.read(name))), pl.read_parquet(made)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            return  # said where files are compared
        if old.height != new.height:
            return
        for column in old.columns:
            if column in new.columns and old[column].dtype == new[column].dtype:
                parted = unequal(old.select(column), new.select(column)).to_series().any()
                same[column] = same.get(column, True) and not parted
    others = [name for name, is_same in same.items() if not is_same]
    if not others:
        return
    methods = [name.removeprefix(CALIBRATED) for name in others if name.startswith(CALIBRATED)]
    alike = [
        name.removeprefix(CALIBRATED)
        for name, is_same in same.items()
        if is_same and name.startswith(CALIBRATED)
    ]
    schema = schema_of(bundle)
    there = bundle.provenance(bundle.jobs[0]).get("versions", {}).get("distexp", "unknown")
    redefined = [name for name in methods if REDEFINED.get(name, 0) > schema]
    if redefined:
        yield (
            f"{', '.join(redefined)}: the definition has changed since the distexp that made the "
            f"bundle ({there!s:.40}, tables of schema {schema}; here schema {SCHEMA}), so these "
            "numbers cannot be the same. Install that version to have them."
        )
    kept = {"human": "human answers", "predicted": "the model's own shares"}
    what = [words for column, words in kept.items() if same.get(column)]
    if methods:
        listed = ", ".join(methods)
        yield (
            f"Other shares: {listed}. The same: {', '.join([*what, *alike]) or 'none'}. "
            "Scores and comparisons of a method differ with its shares."
        )
