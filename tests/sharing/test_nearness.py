"""Which numbers in tables and texts are the same but for the last digits."""

import polars as pl
import pytest

from distexp.sharing.nearness import first_line, furthest, renamed, unequal


@pytest.mark.parametrize(
    ("there", "here", "in_print", "in_full"),
    [
        ("W1 0.1234", "W1 0.1235", True, False),
        ("W1 0.1234", "W1 0.1236", False, False),
        ("[0.1, 2.5]", "[0.1, 2.50000000001]", True, True),
        ("0.1", "0.09999999999999998", True, True),
        ("0.1", "0.2", True, False),  # one digit is little, and all that there is
        ("gap 22 %", "gap 23 %", True, False),
        ("gap 22 %", "gap 24 %", False, False),
        ("22 questions", "23 questions", False, False),
        ("| a | -0.0 |\n|---|------|", "| a |  0.0 |\n|---|-----|", True, True),
        ("of 9.99 to", "of 10.00 to", True, False),
        ("L 12 7.5", "L 11.999999 7.5", True, False),
        ("3.0e9", "3.000000001e9", True, True),
        ("1e-17", "0.0", True, True),
        ("1e999", "2e999", False, False),
        ("seed1.5b", "seed1.6b", False, False),
        ("better", "worse", False, False),
        ("0.5", "0.5 0.5", False, False),
        ("0.5\n", "0.5", False, False),
    ],
)
def test_texts_are_the_same_but_for_the_last_digits(
    there: str, here: str, in_print: bool, in_full: bool
) -> None:
    """Printed to few digits, by 1 in the last one; else by 1e-9; counts and words are equal."""
    found = [
        first_line(one.encode(), other.encode(), exact=False, printed=printed) is None
        for printed in (True, False)
        for one, other in ((there, here), (here, there))
    ]

    assert found == [in_print, in_print, in_full, in_full]
    assert first_line(there.encode(), here.encode(), exact=True, printed=True) is not None


def test_tables_are_compared_value_by_value() -> None:
    """Numbers to 1e-9 of the larger one above 1, undefined ones and counts as they are."""
    nan = float("nan")
    old = pl.DataFrame(
        {"x": [0.1, 0.1, 5000.0, nan, None, nan], "n": [1, 2, 3, 4, 5, 6], "s": ["a 0.1"] * 6}
    )
    new = pl.DataFrame(
        {
            "x": [0.1 + 5e-10, 0.1 + 2e-9, 5000.000001, nan, None, 0.5],
            "n": [1, 2, 3, 4, 5, 7],
            "s": ["a 0.1"] * 4 + ["a 0.10000000001", "b 0.1"],
        }
    )

    parted = unequal(old, new)

    assert parted["x"].to_list() == [False, True, False, False, False, True]
    assert parted["n"].to_list() == [False] * 5 + [True]
    assert parted["s"].to_list() == [False] * 5 + [True]
    assert furthest(old, new) == pytest.approx(1e-6)


def test_parts_of_a_drawing_are_known_by_their_order() -> None:
    """Their names are digests, which hang on the last bit; what refers to what is compared."""
    one = b'<clipPath id="p8ae46a9e50"/><path clip-path="url(#p8ae46a9e50)"/><g id="axes_1"/>'
    other = one.replace(b"p8ae46a9e50", b"pdb4ade4e0e")
    elsewhere = other.replace(b"#pdb4ade4e0e", b"#p0123456789")

    assert renamed(one) == renamed(other) != renamed(elsewhere)
    assert b'id="axes_1"' in renamed(one)
