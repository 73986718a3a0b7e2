"""Files as other programs write them: read as they are meant, or refused with what to do."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distexp.dataset.files.binary import read_statistics
from distexp.dataset.files.codes import parse_code
from distexp.dataset.files.layout import Layout
from distexp.errors import DatasetError
from tests.dataset.test_codes import read
from tests.dataset.workbook import MAIN, write_workbook

PLAIN = "place,q\nx,1\nx,2\nx,2\nx,2\n"
EXPECTED = {"here": (0.25, 0.75)}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PLAIN.encode(), id="plain"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="windows"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), id="old-mac"),
        pytest.param(PLAIN.rstrip("\n").encode(), id="no-last-line-end"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN.encode(), id="byte-order-mark"),
        pytest.param(PLAIN.replace("x", '"x"').encode(), id="quoted"),
        pytest.param(PLAIN.replace("\n", "\n\n").encode(), id="blank-lines"),
        pytest.param((PLAIN + ",\n,\n").encode(), id="empty-rows-at-the-end"),
        pytest.param(PLAIN.replace("place,q", ' place ,"q\n"').encode(), id="spaces-in-header"),
        pytest.param(b"z,place,q\n,x,1\n,x,2\n,x,2\n,x,2\n", id="unknown-column"),
    ],
)
def test_text_files_come_in_many_forms(tmp_path: Path, text: bytes) -> None:
    """All of these say the same."""
    assert read(tmp_path, text) == EXPECTED


def test_a_header_with_a_line_break_is_found_by_its_words(tmp_path: Path) -> None:
    """Spreadsheets break long headers."""
    rows = '"Where do\nyou live?",q\nx,1\nx,2\n'
    codebook = tmp_path / "codebook.yaml"
    found = None
    with pytest.raises(DatasetError, match="no column 'place'"):
        read(tmp_path, rows)
    text = codebook.read_text().replace("column: place", "column: Where do you live?")
    codebook.write_text(text)
    from distexp.dataset.table import Table

    table = Table(str(tmp_path / "data.csv"), str(codebook), min_respondents=1)
    found = [case.answers.probabilities for case in table.load().cases]

    assert found == [(0.5, 0.5)]


@pytest.mark.parametrize("file", ["DATA.CSV", "data.Csv", "DATA.TSV"])
def test_endings_in_capitals_are_known(tmp_path: Path, file: str) -> None:
    """Old programs wrote them so."""
    text = PLAIN.replace(",", "\t") if file == "DATA.TSV" else PLAIN

    assert read(tmp_path, text, file=file) == EXPECTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("place,q,q\nx,1,2\n", r"2 columns called 'q' \(numbers 2 and 3\)"),
        ("place,q, q\nx,1,2\n", "2 columns called 'q'"),
        ("place,q\nx,1\nx,2,3\n", "line 3 has 3 cells under 2 headers"),
        ('place,q\n"x\ny",1\nx\n', "line 4 has 1 cells under 2 headers"),
        ("place,q\nx,1\nx,1,5\n", "put cells that hold ',' in quotation marks"),
        ('place,q\nx,1\n"x,2\n', "row that begins in line 3 has a quotation mark without another"),
        ("place,q\nx,1\n\0x,2\n", "zero bytes"),
        ("place;q\nx;1\n", "all in one column .* holds ';': set 'separator'"),
        (b"\xff\xfe" + PLAIN.encode("utf-16-le"), "begins as utf-16 does"),
        ("place,q\ncaf\u00e9,1\n".encode("cp1252"), "line 2: byte 0xe9 is not utf-8"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    """Nothing is filled up, cut off or renamed."""
    with pytest.raises(DatasetError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "mac-roman"])
def test_an_encoding_is_set_in_the_codebook_or_on_the_command_line(
    tmp_path: Path, encoding: str
) -> None:
    """The setting of the run wins."""
    text = "place,q\n\u00e9t\u00e9,1\n\u00e9t\u00e9,2\n".encode(encoding)

    by_book = read(tmp_path, text, here="été", extra=f"file: {{encoding: {encoding}}}")
    by_setting = read(
        tmp_path, text, here="été", extra="file: {encoding: ascii}", encoding=encoding
    )

    assert by_book == by_setting == {"here": (0.5, 0.5)}


def test_rows_are_passed_over_by_their_numbers(tmp_path: Path) -> None:
    """Notes above the header, and more headers below it; a row that is not there is an error."""
    rows = 'Made by,\nplace,q\n"Where, please?","Which\none?"\nx,1\nx,2\n'

    assert read(tmp_path, rows, extra="file: {skip_rows: [1, 3]}") == {"here": (0.5, 0.5)}
    with pytest.raises(DatasetError, match="has 5 rows: there is no row 9"):
        read(tmp_path, rows, extra="file: {skip_rows: [1, 3, 9]}")


def test_headers_of_qualtrics_are_known(tmp_path: Path) -> None:
    """They would be a group of their own."""
    rows = 'place,q\nWhere?,1\n"{""ImportId"": ""QID1""}",1\nx,1\nx,2\n'

    with pytest.raises(DatasetError, match=r"ImportId of Qualtrics. .*skip_rows: \[2, 3\]"):
        read(tmp_path, rows)
    assert read(tmp_path, rows, extra="file: {skip_rows: [2, 3]}") == {"here": (0.5, 0.5)}


def sheet(path: Path, cells: str) -> bytes:
    """Return a workbook with these rows of XML."""
    write_workbook(path, {"A": [[1]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, text if name.endswith("sheet1.xml") else content)
    return path.read_bytes()


def cell(where: str, text: str, kind: str = "inlineStr") -> str:
    """Return the XML of a cell."""
    value = f"<is><t>{text}</t></is>" if kind == "inlineStr" else f"<v>{text}</v>"
    return f'<c r="{where}" t="{kind}">{value}</c>'


def row(number: int, *cells: str) -> str:
    """Return the XML of a row."""
    return f'<row r="{number}">{"".join(cells)}</row>'


HEADER = row(1, cell("A1", "place"), cell("B1", "q"))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param(
            HEADER + row(1048576, cell("XFD1048576", "x")), "its reader crashed", id="last-cell"
        ),
        pytest.param(
            HEADER + row(2, cell("A2", "x"), cell("B2", "#N/A", "e")),
            "error value, such as #N/A, in cell B2",
            id="error-value",
        ),
        pytest.param(
            row(1, cell("A1", "place"), cell("B1", "q"), cell("C1", "q")),
            "2 columns called 'q'",
            id="doubled",
        ),
        pytest.param("", "holds no row", id="empty"),
    ],
)
def test_a_workbook_that_cannot_be_read_is_one_line(
    tmp_path: Path, cells: str, message: str
) -> None:
    """A cell in the last row and column makes a table of 17 thousand million cells."""
    pytest.importorskip("fastexcel")
    data = sheet(tmp_path / "made.xlsx", cells)

    with pytest.raises(DatasetError, match=message) as raised:
        read(tmp_path, data, file="data.xlsx")

    assert "\n" not in str(raised.value)


def test_a_workbook_is_read_as_it_looks(tmp_path: Path) -> None:
    """From the first row with content, without empty rows, by spreadsheet numbers of rows."""
    pytest.importorskip("fastexcel")
    rows = [
        row(2, cell("B2", "A note")),
        row(3, cell("B3", "place"), cell("C3", "q")),
        row(4, cell("B4", "x"), '<c r="C4"><v>1</v></c>'),
        row(9, cell("B9", "x"), '<c r="C9"><v>2</v></c>'),
        row(12, cell("B12", " ")),
    ]
    data = sheet(tmp_path / "made.xlsx", "".join(rows))

    found = read(tmp_path, data, file="DATA.XLSX", extra="file: {skip_rows: [2]}")

    assert found == {"here": (0.5, 0.5)}


def latin(path: Path) -> bytes:
    """Return an SPSS file that holds `f\u00e9m` and `h` in another encoding than it says."""
    pyreadstat = pytest.importorskip("pyreadstat")
    table = pl.DataFrame({"place": ["fXm", "fXm"], "q": [1.0, 2.0]})
    pyreadstat.write_sav(table, path)
    return path.read_bytes().replace(b"fXm", b"f\xe9m")


def test_the_encoding_of_an_spss_file_is_a_setting(tmp_path: Path) -> None:
    """Files of old programs do not say theirs, or say another; the error names the setting."""
    data = latin(tmp_path / "made.sav")

    with pytest.raises(DatasetError, match=r"Set 'encoding' in the codebook, e\.g\. to cp1252"):
        read(tmp_path, data, file="data.sav")
    found = read(tmp_path, data, file="data.SAV", here="f\u00e9m", encoding="latin-1")

    assert found == {"here": (0.5, 0.5)}


@pytest.mark.parametrize("suffix", [".sav", ".dta", ".parquet", ".xlsx"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, suffix: str) -> None:
    """Fewer respondents would have other shares."""
    pytest.importorskip("pyreadstat")
    pytest.importorskip("fastexcel")
    path = tmp_path / f"made{suffix}"
    rows: dict[str, list[Any]] = {"place": ["x"] * 2000, "q": [1.0, 2.0] * 1000}
    table = pl.DataFrame(rows)
    if suffix == ".parquet":
        table.write_parquet(path)
    elif suffix == ".xlsx":
        write_workbook(path, {"A": [list(rows), *zip(*rows.values(), strict=True)]})
    else:
        import pyreadstat

        write = pyreadstat.write_sav if suffix == ".sav" else pyreadstat.write_dta
        write(table, path)
    data = path.read_bytes()

    for part in (0.2, 0.5, 0.9):
        with pytest.raises(DatasetError) as raised:
            read(tmp_path, data[: int(part * len(data))], file=f"data{suffix}")
        assert "\n" not in str(raised.value)


def test_a_reader_that_crashes_is_one_line(tmp_path: Path) -> None:
    """A header of a Parquet file that asks for memory that there is not, or nonsense."""
    path = tmp_path / "made.parquet"
    pl.DataFrame({"place": ["x"], "q": [1]}).write_parquet(path)
    data = bytearray(path.read_bytes())
    size = struct.unpack("<I", data[-8:-4])[0]
    for place in range(len(data) - 8 - size, len(data) - 8, 97):
        damaged = bytes(data[:place]) + b"\xff" * 9 + bytes(data[place + 9 :])
        with pytest.raises(DatasetError) as raised:
            read(tmp_path, damaged, file="data.parquet")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", [".sav", ".dta"])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    cells=st.lists(
        st.one_of(st.none(), st.integers(-40_000, 40_000), st.floats(-9, 9), st.just("d")),
        min_size=1,
        max_size=9,
    ),
    at_once=st.integers(2, 12),
)
def test_a_file_read_some_rows_at_a_time_is_the_whole_file(
    tmp_path: Path, suffix: str, cells: list[Any], at_once: int
) -> None:
    """Each cell is the code that it is where all rows are read at once, letters among numbers."""
    pyreadstat = pytest.importorskip("pyreadstat")
    path, letters = tmp_path / f"made{suffix}", "d" in cells and suffix == ".dta"
    numbers = [None if cell == "d" and not letters else cell for cell in cells]
    kept = [cell if cell in (None, "d") else float(cell) for cell in numbers]
    column = pl.Series("q", kept, dtype=pl.Object if letters else pl.Float64)
    if suffix == ".sav":
        pyreadstat.write_sav(pl.DataFrame([column]), path)
    else:
        missing = {"q": ["d"]} if letters else None
        pyreadstat.write_dta(pl.DataFrame([column]), path, missing_user_values=missing)

    table = read_statistics(path, ["q"], Layout(), at_once=at_once)

    found = [parse_code(cell) for cell in table["q"].cast(pl.String)]
    assert found == [cell if cell == "d" else parse_code(cell) for cell in numbers]
