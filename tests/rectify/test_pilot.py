"""Pilots: rows a person or an answer, weights, and errors that name the cell."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from distexp.errors import DatasetError
from distexp.rectify.pilot import Pilot, read_pilot
from distexp.types import Question

TRAMS = Question(
    question_id="trams", text="", options=("Yes", "Maybe", "No"), ordinals=(1.0, 2.0, 3.0)
)
CELLS = {
    ("trams", "sex", "Female"): TRAMS,
    ("trams", "sex", "Male"): TRAMS,
    ("trams", "everyone", "everyone"): TRAMS,
}


def read(folder: Path, text: str, cells: dict[tuple[str, str, str], Question] = CELLS) -> Pilot:
    """Return what a file of that text says."""
    path = folder / "pilot.csv"
    path.write_text(text)
    return read_pilot(path, cells)


def counts(pilot: Pilot, group: str) -> list[float]:
    """Return the counts of a group."""
    attribute = "everyone" if group == "everyone" else "sex"
    return list(map(float, pilot.tallies["trams", attribute, group].counts))


def test_people_are_counted_in_each_of_their_groups_and_in_everyone(tmp_path: Path) -> None:
    """Options by text or position on the scale; empty cells are no answer and no group."""
    pilot = read(tmp_path, "sex,trams,id\nFemale,Yes,a\nMale,3,b\n,No,c\nFemale,,d\n")

    assert counts(pilot, "Female") == [1, 0, 0]
    assert counts(pilot, "Male") == [0, 0, 1]
    assert counts(pilot, "everyone") == [1, 0, 2]
    assert pilot.notes == ("Columns of pilot.csv that were not used: 'id'.",)


def test_counts_of_answers_say_the_same_as_the_people(tmp_path: Path) -> None:
    """A row an option with its count, a row an answer, or a row a person."""
    people = read(tmp_path, "sex,trams\nFemale,Yes\nFemale,Yes\nFemale,No\n")
    answers = read(
        tmp_path,
        "question_id,attribute,group,answer\n" + "trams,sex,Female,Yes\n" * 2
        + "trams,sex,Female,No\n",
    )  # fmt: skip
    totals = read(
        tmp_path,
        "question,attribute,group,option,count\ntrams,sex,Female,Yes,2\ntrams,sex,Female,No,1\n",
    )
    by_column = read(
        tmp_path, "question,sex,option,count\ntrams,Female,Yes,2\ntrams,Female,No,1\n"
    )

    for pilot in (people, answers, totals, by_column):
        assert counts(pilot, "Female") == [2, 0, 1]
        assert pilot.tallies["trams", "sex", "Female"].n_people == 3
        assert ("trams", "sex", "Male") not in pilot.tallies


def test_weights_make_shares_and_an_effective_number(tmp_path: Path) -> None:
    """Weights 1, 1 and 2: shares a half each, and 16 / 6 people in effect."""
    pilot = read(tmp_path, "sex,trams,weight\nMale,Yes,1\nMale,Yes,1\nMale,No,2\nMale,No,0\n")

    tally = pilot.tallies["trams", "sex", "Male"]
    assert_allclose(tally.counts, [16 / 12, 0, 16 / 12])
    assert tally.n_people == 3
    assert tally.n_effective == pytest.approx(16 / 6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["Female", "Male", ""]),
            st.sampled_from(["Yes", "Maybe", "No", ""]),
            st.sampled_from([1e-3, 0.5, 1.0, 7.0, 1e4]),
        ),
        min_size=1, max_size=12,
    ),
    scale=st.sampled_from([1e-30, 0.1, 3.0, 1e200]),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_nothing_hangs_on_the_scale_of_weights_or_the_order_of_rows(
    tmp_path: Path, rows: list[tuple[str, str, float]], scale: float, seed: int
) -> None:
    """However much weights vary, the effective number is between 1 and that of the people."""

    def text(of: list[tuple[str, str, float]], factor: float) -> str:
        return "sex,trams,weight\n" + "".join(f"{s},{a},{w * factor!r}\n" for s, a, w in of)

    order = np.random.default_rng(seed).permutation(len(rows))
    plain = read(tmp_path, text(rows, 1.0)).tallies
    scaled = read(tmp_path, text([rows[i] for i in order], scale)).tallies

    assert plain.keys() == scaled.keys()
    for cell, tally in plain.items():
        assert_allclose(scaled[cell].counts, tally.counts, rtol=1e-9)
        assert 1 - 1e-9 <= tally.n_effective <= tally.n_people + 1e-9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sex,trams\nFemale,Yes\nMale,Noo\n", r"row 2, column 'trams'.*Did you mean 'No'.*'Noo'"),
        ("sex,trams\nWoman,Yes\n", r"row 1, column 'sex': the groups of 'sex'.*Got 'Woman'"),
        ("question,option,count\ntram,Yes,1\n", r"row 1, column 'question'.*'trams'.*Got 'tram'"),
        ("question,option,count\n,Yes,1\n", r"row 1, column 'question'.*Got None"),
        ("question,option,count\ntrams,Yes,-1\n", r"row 1, column 'count'.*not negative.*'-1'"),
        ("sex,trams,weight\nMale,Yes,inf\n", r"row 1, column 'weight'.*not negative.*'inf'"),
        (
            "question,attribute,group,option\ntrams,sex,Boy,No\n",
            r"row 1, column 'group': the groups of 'sex'.*Got 'Boy'",
        ),
        (
            "question,attribute,group,option\ntrams,age,Old,No\n",
            r"row 1, column 'attribute': the attributes that are estimated.*Got 'age'",
        ),
        ("a,b\n1,2\n", r"has no column of a question that is estimated: 'trams'"),
        ("sex,trams\n", r"has no row below its header"),
    ],
)
def test_what_cannot_be_counted_is_named_with_its_row(
    tmp_path: Path, text: str, said: str
) -> None:
    """File, row, column, what is wanted and what was got, in one line."""
    with pytest.raises(DatasetError, match=said) as caught:
        read(tmp_path, text)
    assert "pilot.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_people_whose_group_nobody_knows_are_refused_where_groups_are_estimated(
    tmp_path: Path,
) -> None:
    """Unless there is but one group, which they then are of."""
    groups = {cell: q for cell, q in CELLS.items() if cell[1] == "sex"}
    with pytest.raises(DatasetError, match="does not say of what group people are"):
        read(tmp_path, "trams\nYes\n", groups)

    women = {cell: q for cell, q in groups.items() if cell[2] == "Female"}
    assert counts(read(tmp_path, "trams\nYes\n", women), "Female") == [1, 0, 0]
