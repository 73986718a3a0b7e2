"""Tables of runs that lie in folders, joined."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.card.applying import check_format
from distexp.card.applying import write as write_table
from distexp.errors import ConfigError
from distexp.run_folder import SCORES
from distexp.view.base import Runs, for_people
from distexp.view.summary import load_view

if TYPE_CHECKING:
    import polars as pl


class SavedRuns:
    """All finished runs below some folders; made by `distexp.runs`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._runs = Runs.read(folders)
        found = {path.parent for folder in folders for path in folder.rglob(SCORES)}
        self.folders = tuple(sorted(found))
        self.lacking = self._runs.lacking

    def scores(self) -> "pl.DataFrame":
        """Return a row a run, condition, calibrator and metric; `run` is the folder."""
        import polars as pl

        from distexp.api.tables import Table

        table = self._runs.by_run
        assert table is not None
        names = pl.Series("run", [str(folder) for folder in self.folders])
        of_row = names.gather(table["run"].cast(pl.UInt32))
        return Table(table.select(of_row, pl.exclude("run")))

    def cases(self) -> "pl.DataFrame":
        """Return a row a condition, case and calibrator: the distances behind the scores."""
        from distexp.api.tables import Table

        return Table(self._runs.cases)

    def predictions(self) -> "pl.DataFrame":
        """Return a row a condition, case and option: human, predicted, calibrated."""
        from distexp.api.tables import Table

        return Table(self._runs.predictions)

    def view(self, name: str = "leaderboard") -> "pl.DataFrame":
        """Return the table of a view, as `distexp summarize --view NAME` writes it.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        from distexp.api.tables import Table

        return Table(for_people(load_view(name).table(self._runs)))

    def __repr__(self) -> str:
        conditions = self._runs.scores.select("dataset", "model", "elicitation", "prompt").unique()
        return f"{len(self.folders)} runs of {conditions.height} conditions"


def runs(*folders: str | Path) -> SavedRuns:
    """Read every finished run below some folders; `outputs` if none is named.

    Raises
    ------
    ConfigError
        If a folder is no path.
    DatasetError
        If there is none.
    """
    for folder in folders:
        if not isinstance(folder, str | Path):
            raise ConfigError(f"A folder of runs is given by its path. Got {folder!r}.")
    return SavedRuns([Path(folder) for folder in folders or ("outputs",)])


def write(table: "pl.DataFrame", path: str | Path) -> Path:
    """Write a table as .csv, .xlsx, .parquet or .jsonl, and return its path.

    In a spreadsheet and in CSV a text that would be a formula begins with an apostrophe.

    Raises
    ------
    DistexpError
        If the ending is another, or the file cannot be written.
    """
    check_format(Path(path))
    write_table(table, Path(path))
    return Path(path)
