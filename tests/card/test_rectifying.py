"""A card's estimates joined with a pilot, and people dealt to questions by them."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from distexp.calibrator.blind import Blind
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.regression import OptionRegression
from distexp.card.answering import of_rectified
from distexp.card.band import COVERAGES
from distexp.card.card import Card
from distexp.card.estimates import Estimates, by_card
from distexp.card.planning import enough, planned
from distexp.card.purpose import Purpose
from distexp.card.rectifying import rectified
from distexp.card.sealed import digest
from distexp.errors import ConfigError
from distexp.rectify.allocation import left
from distexp.rectify.simulation import SIZES
from distexp.rectify.worth import Found, by_question, deviations, worth
from distexp.types import Case, Distribution, Study
from tests.card.test_card import EVALUATION, estimate, fitted, study_of, survey_of
from tests.card.test_estimates import in_batteries, opened


@pytest.fixture
def whole(cases: list[Case]) -> Study:
    """Return ten questions of which two are open."""
    return opened(study_of(cases), ["Q3", "Q7"])


def estimated(study: Study, **changes: object) -> Estimates:
    """Return what a card of the answered questions makes of the open ones."""
    card = fitted(study, OptionRegression(Ridge()))
    assert card.prior is not None
    if changes:
        card = replace(card, prior=replace(card.prior, **changes))  # type: ignore[arg-type]
    return by_card(card, [study], 0.9, "auto")


def pilot(folder: Path, rows: Sequence[str]) -> Path:
    """Write a pilot with a row an option."""
    path = folder / "pilot.csv"
    path.write_text("\n".join(["question_id,attribute,group,option,count", *rows]))
    return path


PEOPLE = ["Q3,party,Democrat,Yes,6", "Q3,party,Democrat,No,2"]


def test_a_card_says_what_its_held_out_estimates_were_worth(whole: Study) -> None:
    """The worth is that of the run's own held-out predictions; the file gives it back as it is."""
    card = fitted(whole, OptionRegression(Ridge()))
    prior = card.prior
    assert prior is not None

    assert prior.estimate.low <= prior.estimate.value <= prior.estimate.high
    assert prior.added.value == pytest.approx(prior.estimate.value - prior.mean.value)
    assert [one.n for one in prior.power] == list(SIZES)
    assert prior.mean_shares(3) == pytest.approx(
        np.mean([case.human.probabilities for case in whole.cases if case.human], axis=0)
    )
    assert prior.mean_shares(5) == (0.2,) * 5
    assert repr(type(prior).read(json.loads(json.dumps(prior.document())))) == repr(prior)
    assert 0.5 < prior.covered(7, 0.9) <= 1


def test_the_worth_of_a_run_is_that_of_its_predictions_computed_by_hand(whole: Study) -> None:
    """From `Result.calibrated`, the questions weighing the same."""
    from distexp.evaluation.layout import answered, design_of

    result = EVALUATION.run(whole, {"mine": OptionRegression(Ridge())})
    X, y, _ = design_of(answered(whole))
    rows = ~np.isnan(result.calibrated["mine"][:, 0])
    of = deviations(result.calibrated["mine"][rows], y[rows], X.ordinals[rows])

    prior = fitted(whole, OptionRegression(Ridge())).prior

    assert prior is not None
    assert prior.estimate.value == pytest.approx(float(worth(by_question(of, X.question[rows]))))


def test_estimates_are_joined_by_their_worth(whole: Study, tmp_path: Path) -> None:
    """(w m + counts) / (w + n) beside the pilot alone and the same by the training mean."""
    estimates = estimated(whole)
    prior = estimates.cards[0].prior
    assert prior is not None

    table = rectified(estimates, pilot(tmp_path, PEOPLE)).table()

    asked = table.filter(pl.col("question_id") == "Q3", pl.col("group") == "Democrat")
    m, counts = asked["calibrated"].to_numpy(), np.array([6, 0, 2])
    own, mean = prior.estimate.value, prior.mean.value
    assert_allclose(asked["estimate"], (own * m + counts) / (own + 8), atol=1e-12)
    by_mean = (mean * np.array(prior.mean_shares(3)) + counts) / (mean + 8)
    assert_allclose(asked["by_mean"], by_mean, atol=1e-12)
    assert asked["pilot"].to_list() == [0.75, 0, 0.25]
    assert_allclose(asked["effective_n"], own + 8)
    assert asked["people"].to_list() == [8, 8, 8]
    nobody = table.filter(pl.col("people") == 0)
    assert nobody.height == 9
    assert_allclose(nobody["estimate"], nobody["calibrated"])
    assert nobody["pilot"].null_count() == 9
    assert (nobody["pilot_high"] == 1).all()


@pytest.mark.parametrize(
    ("added", "said", "worth_"),
    [
        (Found(4, 1, 7), "worth 4.0 respondents beyond the training mean", 4),
        (Found(4, -1, 7), "nothing that can be told: the training mean may be worth as much", 0),
        (Found(-4, -7, -1), "nothing: the training mean is worth as much or more", 0),
    ],
)
def test_a_model_that_adds_nothing_is_said_to(
    whole: Study, tmp_path: Path, added: Found, said: str, worth_: float
) -> None:
    """In the table and above it, by the interval of the difference."""
    own = Found(6 + max(added.value, 0) + min(added.value, 0), 1, 20)
    mean = Found(own.value - added.value, 1, 20)
    found = rectified(
        estimated(whole, estimate=own, mean=mean, added=added), pilot(tmp_path, PEOPLE)
    )

    assert set(found.table()["model_says"]) == {said}
    assert set(found.table()["model_worth"]) == {worth_}
    assert said.partition(":")[0].removeprefix("worth ")[:3] in found.markdown()


def test_what_is_learnt_of_groups_is_not_the_models_worth(
    cases: list[Case], tmp_path: Path
) -> None:
    """Beside `blind`, as in a run, a model that guesses is worth nothing more, whatever is known.

    Without it calibration beats the training mean, by what people of each group answer.
    """
    rng = np.random.default_rng(0)
    apart = {"Democrat": [80.0, 20.0, 10.0], "Republican": [10.0, 20.0, 80.0]}
    shares = [rng.dirichlet(apart.get(case.group.value, [3.0, 3.0, 3.0])) for case in cases]
    camps = [
        replace(case, human=Distribution.normalized(of.tolist()))
        for case, of in zip(cases, shares, strict=True)
    ]
    guesses = tuple(estimate(rng.dirichlet([4.0, 4.0, 4.0]).tolist()) for _ in cases)
    study = opened(replace(study_of(camps), estimates=guesses), ["Q3", "Q7"])
    mine = CumulativeRegression(penalty=0.1)
    card, beside = (
        Card.fitted("mine", mine, survey_of(study.cases), study, result, made)
        for made in [EVALUATION]
        for result in (
            made.run(study, {"mine": mine, **more}) for more in ({}, {"blind": Blind(mine)})
        )
    )
    assert card.prior is not None
    assert beside.prior is not None

    told, other = (
        rectified(by_card(one, [study], 0.9, "auto"), pilot(tmp_path, PEOPLE))
        for one in (card, beside)
    )

    assert card.prior.added.low > 0
    assert set(told.table()["model_says"]) == {
        f"worth {card.prior.added.value:.1f} respondents beyond the training mean"
    }
    prior = beside.prior
    assert prior.mean == card.prior.mean
    assert prior.guess == pytest.approx(prior.estimate.value - prior.added.value)
    assert prior.by_blind
    assert prior.added.low <= 0
    assert set(other.table()["model_worth"]) == {0}
    assert other.table()["model_says"][0].partition(": ")[2].startswith("blind ")
    assert (
        f"and blind, which does not either, {prior.guess:.1f}: the model was" in other.worth()[0]
    )


def test_on_a_new_topic_an_estimate_counts_for_no_more_than_it_did_there(
    cases: list[Case], tmp_path: Path
) -> None:
    """Batteries held out as a whole say how much; another battery is a new topic."""
    study = in_batteries(cases, 3)
    moved = [
        replace(c, question=replace(c.question, battery="new"), human=None, n_respondents=None)
        if c.question.question_id == "Q3"
        else c
        for c in study.cases
    ]
    estimates = estimated(replace(study, cases=tuple(moved)), topic=(0.7, 0.4))

    table = rectified(estimates, pilot(tmp_path, PEOPLE)).table()

    assert set(table["worth"]) == {0.7}
    assert set(table["mean_worth"]) == {0.4}
    assert table["reason"].str.contains("another battery").all()
    assert table["simulated"].null_count() == table.height


def test_groups_whose_size_pays_have_their_own_worth(whole: Study, tmp_path: Path) -> None:
    """As the card lists them; others have that for all."""
    estimates = estimated(whole, by_group={("party", "Democrat"): 1.5})

    table = rectified(estimates, pilot(tmp_path, PEOPLE)).table()

    of = dict(table.select("group", "worth").unique().rows())
    assert of["Democrat"] == 1.5
    assert of["Republican"] > 1.5


def test_what_could_not_be_read_is_joined_with_the_training_mean_alone(
    whole: Study, tmp_path: Path
) -> None:
    """Null and the reason in the place of an estimate, never a guess."""
    blank = replace(whole.estimates[6], reading=None)
    study = replace(whole, estimates=(*whole.estimates[:6], blank, *whole.estimates[7:]))

    table = rectified(estimated(study), pilot(tmp_path, PEOPLE)).table()

    unread = table.filter(pl.col("question_id") == "Q3", pl.col("group") == "Democrat")
    for name in ("estimate", "low", "worth", "effective_n", "model_worth", "extrapolates"):
        assert unread[name].null_count() == 3
    assert unread["by_mean"].null_count() == 0
    assert set(unread["model_says"]) == {"no prediction could be read"}


def test_a_page_begins_with_who_was_asked_and_how_wide_intervals_are(
    whole: Study, tmp_path: Path
) -> None:
    """Counts and widths are those of the table; one reply could not be read."""
    blank = replace(whole.estimates[6], reading=None)
    study = replace(whole, estimates=(*whole.estimates[:6], blank, *whole.estimates[7:]))
    joined = rectified(estimated(study), pilot(tmp_path, PEOPLE))
    read = joined.table().drop_nulls("estimate")

    said = dict(of_rectified(joined))

    n = len({case.group for case in whole.cases})
    assert f"for 2 questions and {n} groups of people; and 0 to 8" in said["Who was asked"]
    assert "8 answers in all" in said["Who was asked"]
    for name in ("", "pilot_", "by_mean_"):
        width = np.mean(read[f"{name}high"].to_numpy() - read[f"{name}low"].to_numpy())
        assert f" {100 * width:.0f}" in said["What it gives"]
    assert f"1 of {len(joined.cells)} could not be read" in said["What not to conclude"]


def test_a_card_of_an_earlier_version_is_refused_with_what_to_do(
    whole: Study, tmp_path: Path
) -> None:
    """It is read for everything else."""
    path = tmp_path / "card.json"
    fitted(whole, OptionRegression(Ridge())).write(path)
    document: Any = json.loads(path.read_text())
    del document["prior"]
    document["sha256"] = digest(document)
    path.write_text(json.dumps(document))

    estimates = by_card(Card.read(path), [whole], 0.9, "auto")

    assert estimates.table().height >= 12
    with pytest.raises(ConfigError, match=r"worth in respondents.*distexp fit .* card=FILE"):
        rectified(estimates, pilot(tmp_path, PEOPLE))
    with pytest.raises(ConfigError, match=r"worth in respondents"):
        planned(estimates, 10)
    with pytest.raises(ConfigError, match=r"worth in respondents"):
        Purpose(respondents=3).check(survey_of(whole.cases), Card.read(path))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("estimate", [1, 2]),
        ("mean", [0, 0, 0]),
        ("topic", [1]),
        ("by_group", [["party", "x", -1]]),
        ("means", {"3": [0.5, 0.5, 0.5]}),
        ("power", {}),
    ],
)
def test_a_prior_that_is_none_is_refused(whole: Study, field: str, value: object) -> None:
    """By the field that is wrong."""
    prior = fitted(whole, OptionRegression(Ridge())).prior
    assert prior is not None
    document: Any = json.loads(json.dumps(prior.document()))

    with pytest.raises(ConfigError, match=rf"prior\.{field}"):
        type(prior).read({**document, field: value})


def test_a_plan_deals_all_people_and_says_what_is_left(whole: Study, tmp_path: Path) -> None:
    """Where the estimates leave more variance more are asked; the widths fall."""
    estimates = estimated(whole)

    plan = planned(estimates, 50)
    table = plan.table()

    assert table["respondents"].sum() == 50
    assert table.height == 4
    order = table.sort("variance")
    assert order["respondents"][0] <= order["respondents"][-1]
    by_hand = left(plan.variance, plan.worth, plan.n)
    assert_allclose(table["variance_after"], by_hand)
    assert (table["width_after"] < table["width_before"]).all()
    assert "50 people with a question each" in plan.markdown()
    assert "an estimate was worth" in dict(plan.answer())["Worth"]
    plan.draw(tmp_path / "a.svg")
    plan.draw(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"with the model" in (tmp_path / "a.svg").read_bytes()


def test_the_power_curve_of_a_plan_is_the_simulation_of_the_card(whole: Study) -> None:
    """Its table shows widths and errors to the digits shown, for the coverage asked for."""
    estimates = estimated(whole)
    prior = estimates.cards[0].prior
    assert prior is not None

    text = planned(replace(estimates, coverage=0.8), 50).markdown()

    for one in prior.power:
        assert f"{one.width[1]:.3f}" in text
        assert f"{one.error:.4f}" in text


def test_a_plan_says_how_many_people_intervals_take(whole: Study) -> None:
    """Between the sizes of the simulation that are too few and enough; nothing where none is."""
    prior = estimated(whole).cards[0].prior
    assert prior is not None

    (said,) = enough(prior, 0.9)

    place = COVERAGES.index(0.9)
    for half in (0.1, 0.05):
        told = re.search(rf"±{half:.2f} from (\d+) people on \(by people alone from (\d+)\)", said)
        assert told is not None
        for n, widths in zip(map(int, told.groups()), ("width", "width_alone"), strict=True):
            too_few = max(p.n for p in prior.power if getattr(p, widths)[place] > 2 * half)
            many = min(p.n for p in prior.power if getattr(p, widths)[place] <= 2 * half)
            assert too_few < n <= many
    assert not [*enough(replace(prior, power=prior.power[:2]), 0.9)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"respondents": 0}, "respondents' parameter of Purpose must be an int"),
        ({"pilot": "none.csv"}, "There is no file none.csv"),
        ({"pilot": "a", "respondents": 3}, "not both"),
        ({"respondents": 3, "figure": "plan.png"}, "figure must be a .svg file"),
    ],
)
def test_what_cannot_be_wanted_is_refused(settings: dict[str, Any], said: str) -> None:
    """When the settings are read, before anything is asked."""
    with pytest.raises(ConfigError, match=said):
        Purpose(**settings)
