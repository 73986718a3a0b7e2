"""The Wellcome Global Monitor 2018: the published workbook, read through a packaged codebook."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_names, check_text
from distexp.dataset.files.codebook import packaged_codebook
from distexp.dataset.files.codes import label_of, parse_code
from distexp.dataset.files.columns import check_exists, read_columns, read_sheet, sha256
from distexp.dataset.files.respondents import Selection, load_survey
from distexp.errors import DatasetError
from distexp.types import Survey

if TYPE_CHECKING:
    import polars as pl

RESPONDENTS = "Full dataset"
DICTIONARY = "Data dictionary"
_NAMED_CODE = re.compile(r"(\d+)\s*=\s*(.+?)\s*(?=[,;\s]\s*\d+\s*=|[,;]?\s*$)", re.DOTALL)


class WellcomeGlobalMonitor:
    """The Wellcome Global Monitor 2018: 33 questions on science and health, 144 countries.

    Answers are weighted by `wgt` within a country; by `PROJWT`, which stands for the world's
    people, across countries. The sheet of 149,000 respondents takes a while to read, so it is
    read once and kept as a Parquet file under the SHA-256 of the workbook.

    Parameters
    ----------
    path : str
        The file `wgm2018-dataset-crosstabs-all-countries.xlsx`.
    converted : str, default="outputs/converted"
        Folder of the Parquet file.
    countries : sequence of str, optional
        Names as in the data dictionary of the workbook; all countries together if None. With one
        country, group phrases say that they are about people living in it.
    attributes, questions, weighted, min_respondents, small_cells
        As for `distexp.dataset.table.Table`.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or range. Files are opened by `load` only.
    """

    def __init__(
        self,
        path: str,
        *,
        converted: str = "outputs/converted",
        countries: Sequence[str] | None = None,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        weighted: bool = True,
        min_respondents: int = 50,
        small_cells: str = "drop",
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_text(owner, "converted", converted)
        check_names(owner, "countries", countries)
        self.path = path
        self.converted = converted
        self.countries = countries
        self.selection = Selection(
            owner=owner,
            attributes=attributes,
            questions=questions,
            weighted=weighted,
            min_respondents=min_respondents,
            small_cells=small_cells,
        )

    def load(self) -> Survey:
        """Read the workbook, or what was kept of it.

        Raises
        ------
        ConfigError
            If an attribute or question that is wanted is not in the codebook.
        DatasetError
            If the file is missing, is not that of 2018, or has no respondent of a country.
        """
        path = Path(self.path)
        codebook = packaged_codebook("wgm2018.yaml")
        check_exists(path, codebook.source)
        if self.countries is not None:
            codebook = codebook.of_countries(self.countries)
            if len(self.countries) == 1:
                codebook = replace(codebook, weight="wgt")
        kept = Path(self.converted) / f"wgm2018-{sha256(path)}.parquet"
        if not kept.exists():
            _write(_respondents(path), kept)

        def read(columns: Sequence[str]) -> "pl.DataFrame":
            source = codebook.source
            return read_columns(kept, columns, codebook.layout, source, as_text=False)

        return load_survey(codebook, path, read, self.selection)


def _respondents(path: Path) -> "pl.DataFrame":
    """Return the sheet of respondents with a column `country` that names the code in `WP5`.

    It is blank where the data dictionary does not name the code.
    """
    import polars as pl

    names = _country_names(read_sheet(path, DICTIONARY))
    table = read_sheet(path, RESPONDENTS)
    if "WP5" not in table.columns:
        return table
    codes = table["WP5"].unique()
    country = {code: names.get(label_of(parse_code(code))) for code in codes}
    return table.with_columns(
        pl.col("WP5")
        .replace_strict(list(country), list(country.values()), return_dtype=pl.String)
        .alias("country")
    )


def _country_names(dictionary: "pl.DataFrame") -> dict[str, str]:
    """Return the names of the codes of `WP5`: its row says "1=United States, 2=Egypt, ..."."""
    for row in dictionary.iter_rows():
        cells = [str(cell).strip() for cell in row if cell is not None]
        if "WP5" in cells:
            return dict(match for cell in cells for match in _NAMED_CODE.findall(cell))
    return {}


def _write(table: "pl.DataFrame", target: Path) -> None:
    """Write a Parquet file that is there in whole or not at all."""
    from polars.exceptions import ComputeError  # what a full disk is to Polars

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / target.name
            table.write_parquet(part)
            part.replace(target)
    except (OSError, ComputeError) as exc:
        msg = f"{target} cannot be written ({exc}). Set 'converted' to another folder."
        raise DatasetError(msg) from exc
