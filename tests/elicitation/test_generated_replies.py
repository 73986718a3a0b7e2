"""Replies that are made up with the truth known: nothing is read that is not true."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distexp.elicitation.reply.choices import parse_letter
from distexp.elicitation.reply.folding import fold
from distexp.elicitation.reply.listing import parse_letters, parse_wordings
from distexp.elicitation.reply.parsing import parse_percentages
from distexp.elicitation.reply.thoughts import split
from distexp.errors import ParseError
from tests.elicitation import replies
from tests.elicitation.replies import DASHES, RANGES, ZEROS, outcome

SCALE = ("Too little", "About right", "Too much")
HOSTILE = (
    '[', '{', '(', ')', ']', '`', '"', "'", '*', '_', '-', '|', 'A', 'A: ', 'A-', 'A) ', '(A) ',
    'A: 1 ', 'A: 1% - x ', 'A: 1% (x ', '"A": ', '{"A": 1, ', '[{"a":', '1', '1,', '1/', '\n',
    '\n ', ' \t', '<', '<|a', '<think>', '</think>', '&lt;', '$a ', '\\text{', 'about ',
    "I can't ", 'as an ai ', 'option ', 'the answer is ', 'too ', 'too little ',
    'Too much (A) ', 'person 1: ', '1. A\n', 'A B ', 'A A ', 'no ', '例', '。', '🅰️', '\u200b',
    '<|channel|>final', 'analysisX', '//', '/* ', '# x', 'e.g. ',
)  # fmt: skip


@settings(max_examples=200)
@given(
    maker=st.sampled_from(sorted(set(replies.MAKERS), key=lambda maker: maker.__name__)),
    seed=st.integers(0, 2**32),
)
def test_every_reply_reads_to_its_truth_or_not_at_all(maker: object, seed: int) -> None:
    """All elicitations, spellings, decorations, thoughts, ranges, refusals and garbage."""
    assert callable(maker)
    made = maker(Random(seed))

    assert outcome(made) != "wrong", f"{made.response.text!r} of {made.question.options}"


def test_most_replies_that_hold_an_answer_are_read() -> None:
    """A reader that read nothing would never be wrong: of 400 answers 9 in 10 are read."""
    chance = Random(1)
    came = [outcome(maker(chance)) for maker in replies.MAKERS[:6] for _ in range(130)]

    assert came.count("read") > 400
    assert came.count("missed") < came.count("read") / 10


@settings(max_examples=200)
@given(
    share=st.integers(0, 99),
    width=st.integers(1, 50),
    between=st.one_of(st.sampled_from(RANGES), st.sampled_from(DASHES)),
    sign=st.sampled_from(["%", " %", "", "٪"]),
    zero=st.sampled_from(ZEROS),
)
def test_no_range_is_read(share: int, width: int, between: str, sign: str, zero: str) -> None:
    """Of any dash, sign or word between two numbers neither number is taken."""
    low, high = (
        "".join(chr(ord(zero) + int(digit)) for digit in str(number)) + sign
        for number in (share, share + width)
    )

    with pytest.raises(ParseError):
        parse_percentages(f"A: {low}{between}{high}\nB: 50%", "AB")


@settings(max_examples=200)
@given(
    thousandths=st.lists(st.integers(0, 99_999), min_size=2, max_size=2).filter(any),
    zero=st.sampled_from(ZEROS),
    point=st.sampled_from([".", ",", "٫"]),
    n_places=st.integers(1, 3),
    sign=st.sampled_from(["", "%", " %", "％", "\u202f%"]),
)
def test_decimals_of_every_script_read_to_themselves(
    thousandths: list[int], zero: str, point: str, n_places: int, sign: str
) -> None:
    """Or to nothing: what may be thousands is only read where both ways say the same."""
    numbers = [f"{n / 10**n_places:.{n_places}f}" for n in thousandths]
    written = [
        "".join(point if c == "." else chr(ord(zero) + int(c)) for c in number) + sign
        for number in numbers
    ]
    truth = [float(number) / sum(map(float, numbers)) for number in numbers]
    try:
        read = parse_percentages(f"A: {written[0]}\nB: {written[1]}", "AB")
    except ParseError:
        assert n_places == 3  # thousands have three digits, too
        return

    assert [value / sum(read) for value in read] == pytest.approx(truth)


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_repetition_is_read_to_its_end(piece: str) -> None:
    """76 kB of one piece took 23 s, and nested brackets ended the program."""
    text = piece * (76_000 // len(piece))
    for read in (
        lambda: parse_percentages(text, "ABC", SCALE),
        lambda: parse_letter(text, "ABC", SCALE),
        lambda: parse_letters(text, "ABC", SCALE, 30),
        lambda: parse_wordings(text, SCALE),
    ):
        with suppress(ParseError):  # `A: A: A: ` may be a choice; what counts is the end
            read()
    assert len(split(text).answer or "") <= len(text)


@settings(max_examples=300)
@given(st.text(max_size=300))
@example("\ud800 A: 20, B: 80, C: 0")
@example('{"A": ' + "9" * 310 + ', "B": 1, "C": 1}')
@example("A: " + "9" * 5000)
@example("{" * 900 + '"A": 1')
def test_no_text_ends_the_program(text: str) -> None:
    """Whatever it holds, it is read or it is unreadable."""
    fold(text)
    for read in (
        lambda: parse_percentages(text, "ABC", SCALE),
        lambda: parse_letter(text, "ABC", SCALE),
        lambda: parse_letters(text, "ABC", SCALE, 30),
        lambda: [wording.encode() for wording in parse_wordings(text, SCALE)],
    ):
        with suppress(ParseError):
            read()
