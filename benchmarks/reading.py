"""Measures reading a survey's columns from files of the size of large ones.

Generated codes. In each repeat columns are read as a survey's are, in a process of its own, some
and all of them, and beside that by the bare library, in this one; last, a whole survey of each
shape is loaded: read, recoded and aggregated for twelve groups.

    python benchmarks/reading.py [--repeats 5]
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyreadstat
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from distexp.dataset.files.apart import read_apart
from distexp.dataset.table import Table

SHAPES = (350_000, 60), (97_000, 600)
"""Respondents and columns: all waves of a large survey, and one like the World Values Survey."""
N_READ = 12
ATTRIBUTES = {"sex": 2, "age": 4, "region": 6}
"""With their numbers of groups."""


def main() -> None:
    """Print a row a file and reader."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print("| respondents × columns | read | least CPU, s | least wall, s | MiB of the table |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for n_rows, n_columns in SHAPES:
            table, label = codes(n_rows, n_columns), f"{n_rows:,} × {n_columns}"
            path = Path(name) / "survey.parquet"
            table.write_parquet(path)
            show(label, of_columns(path, n_columns, pl.read_parquet, "Polars"), options.repeats)
            survey = Table(str(path), str(codebook(path, n_columns)))
            show(label, {"a whole survey, loaded": survey.load}, options.repeats)
        pyreadstat.write_sav(table, str(path := path.with_suffix(".sav")))
        show(f"{label}, SPSS", of_columns(path, n_columns, by_pyreadstat, "pyreadstat"), 1)
        path.unlink()
        pyreadstat.write_dta(table, str(path := path.with_suffix(".dta")))
        show(f"{label}, Stata", of_columns(path, n_columns, by_pyreadstat, "pyreadstat"), 1)


def codes(n_rows: int, n_columns: int) -> pl.DataFrame:
    """Return columns of small whole numbers, negative ones for who did not answer."""
    rng = np.random.default_rng(0)
    answers = {f"Q{i}": rng.integers(-2, 6, n_rows).astype(np.int16) for i in range(n_columns)}
    people = {name: rng.integers(0, n, n_rows).astype(np.int8) for name, n in ATTRIBUTES.items()}
    return pl.DataFrame(answers | people | {"weight": rng.uniform(0.5, 2, n_rows)})


def codebook(path: Path, n_columns: int) -> Path:
    """Write what explains the columns."""
    attributes = {
        name: {
            "column": name,
            "levels": {
                f"{name} {k}": {"codes": k, "phrase": f"one of {name} {k}"} for k in range(n)
            },
        }
        for name, n in ATTRIBUTES.items()
    }
    options = [[k, f"option {k}", k] for k in range(6)]
    questions = {
        f"Q{i}": {
            "column": f"Q{i}",
            "text": f"Question {i}?",
            "kind": "ordinal",
            "options": options,
        }
        for i in range(n_columns)
    }
    book = {
        "name": "made", "population": "a person", "source": "made", "licence": "CC0 1.0",
        "citation": "made", "gated": False, "weight": "weight", "filters": {}, "missing": ["<0"],
        "off_scale": [], "attributes": attributes, "questions": questions,
    }  # fmt: skip
    written = path.with_suffix(".yaml")
    written.write_text(yaml.safe_dump(book))
    return written


def by_pyreadstat(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read as lists, which is the least that the library does."""
    read = pyreadstat.read_sav if path.suffix == ".sav" else pyreadstat.read_dta
    read(path, usecols=columns, output_format="dict")
    return pl.DataFrame()


def of_columns(
    path: Path, n_columns: int, bare: Callable[..., pl.DataFrame], library: str
) -> dict[str, Callable[[], pl.DataFrame]]:
    """Return what reads some and all of the columns."""
    some = [f"Q{number}" for number in range(0, n_columns, n_columns // N_READ)]
    every = [f"Q{number}" for number in range(n_columns)]
    return {
        f"{label} columns, {by}": read
        for label, columns in ((str(N_READ), some), ("all", every))
        for by, read in (
            ("as a survey", lambda columns=columns: read_apart(path, columns, as_text=False)),
            (f"by {library}", lambda columns=columns: bare(path, columns=columns)),
        )
    }


def show(label: str, readers: Mapping[str, Callable[[], object]], n_repeats: int) -> None:
    """Read in turn, so that all meet the same machine, and print a row each."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    sizes = {}
    for _ in range(n_repeats):
        for name, read in readers.items():
            cpu, wall = cpu_s(), time.perf_counter()
            found = read()
            taken[name].append((cpu_s() - cpu, time.perf_counter() - wall))
            sizes[name] = ""
            if isinstance(found, pl.DataFrame) and found.width:
                sizes[name] = f"{found.estimated_size() / 2**20:.1f}"
    for name, both in taken.items():
        cells = " | ".join(f"{min(of):.2f}" for of in zip(*both, strict=True))
        print(f"| {label} | {name} | {cells} | {sizes[name]} |", flush=True)


def cpu_s() -> float:
    """Return the processor time of this process and of those that it has waited for."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


if __name__ == "__main__":
    main()
