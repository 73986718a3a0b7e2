"""The card: what it holds, what it is read back as, and what is refused."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from distexp.calibrator.baseline import TrainMean
from distexp.calibrator.cumulative import CumulativeRegression
from distexp.calibrator.regression import OptionRegression
from distexp.calibrator.simplex import SimplexLeastSquares
from distexp.card.card import Card, check_fit, chosen
from distexp.card.sealed import MAX_BYTES, digest
from distexp.errors import ConfigError, DistexpError
from distexp.evaluation.evaluation import Evaluation
from distexp.evaluation.layout import design_of
from distexp.evaluation.stacking import stack
from distexp.types import (
    Case,
    Condition,
    Distribution,
    Estimate,
    Question,
    Reading,
    Study,
    Survey,
)
from tests.calibrator.designs import design

EVALUATION = Evaluation(n_splits=5, n_bootstrap=50, n_ceiling_draws=5, extras=False)


def estimate(shares: Sequence[float]) -> Estimate:
    """Return a readable estimate."""
    reading = Reading(distribution=Distribution.normalized(shares))
    return Estimate(reading=reading, n_replies=1, n_unreadable=0)


def study_of(cases: Sequence[Case], model: str = "m") -> Study:
    """Return estimates half way between the human answers and an exaggeration of them."""
    exaggerated = [np.square(case.answers.probabilities) for case in cases]
    shares = [np.add(e, c.answers.probabilities) for e, c in zip(exaggerated, cases, strict=True)]
    condition = Condition(dataset="d", model=model, elicitation="e", prompt="p")
    return Study(
        condition=condition,
        cases=tuple(cases),
        estimates=tuple(estimate(of_case.tolist()) for of_case in shares),
    )


def survey_of(cases: Sequence[Case]) -> Survey:
    """Return a survey of them."""
    return Survey(
        name="d", cases=tuple(cases), digest="abc", licence="CC0", citation="Me.", gated=True
    )


def fitted(study: Study, calibrator: Any, evaluation: Evaluation = EVALUATION) -> Card:
    """Return the card of a run."""
    result = evaluation.run(study, {"mine": calibrator})
    survey = survey_of(study.cases)
    return Card.fitted("mine", calibrator, survey, study, result, evaluation)


@pytest.fixture
def study(cases: list[Case]) -> Study:
    """Return ten questions of three options for two groups, with three more of two options."""
    yes_no = [
        replace(
            case,
            question=Question(
                question_id=f"B{number}", text="", options=("Yes", "No"), ordinals=None
            ),
            human=Distribution.normalized([1.0 + number, 2.0]),
        )
        for number in range(3)
        for case in cases[:2]
    ]
    return study_of([*cases, *yes_no])


@pytest.fixture
def path(study: Study, tmp_path: Path) -> Path:
    """Write the card of a regression by group."""
    written = tmp_path / "card.json"
    fitted(study, CumulativeRegression()).write(written)
    return written


def changed(path: Path, *keys: Any, to: Any) -> None:
    """Change what stands under `keys`, and sign it as the writer would."""
    document: Any = json.loads(path.read_text())
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    document["sha256"] = digest(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "calibrator",
    [
        CumulativeRegression(),
        CumulativeRegression(group_axes=2),
        OptionRegression(Ridge(), layout="joint"),
        TrainMean(scope="per_group"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_card_that_is_read_is_the_card_that_was_written(
    study: Study, tmp_path: Path, calibrator: Any
) -> None:
    """Predictions to 1e-12, and every field besides; equal fits give equal bytes."""
    card = fitted(study, calibrator)
    X, y, _ = design_of(study)

    card.write(tmp_path / "a.json")
    fitted(study, calibrator).write(tmp_path / "b.json")
    read = Card.read(tmp_path / "a.json")

    assert_allclose(read.predict(X), calibrator.fit(X, y).predict(X), rtol=0, atol=1e-12)
    assert read.trained_on.document() == card.trained_on.document()
    assert (read.scores, read.band, read.name) == (card.scores, card.band, card.name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_all_readable_cases_are_fitted_and_no_other(study: Study) -> None:
    """What could not be read has no prediction to learn from; it is in no count either."""
    nothing = Estimate(reading=None, n_replies=1, n_unreadable=1)
    lost = replace(study, estimates=(nothing, *study.estimates[1:]))
    X, y, readable = design_of(lost)

    card = fitted(lost, OptionRegression(Ridge()))

    alone = OptionRegression(Ridge()).fit(X.take(readable), y[readable])
    assert_allclose(card.predict(X), alone.predict(X), rtol=0, atol=1e-12)
    assert card.trained_on.n_cases == len(study.cases) - 1
    assert len(card.trained_on.questions) == 13


def test_cases_weigh_as_in_the_evaluation(study: Study) -> None:
    """With weights by respondents a case of 900 counts nine times as much as one of 100."""
    cases = tuple(
        replace(case, n_respondents=900 if place % 3 else 100)
        for place, case in enumerate(study.cases)
    )
    weighted = replace(study, cases=cases)
    X, y, _ = design_of(weighted)
    n = np.array([case.n_respondents for case in cases], dtype=float)

    card = fitted(weighted, TrainMean(), replace(EVALUATION, weights="respondents"))

    assert_allclose(card.predict(X), TrainMean().fit(X, y, n).predict(X), rtol=0, atol=1e-12)
    assert not np.allclose(card.predict(X), TrainMean().fit(X, y).predict(X))
    assert card.trained_on.n_respondents == (100, 900, 900)


def test_scores_and_band_are_those_of_held_out_questions(study: Study) -> None:
    """The card states the run's numbers, with the wider interval; its band covers nine of ten."""
    calibrator = OptionRegression(Ridge())
    result = EVALUATION.run(study, {"mine": calibrator})
    refitted, fixed = (
        next(s for s in scores if (s.calibrator, s.metric) == ("mine", "w1"))
        for scores in (result.scores, result.as_fitted)
    )
    _, y, _ = design_of(study)

    card = fitted(study, calibrator)

    assert card.scores["w1"] == {
        "value": refitted.value,
        "low": min(refitted.low, fixed.low),
        "high": max(refitted.high, fixed.high),
        "n_questions": 10,
    }
    assert refitted.low != fixed.low
    apart = np.abs(result.calibrated["mine"] - y)
    inside = [(apart[row, :k] <= card.band.half_width(k)).mean() for row, k in enumerate([3] * 20)]
    assert card.band.pooled.n_questions == 13
    assert np.mean(inside) >= 0.9


def test_the_card_says_what_was_trained_on(study: Study) -> None:
    """Enough to know when not to use it, and no human answer."""
    document: Any = fitted(study, OptionRegression(Ridge())).trained_on.document()

    assert document["dataset"] == "d"
    assert document["groups"] == [["party", "Democrat", 0], ["party", "Republican", 1]]
    assert document["n_options"]["3"]["n_questions"] == 10
    shares = np.array([e.reading.distribution.probabilities for e in study.estimates[:20]])  # type: ignore[union-attr]
    assert_allclose(document["n_options"]["3"]["low"][0], shares.min(axis=0))
    assert (document["nominal"], document["n_cases"], document["gated"]) == (True, 26, True)
    assert (document["licence"], document["data_sha256"]) == ("CC0", "abc")


def test_cards_of_other_data_have_another_digest(study: Study) -> None:
    """One human answer makes the difference."""
    other = replace(study.cases[0], human=Distribution.normalized([1, 1, 1]))
    calibrator = TrainMean()

    one = fitted(study, calibrator)
    two = fitted(replace(study, cases=(other, *study.cases[1:])), calibrator)

    assert one.trained_on.cases_sha256 == fitted(study, calibrator).trained_on.cases_sha256
    assert one.trained_on.cases_sha256 != two.trained_on.cases_sha256


def worded(cases: Sequence[Case]) -> Study:
    """Return estimates for questions in words, some of which they share."""
    subjects = ("schools", "police", "parks", "trains", "taxes")
    texts = [f"How much should the town spend on {subjects[n % 5]} {n // 5}?" for n in range(10)]
    return study_of(
        [
            replace(c, question=replace(c.question, text=texts[int(c.question.question_id[1:])]))
            for c in cases
        ]
    )


def test_a_gated_survey_leaves_no_wording_in_a_card(cases: list[Case], tmp_path: Path) -> None:
    """Hashes of words stand in its place, and predictions of other wordings are the same."""
    study, calibrator = worded(cases), CumulativeRegression(wording_penalty=1.0)
    result = EVALUATION.run(study, {"m": calibrator})
    X, _, _ = design_of(study)
    assert X.text is not None
    others = [[t.replace("spend", "save on police and spend") for t in of] for of in X.text]
    other = replace(X, text=np.array(others, dtype=object))

    cards = []
    for gated in (False, True):
        survey = replace(survey_of(cases), gated=gated)
        card = Card.fitted("m", calibrator, survey, study, result, EVALUATION)
        card.write(tmp_path / f"{gated}.json")
        cards.append(Card.read(tmp_path / f"{gated}.json"))

    plain, withheld = cards
    assert "spend on schools" in (tmp_path / "False.json").read_text()
    text = (tmp_path / "True.json").read_text()
    assert not any(word in text for word in ("spend", "schools", "police", "town"))
    for asked in (X, other):
        assert_allclose(withheld.predict(asked), plain.predict(asked), rtol=0, atol=1e-9)
    assert np.abs(plain.predict(X) - plain.predict(other)).max() > 1e-6


def test_another_wording_is_another_training_set(cases: list[Case]) -> None:
    """What a question says is learnt from, so its digest is of it."""
    first = fitted(worded(cases), OptionRegression(Ridge()))
    second = fitted(study_of(cases), OptionRegression(Ridge()))

    assert first.trained_on.cases_sha256 != second.trained_on.cases_sha256


def test_new_cases_are_told_from_those_trained_on(study: Study) -> None:
    """By size, share, scale, group and condition, in words; a range has a point to spare."""
    three_points = replace(study, cases=study.cases[:20], estimates=study.estimates[:20])
    trained_on = fitted(three_points, CumulativeRegression()).trained_on
    least, most = trained_on.ranges[3].low[0, 0], trained_on.ranges[3].high[0, 0]
    rest = study.estimates[0].reading.distribution.probabilities[1:]  # type: ignore[union-attr]
    near, far = least - 0.009, most + 0.3
    X = design([[least, *rest], [near, rest[0] + 0.009, rest[1]], [far, 1 - far, 0], [0.25] * 4])
    X.ordinals[1] = np.nan
    known, stranger = ("party", "Democrat"), ("party", "Green")
    groups, same = [known, known, stranger, known], study.condition

    by_group = trained_on.unlike(X, groups, same, by_group=True)
    pooled = trained_on.unlike(X, groups, replace(same, model="n", dataset="x"), by_group=False)

    assert by_group == [
        "",
        "no question without a scale was trained on",
        "shares outside the range trained on; a group that was not trained on",
        "no question of 4 options was trained on",
    ]
    assert pooled[0] == "another model than m"
    assert pooled[2] == "another model than m; shares outside the range trained on"


@pytest.mark.parametrize("calibrator", [TrainMean(), SimplexLeastSquares()], ids=repr)
def test_new_cases_may_all_have_fewer_options(study: Study, calibrator: Any) -> None:
    """They are laid out as wide as those trained on, and come back as they were."""
    card = fitted(study, calibrator)

    alone = card.predict(design([[0.5, 0.5], [0.2, 0.8]]))
    beside = card.predict(design([[0.5, 0.5], [0.2, 0.8], [0.2, 0.2, 0.6]]))

    assert_allclose(alone, beside[:2, :2], rtol=0, atol=1e-12)
    assert card.trained_on.unlike(
        design([[0.5, 0.5]]), [("party", "Democrat")], study.condition, by_group=False
    )


def test_groups_keep_the_numbers_of_training(study: Study) -> None:
    """Whatever else occurs in new data; groups never seen get numbers never used."""
    trained_on = fitted(study, TrainMean(scope="per_group")).trained_on

    codes = trained_on.codes([("party", "Republican"), ("age", "old"), ("age", "young")])

    assert codes.tolist() == [1, 2, 3]


def test_the_stack_is_chosen_where_there_is_one(study: Study) -> None:
    """A run with predictors has its members as studies, too."""
    other = study_of(study.cases, model="n")
    both = stack([study, other], "all")

    assert chosen([study]) is study
    assert chosen([study, other, both]) is both
    with pytest.raises(ConfigError, match=r"here are 2: d/m/e/p; d/n/e/p\. Choose one"):
        chosen([study, other])


@pytest.mark.parametrize(
    ("calibrators", "message"),
    [
        ({}, "made by one calibrator. Got none"),
        ({"a": TrainMean(), "b": TrainMean()}, "made by one calibrator. Got a, b"),
        ({"knn": OptionRegression(KNeighborsRegressor())}, "A fitted KNeighborsRegressor cannot"),
    ],
)
def test_what_cannot_become_a_card_fails_before_the_run(
    study: Study, calibrators: dict[str, Any], message: str
) -> None:
    """Nothing is paid for a card that could not be written."""
    with pytest.raises(ConfigError, match=message):
        check_fit(calibrators, [study])


def test_a_card_that_was_changed_is_refused(path: Path) -> None:
    """One digit of one coefficient is enough."""
    text = path.read_text()
    place = text.index('"coef_"') + 80
    digit = next(i for i in range(place, len(text)) if text[i].isdigit())
    path.write_text(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :])

    with pytest.raises(ConfigError, match=r"card\.json is refused: it was changed after it was"):
        Card.read(path)


def test_layout_and_order_are_no_change(path: Path) -> None:
    """The digest is of the content, however it is written down."""
    document = json.loads(path.read_text())
    shuffled = dict(sorted(document.items(), reverse=True))

    path.write_text(json.dumps(shuffled, indent=4))

    assert Card.read(path).name == "mine"


def test_a_newer_card_is_refused_with_its_version(path: Path) -> None:
    """Before anything else is looked at: its digest may be made in another way."""
    document = json.loads(path.read_text())
    document["schema"]["version"] = 2
    document["distexp"] = "9.1"
    path.write_text(json.dumps(document))

    with pytest.raises(ConfigError, match=r"version 2 of the schema, written by distexp '9\.1'"):
        Card.read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b"[1]", "it has no field `schema`"),
        (b'{"schema": {"name": "x", "version": 1}}', r"not distexp\.card of version 1"),
        (
            b'{"schema": {"name": "distexp.card", "version": true}}',
            r"not distexp\.card of version 1",
        ),
        (b'{"schema": {"name": "distexp.card", "version": 1}, "a": NaN}', "not finite"),
        (b'{"schema": {"name": "distexp.card", "version": 1}, "a": 1e999}', "not finite"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"schema": {"name": "distexp.card", "version": 1}}', "it was changed"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The line says what is wrong with the file."""
    path = tmp_path / "card.json"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=f"card.json is refused: .*{message}"):
        Card.read(path)


def test_an_oversized_file_is_not_even_read(tmp_path: Path) -> None:
    """A card has at most 100 MB."""
    path = tmp_path / "card.json"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)

    with pytest.raises(ConfigError, match="100000001 bytes"):
        Card.read(path)


@pytest.mark.parametrize(
    ("keys", "to", "message"),
    [
        (("calibrator", "calibrator"), "os.system", "class of calibrators that this distexp has"),
        (("calibrator", "state", "coef_", "shape"), [1, 1], "but has the shape"),
        (
            ("calibrator", "state", "coef_"),
            {"array": "float64", "shape": [1], "values": [0.1]},
            "calibrator cannot be applied",
        ),
        (("calibrator", "state", "nominal_weight_"), "x", "calibrator cannot be applied"),
        (("calibrator", "state", "nominal_weight_"), 7.5, "are no distributions"),
        (("trained_on", "groups"), [], "a list of one group"),
        (("trained_on", "groups"), [["party", "Democrat", -1]], "numbers from 0 on"),
        (("trained_on", "n_options"), {}, "one field or more"),
        (("trained_on", "n_options", "3", "low"), [[0.1]], "a list of 3 finite numbers"),
        (("trained_on", "n_options", "3000000"), {}, "must be a number of options"),
        (("trained_on", "nominal"), 1, "of type bool"),
        (("band", "coverages"), [0.5], "band.coverages must be"),
        (("warnings",), [1], "a list of texts"),
        (("extra",), 1, "an object with the fields"),
    ],
)  # fmt: skip
def test_what_no_card_holds_is_refused_though_it_is_signed(
    path: Path, keys: tuple[str, ...], to: Any, message: str
) -> None:
    """Anybody can make a digest: what is read is checked all the same."""
    changed(path, *keys, to=to)

    with pytest.raises(ConfigError, match=f"card.json is refused: .*{message}"):
        Card.read(path)


JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1e308,
    "x",
    "",
    [],
    {},
    [[]],
    {"dict": []},
    ["x"],
    0.5,
)


def mutated(document: Any, rng: random.Random) -> Any:
    """Replace, drop or double something at a random place."""
    if isinstance(document, dict | list) and document and rng.random() < 0.93:
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        key = rng.choice(keys)
        inner = mutated(document[key], rng)
        if isinstance(document, list):
            return [*document[:key], *[inner] * rng.choice([1] * 8 + [0, 2]), *document[key + 1 :]]
        return {k: inner if k == key else of for k, of in document.items()}
    return rng.choice(JUNK)


def test_random_damage_is_refused_or_harmless(path: Path, study: Study, tmp_path: Path) -> None:
    """Of 300 damaged and signed cards none raises anything but an error that is meant."""
    document = json.loads(path.read_text())
    forest = tmp_path / "other.json"
    fitted(study, OptionRegression(Ridge(), layout="joint", scope="per_group")).write(forest)
    documents = [document, json.loads(forest.read_text())]
    X, _, _ = design_of(study)
    rng, n_refused = random.Random(0), 0

    for attempt in range(300):
        damaged = mutated(documents[attempt % 2], rng)
        if isinstance(damaged, dict):
            damaged["sha256"] = digest(damaged)
        path.write_text(json.dumps(damaged))
        try:
            predicted = Card.read(path).predict(X)
        except DistexpError:
            n_refused += 1
        else:
            assert_allclose(predicted.sum(axis=1), 1, atol=1e-6)

    assert n_refused > 150


def test_a_card_that_cannot_be_written_says_so(study: Study, tmp_path: Path) -> None:
    """The path is in the line, and no half of a file is left."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DistexpError, match=r"file/card\.json cannot be written"):
        fitted(study, TrainMean()).write(tmp_path / "file" / "card.json")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
