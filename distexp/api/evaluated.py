"""Scores of a run, as tables, as text and for a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from distexp.report.brief import summary
from distexp.report.report import Report

if TYPE_CHECKING:
    import polars as pl

COLUMNS = 80


class Text(str):
    """A text that is shown as it is, in a notebook too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self)}</pre>"


class Evaluated:
    """What an evaluation found; made by `Run.evaluate`.

    Attributes
    ----------
    report : Report
        The record that the command line writes.
    """

    def __init__(self, report: Report, config: Any) -> None:
        self.report = report
        self._config = config

    def summary(self, columns: int = COLUMNS) -> Text:
        """Return sentences and a table a prompt, as plain text of so many columns."""
        return Text(summary(self.report, columns=columns))

    def scores(self) -> "pl.DataFrame":
        """Return a row a prompt, calibrator and metric, as `scores.parquet` has them."""
        from distexp.api.tables import Table

        return Table(self.report.scores())

    def comparisons(self) -> "pl.DataFrame":
        """Return a row a pair of methods, as `comparisons.parquet` has them."""
        from distexp.api.tables import Table

        return Table(self.report.comparisons())

    def cases(self) -> "pl.DataFrame":
        """Return a row a case and calibrator, as `cases.parquet` has them."""
        from distexp.api.tables import Table

        return Table(self.report.cases())

    def predictions(self) -> "pl.DataFrame":
        """Return a row a case and option, as `predictions.parquet` has them."""
        from distexp.api.tables import Table

        return Table(self.report.predictions())

    def write(self, folder: str | Path, *, figures: bool = False) -> Path:
        """Write what a run leaves into a folder, its page with it, and return the folder.

        Parameters
        ----------
        folder : path
            Made if it does not exist; what is in it is replaced.
        figures : bool
            Whether to draw, as SVG.

        Raises
        ------
        DistexpError
            If the folder cannot be written.
        """
        from distexp.page.writing import write

        config = OmegaConf.to_yaml(self._config)
        self.report.write(Path(folder), config=config, overrides="[]\n", figures=figures)
        write(Path(folder))
        return Path(folder)

    def __repr__(self) -> str:
        return repr(self.report)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
