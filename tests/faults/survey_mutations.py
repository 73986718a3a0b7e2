"""Damaged and respelled survey files and codebooks, and what a plain reader makes of them."""

import csv
import io
import math
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from tests.dataset.workbook import write_workbook

CODEBOOK = """\
name: town
population: an adult in Exampleland
source: made for this test
licence: CC0 1.0
citation: none
gated: false
weight: w
missing: [NA]
off_scale: [8, DK]
filters: {wave: [2]}
attributes:
  sex:
    column: sex
    levels:
      Female: {codes: [2], phrase: a woman}
      Male: {codes: [1], phrase: a man}
  place:
    column: place
    levels:
      North: {codes: [NO, Åre], phrase: a person from the north}
      South: {codes: ["Old Town, south"], phrase: a person from the south}
questions:
  q1:
    text: Do you agree?
    kind: ordinal
    options: [[1, Agree, 1], [2, Neither, 2], [3, Disagree, 3]]
  q2:
    text: And now?
    kind: nominal
    options: [[yes, It is so], ["no, never", Never]]
  q3:
    text: Was it chosen?
    kind: binary
    options: [["", Not chosen, 0], [1, Chosen, 1]]
"""
Rows = list[list[str]]
Shares = list[tuple[str, str, tuple[float, ...]]]
"""Question, group and shares of each cell."""


def rows(n: int = 60) -> Rows:
    """Return a header and the answers of some people."""
    rng = random.Random(7)
    made = [["id", "wave", "sex", "place", "w", "q1", "q2", "q3"]]
    for i in range(n):
        made.append(
            [
                str(i + 1),
                rng.choice("2221"),
                rng.choice("12"),
                rng.choice(["NO", "Åre", "Old Town, south"]),
                f"{rng.uniform(0.2, 3):.3f}",
                rng.choice(["1", "2", "3", "8"]),
                rng.choice(["yes", "no, never", "DK", "NA"]),
                rng.choice(["", "1"]),
            ]
        )
    return made


def text_of(table: Rows) -> str:
    """Write rows as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(table)
    return out.getvalue()


def tallied(data: bytes, codebook: str) -> Shares | None:
    """Return the shares as a plain reader finds them; None if something is not as it should be."""
    try:
        book = yaml.load(codebook, Loader=yaml.BaseLoader)
        table = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
        table = [row for row in table if any(cell.strip() for cell in row)]
        header, people = [_plain(cell) for cell in table[0]], table[1:]
        if any(len(row) != len(header) for row in people):
            return None
        return _shares(book, [dict(zip(header, row, strict=True)) for row in people], header)
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        yaml.YAMLError,
        csv.Error,
    ):
        return None
    except ZeroDivisionError:
        return None


def _shares(book: Any, people: Sequence[dict[str, str]], header: Sequence[str]) -> Shares:
    def codes(entry: Any) -> set[object]:
        return {_code(one) for one in (entry if isinstance(entry, list) else [entry])}

    used = [*book.get("filters", {}), *book.get("exclude", {})]
    used += [book["weight"]] if "weight" in book else []
    used += [of["column"] for of in book["attributes"].values()]
    used += [of.get("column", name) for name, of in book["questions"].items()]
    if any(list(header).count(_plain(name)) != 1 for name in used):
        raise ValueError(used)
    for column, wanted in book.get("filters", {}).items():
        people = [one for one in people if _code(one[_plain(column)]) in codes(wanted)]
    off, missing = codes(book.get("off_scale", [])), codes(book.get("missing", []))
    found: Shares = []
    for name, question in book["questions"].items():
        options = [codes(option[0]) for option in question["options"]]
        for attribute in book["attributes"].values():
            for label, level in attribute["levels"].items():
                sums = [0.0] * len(options)
                for one in people:
                    weight = float(one[_plain(book["weight"])]) if "weight" in book else 1.0
                    if not weight >= 0:
                        raise ValueError(weight)
                    code = _code(one[_plain(question.get("column", name))])
                    places = [i for i, of in enumerate(options) if code in of]
                    if not places and code not in off | missing | {None}:
                        raise ValueError(code)
                    if _code(one[_plain(attribute["column"])]) in codes(level["codes"]) and places:
                        sums[places[0]] += weight
                if sum(sums):
                    found.append((name, label, tuple(x / sum(sums) for x in sums)))
    return found


def _code(cell: str) -> object:
    text = _plain(cell)
    if text == "NaN":  # that is how programs write that there is no number
        return None
    try:
        return float(text) if text and "_" not in text else text or None
    except ValueError:
        return text


def _plain(cell: str) -> str:
    kept = (c for c in unicodedata.normalize("NFC", cell) if unicodedata.category(c) != "Cf")
    return " ".join("".join(kept).split())


def alike(one: Shares | None, other: Shares | None) -> bool:
    """Tell whether two readings say the same."""
    if one is None or other is None or len(one) != len(other):
        return False
    return all(
        len(a[2]) == len(b[2]) and all(abs(x - y) < 1e-9 for x, y in zip(a[2], b[2], strict=True))
        for a, b in zip(one, other, strict=True)
    )


def _cell(rng: random.Random, table: Rows) -> tuple[int, int]:
    return rng.randrange(1, len(table)), rng.randrange(1, len(table[0]))


def _set(rng: random.Random, table: Rows, value: str) -> Rows:
    row, column = _cell(rng, table)
    table[row][column] = value
    return table


def _each(table: Rows, change: Callable[[str], str]) -> Rows:
    return [table[0], *([change(cell) for cell in row] for row in table[1:])]


def _number(cell: str, spelled: str) -> str:
    return spelled.format(cell) if cell.isdigit() else cell


ODD = (
    *("", " ", "NA", "NaN", "nan", "N/A", "9", "-1", "01", "1.0", "1e0", "1,0", "one", "Refused"),
    *(
        "YES",
        "Yes",
        "no,never",
        "\u00a0yes",
        "yes\u200b",
        "no",
        "DK ",
        "dk",
        "TRUE",
        "#N/A",
        "2.5",
    ),
    *("=1+1", "1\n2", '"', "\ufeff1", "１", "\t", "−1", "1 000", "inf", "99999999999999999999"),
)
RESPELLED: tuple[Callable[[random.Random, Rows], Rows], ...] = (
    lambda rng, t: t,
    lambda rng, t: _each(t, lambda c: _number(c, "{}.0")),
    lambda rng, t: _each(t, lambda c: f" {c}"),
    lambda rng, t: _each(t, lambda c: f"{c}\u00a0" if c else c),
    lambda rng, t: _each(t, lambda c: unicodedata.normalize("NFD", c)),
    lambda rng, t: [[f" {name}\u200b" for name in t[0]], *t[1:]],
    lambda rng, t: [[*row[::-1]] for row in t],
    lambda rng, t: [[*row, "a, b\nc"] for row in t],
    lambda rng, t: [*t, [""] * len(t[0])],
    lambda rng, t: [t[0], *rng.sample(t[1:], len(t) - 1)],
)
DAMAGED: tuple[Callable[[random.Random, Rows], Rows], ...] = (
    *[lambda rng, t: _set(rng, t, rng.choice(ODD))] * 4,
    lambda rng, t: [[*row, row[5]] for row in t],
    lambda rng, t: [row[:-1] for row in t],
    lambda rng, t: [[name.upper() for name in t[0]], *t[1:]],
    lambda rng, t: [["id", "wave", "sex", "place", "w", "q1", "q1", "q3"], *t[1:]],
    lambda rng, t: [t[0], *([*row, "x"] if rng.random() < 0.1 else row for row in t[1:])],
    lambda rng, t: [t[0], *(row[:-1] if rng.random() < 0.1 else row for row in t[1:])],
    lambda rng, t: [t[0], t[0], *t[1:]],
    lambda rng, t: [t[0], t[0], [f'{{"ImportId":"{name}"}}' for name in t[0]], *t[1:]],
    lambda rng, t: [["", *t[0]], *t[1:]],
    lambda rng, t: t[:1],
    lambda rng, t: [],
)


def damaged(rng: random.Random, data: bytes, n: int = 0) -> bytes:
    """Return bytes after a few accidents."""
    content = bytearray(data)
    for _ in range(n or rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(8):
            case 0 | 1 if content:
                content[at % len(content)] = rng.randrange(256)
            case 2:
                content[at:at] = bytes(rng.choices(b'",;\n\r\t01\0 \xff\xc3', k=rng.randint(1, 3)))
            case 3:
                del content[at : at + rng.randint(1, 30)]
            case 4:
                del content[at:]
            case 5:
                end = at + rng.randint(1, 60)
                content[at:at] = content[at:end]
            case 6:
                content[at : at + 4] = rng.choice([b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f"])
            case 7 if content:
                content[at % len(content)] ^= 1 << rng.randrange(8)
    return bytes(content)


def file_of(rng: random.Random, folder: Path, table: Rows, suffix: str) -> Path:
    """Write rows in a format, numbers as numbers where a column has no other."""
    path = folder / f"survey{suffix}"
    if suffix == ".xlsx":
        write_workbook(path, {"Answers": [[cell or None for cell in row] for row in table]})
        return path
    header, *people = table
    columns = {
        name: [row[i] if i < len(row) else "" for row in people] for i, name in enumerate(header)
    }
    series = []
    for name, cells in columns.items():
        try:
            numbers = [float(cell) if cell.strip() else None for cell in cells]
            if not all(number is None or math.isfinite(number) for number in numbers):
                raise ValueError(cells)
            series.append(pl.Series(name, numbers, dtype=pl.Float64))
        except ValueError:
            series.append(pl.Series(name, cells, dtype=pl.String))
    frame = pl.DataFrame(series)
    if suffix == ".parquet":
        frame.write_parquet(path)
    else:
        import pyreadstat

        write = pyreadstat.write_sav if suffix == ".sav" else pyreadstat.write_dta
        write(frame, path)
    return path


SCALARS = (
    *("NO", "yes", "null", "~", "2024-01-01", "010", "1_000", "0x1F", "1:30", ".inf", '""', "[]"),
    *("{}", "true", "!!python/object/apply:os.system [id]", "*a", "&a [*a]", "[" * 2000, "1e999"),
    *('"\\uD800"', "2024-13-45", "=", "<<", "-1", "<0", "1..3", "3.0", "no", "On", "9" * 5000),
)


def codebook(rng: random.Random, text: str = CODEBOOK) -> str:
    """Return a codebook after a few changes, some of which change nothing that counts."""
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        match rng.randrange(10):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                lines.insert(at, "# a remark")
            case 3:
                other = rng.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 4:
                head, colon, _ = lines[at].partition(":")
                lines[at] = f"{head}{colon} {rng.choice(SCALARS)}"
            case 5:
                words = lines[at].split(" ")
                words[rng.randrange(len(words))] = rng.choice(SCALARS)
                lines[at] = " ".join(words)
            case 6:
                return "\ufeff" + text.replace("\n", "\r\n")
            case 7:
                lines = lines[:at]
            case _:
                changed = damaged(rng, text.encode(), 1).decode(errors="ignore")
                lines = changed.split("\n")
        text = "\n".join(lines)
    return text
