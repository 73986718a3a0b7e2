"""Letters that no option holds, words that take an answer back, and numbers that are none."""

import math

import pytest

from distexp.elicitation.logprobs import Logprobs
from distexp.elicitation.reply.choices import parse_letter
from distexp.elicitation.reply.lettered import letters
from distexp.elicitation.reply.listing import parse_letters
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.elicitation.self_random import SelfRandom
from distexp.errors import ConfigError, ParseError
from distexp.report.counted import mean_mass
from distexp.request import Response
from distexp.types import Case, Condition, Distribution, Estimate, Group, Question, Reading, Study
from tests.elicitation.replies import FORMATS, REFUSALS, STYLE

GRADES = Question(
    question_id="g", text="?", options=("A", "B", "C", "D", "Fail"), ordinals=(5, 4, 3, 2, 1)
)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("Yes", "No"), "AB"),
        (("A lot", "A little", "I agree", "Vitamin C pills", "1", "2"), "ABCDEF"),
        (("A", "B", "C", "D", "Fail"), "JKLMN"),
        (("b", "a"), "JK"),
        (("Plan B", "Plan A"), "JK"),
        (("(a) Yes", "(b) No"), "JK"),
        (("B. No", "A. Yes"), "JK"),
        (("J", "K", "A"), "LMN"),
        (("Y", "N"), "AB"),
        (("Ａ", "Ｂ"), "JK"),
    ],
)
def test_labels_are_no_option_texts(options: tuple[str, ...], shown: str) -> None:
    """From A where no option reads like one of them: most questions keep their requests."""
    assert letters(options) == shown
    assert letters(tuple(reversed(options))) == shown


def test_options_that_hold_all_letters_are_refused() -> None:
    """Before the first call, with what to do."""
    with pytest.raises(ConfigError, match="Write the options out, or leave the question out"):
        letters([*"ABCDEFGHIJKLMNOPQRSTUVWXYZ"])


def test_other_labels_are_named_in_the_prompt_and_the_schema(group: Group) -> None:
    """The model is told that these are the labels; the request, and so its key, is another."""
    elicitation = SelfRandom(task="t", n_samples=2, constrain=True)

    prompt, _ = elicitation.prompts(GRADES, group, STYLE)

    content = prompt.messages[0].content
    assert content.startswith(
        "t The letters J, K, L, M, N in front of the options are their label"
    )
    assert content.endswith("|J. A\nK. B\nL. C\nM. D\nN. Fail")
    assert prompt.json_schema is not None
    assert prompt.json_schema["properties"] == {
        "answer": {"type": "string", "enum": ["J", "K", "L", "M", "N"]}
    }


@pytest.mark.parametrize("order", ["natural", "reversed"])
def test_a_letter_that_may_be_a_grade_or_a_label_is_never_guessed(
    order: str, group: Group
) -> None:
    """`A` is none of the labels shown; the label, or a text that is no letter, is read."""
    elicitation = SelfRandom(task="t", n_samples=2, option_orders=[order])
    prompt, _ = elicitation.prompts(GRADES, group, STYLE)

    def read(text: str) -> tuple[float, ...]:
        reply = Response(text=text, finish_reason="stop")
        return elicitation.read(GRADES, prompt, reply).distribution.probabilities

    for text in ("A", "a.", '{"answer": "A"}', "Answer: A", "Option A"):
        with pytest.raises(ParseError):
            read(text)
    assert read("Fail") == (0, 0, 0, 0, 1)
    first = (1, 0, 0, 0, 0)
    assert read("J") == (first if order == "natural" else first[::-1])
    assert read("J. A" if order == "natural" else "J. Fail") == read("J")


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("shape", FORMATS[:4])
def test_an_example_within_a_refusal_is_no_estimate(refusal: str, shape: str) -> None:
    """In whatever language it is refused."""
    with pytest.raises(ParseError, match="no estimate"):
        parse_percentages(f"{refusal} {shape} A: 25 %, B: 75 %", "AB", ("Yes", "No"))
    with pytest.raises(ParseError, match="it says"):
        parse_percentages(refusal, "AB", ("Yes", "No"))
    with pytest.raises(ParseError, match="says"):
        parse_letter(f"B. {refusal}", "AB", ("Yes", "No"))


@pytest.mark.parametrize(
    "reply",
    [
        "As an AI, I don't have personal opinions, but my estimate is: A: 20%, B: 80%",
        'I cannot know for certain. However, here is an estimate: {"A": 20, "B": 80}',
        "I cannot know for certain, but my best estimate is:\nA: 20%\nB: 80%",
        "I'm sorry, I can't know for sure; here's my guess: A: 20%, B: 80%",
        "As an AI, I don't have opinions. Based on polls:\nA: 20%\nB: 80%",
        "Sure! Here is the distribution:\n\n* **A (Yes):** 20%\n* **B (No):** 80%",
    ],
)
def test_a_caveat_before_an_estimate_is_no_refusal(reply: str) -> None:
    """A model that turns round after its caveat has answered."""
    assert parse_percentages(reply, "AB", ("Yes", "No")) == [20, 80]


@pytest.mark.parametrize("what", ["an estimate", "a best guess", "any estimates of this"])
@pytest.mark.parametrize("refused", ["I cannot provide", "I'm sorry, I can't give you"])
def test_an_estimate_that_is_refused_is_none(refused: str, what: str) -> None:
    """The word for what is refused turns nothing round: an even split behind it is no answer."""
    for reply in (f"{refused} {what}. A: 50%, B: 50%", f"{refused} {what}:\nA: 50%\nB: 50%"):
        with pytest.raises(ParseError, match="no estimate"):
            parse_percentages(reply, "AB", ("Yes", "No"))


def test_shares_of_those_who_would_not_choose_an_option_are_others() -> None:
    """Turned round they may sum to whatever."""
    with pytest.raises(ParseError, match="NOT choose each"):
        parse_percentages("How many would NOT choose each: A: 80%, B: 20%", "AB", ("Yes", "No"))


@pytest.mark.parametrize(
    "before",
    [
        # reasons about people: they do not know, want or choose
        "Many would not choose the extremes, so I say:",
        "I'd expect that the majority would not select A",
        "Die meisten würden A nicht wählen:",
        "Some never choose at all.",
        "Many people don't know much about this.",
        "Young people are not able to make ends meet.",
        "Democrats say that the government will not provide enough.",
        "Support is on the decline, and few share it.",
        "La mayoría no quiere esto.",
        "多数受访者不知道。",
        "इस समूह के लोग सहमत नहीं हैं।",
        # what is refused is to be exact, or to choose but one
        "I can't give exact numbers.",
        "It's impossible to know exactly, so this is approximate:",
        "I will not choose one option. Distribution:",
        "No tengo datos; mi estimación es:",
        "我无法确定，我的估计是：",
        # words of examples that say something else
        "Here's the estimate in the requested format:",
        "Hier ist die Verteilung im JSON-Format:",
        "In a random sample of 100 such adults:",
        "Out of a random 100 people:",
        "各选项的比例如下：",
        "Примерно так:",
        "Shares in [0, 100):",
    ],
)
def test_what_reasons_say_before_shares_takes_none_back(before: str) -> None:
    """It is of people, of exactness or of the form: numbers behind it are the estimate."""
    for shares in ("A: 20\nB: 80", '{"A": 20, "B": 80}'):
        assert parse_percentages(f"{before}\n{shares}", "AB", ("Yes", "No")) == [20, 80]


@pytest.mark.parametrize(
    "before",
    [
        "I can't give one.",
        "I can't provide estimates about how groups of people would vote.",
        "People differ, and I don't know.",
        "How this group would answer is not possible to say.",
        "I am unable to estimate this. Here's why: no data.",
        "Über Menschen dieser Gruppe kann ich nichts sagen, das weiß ich nicht.",
        "我不能对这个群体做出判断。",
        "मैं यह नहीं बता सकता।",
        "These numbers are randomly chosen:",
        "Here is a sample of the expected output:",
        "Here's an example in the requested format:",
        "% who would not pick each:",
        "Anteil derer, die die Option nicht wählen würden:",
    ],
)
def test_what_takes_shares_back_is_heard_beside_words_of_people(before: str) -> None:
    """Who speaks refuses, whomever they speak of."""
    with pytest.raises(ParseError, match="no estimate"):
        parse_percentages(f"{before}\nA: 50%\nB: 50%", "AB", ("Yes", "No"))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A: 20 out of 100\nB: 80 out of 100", [0.2, 0.8]),
        ("A: 1,200\nB: 1,800", [1200, 1800]),
        ("A: 1.234,5\nB: 1.000,5", [1234.5, 1000.5]),
        ("A: 1\u202f200\nB: 1\u202f800", [1200, 1800]),
        ("A: 1,00,000\nB: 3,00,000", [100_000, 300_000]),
        ("A: %20\nB: %80", [20, 80]),
        ("A: 2️⃣0️⃣%\nB: 8️⃣0️⃣%", [20, 80]),
        ("A: 30%\nB: 70", [30, 70]),
    ],
)
def test_numbers_are_read_by_one_convention(reply: str, expected: list[float]) -> None:
    """That of the reply: points, commas, spaces and Indian groups."""
    assert parse_percentages(reply, "AB", ("Yes", "No")) == expected


@pytest.mark.parametrize(
    "reply",
    ["A: 1,200\nB: 800", "A: 1.200\nB: 800", "A: 0.2\nB: 80%", "A: 20²\nB: 80", "A: 20‰\nB: 800‰",
     "A: 20% or more\nB: 80%", "A: 20%+\nB: 80%", "A: 20\u202e\nB: 80", "A: 1\nB: 2",
     '{"A": 20, "A": 30, "B": 80}', '{"A": {"text": "No", "percentage": 20}, "B": 80}',
     "20% | A\n80% | B", "A: 20, 25\nB: 80"],
)  # fmt: skip
def test_numbers_that_may_be_two_things_are_unreadable(reply: str) -> None:
    """Among options that are 1 and 2, `A: 1, B: 2` only repeats them."""
    options = ("1", "2") if reply == "A: 1\nB: 2" else ("Yes", "No")
    with pytest.raises(ParseError):
        parse_percentages(reply, "AB", options)


@pytest.mark.parametrize(
    "reply", ["A (3), B (1)", "1 A, 3 B", "A, A, ..., B", "A, A, B and so on", "2. A\n3. B\n4. A"]
)
def test_counts_and_gaps_are_no_list(reply: str) -> None:
    """Only letters one after the other, unnumbered or numbered from the first, are answers."""
    with pytest.raises(ParseError):
        parse_letters(reply, "AB", ("Yes", "No"), n_answers=3)


@pytest.mark.parametrize(
    "top",
    [
        (("A", 710.0), ("B", -1.0)),
        (("A", 1e308), ("B", -1.0)),
        (("A", math.nan), ("B", -1.0)),
        (("A", 0.8), ("B", 0.2)),
        (("A", -0.1), ("B", -0.1)),
        ((None, -0.1), ("B", -1.0)),
        (("A", "x"), ("B", -1.0)),
        (),
    ],
)
def test_numbers_that_are_no_log_probabilities_are_unreadable(
    top: tuple[tuple[str, float], ...], question: Question, group: Group
) -> None:
    """Also those that an older version has stored."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)
    reply = Response(text="A", finish_reason="length", top_logprobs=(top,))

    with pytest.raises(ParseError, match="log-probabilit"):
        elicitation.read(question, natural, reply)


def test_tokens_are_read_with_the_marks_of_their_tokenizer(
    question: Question, group: Group
) -> None:
    """`ĠA`, `▁A` and the byte of A are A; one entry sent twice counts once."""
    elicitation = Logprobs(task="t")
    natural, _ = elicitation.prompts(question, group, STYLE)
    tenth = math.log(0.1)
    top = (("ĠA", tenth), ("▁A", tenth), ("<0x41>", tenth), ("▁B", tenth), ("▁B", tenth))
    reply = Response(text="A", finish_reason="length", top_logprobs=(top,))

    reading = elicitation.read(question, natural, reply)

    assert reading.distribution.probabilities == pytest.approx((0.75, 0.25, 0))
    assert reading.mass == pytest.approx(0.4)


def test_letters_with_a_twentieth_of_the_probability_are_unreadable(
    question: Question, group: Group
) -> None:
    """So little says what the model would write if it did not write something else."""
    natural, _ = Logprobs(task="t").prompts(question, group, STYLE)
    reply = Response(
        text="The", finish_reason="length", top_logprobs=((("A", math.log(0.04)), ("The", -0.1)),)
    )

    with pytest.raises(ParseError, match=r"hold 0\.040 of"):
        Logprobs(task="t").read(question, natural, reply)
    assert Logprobs(task="t", min_mass=0.01).read(question, natural, reply).mass == (
        pytest.approx(0.04)
    )


def test_the_mean_mass_of_a_study_is_that_of_its_readings(
    question: Question, group: Group
) -> None:
    """Estimates without a reading, or without a mass, have no part in it."""
    half = Distribution(probabilities=(0.5, 0.5, 0))
    case = Case(question=question, group=group, human=half, n_respondents=None)
    readings = [Reading(distribution=half, mass=mass) for mass in (0.4, 0.8, None)]

    def study(*readings: Reading | None) -> Study:
        return Study(
            condition=Condition(dataset="d", model="m", elicitation="e", prompt="p"),
            cases=(case,) * len(readings),
            estimates=tuple(
                Estimate(reading=reading, n_replies=1, n_unreadable=0) for reading in readings
            ),
        )

    assert mean_mass(study(*readings, None)) == pytest.approx(0.6)
    assert mean_mass(study(None, readings[2])) is None
