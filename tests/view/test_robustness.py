"""Shares of variance of a designed sweep are those of an analysis of variance."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from distexp.elicitation.verbalized import Verbalized
from distexp.errors import ParseError
from distexp.prompt.template import PromptTemplate
from distexp.request import Response
from distexp.types import Group, Question
from distexp.view.robustness import WORDINGS, levels_of, taken_apart

DESIGN: list[tuple[str, ...]] = list(
    product(["natural", "reversed"], ["letters", "numbers", "texts"], WORDINGS)
)
STYLE = PromptTemplate(layout="{question}\n{options}\n{task}", audience="people")


def test_shares_of_a_full_design_are_the_classical_ones() -> None:
    """By hand: an effect of 2 for the order, of 1 for one kind of label, nothing else."""
    found = {one: 2.0 * (one[0] == "reversed") + (one[1] == "texts") for one in DESIGN}
    between_orders, between_labels = 1.0, 2 / 9  # variances of 0, 2 and of 0, 0, 1

    row = taken_apart(found)

    total = between_orders + between_labels
    assert row["order"] == pytest.approx(between_orders / total)
    assert row["labels"] == pytest.approx(between_labels / total)
    assert row["wording"] == pytest.approx(0, abs=1e-12)
    assert row["interactions"] == pytest.approx(0, abs=1e-12)
    assert (row["usual"], row["n_wordings"]) == (0.0, 18)


def test_shares_of_any_full_design_sum_to_one() -> None:
    """Main effects of a balanced design are orthogonal."""
    values = np.random.default_rng(1).normal(size=len(DESIGN))

    row = taken_apart(dict(zip(DESIGN, values.tolist(), strict=True)))

    shares = [row[name] for name in ("order", "labels", "wording", "interactions")]
    assert sum(shares) == pytest.approx(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", DESIGN)
def test_names_of_conditions_say_the_level(level: tuple[str, ...]) -> None:
    """What the elicitation calls itself is what the view reads."""
    order, labels, wording = level
    asks = Verbalized(task="t", option_orders=[order], labels=labels)

    assert levels_of(asks.name, wording) == level


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


def test_prompts_of_the_design_are_files() -> None:
    """The sweep that the preset names has every wording."""
    folder = Path(__file__).parents[2] / "conf" / "prompt"

    assert all((folder / f"{name}.yaml").exists() for name in WORDINGS)
