"""Estimates of open cases: what is predicted, how wide the bands are, and what is said of them."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from distexp.asking.language import language_of
from distexp.calibrator.blind import Blind
from distexp.calibrator.regression import OptionRegression
from distexp.card.applying import write
from distexp.card.band import COVERAGES, Band, Widths
from distexp.card.card import Card
from distexp.card.conformal import SCALES, apart
from distexp.card.estimates import Estimates, by_card
from distexp.card.telling import accuracy, bands, markdown
from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.layout import design_of
from distexp.request import Json
from distexp.types import BoolArray, Case, Estimate, Group, Question, Study
from tests.card.test_card import EVALUATION, fitted, study_of


def opened(study: Study, names: Sequence[str]) -> Study:
    """Return the study with the cases of some questions open."""
    cases = [
        replace(case, human=None, n_respondents=None)
        if case.question.question_id in names
        else case
        for case in study.cases
    ]
    return replace(study, cases=tuple(cases))


def asked(study: Study, **changes: object) -> Study:
    """Return the study with its questions changed; texts are numbered: no two are alike."""

    def changed(question: Question) -> Question:
        text = {"text": f"{changes['text']} {question.question_id}"} if "text" in changes else {}
        return replace(question, **changes | text)  # type: ignore[arg-type]

    cases = [replace(case, question=changed(case.question)) for case in study.cases]
    return replace(study, cases=tuple(cases))


def in_batteries(cases: Sequence[Case], n: int) -> Study:
    """Return estimates for the questions dealt out to n batteries."""
    dealt = [
        replace(c, question=replace(c.question, battery=f"b{int(c.question.question_id[1:]) % n}"))
        for c in cases
    ]
    return study_of(dealt)


def estimated(study: Study, names: Sequence[str], topic: str = "auto") -> Estimates:
    """Return what a ridge regression on the other questions makes of some."""
    whole = opened(study, names)
    return by_card(fitted(whole, OptionRegression(Ridge())), [whole], 0.9, topic)


def test_estimates_are_those_of_the_calibrator_fitted_by_hand(cases: list[Case]) -> None:
    """Fitted to all answered cases, and to nothing of the open ones."""
    study = study_of(cases)
    X, y, _ = design_of(study)
    rows = np.array([case.question.question_id in ("Q3", "Q7") for case in cases])
    by_hand = OptionRegression(Ridge()).fit(X.take(~rows), y[~rows]).predict(X.take(rows))

    table = estimated(study, ["Q3", "Q7"]).table().filter(pl.col("attribute") == "party")

    assert_allclose(table["calibrated"].to_numpy(), by_hand.ravel(), rtol=0, atol=1e-12)
    assert_allclose(table["predicted"].to_numpy(), X.predicted[rows].ravel(), rtol=0, atol=1e-12)
    assert table["question"].unique(maintain_order=True).to_list() == [
        "Question 3?",
        "Question 7?",
    ]
    assert (table["low"] <= table["calibrated"]).all()
    assert (table["high_joint"] >= table["high"]).all()


def test_a_survey_without_open_cases_has_nothing_to_estimate(cases: list[Case]) -> None:
    """It says where open cases come from."""
    with pytest.raises(DatasetError, match=r"d has no open case to estimate.*asked: false"):
        estimated(study_of(cases), [])


def test_the_joint_band_holds_all_options_of_a_case() -> None:
    """Its half-width is that of the worst option: four questions, of which .2 .4 .6 .8."""
    residuals = np.array([[0.1, 0.2], [0.4, 0.0], [0.0, 0.6], [0.8, 0.3]])
    two, every = np.full(4, 2), np.ones(4, dtype=bool)

    band = Band.fitted(residuals, two, np.arange(4), every)

    assert band.half_width(2, 0.5) == 0.3  # five of eight shares: 2.5 of 5 questions
    assert band.half_width(2, 0.5, of="joint") == 0.6
    assert band.half_width(2, 0.8, of="joint") == 0.8
    assert band.half_width(2, 0.9, of="joint") == SCALES["angle"]


def test_a_distribution_of_a_new_question_is_covered_as_often_as_stated() -> None:
    """Joint: 0.9 of the time and at most 1/(n + 1) more, where questions are exchangeable."""
    rng, covered = np.random.default_rng(0), []
    for _ in range(1500):
        residuals = np.abs(rng.normal(0, rng.choice([0.02, 0.2], 31)[:, None], (31, 4))).clip(
            max=1
        )
        known: BoolArray = np.arange(31) < 30
        band = Band.fitted(residuals, np.full(31, 4), np.arange(31), known)
        covered.append((residuals[30] <= band.half_width(4, 0.9, of="joint")).all())

    assert 0.9 - 0.02 < np.mean(covered) < 0.9 + 1 / 31 + 0.02


@pytest.mark.parametrize("n", [8, 15, 40])
def test_the_questions_that_a_tenth_needs_are_enough_and_no_fewer(n: int) -> None:
    """With so many like them the band is ±0.10 at the most, with one less it is wider."""
    widths = Widths(n_questions=n, half_widths=(), within=0.97)

    needed = widths.questions_needed(0.9)

    assert needed == 13
    assert 0.97 * needed / (needed + 1) >= 0.9 > 0.97 * (needed - 1) / needed
    assert Widths(n_questions=n, half_widths=(), within=0.9).questions_needed(0.9) is None
    assert widths.highest_coverage == n / (n + 1)


def test_batteries_held_out_vouch_for_a_new_topic(cases: list[Case]) -> None:
    """Four batteries reach 4/5, and there the largest residual; the wider of both is taken."""
    found = estimated(in_batteries(cases, 5), ["Q2", "Q7"])  # all of battery b2
    (card,) = found.cards

    assert card.band.topic is not None
    assert card.band.topic.n_questions == 4
    same, new = card.band.half_width(3, 0.9), card.band.half_width(3, 0.9, topic="new")
    assert new < same  # so close are these batteries
    assert card.band.half_width(3, 0.9, topic="auto") == same
    assert found.table()["coverage"].unique().to_list() == [0.8]
    assert set(found.table()["reason"]) == {"another battery: b2"}
    only_new = estimated(in_batteries(cases, 5), ["Q2", "Q7"], topic="new")
    assert {float(w) for one, _, p in only_new.open() for w in [one.half_widths[p]]} == {new}


def test_a_battery_trained_on_keeps_the_band_of_its_like(cases: list[Case]) -> None:
    """One question of a known battery is no new topic."""
    table = estimated(in_batteries(cases, 5), ["Q2"]).table()

    assert table["coverage"].unique().to_list() == [0.9]
    assert not table["extrapolates"].any()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset": "other"}, "another survey than d"),
        ({"battery": "new"}, "another battery: new"),
        ({"text": "Wie zufrieden sind Sie mit der Polizei?"}, "worded in German, not in English"),
        ({"text": "Насколько вы довольны?"}, "worded in Cyrillic script, not in English"),
        ({"value": "Nobody"}, "a group that was not trained on"),
    ],
)
def test_extrapolation_says_in_what_way(
    cases: list[Case], change: dict[str, Any], reason: str
) -> None:
    """Another survey, battery, language or group is another population of questions."""
    card = fitted(
        asked(in_batteries(cases, 2), text="How satisfied are you with the police?"),
        OptionRegression(Ridge()),
    )
    new = asked(opened(in_batteries(cases, 2), ["Q4"]), text="What do you make of the mayor?")
    new = replace(new, cases=new.cases[8:9], estimates=new.estimates[8:9])
    if "dataset" in change:
        new = replace(new, condition=replace(new.condition, **change))
    elif "value" in change:
        of_new = replace(new.cases[0], group=Group(attribute="party", phrase="x", **change))
        new = replace(new, cases=(of_new,))
    else:
        new = asked(new, **change)

    assert set(by_card(card, [new], 0.9, "auto").table()["reason"]) == {reason}


@pytest.mark.parametrize("text", ["", "?!", "SPACE", "42"])
def test_a_text_of_no_clear_language_has_none(text: str) -> None:
    """What cannot be told is no reason."""
    assert language_of(text) is None


def test_cards_made_before_are_read(cases: list[Case]) -> None:
    """With bands of shares as they are, and without joint ones, batteries, languages, sizes."""
    card = fitted(study_of(cases), OptionRegression(Ridge()))
    document = json.loads(json.dumps(card._document()))
    del document["schema"]
    for name in ("batteries", "languages"):
        del document["trained_on"][name]
    del document["population"], document["trained_on"]["people"]
    for name in ("topic", "topic_shares", "scale"):
        del document["band"][name]
    document["band"]["pooled"]["half_widths"] = [0.1, 0.2, 0.3, 0.4]
    for name in ("joint", "question", "within"):
        del document["band"]["pooled"][name]

    old = Card._of(document)

    whole = opened(study_of(cases), ["Q1"])
    found = by_card(old, [whole], 0.9, "auto")
    table = found.table()
    assert table["low_joint"].null_count() == table["low_question"].null_count() == 6
    assert_allclose(table["low"], np.maximum(table["calibrated"].to_numpy() - 0.3, 0))  # as then
    assert "all options at once" not in markdown(found)


def test_few_questions_are_said_to_be_few(cases: list[Case]) -> None:
    """Eight questions reach 88.8 %, so a band of 90 % is all there is: the report says so."""
    found = estimated(study_of(cases), ["Q8", "Q9"])

    said = bands(found.cards[0], found)

    assert said.startswith(
        "90% bands from 8 questions would be all of 0 to 1: so few can vouch for 88.8% at most."
    )
    assert found.table()["high"].to_list() == [1.0] * 18


def test_it_is_said_what_the_model_added(cases: list[Case]) -> None:
    """A sentence for each case: it helped, it made worse, it cannot be told."""
    card = fitted(study_of(cases), OptionRegression(Ridge()))
    score = {"value": 0.2, "low": 0.1, "high": 0.3, "n_questions": 10}

    def said(low: float, high: float, **against: str) -> str:
        skill = score | {"low": low, "high": high} | against
        return accuracy(replace(card, scores={"w1": score, "w1_skill": skill}))

    assert "off by W1 0.200 [0.100, 0.300] on average" in said(0.1, 0.3)
    assert "the model added to the training mean and blind there: skill against blind +20.0%" in (
        said(0.1, 0.3, against="blind")
    )
    assert "the model or by what calibration learnt without it" in said(0.1, 0.3)
    assert "told that the model added to the training mean there" in said(-0.1, 0.3)
    assert "told that the model added to the training mean or blind there: skill +20.0%" in (
        said(-0.1, 0.3, against="train_mean")
    )
    assert "made it worse" in said(-0.3, -0.1)


def test_blind_estimates_are_not_said_to_be_of_the_model(cases: list[Case]) -> None:
    """Closer or further off than the training mean, the model had no part in it."""
    card = fitted(study_of(cases), OptionRegression(Ridge()))
    bad: Json = {"value": -0.2, "low": -0.3, "high": -0.1, "against": "the training mean"}
    scores: dict[str, Json] = {"w1": {"value": 0.1, "low": 0.08, "high": 0.12}, "w1_skill": bad}

    said = accuracy(replace(card, calibrator=Blind(card.calibrator), scores=scores))

    assert said.endswith("on average, and they are made without the model's answers.")


def test_how_far_off_is_said_of_questions_with_a_scale(cases: list[Case]) -> None:
    """W1 is of no others."""
    card = fitted(study_of(cases), OptionRegression(Ridge()))
    score = {"value": 0.2, "low": 0.1, "high": 0.3}
    n = len(card.trained_on.questions)

    def said(n_questions: int) -> str:
        return accuracy(replace(card, scores={"w1": score | {"n_questions": n_questions}}))

    assert f"on average over the {n - 1} of them with a scale, and" in said(n - 1)
    assert "[0.100, 0.300] on average, and" in said(n)


def sized(study: Study) -> Study:
    """Return the study with three Democrats to one Republican."""
    sizes = {"Democrat": 300.0, "Republican": 100.0}
    return replace(study, cases=tuple(replace(c, size=sizes[c.group.value]) for c in study.cases))


def test_the_whole_population_comes_first(cases: list[Case]) -> None:
    """Everyone, or the mean over the groups by how many they are, with a band of its own."""
    found = estimated(sized(study_of(cases)), ["Q1"])
    democrats, republicans, everyone = found.table().partition_by("group", maintain_order=True)

    chart = markdown(found).split("```text")[1].splitlines()

    mean = (3 * democrats["calibrated"] + republicans["calibrated"]) / 4
    assert_allclose(everyone["calibrated"], mean, atol=1e-12)
    assert everyone["group"][0] == "all, over party"
    assert (everyone["low"] < everyone["calibrated"]).all()
    assert (everyone["calibrated"] < everyone["high"]).all()
    assert (everyone["high"] <= everyone["high_joint"]).all()
    assert chart[1].strip() == "all, over party"
    assert chart[2].startswith("Yes")
    assert chart[2].endswith(f" {mean[0]:.0%}")
    assert "░" in chart[2]
    assert chart[6].split() == ["party"]
    assert chart[7].split() == ["Democrat", "Republican"]


def test_the_band_of_all_is_that_of_the_means_of_held_out_questions(cases: list[Case]) -> None:
    """The groups' held-out shares, put together, against the people's, put together alike."""
    study, evaluation = sized(study_of(cases)), EVALUATION
    card = fitted(study, OptionRegression(Ridge()))
    held_out = evaluation.run(study, {"m": OptionRegression(Ridge())}).calibrated["m"]
    X, y, _ = design_of(study)
    of = {g: [c.group.value == g for c in study.cases] for g in ("Democrat", "Republican")}
    whole, human = ((3 * v[of["Democrat"]] + v[of["Republican"]]) / 4 for v in (held_out, y))
    questions = X.question[of["Democrat"]]

    by_hand = Band.fitted(apart(whole, human), np.full(10, 3), questions, ~np.isnan(whole[:, 0]))

    assert_allclose(card.population["party"].pooled.half_widths, by_hand.pooled.half_widths)


def test_the_attribute_of_all_can_be_chosen(cases: list[Case]) -> None:
    """Of two attributes the first makes up all, or the one that is named."""
    both = [
        replace(case, size=1.0, group=replace(case.group, attribute=attribute))
        for attribute in ("party", "side")
        for case in cases
    ]
    whole = opened(study_of(both), ["Q1"])
    card = fitted(whole, OptionRegression(Ridge()))

    def named(over: str | None) -> set[str]:
        table = by_card(card, [whole], 0.9, "auto", over).table()
        return set(table.filter(pl.col("attribute") == "everyone")["group"])

    assert named(None) == {"all, over party"}
    assert named("side") == {"all, over side"}
    assert named("age") == set()


def test_a_case_that_was_not_asked_says_so(cases: list[Case]) -> None:
    """A spent budget is no unreadable reply."""
    whole = opened(study_of(cases), ["Q1"])
    lost = Estimate(reading=None, n_replies=0, n_unreadable=0, asked=False)
    estimates = tuple(
        lost if case.human is None and case.group.value == "Democrat" else estimate
        for case, estimate in zip(whole.cases, whole.estimates, strict=True)
    )
    card = fitted(whole, OptionRegression(Ridge()))

    found = by_card(card, [replace(whole, estimates=estimates)], 0.9, "auto")

    assert set(found.table()["reason"]) == {"not asked: the budget was spent", None}
    assert found.table()["calibrated"].null_count() == 3
    assert "not asked" in markdown(found)


def test_texts_from_outside_make_no_markup(cases: list[Case]) -> None:
    """A question cannot break out of its line, nor an option out of its chart."""
    wild = asked(study_of(cases), text="<b>x</b>\n# y", options=("```", "a\nb", "\x1b[31m"))

    found = markdown(estimated(wild, ["Q1"]))

    assert "<b>" not in found
    assert "\x1b" not in found
    assert (
        sum(
            line.strip().startswith("```") and line.strip() == "```" for line in found.splitlines()
        )
        == 1
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ".xlsx"])
def test_every_format_holds_the_same_rows_and_no_formula(
    cases: list[Case], tmp_path: Path, suffix: str
) -> None:
    """What begins like a formula is text to a spreadsheet."""
    evil = asked(study_of(cases), text='=HYPERLINK("http://x";"y")')
    table = estimated(evil, ["Q1"]).table()
    path = tmp_path / f"estimates{suffix}"

    write(table, path)

    if suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            texts = book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in sheet
        assert sheet.count("<row ") == 1 + len(table)
        assert "'=HYPERLINK" in texts
        return
    if suffix == ".csv":
        again = pl.read_csv(path)
    else:
        again = pl.read_parquet(path) if suffix == ".parquet" else pl.read_ndjson(path)
    assert again.columns == table.columns
    assert_allclose(again["calibrated"].to_numpy(), table["calibrated"].to_numpy(), atol=1e-12)
    assert again["question"][0].startswith("'=" if suffix == ".csv" else "=")


def test_unknown_topics_and_coverages_are_refused() -> None:
    """Half-widths are known for four coverages."""
    from distexp.card.estimates import check_wanted

    check_wanted("Experiment", {"out": "x.csv"}, COVERAGES[0], "new")
    with pytest.raises(
        ConfigError, match=r"'coverage' parameter of Experiment must be one of 0\.5"
    ):
        check_wanted("Experiment", {}, 0.42, "new")
    with pytest.raises(ConfigError, match="'topic' parameter of Experiment must be one of auto"):
        check_wanted("Experiment", {}, 0.9, "other")
    with pytest.raises(ConfigError, match=r"out must be a .parquet, .csv, .jsonl or .xlsx file"):
        check_wanted("Experiment", {"out": "x.txt"}, 0.9, "auto")
