"""What is shown while calls run."""

import io

import pytest

from distexp.progress import Progress
from distexp.types import Response


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def answer(usd: float | None = None) -> Response:
    """Make an answer."""
    return Response(text="", finish_reason="stop", cost_usd=usd)


def test_line_has_calls_hits_speed_failures_cost_and_time_left() -> None:
    """All of it in one line, in words."""
    progress = Progress("asking m", total=1000, hits=20, shown=False)
    for _ in range(250):
        progress.answered(answer(0.001))
    progress.failed("Model m is busy.")

    assert progress.line(10.0) == (
        "asking m: 250 of 1,000 calls, 20 from the cache, 25/s, 1 attempts failed, $0.25, "
        "30 s left, Model m is busy."
    )


def test_line_leaves_out_what_there_is_not() -> None:
    """No hits, no failures, no price: nothing is said of them; a slow speed is per minute."""
    progress = Progress("asking m", total=4, shown=False)
    progress.answered(answer())

    assert progress.line(30.0) == "asking m: 1 of 4 calls, 2/min, 90 s left"


def test_an_answer_ends_the_complaint() -> None:
    """The last failure is shown only until something is answered."""
    progress = Progress("asking m", total=4, shown=False)
    progress.failed("busy")
    progress.answered(answer())

    assert "busy" not in progress.line(1.0)


def test_log_gets_plain_lines() -> None:
    """Without a terminal there is nothing that moves the cursor, and the last line is whole."""
    stream = io.StringIO()
    progress = Progress("asking m", total=2, stream=stream)
    progress.answered(answer())
    progress.answered(answer())
    progress.close()

    assert stream.getvalue().startswith("asking m: 2 of 2 calls")
    assert stream.getvalue().count("\n") == 1
    assert "\r" not in stream.getvalue()


def test_terminal_gets_one_line_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written over, and cut where it would break."""
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    progress = Progress("asking a model with a long name", total=2, stream=stream)
    progress.close()

    assert stream.getvalue() == "\r\x1b[Kasking a model with a long nam"[: 4 + 29] + "\n"


def test_nothing_is_shown_where_nothing_is_wanted() -> None:
    """progress=false is silent."""
    stream = io.StringIO()
    progress = Progress("asking m", total=1, shown=False, stream=stream)
    progress.answered(answer())
    progress.close()

    assert stream.getvalue() == ""
