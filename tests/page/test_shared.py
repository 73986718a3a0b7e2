"""What the rows of a leaderboard share is found run after run, as if all were in one table."""

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from distexp.page.shared import is_ordinal, shared
from distexp.page.tables import Tables

CASES = [(f"q{number}", "area", group) for number in range(3) for group in "ab"]


def some_run(folder: Path, name: str, order: list[int], lacking: set[int]) -> Tables:
    """Leave the cases of one model, in an order of its own, some without a distance."""
    rows = [
        {"dataset": "d", "model": name, "elicitation": "e", "prompt": "p", "calibrator": of}
        | dict(zip(("question_id", "attribute", "group"), CASES[place], strict=True))
        | {"w1": None if place in lacking else 1.0 + place + 10 * len(name), "tv": 0.5}
        for of in ("identity", "ceiling")
        for place in order
    ]
    folder.mkdir(parents=True)
    pl.DataFrame(rows, schema_overrides={"w1": pl.Float64}).write_parquet(folder / "cases.parquet")
    return Tables(
        folder=folder, comparisons=pl.DataFrame(), summary={}, provenance={}, sentences={},
        config="", settings={}, changed=[],
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.permutations(range(6)), st.sets(st.integers(0, 5), max_size=2)),
        min_size=1,
        max_size=3,
    )
)
def test_sums_are_of_the_cases_that_no_run_lacks(
    tmp_path_factory: object, made: list[tuple[list[int], set[int]]]
) -> None:
    """Question by question in one order, whatever order each run has."""
    folder = tmp_path_factory.mktemp("runs")  # type: ignore[attr-defined]
    runs = {
        number: some_run(folder / str(number), "m" * (number + 1), order, lacking)
        for number, (order, lacking) in enumerate(made)
    }
    common = [n for n in range(6) if not any(n in lacking for _, lacking in made)]

    found = shared(runs, "d", "w1")

    assert is_ordinal(runs[0]) == [("d", True)]
    assert (found.n_cases, found.n_rows, found.n_shared) == (6, len(made), len(common))
    first = [n for n in made[0][0] if n in common]
    questions = list(dict.fromkeys(n // 2 for n in first))
    assert found.counts == [sum(n // 2 == q for n in common) for q in questions]
    for number, (_, lacking) in enumerate(made if common else ()):
        name = "m" * (number + 1)
        key = (number, "d", name, "e", "p", "identity")
        wanted = [sum(1.0 + n + 10 * len(name) for n in common if n // 2 == q) for q in questions]
        np.testing.assert_allclose(found.sums[key], wanted)
        assert (key in found.whole) == (6 - len(lacking) == len(common))
