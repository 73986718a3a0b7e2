"""Which rows of a report stand on a terminal where not all fit."""

import math

from hypothesis import given
from hypothesis import strategies as st

from distexp.evaluation.scores import Score
from distexp.report.brief import Row, shown_rows


def row(method: str, w1: float, prompt: str = "base") -> Row:
    """Return a row of one method with a distance."""
    score = Score(
        calibrator=method, metric="w1", value=w1, low=w1, high=w1,
        n_questions=1, n_groups=1, n_respondents=math.nan,
    )  # fmt: skip
    return Row(({"prompt": prompt},), method, {"w1": score})


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
    st.integers(5, 12),
)
def test_an_uncalibrated_row_is_among_them(
    calibrated: list[float], raw: list[float], n: int
) -> None:
    """However far off it is: nobody can judge a calibration without it."""
    rows = [
        *(row(f"c{number}", w1) for number, w1 in enumerate(calibrated)),
        *(row("identity", w1, f"p{number}") for number, w1 in enumerate(raw)),
        row("train_mean", 0.5),
        row("ceiling", 0.1),
    ]

    shown = shown_rows(rows, n)

    methods = [one.method for one in shown]
    assert len(shown) == min(n, len(rows))
    assert {"identity", "train_mean", "ceiling"} <= set(methods)
    distances = [
        one.scores["w1"].value for one in shown if one.method not in {"train_mean", "ceiling"}
    ]
    if len(shown) < len(rows):
        assert distances == sorted(distances)


def test_main_job_shows_both_prompts_uncalibrated() -> None:
    """Six rows of methods that ask the model in four places, none of them left to ridge alone."""
    rows = [
        row("auto", 0.151), row("auto", 0.152, "persona"), row("blind", 0.150),
        row("ridge", 0.202), row("ridge", 0.203, "persona"),
        row("identity", 0.201), row("identity", 0.205, "persona"),
        row("train_mean", 0.151), row("ceiling", 0.014),
    ]  # fmt: skip

    shown = [(one.method, one.scores["w1"].value) for one in shown_rows(rows, 8)]

    assert shown[:6] == [
        ("blind", 0.150), ("auto", 0.151), ("auto", 0.152),
        ("identity", 0.201), ("ridge", 0.202), ("identity", 0.205),
    ]  # fmt: skip
    assert shown[6:] == [("train_mean", 0.151), ("ceiling", 0.014)]


def test_the_calibrator_that_the_sentences_speak_of_is_among_them() -> None:
    """However near others are: what was said of it has to be seen."""
    rows = [
        row("auto", 0.118), row("auto", 0.121, "persona"), row("blind", 0.089),
        row("ridge", 0.088), row("ridge", 0.087, "persona"),
        row("identity", 0.103), row("identity", 0.119, "persona"),
        row("train_mean", 0.089), row("ceiling", 0.045),
    ]  # fmt: skip

    shown = [(one.method, one.scores["w1"].value) for one in shown_rows(rows, 7, {"auto"})]

    assert shown == [
        ("ridge", 0.087), ("identity", 0.103), ("auto", 0.118), ("identity", 0.119),
        ("auto", 0.121), ("train_mean", 0.089), ("ceiling", 0.045),
    ]  # fmt: skip
