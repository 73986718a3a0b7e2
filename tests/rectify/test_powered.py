"""Prediction-powered means: against worked cases and ppi-python, in simulation, from files."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from distexp.errors import DatasetError
from distexp.rectify.pairs import Wanted
from distexp.rectify.powered import Stratum, powered, tuned
from distexp.rectify.telling import answer
from distexp.rectify.twins import by_twins
from distexp.types import FloatArray


def stratum(
    answers: list[float], predicted: list[float], others: list[float], share: float = 1.0
) -> Stratum:
    """Return a stratum of equal weights with one value."""
    return Stratum(
        answers=np.array(answers)[:, None],
        predicted=np.array(predicted)[:, None],
        others=np.array(others)[:, None],
        weights=np.ones(len(answers)),
        other_weights=np.ones(len(others)),
        share=share,
    )


def test_a_worked_case() -> None:
    """Answers 1 2 3 4, predictions 1 3 2 4, of others 2 4.

    The covariance is (2.25 - .25 - .25 + 2.25) / 4 = 1; the variance of the six predictions,
    around 16/6, is 22/3 / 5 = 22/15; lambda = 1 / ((1 + 4/2) · 22/15) = 5/22.
    """
    one = stratum([1, 2, 3, 4], [1, 3, 2, 4], [2, 4])
    found = powered([one], 0.9)

    assert found.tuning == pytest.approx(5 / 22)
    assert found.value[0] == pytest.approx(5 / 22 * 3 + 2.5 - 5 / 22 * 2.5)
    off = np.array([1, 2, 3, 4]) - 5 / 22 * np.array([1, 3, 2, 4])
    assert found.variance[0] == pytest.approx((5 / 22) ** 2 * 2 / 2 + off.var(ddof=1) / 4)


def test_shares_are_those_of_ppi_python() -> None:
    """`ppi_mean_pointestimate` of version 0.2.3 on the same numbers, one lambda for all shares."""
    rng = np.random.default_rng(0)
    y = np.eye(3)[rng.integers(3, size=12)]
    f = 0.6 * y + 0.4 * rng.dirichlet(np.ones(3), 12)
    others = rng.dirichlet([2, 1, 1], 30)
    one = Stratum(
        answers=y, predicted=f, others=others, weights=np.ones(12), other_weights=np.ones(30)
    )

    assert_allclose(powered([one], 0.9).value, PPI, atol=1e-9)
    assert powered([one], 0.9).value.sum() == pytest.approx(1)


PPI = [0.556565946253, 0.174152084054, 0.269281969693]


def test_predictions_of_the_wrong_sign_or_none_leave_the_people_alone() -> None:
    """Lambda is clipped at 0, and at 1 where predictions vary too little."""
    against = stratum([1, 2, 3, 4], [4, 3, 2, 1], [2, 4])
    flat = stratum([1, 2, 3, 4], [2, 2, 2, 2], [2, 2])
    timid = stratum([0, 10, 20, 30], [0, 1, 2, 3], [1, 2] * 50)

    assert tuned([against]) == tuned([flat]) == 0
    assert powered([against], 0.9).value[0] == 2.5
    assert tuned([timid]) == 1


def test_strata_count_by_their_share_and_weights_by_their_proportions() -> None:
    """Means 2 and 10 of a quarter and the rest are 8 in all; weights scaled change nothing."""
    low, high = stratum([1, 3], [0, 0], [0, 0], 0.25), stratum([9, 11], [0, 0], [0, 0], 0.75)
    found = powered([low, high], 0.9)
    assert found.value[0] == pytest.approx(8)
    assert found.variance[0] == pytest.approx(0.25**2 * 1 + 0.75**2 * 1)

    y, f, others = (np.arange(n, dtype=float)[:, None] ** 1.1 for n in (6, 6, 9))
    w, v = np.array([1, 2, 3, 1, 2, 3.0]), np.linspace(1, 2, 9)
    one, scaled = (
        powered(
            [Stratum(answers=y, predicted=f, others=others, weights=c * w, other_weights=d * v)],
            0.9,
        )
        for c, d in ((1, 1), (50, 0.3))
    )
    assert_allclose(scaled.low, one.low)


@pytest.mark.parametrize("quality", [0.0, 0.6])
def test_intervals_hold_the_mean_as_often_as_stated(quality: float) -> None:
    """Of 600 surveys of 60 people and 300 others; a useless twin costs nothing to speak of."""
    rng, held, widths, people = np.random.default_rng(1), [], [], []
    for _ in range(600):
        y = rng.random(360) < 0.3
        f = np.where(rng.random(360) < quality, y, rng.random(360) < 0.5).astype(float)
        one = stratum(y[:60].tolist(), f[:60].tolist(), f[60:].tolist())
        found, alone_ = powered([one], 0.9), powered([one], 0.9, tuning=0.0)
        held.append(found.low[0] <= 0.3 <= found.high[0])
        widths.append(found.high[0] - found.low[0])
        people.append(alone_.high[0] - alone_.low[0])

    assert 0.87 < np.mean(held) < 0.93
    assert np.mean(widths) < np.mean(people) * (0.9 if quality else 1.0)


def tables(folder: Path, *, constant: bool = False) -> tuple[Path, Path]:
    """Write 200 twins, the first 40 of whom are people too."""
    rng = np.random.default_rng(2)
    sex, answer = rng.choice(["F", "M"], 200), rng.choice(["1", "2", "3"], 200)
    twin = np.where(rng.random(200) < 0.7, answer, rng.choice(["1", "2", "3"], 200))
    if constant:
        twin = np.full(200, "2")
    pl.DataFrame({"person": range(200), "sex": sex, "q": twin}).write_csv(folder / "twins.csv")
    pl.DataFrame({"person": range(40), "q": answer[:40]}).write_csv(folder / "people.csv")
    return folder / "people.csv", folder / "twins.csv"


def test_files_of_people_and_twins_become_estimates(tmp_path: Path) -> None:
    """Shares that sum to 1 and the mean of the scale, for everyone and by group."""
    table = by_twins(*tables(tmp_path), Wanted(questions=(), by=("sex",)))

    assert table["group"].unique(maintain_order=True).to_list() == ["everyone", "F", "M"]
    assert table["option"].to_list() == ["1", "2", "3", "mean"] * 3
    everyone = table.filter(pl.col("group") == "everyone")
    shares = everyone["estimate"].to_list()
    assert sum(shares[:3]) == pytest.approx(1)
    assert shares[3] == pytest.approx(shares[0] + 2 * shares[1] + 3 * shares[2], abs=0.05)
    assert (everyone["model_worth"] > 0).all()
    assert everyone["model_worth"][3] > 20
    assert (table["low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["high"]).all()


def test_the_page_says_how_much_narrower_intervals_are(tmp_path: Path) -> None:
    """Widths are means over the shares; the mean of the scale is none of them."""
    table = by_twins(*tables(tmp_path), Wanted(questions=(), by=("sex",)))
    shares = table.filter(pl.col("option") != "mean")
    own, alone = (
        100 * np.mean(shares[high].to_numpy() - shares[low].to_numpy())
        for low, high in (("low", "high"), ("alone_low", "alone_high"))
    )

    asked, gives, not_so = (text for _, text in answer(table))

    assert asked.startswith("1 question, 3 groups of people: ")
    assert f"{own:.0f} points wide on average, of the people alone {alone:.0f}:" in gives
    assert f"worth {np.median(shares['model_worth']):.1f} respondents" in gives
    assert "refused" not in not_so


def test_predictions_that_are_the_same_for_everybody_are_refused(tmp_path: Path) -> None:
    """Inside one group a prediction for the group tells nobody apart."""
    with pytest.raises(DatasetError, match=r"same for everybody.*distexp rectify card=FILE"):
        by_twins(*tables(tmp_path, constant=True), Wanted(questions=()))


def test_in_one_group_alone_they_are_refused_there(tmp_path: Path) -> None:
    """The people's own shares stay, and the reason stands beside them."""
    people, twins = tables(tmp_path)
    flat = pl.read_csv(twins).with_columns(
        q=pl.when(pl.col("sex") == "F").then(pl.lit(2)).otherwise(pl.col("q"))
    )
    flat.write_csv(twins)

    table = by_twins(people, twins, Wanted(questions=(), by=("sex",)))

    refused = table.filter(pl.col("group") == "F")
    assert refused["estimate"].null_count() == refused.height
    assert refused["people_alone"].null_count() == 0
    assert refused["model_says"].str.starts_with("refused: the predictions are the same").all()
    assert table.filter(pl.col("group") == "M")["estimate"].null_count() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"person": [0, 0, 2]}, r"people.csv, row 2, column 'person'.*an id of its own.*'0'"),
        ({"person": [0, 1, 999]}, r"people.csv, row 3, column 'person'.*no such person.*'999'"),
        ({"q": ["1", "2", "3"], "who": [1, 2, 3]}, r"people.csv has no column 'person'"),
        ({"person": [0, 1, 2], "other": ["a"] * 3}, r"no column of a question in common"),
        ({"person": [0, 1, 2], "weight": [1, 1, 2]}, r"'weight' and .*twins.csv has none"),
    ],
)
def test_what_does_not_go_together_is_named(
    tmp_path: Path, change: dict[str, list[object]], said: str
) -> None:
    """With the file, the row and the value."""
    people, twins = tables(tmp_path)
    pl.DataFrame(
        change if "q" in change or "other" in change else {**change, "q": ["1", "2", "3"]}
    ).write_csv(people)

    with pytest.raises(DatasetError, match=said):
        by_twins(people, twins, Wanted(questions=()))


def test_shares_a_person_are_predictions_too(tmp_path: Path) -> None:
    """Columns `q=option`, as of crossed cells; they must sum to 1."""
    people, twins = tables(tmp_path)
    table = pl.read_csv(twins)
    shares: FloatArray = np.eye(3)[table["q"].to_numpy() - 1] * 0.7 + 0.1
    wide = table.drop("q").with_columns(
        **{f"q={k + 1}": pl.Series(shares[:, k]) for k in range(3)}
    )
    wide.write_csv(twins)
    from distexp.types import Question

    q = Question(question_id="q", text="", options=("1", "2", "3"), ordinals=(1.0, 2.0, 3.0))

    assert by_twins(people, twins, Wanted(questions=(q,)))["model_worth"][0] > 5
    wide.with_columns(**{"q=1": pl.lit(0.9)}).write_csv(twins)
    with pytest.raises(DatasetError, match=r"row 1, column 'q=1': the shares of 'q' must sum"):
        by_twins(people, twins, Wanted(questions=(q,)))
