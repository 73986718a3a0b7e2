"""What models write, and what is read out of it: a value, or nothing at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distexp.elicitation.reply.choices import parse_letter
from distexp.elicitation.reply.listing import parse_letters, parse_wordings
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.errors import ParseError

SCALE = ("Too little", "About right", "Too much")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"A": 20, "B": 30, "C": 50}', [20, 30, 50], id="json"),
        pytest.param('```json\n{"A": 20, "B": 30, "C": 50}\n```', [20, 30, 50], id="fenced"),
        pytest.param('{"A":20,"B":30,"C":50}', [20, 30, 50], id="no spaces"),
        pytest.param("{'A': '20%', 'B': '30%', 'C': '50%'}", [20, 30, 50], id="quoted percents"),
        pytest.param("{A: 20, B: 30, C: 50}", [20, 30, 50], id="unquoted keys"),
        pytest.param('{"A": 20, "B": 30, "C": 50,}', [20, 30, 50], id="trailing comma"),
        pytest.param('{"A": 20, // few\n"B": 30, # some\n"C": 50}', [20, 30, 50], id="comments"),
        pytest.param('{"shares": {"A": 20, "B": 30, "C": 50}}', [20, 30, 50], id="nested"),
        pytest.param("A: 20%\nB: 30%\nC: 50%", [20, 30, 50], id="lines"),
        pytest.param("- A: 20 percent\n- B: 30 percent\n- C: 50 percent", [20, 30, 50], id="word"),
        pytest.param("A: 20 B: 30 C: 50", [20, 30, 50], id="one line"),
        pytest.param("(A) 20.5%, (B) 29.5%, (C) 50%", [20.5, 29.5, 50], id="parentheses"),
        pytest.param("A) 20, B) 30, C) 50", [20, 30, 50], id="half parentheses"),
        pytest.param("A - 20%, B - 30%, C - 50%", [20, 30, 50], id="dashes"),
        pytest.param("**A**: 20\n**B:** 30\n**C**: **50**", [20, 30, 50], id="bold"),
        pytest.param("| A | 20% |\n| B | 30% |\n| C | 50% |", [20, 30, 50], id="table"),
        pytest.param("A = 0.2; B = .3; C = 0.5", [0.2, 0.3, 0.5], id="decimals"),
        pytest.param("A:.5,B:.25,C:.25", [0.5, 0.25, 0.25], id="bare decimal points"),
        pytest.param("A: 20,5 %; B: 29,5 %; C: 50 %", [20.5, 29.5, 50], id="decimal commas"),
        pytest.param("A: 1/4, B: 1/4, C: 2/4", [0.25, 0.25, 0.5], id="fractions"),
        pytest.param("A: 1,200\nB: 1,800\nC: 3,000", [1200, 1800, 3000], id="thousands"),
        pytest.param("A: ~20%, B: about 30%, C: approximately 50%", [20, 30, 50], id="about"),
        pytest.param("A：20％，B：30％，C：50％", [20, 30, 50], id="full-width signs"),
        pytest.param("Antwort: A: 20 %, B: 30 %, C: 50 %.", [20, 30, 50], id="German"),
        pytest.param('{"C": 50, "A": 20, "B": 30}', [20, 30, 50], id="other order"),
        pytest.param('Sure! {"A": 0, "B": 0, "C": 3}. Bye.', [0, 0, 3], id="in a sentence"),
        pytest.param('{"A": 20, "B": 30, "C": 47}', [20, 30, 47], id="sum of 97"),
        pytest.param('{"A": 40, "B": 40, "C": 60}', [40, 40, 60], id="sum of 140"),
        pytest.param("A: 20% (few)\nB: 30% of them\nC: 50%", [20, 30, 50], id="remarks"),
        pytest.param("A. Too little: 20%\nB. About right: 30%\nC. Too much: 50%", [20, 30, 50],
                     id="letters and texts"),
        pytest.param("A (Too little): 20, B (About right): 30, C (Too much): 50", [20, 30, 50],
                     id="texts in parentheses"),
        pytest.param("| A | Too little | 20 |\n| B | About right | 30 |\n| C | Too much | 50 |",
                     [20, 30, 50], id="table with texts"),
        pytest.param('{"Too little": 20, "About right": 30, "Too much": 50}', [20, 30, 50],
                     id="texts for keys"),
        pytest.param("Too Little: 20%\nabout right: 30%\nTOO MUCH: 50%", [20, 30, 50],
                     id="texts in other case"),
        pytest.param("In 2018 about 60% were for option C, plan 9.\nA: 20, B: 30, C: 50",
                     [20, 30, 50], id="preamble with numbers"),
        pytest.param('A: 20, B: 30, C: 50\n\n{"A": 20, "B": 30, "C": 50}', [20, 30, 50],
                     id="the same twice"),
    ],
)  # fmt: skip
def test_percentages_are_read(text: str, expected: list[float]) -> None:
    """The forms that models use are read alike."""
    assert parse_percentages(text, "ABC", SCALE) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("I cannot answer that.", "no percentage for A, B, C", id="refusal"),
        pytest.param("Je ne peux pas répondre.", "no percentage for A, B, C", id="French refusal"),
        pytest.param("", "no percentage for A, B, C", id="empty"),
        pytest.param("20, 30, 50", "no percentage for A, B, C", id="numbers alone"),
        pytest.param("1: 20, 2: 30, 3: 50", "no percentage for A, B, C", id="numbered"),
        pytest.param('{"A": 20, "B": 80}', "no percentage for C", id="missing letter"),
        pytest.param("A: twenty percent, B: thirty percent, C: 50%", "for A, B", id="words"),
        pytest.param("A: 20-30%, B: 30%, C: 40-50%", "for A, C", id="ranges"),
        pytest.param("A: 20% to 30%, B: 30%, C: 40%", "for A", id="range in words"),
        pytest.param("A: 20 or 25, B: 30, C: 50", "for A", id="alternatives"),
        pytest.param("A: <5%, B: >50%, C: 40%", "for A, B", id="bounds"),
        pytest.param("A: 4.5.6, B: 30, C: 50", "for A", id="no number"),
        pytest.param("A: 20th, B: 30, C: 50", "for A", id="ordinal"),
        pytest.param('{"A": 20, "B": 30, "C": 40, "D": 10}', "names D", id="unknown letter"),
        pytest.param('{"A": 0, "B": 0, "C": 0}', "not shares", id="all zero"),
        pytest.param('{"A": -20, "B": 70, "C": 50}', "not shares", id="negative"),
        pytest.param('{"A": 20, "B": 30, "C": 50} {"A": 25}', "both 20 and 25", id="twice"),
        pytest.param('{"men": {"A": 9, "B": 9, "C": 9}, "women": {"A": 1, "B": 9, "C": 9}}',
                     "both 9 and 1", id="two groups"),
        pytest.param('{"A": {"men": 20}, "B": 30, "C": 50}', "for A", id="split by group"),
        pytest.param("A. Too much: 20\nB. About right: 30\nC. Too little: 50",
                     "calls option C, 'Too much', by the letter A", id="crossed texts"),
        pytest.param("A: 1/4, B: 25%, C: 50%", "mixes fractions", id="fractions and percents"),
        pytest.param("A: 12,500%, B: 30%, C: 50%", "may be 12.500%", id="ambiguous comma"),
        pytest.param("A: 1/0, B: 1/2, C: 1/2", "both nan|not shares", id="division by zero"),
        pytest.param("A lot of people, B", "no percentage for A, B, C", id="article"),
        pytest.param("Way too little: 20, About right: 30, Too much: 50", "for A",
                     id="another text"),
    ],
)  # fmt: skip
def test_what_states_no_distribution_is_unreadable(text: str, reason: str) -> None:
    """Nothing is guessed: the reason is said and the text is kept."""
    with pytest.raises(ParseError, match=reason) as caught:
        parse_percentages(text, "ABC", SCALE)

    assert caught.value.text == text


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=4))
def test_a_reply_that_is_cut_off_anywhere_says_all_or_nothing(shares: list[int]) -> None:
    """Also where the server does not say that it was: `{"A": 10, "B": 9` may have begun 90."""
    letters = "ABCD"[: len(shares)]
    bare = json.dumps(dict(zip(letters, shares, strict=True)))
    quoted = json.dumps(
        {letter: f"{share}%" for letter, share in zip(letters, shares, strict=True)}
    )
    for whole in (bare, f"```json\n{bare}\n```", f"[{bare}]", f"Sure: {quoted}"):
        for end in range(len(whole)):
            try:
                read = parse_percentages(whole[:end], letters)
            except ParseError:
                continue
            assert read == shares


def test_options_that_begin_with_numbers_are_not_taken_for_shares() -> None:
    """In `A. 10 or more: 20%` the 10 belongs to the option; an option `5` is no share either."""
    named = parse_percentages("A. 10 or more: 20%\nB. Fewer: 80%", "AB", ("10 or more", "Fewer"))
    numbers = parse_percentages("A: 7.5, B: 92.5", "AB", ("7", "92"))

    assert (named, numbers) == ([20, 80], [7.5, 92.5])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("B", "B", id="letter"),
        pytest.param(" b\n", "B", id="small letter"),
        pytest.param("B.", "B", id="full stop"),
        pytest.param("(b)", "B", id="parentheses"),
        pytest.param("**B**", "B", id="bold"),
        pytest.param("`B`", "B", id="code"),
        pytest.param('"B"', "B", id="quotes"),
        pytest.param("```\nB\n```", "B", id="fenced"),
        pytest.param("A", "A", id="A alone"),
        pytest.param("Answer: B", "B", id="answer"),
        pytest.param("**Answer:** B", "B", id="bold answer"),
        pytest.param("The answer is (B).", "B", id="answer in a sentence"),
        pytest.param("Option B", "B", id="option"),
        pytest.param("I would choose A.", "A", id="choose A"),
        pytest.param("I choose B because it matters to me.", "B", id="with a reason"),
        pytest.param("I'd go with option C", "C", id="go with"),
        pytest.param("B) About right", "B", id="letter and text"),
        pytest.param("B. About right\n\nI think so because it is a lot.", "B", id="explained"),
        pytest.param("B: the U.S. should keep it.", "B", id="abbreviation"),
        pytest.param("**C. Too much**", "C", id="bold letter and text"),
        pytest.param("About right", "B", id="text"),
        pytest.param("  about right. ", "B", id="text in other case"),
        pytest.param("Answer: Too much", "C", id="answer and text"),
        pytest.param('{"answer": "B"}', "B", id="json"),
        pytest.param('{"answer": "Too much"}', "C", id="json text"),
        pytest.param("La respuesta es: B", "B", id="Spanish"),
        pytest.param("答案：B", "B", id="Chinese"),
        pytest.param("As a Democrat, 60 percent sure.\nAnswer: B", "B", id="preamble"),
        pytest.param("B\nB", "B", id="the same twice"),
    ],
)
def test_one_letter_is_read(text: str, expected: str) -> None:
    """The letter, however it is dressed, or the option's full text."""
    assert parse_letter(text, "ABC", SCALE) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "chooses no option", id="empty"),
        pytest.param("I can't answer that as an AI.", 'says "can\'t answer"', id="refusal"),
        pytest.param("B. I don't know.", 'says "don\'t know"', id="letter of a refusal"),
        pytest.param("I don't have opinions. However: B", "don't have", id="hedged refusal"),
        pytest.param("I, as a person, would say it depends.", "chooses no option", id="pronoun"),
        pytest.param("A difficult question.", "chooses no option", id="article"),
        pytest.param("Lo siento, no puedo.", 'says "?.Lo siento', id="Spanish refusal"),
        pytest.param("D", "chooses D", id="letter not shown"),
        pytest.param("Answer: E (B)", "chooses B and E", id="two, one not shown"),
        pytest.param("B or C", "chooses no option", id="or"),
        pytest.param("Answer: B or A", "chooses A and B", id="answer with or"),
        pytest.param("Answer: A and B", "chooses no option", id="and"),
        pytest.param("It is either B or C.", "chooses no option", id="either"),
        pytest.param("A: some\nB: others", "chooses A and B", id="both discussed"),
        pytest.param("A. Too little\nB. About right\nC. Too much", "A and B and C", id="echo"),
        pytest.param("I would not choose B.", "says no", id="negation"),
        pytest.param("I wouldn't say (B)", "says no", id="short negation"),
        pytest.param("Anything but that, not option C", "says no", id="not"),
        pytest.param("B. Too much", "calls option C by the letter B", id="letter against text"),
        pytest.param(
            "**Too much** (B)", "calls option C by the letter B", id="text before letter"
        ),
        pytest.param("2", "chooses no option", id="number"),
        pytest.param("Too", "chooses no option", id="truncated text"),
        pytest.param("Too little or too much", "chooses no option", id="two texts"),
        pytest.param("Most people like me think about it a lot", "no option", id="prose"),
    ],
)
def test_reply_that_chooses_no_single_option_is_unreadable(text: str, reason: str) -> None:
    """Two letters, a negation or a letter with another option's text are not interpreted."""
    with pytest.raises(ParseError, match=reason) as caught:
        parse_letter(text, "ABC", SCALE)

    assert caught.value.text == text


def test_letters_within_an_options_text_are_not_choices() -> None:
    """`A. Hepatitis B` chooses A."""
    assert parse_letter("A. Hepatitis B", "AB", ("Hepatitis B", "Measles")) == "A"


def test_option_that_sounds_like_a_refusal_can_be_chosen() -> None:
    """Where not being sure is an option, it is an answer."""
    assert parse_letter("B. Not sure", "AB", ("Yes", "Not sure")) == "B"
    assert parse_letter("Not sure", "AB", ("Yes", "Not sure")) == "B"


def test_numeric_options_are_read_by_letter_or_number() -> None:
    """On a scale of 1 to 3 the reply `3` is the option's text."""
    assert parse_letter("3", "ABC", ("1", "2", "3")) == "C"
    assert parse_letter("C. 3", "ABC", ("1", "2", "3")) == "C"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('["A", "B", "A", "C", "B", "A"]', id="json list"),
        pytest.param('{"answers": ["A", "B", "A", "C", "B", "A"]}', id="json object"),
        pytest.param('{"1":"A","2":"B","3":"A","4":"C","5":"B","6":"A"}', id="numbered object"),
        pytest.param("A B A C B A", id="spaces"),
        pytest.param("A, B, A, C, B, A.", id="commas"),
        pytest.param("A\nB\nA\nC\nB\nA", id="lines"),
        pytest.param("1. A\n2. B\n3. A\n4. C\n5. B\n6. A", id="numbered lines"),
        pytest.param("- A\n- B\n- A\n- C\n- B\n- A", id="bullets"),
        pytest.param("ABACBA", id="run together"),
        pytest.param("Here are the answers: A, B, A, C, B, A. I hope this helps.", id="prose"),
        pytest.param("Person 1: A\nPerson 2: B\nPerson 3: A\nPerson 4: C\nPerson 5: B\n"
                     "Person 6: A", id="persons"),
        pytest.param("1. A. Too little\n2. B. About right\n3. A. Too little\n4. C. Too much\n"
                     "5. B. About right\n6. A. Too little", id="with texts"),
    ],
)  # fmt: skip
def test_list_of_letters_is_read_in_order(text: str) -> None:
    """All ways to write a list down are read alike."""
    assert "".join(parse_letters(text, "ABC", SCALE, n_answers=6)) == "ABACBA"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "holds 0 answers", id="empty"),
        pytest.param("I cannot simulate people.", "0 lists", id="refusal"),
        pytest.param("A, B", "holds 2 answers; about 6", id="fewer than half"),
        pytest.param("A " * 13, "holds 13 answers; about 6", id="more than twice"),
        pytest.param("A, B, A, D, B, A", "names D", id="letter not shown"),
        pytest.param("Men: A, B, A. Women: B, B, A.", "2 lists", id="two lists"),
        pytest.param("A: 3, B: 2, C: 1", "3 lists", id="counts"),
        pytest.param("Yes, No, Yes, Yes, No, No", "0 lists", id="words"),
    ],
)
def test_what_is_no_list_of_letters_is_unreadable(text: str, reason: str) -> None:
    """A list that is far too short, too long or not of these letters is not counted."""
    with pytest.raises(ParseError, match=reason) as caught:
        parse_letters(text, "ABC", SCALE, n_answers=6)

    assert caught.value.text == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('["Is it good?", "Do you like it?"]', id="json list"),
        pytest.param('```json\n["Is it good?", "Do you like it?",]\n```', id="fenced"),
        pytest.param('{"1": "Is it good?", "2": "Do you like it?"}', id="json object"),
        pytest.param('{"wordings": ["Is it good?", "Do you like it?"]}', id="nested list"),
        pytest.param("1. Is it good?\n2. Do you like it?", id="numbered lines"),
        pytest.param("Sure:\n\n1) **Is it good?**\n - Yes\n2) Do you like it?", id="options"),
        pytest.param(
            '["Is it good?", "", 3, "Yes; No", null, "is it  good", "Do you like it?"]', id="flaws"
        ),
    ],
)
def test_wordings_are_read_once_each(text: str) -> None:
    """Empty entries, entries that are not text and repetitions fall out."""
    assert parse_wordings(text, ("Yes", "No")) == ["Is it good?", "Do you like it?"]


@pytest.mark.parametrize(
    "text",
    ["", '{"1": "Yes; No", "2": "No"}', "I cannot help with that.", "[]", "Is it good?", "[1, 2]"],
)
def test_reply_without_wordings_is_unreadable(text: str) -> None:
    """Prose is not taken for a wording."""
    with pytest.raises(ParseError, match="no list of wordings"):
        parse_wordings(text, ("Yes", "No"))


@pytest.mark.parametrize(
    "reply",
    [
        '{"A": 10, "B": 30, "C": 60}',
        '{"A":10,"B":30,"C":60}',
        '{\n  "A": 10.0,\n  "B": 30.00,\n  "C": 060\n}\n',
    ],
)
def test_bare_object_is_read_as_it_is_within_words(reply: str) -> None:
    """The shape that nearly all replies have is recognised at once, and means the same."""
    assert parse_percentages(reply, "ABC", SCALE) == [10, 30, 60]
    assert parse_percentages(f"Sure: {reply} I think", "ABC", SCALE) == [10, 30, 60]


def test_bare_object_of_nothing_is_no_distribution() -> None:
    """All zero has no shares, in whatever shape."""
    with pytest.raises(ParseError, match="not shares of a whole"):
        parse_percentages('{"A": 0, "B": 0, "C": 0}', "ABC", SCALE)
