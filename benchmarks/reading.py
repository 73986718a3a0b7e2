"""Measures reading a survey's columns from Parquet files of the size of large ones.

Generated codes. In each repeat columns are read as a survey's are, in a process of its own, some
and all of them, and beside that by Polars, in this one.

    python benchmarks/reading.py [--repeats 5]
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))
from distexp.dataset.files.apart import read_apart

SHAPES = (350_000, 60), (97_000, 600)
"""Respondents and columns: all waves of a large survey, and one like the World Values Survey."""
N_READ = 12


def main() -> None:
    """Print a row a file and reader: least, median and most of the repeats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print("| respondents × columns | read | s | MiB of the table |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for n_rows, n_columns in SHAPES:
            path = Path(name) / f"{n_rows}.parquet"
            codes(n_rows, n_columns).write_parquet(path)
            columns = [f"Q{number}" for number in range(0, n_columns, n_columns // N_READ)]
            measure(path, columns, options.repeats, f"{n_rows:,} × {n_columns}")


def codes(n_rows: int, n_columns: int) -> pl.DataFrame:
    """Return columns of small whole numbers, negative ones for who did not answer."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {f"Q{i}": rng.integers(-2, 11, n_rows).astype(np.int16) for i in range(n_columns)}
    )


def measure(path: Path, columns: list[str], n_repeats: int, label: str) -> None:
    """Read in turn, so that all meet the same machine."""
    every = list(pl.read_parquet_schema(path))
    readers: dict[str, Callable[[], pl.DataFrame]] = {
        f"{len(columns)} columns, as a survey": lambda: read_apart(path, columns, as_text=False),
        f"{len(columns)} columns, by Polars": lambda: pl.read_parquet(path, columns=columns),
        "all columns, as a survey": lambda: read_apart(path, every, as_text=False),
        "all columns, by Polars": lambda: pl.read_parquet(path),
    }
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    sizes = {}
    for _ in range(n_repeats):
        for name, read in readers.items():
            start = time.perf_counter()
            sizes[name] = read().estimated_size() / 2**20
            seconds[name].append(time.perf_counter() - start)
    for name, taken in seconds.items():
        cells = " · ".join(f"{of(taken):.2f}" for of in (min, statistics.median, max))
        print(f"| {label} | {name} | {cells} | {sizes[name]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
