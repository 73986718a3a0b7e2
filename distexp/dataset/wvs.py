"""The World Values Survey, wave 7: the published CSV file, read through a packaged codebook."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_names, check_text
from distexp.dataset.files.codebook import packaged_codebook
from distexp.dataset.files.columns import read_columns
from distexp.dataset.files.respondents import Selection, load_survey
from distexp.types import Survey

if TYPE_CHECKING:
    import polars as pl


class WorldValuesSurvey:
    """Wave 7 of the World Values Survey, 2017-2022: 60 questions, by country and 8 attributes.

    Answers are weighted by `W_WEIGHT`, which is made for each country: groups of several
    countries together count each country by its number of interviews.

    Parameters
    ----------
    path : str
        The file `WVS_Cross-National_Wave_7_csv_v6_0.csv`, or an earlier version of it.
    countries : sequence of str, optional
        ISO codes of three letters, as in `B_COUNTRY_ALPHA`; all countries together if None. With
        one country, group phrases say that they are about people living in it.
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
        countries: Sequence[str] | None = None,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        weighted: bool = True,
        min_respondents: int = 50,
        small_cells: str = "drop",
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_names(owner, "countries", countries)
        self.path = path
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
        """Read the file.

        Raises
        ------
        ConfigError
            If an attribute or question that is wanted is not in the codebook.
        DatasetError
            If the file is missing, is not that of wave 7, or has no respondent of a country.
        """
        path = Path(self.path)
        codebook = packaged_codebook("wvs7.yaml")
        if self.countries is not None:
            codebook = codebook.of_countries(self.countries)

        def read(columns: Sequence[str]) -> "pl.DataFrame":
            source = codebook.source
            return read_columns(path, columns, codebook.layout, source, as_text=False)

        return load_survey(codebook, path, read, self.selection)
