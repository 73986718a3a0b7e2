"""Shares of variance of a designed sweep are those of an analysis of variance."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ParseError
from distexp.prompt.spoken import in_wording
from distexp.prompt.template import PromptTemplate
from distexp.request import Response
from distexp.types import Group, Question
from distexp.view.robustness import FACTORS, RobustnessView, levels_of, taken_apart
from tests.view.test_views import CONDITION, runs, score

DESIGN: list[tuple[str, ...]] = list(
    product(
        ["natural", "reversed", "shuffled"],
        ["letters", "numbers", "texts"],
        ["usual", "alternate"],
        ["offered", "not offered"],
    )
)
STYLE = PromptTemplate(layout="{question}\n{options}\n{task}", audience="people")


def test_shares_of_a_full_design_are_the_classical_ones() -> None:
    """By hand: an effect of 2 for the order, of 1 for one kind of label, nothing else."""
    found = {one: 2.0 * (one[0] == "reversed") + (one[1] == "texts") for one in DESIGN}
    between_orders, between_labels = 8 / 9, 2 / 9  # variances of 0, 2, 0 and of 0, 0, 1

    row = taken_apart(found)

    total = between_orders + between_labels
    assert row["order"] == pytest.approx(between_orders / total)
    assert row["labels"] == pytest.approx(between_labels / total)
    assert row["wording"] == pytest.approx(0, abs=1e-12)
    assert row["interactions"] == pytest.approx(0, abs=1e-12)
    assert (row["usual"], row["n_wordings"]) == (0.0, 36)


def test_shares_of_any_full_design_sum_to_one() -> None:
    """Main effects of a balanced design are orthogonal."""
    values = np.random.default_rng(1).normal(size=len(DESIGN))

    row = taken_apart(dict(zip(DESIGN, values.tolist(), strict=True)))

    shares = [row[name] for name in ("order", "labels", "wording", "dont_know", "interactions")]
    assert sum(shares) == pytest.approx(1)


def test_factors_that_vary_together_have_no_share_of_their_own() -> None:
    """The order varies by itself; wording and "don't know" only with each other."""
    found: dict[tuple[str, ...], float] = {
        (order, "letters", *pair): value
        for order, pair, value in (
            ("natural", ("usual", "not offered"), 0.1),
            ("natural", ("alternate", "offered"), 0.3),
            ("reversed", ("usual", "not offered"), 0.2),
            ("reversed", ("alternate", "offered"), 0.4),
        )
    }

    row = taken_apart(found)

    assert (row["wording"], row["dont_know"], row["labels"]) == (None, None, None)
    assert row["order"] == pytest.approx(0.2)


@given(st.floats(1e-6, 1e6), st.lists(st.sampled_from([-1, 0, 1]), min_size=36, max_size=36))
def test_scores_that_differ_by_rounding_alone_have_no_shares(
    score_of_all: float, signs: list[int]
) -> None:
    """What no wording moves is taken apart into nothing."""
    values = [score_of_all * (1 + sign * 2**-50) for sign in signs]

    row = taken_apart(dict(zip(DESIGN, values, strict=True)))

    assert {row[name] for name in (*FACTORS, "interactions")} == {None}


def test_scores_and_estimates_of_all_wordings_are_compared_with_the_usual_one() -> None:
    """By hand: W1 .1, .2 and .3; shares .2/.8 move to .5/.5 and .0/1., by .3 and .2 in TV."""
    worded = {"base": (0.1, 0.2), "base (alternate)": (0.2, 0.5), "base (rephrased)": (0.3, 0.0)}
    condition = {**CONDITION, "elicitation": "verbalized"}
    scores = [
        score(w1, **condition | {"prompt": prompt, "metric": "w1", "calibrator": name})
        for prompt, (w1, _) in worded.items()
        for name in ("identity", "ridge")
    ]
    case = {"question_id": "q", "attribute": "a", "group": "g", "status": "ok"}
    predictions = [
        {**condition, **case, "prompt": prompt, "option_index": place, "predicted": predicted}
        for prompt, (_, share) in worded.items()
        for place, predicted in enumerate((share, 1 - share))
    ]
    view = RobustnessView()

    table = view.table(runs(scores, predictions=predictions))

    row, calibrated = table.iter_rows(named=True)
    assert (row["prompt"], row["n_wordings"], row["n_missing"]) == ("base", 3, 0)
    assert [row[name] for name in ("usual", "mean", "best", "worst", "sd", "moved")] == (
        pytest.approx([0.1, 0.2, 0.1, 0.3, 0.1, 0.25])
    )
    assert (row["usual_low"], row["usual_high"]) == pytest.approx((0.0, 0.2))
    assert (row["wording"], row["order"]) == (pytest.approx(1), None)
    assert calibrated["moved"] is None
    assert "best as usually worded, on average and at the worst" in view.caption(table)
    assert "100% is wording" in view.caption(table)


@pytest.mark.parametrize(("metric", "worst"), [("w1", 0.9), ("alignment", 0.2)])
def test_worst_wording_is_that_of_the_worst_score(metric: str, worst: float) -> None:
    """The greatest distance, the least alignment; other prompts and languages stand apart."""
    scores = [
        score(value, elicitation="verbalized", prompt=prompt, metric=metric, calibrator="identity")
        for prompt, value in {"base": 0.2, "base (alternate)": 0.9, "base (de)": 0.5}.items()
    ]
    view = RobustnessView(metric=metric)

    table = view.table(runs(scores))

    assert table["prompt"].to_list() == ["base", "base (de)"]
    assert table["worst"].to_list() == [worst, 0.5]
    assert view.caption(table)


@pytest.mark.parametrize("level", DESIGN)
def test_names_of_conditions_say_the_level(level: tuple[str, ...]) -> None:
    """What the elicitation calls itself is what the view reads."""
    order, labels, wording, offered = level
    dont_know = "Don't know" if offered == "offered" else None
    asks = Verbalized(task="t", option_orders=[order], labels=labels, dont_know=dont_know)

    prompt = "base" if wording == "usual" else in_wording("base", wording)
    assert levels_of(asks.name, prompt) == ("base", level)


@pytest.mark.parametrize("order", ["natural", "reversed"])
@pytest.mark.parametrize(
    ("labels", "replies"),
    [
        ("numbers", '```json\n{"1": 20, "2": "30 %", "3": 50}\n```'),
        ("texts", '{"X": 20, "Y": 30, "Z": 50}'),
    ],
)
def test_other_labels_are_shown_and_read_back(
    order: str, labels: str, replies: str, question: Question, group: Group
) -> None:
    """In the order shown, put back in scale order."""
    asks = Verbalized(
        task="Give each letter its percentage.", option_orders=[order], labels=labels
    )
    (prompt,) = asks.prompts(question, group, STYLE)
    shown = [question.options[index] for index in prompt.option_order]
    reply = replies
    for name, option in zip("XYZ", shown, strict=True):
        reply = reply.replace(f'"{name}"', f'"{option.upper()}"')

    read = asks.read(question, prompt, Response(text=reply, finish_reason="stop"))

    content = prompt.messages[0].content
    assert "letter" not in content
    assert f"1. {shown[0]}" in content or f"- {shown[0]}" in content
    expected = (0.2, 0.3, 0.5) if order == "natural" else (0.5, 0.3, 0.2)
    assert read.distribution.probabilities == expected


@pytest.mark.parametrize(
    "reply",
    [
        '{"1": 20, "2": 30}',
        "1: 20, 2: 30, 3: 50",
        '{"1": 20, "1": 30, "3": 50}',
        "20 30 50",
        "[1, 2, 3]",
    ],
)
def test_numbers_that_can_be_taken_in_two_ways_are_unreadable(
    reply: str, question: Question, group: Group
) -> None:
    """Labels and percentages are both numbers: only an object tells them apart."""
    asks = Verbalized(task="t", labels="numbers")
    (prompt,) = asks.prompts(question, group, STYLE)

    with pytest.raises(ParseError):
        asks.read(question, prompt, Response(text=reply, finish_reason="stop"))


OFFERED: dict[str, tuple[str, tuple[str, ...]]] = {
    "letters": ("D. Don't know", ("A", "B", "C", "D")),
    "numbers": ("4. Don't know", ("1", "2", "3", "4")),
    "texts": ("- Don't know", ("Too little", "About right", "Too much", "Don't know")),
}


@pytest.mark.parametrize("order", ["natural", "reversed", "shuffled"])
@pytest.mark.parametrize("labels", sorted(OFFERED))
def test_dont_know_is_the_last_option_and_left_out_of_the_shares(
    order: str, labels: str, question: Question, group: Group
) -> None:
    """Of 60 who choose, 10, 20 and 30 are a sixth, a third and a half, wherever they stand."""
    asks = Verbalized(
        task="Give each letter its percentage.",
        option_orders=[order],
        labels=labels,
        dont_know="Don't know",
    )
    (prompt,) = asks.prompts(question, group, STYLE)
    last, called = OFFERED[labels]
    percents = [(10, 20, 30)[index] for index in prompt.option_order]
    if labels == "texts":
        called = (*(question.options[index] for index in prompt.option_order), called[-1])
    reply = json.dumps(dict(zip(called, [*percents, 40], strict=True)))
    nothing = json.dumps(dict(zip(called, [0, 0, 0, 100], strict=True)))

    read = asks.read(question, prompt, Response(text=reply, finish_reason="stop"))

    assert prompt.messages[0].content.splitlines()[4] == last
    assert read.distribution.probabilities == pytest.approx((1 / 6, 1 / 3, 1 / 2))
    assert sorted(prompt.option_order) == [0, 1, 2]
    with pytest.raises(ParseError, match="gives all to"):
        asks.read(question, prompt, Response(text=nothing, finish_reason="stop"))


@pytest.mark.parametrize(
    "option",
    ["DON’T KNOW", "Don't know / refused", "Don't know (volunteered)", "Don't  know, sorry"],
)
def test_question_that_offers_it_already_is_asked_as_it_is(
    option: str, question: Question, group: Group
) -> None:
    """Nothing is offered twice, and no share is left out."""
    own = replace(question, options=("Yes", "No", option), ordinals=None)

    plain, offering = (
        Verbalized(task="t", dont_know=one).prompts(own, group, STYLE)
        for one in (None, "Don't know")
    )

    assert offering == plain


def test_option_that_only_begins_alike_is_no_dont_know(question: Question, group: Group) -> None:
    """Who does not know much does know something."""
    own = replace(question, options=("Know well", "Don't know much"), ordinals=None)

    (prompt,) = Verbalized(task="t", dont_know="Don't know").prompts(own, group, STYLE)

    assert "C. Don't know" in prompt.messages[0].content
