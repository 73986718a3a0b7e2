"""Surveys in files of one's own: respondents with a codebook, or a table of distributions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_text
from distexp.dataset.files.codebook import parse_codebook
from distexp.dataset.files.columns import read_columns, read_files
from distexp.dataset.files.respondents import Selection, load_survey
from distexp.errors import DatasetError
from distexp.types import Survey

if TYPE_CHECKING:
    import polars as pl


class Table:
    """A file with a row for each respondent, and the codebook that explains its columns.

    Parameters
    ----------
    path : str
        A `.csv`, `.tsv`, `.parquet`, `.sav`, `.dta` or `.xlsx` file.
    codebook : str
        A YAML file; `docs/surveys/table.md` describes its keys.
    attributes : sequence of str, optional
        Attributes of the codebook, or crossings such as "sex × age"; all attributes if None.
        `everyone`, the overall distribution, is left out unless it is named.
    questions : sequence of str, optional
        Ids of the questions wanted; all of them if None.
    weighted : bool, default=True
        Whether to weight the answers by the column that the codebook names, if it names one.
    min_respondents : int, default=50
        Cells with fewer substantive answers, in plain number, are small.
    small_cells : {"drop", "estimate"}
        Whether small cells are dropped and counted, or open cases: asked and estimated, not
        scored.
    encoding : str, optional
        Of the texts in the file, e.g. cp1252; None is what the codebook says.

    Raises
    ------
    ConfigError
        If a parameter has the wrong type or range. Files are opened by `load` only.
    """

    def __init__(
        self,
        path: str,
        codebook: str,
        *,
        attributes: Sequence[str] | None = None,
        questions: Sequence[str] | None = None,
        weighted: bool = True,
        min_respondents: int = 50,
        small_cells: str = "drop",
        encoding: str | None = None,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "path", path)
        check_text(owner, "codebook", codebook)
        if encoding is not None:
            check_text(owner, "encoding", encoding)
        self.encoding = encoding
        self.path = path
        self.codebook = codebook
        self.selection = Selection(
            owner=owner,
            attributes=attributes,
            questions=questions,
            weighted=weighted,
            min_respondents=min_respondents,
            small_cells=small_cells,
        )

    def load(self) -> Survey:
        """Read the files.

        Raises
        ------
        ConfigError
            If an attribute or question that is wanted is not in the codebook.
        DatasetError
            If a file is missing or cannot be understood.
        """
        path = Path(self.path)
        codebook = parse_codebook(codebook_text(Path(self.codebook)), self.codebook)
        if self.encoding is not None:
            codebook = replace(codebook, layout=replace(codebook.layout, encoding=self.encoding))

        def read(columns: Sequence[str]) -> "pl.DataFrame":
            source = codebook.source
            return read_columns(path, columns, codebook.layout, source, as_text=False)

        survey = load_survey(codebook, path, read, self.selection)
        return replace(survey, files=(*survey.files, *read_files(self.codebook)))


def codebook_text(path: Path) -> str:
    """Return the text of a codebook; raise `DatasetError` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        msg = f"The codebook {path} cannot be read: {exc.strerror}. Set 'codebook' to a YAML file."
        raise DatasetError(msg) from exc
    except UnicodeDecodeError as exc:
        msg = f"The codebook {path} is not UTF-8 text: {exc.reason} at byte {exc.start}."
        raise DatasetError(msg) from exc
