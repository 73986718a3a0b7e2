"""What is shown while calls run."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

from distexp.asking.progress import Progress
from distexp.request import Response


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


def test_line_of_several_models_says_how_far_each_is() -> None:
    """The one that takes longest comes first, and the time left is its own."""
    progress = Progress("asking 3 models", total=190, shown=False)
    progress.begin({"quick": 100, "slow": 60, "done": 30})
    for model, n in (("quick", 50), ("slow", 10), ("done", 30)):
        for _ in range(n):
            progress.answered(answer(), model)

    assert progress.line(10.0) == (
        "asking 3 models: 90 of 190 calls, 540/min, 50 s left, slow 10/60, quick 50/100"
    )


def test_model_that_is_given_up_is_named_and_not_waited_for() -> None:
    """The time left is that of the others."""
    progress = Progress("asking 2 models", total=20, shown=False)
    progress.begin({"dead": 10, "well": 10})
    for _ in range(5):
        progress.answered(answer(), "well")
    progress.given_up("dead")

    assert progress.line(60.0) == (
        "asking 2 models: 5 of 20 calls, 5/min, 60 s left, well 5/10, dead given up"
    )


def test_line_names_no_more_than_four_models() -> None:
    """Of a large sweep the others are counted."""
    progress = Progress("asking 9 models", total=90, shown=False)
    progress.begin({f"m{number}": 10 for number in range(9)})

    assert progress.line(1.0).endswith("m0 0/10, m1 0/10, m2 0/10, m3 0/10, 5 more")


def test_answers_that_others_paid_for_are_hits() -> None:
    """There is one call less to make; what others are still asking for is said."""
    progress = Progress("asking m", total=10, hits=3, shown=False)
    progress.begin({"m": 10})
    progress.answered(answer(), "m")
    progress.shared("m")
    progress.elsewhere(2)

    assert progress.line(60.0) == (
        "asking m: 1 of 9 calls, 4 from the cache, 1/min, 2 asked by another process, 8 min left"
    )


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
    """It is cut where it would break, and the last one stays."""
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    progress = Progress("asking a model with a long name", total=2, stream=stream)
    progress.close()

    assert set(frames(stream.getvalue())) == {"asking a model with a long n…"}


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_no_colours_where_none_are_wanted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """`NO_COLOR` leaves the line and no colour; a dumb terminal gets plain lines, as a log."""
    monkeypatch.setenv(name, "dumb")
    stream = Terminal()
    progress = Progress("asking m", total=2, stream=stream)
    progress.begin({"m": 2})
    progress.close()

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", stream.getvalue())
    assert ("\x1b" in stream.getvalue()) == (name == "NO_COLOR")


def frames(written: str) -> list[str]:
    """Return the lines that a terminal shows one after the other, without what moves it."""
    parts = re.split(r"\x1b\[2K|\r|\n", written)
    plain = (re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", part).strip() for part in parts)
    return [part for part in plain if part]


ASKING = """
import time
from distexp.asking.progress import Progress
from distexp.request import Response

progress = Progress("asking 2 models", total=40, hits=7)
progress.begin({"a-model": 20, "another-model": 20})
for number in range(40):
    time.sleep(0.01)
    progress.failed("busy")
    model = ("a-model", "another-model")[number % 2]
    progress.answered(Response(text="", finish_reason="stop", cost_usd=0.5), model)
progress.close()
print("table")
"""


def shown_on_terminal(columns: int) -> tuple[str, str]:
    """Run calls with standard error on a terminal of this width, and return both outputs."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    child = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdout=subprocess.PIPE, stderr=slave, env=environment
    )
    os.close(slave)
    written = b""
    with suppress(OSError):  # how Linux says that the other end was closed
        while part := os.read(master, 4096):
            written += part
    os.close(master)
    stdout, _ = child.communicate()
    return written.decode(), stdout.decode()


@pytest.mark.parametrize("columns", [50, 200])
def test_real_terminal_shows_one_line_that_is_written_over(columns: int) -> None:
    """No frame is wider than the terminal; the last one stays, and the table follows below it."""
    written, stdout = shown_on_terminal(columns)

    shown = frames(written)
    assert len(shown) >= 4
    assert all(len(frame) < columns for frame in shown)
    assert "asking 2 models: 0 of 40 calls, 7 from the cache"[: columns - 3] in shown[0]
    assert "asking 2 models: 40 of 40 calls, 7 from" in shown[-1]
    if columns == 200:
        assert shown[-1].endswith("/s, 40 attempts failed, $20.00")
        assert any(", a-model " in one and ", another-model " in one for one in shown)
    assert written.rstrip("\x1b[?25h").endswith("\r\n")
    assert stdout == "table\n"


def test_nothing_is_shown_where_nothing_is_wanted() -> None:
    """progress=false is silent."""
    stream = io.StringIO()
    progress = Progress("asking m", total=1, shown=False, stream=stream)
    progress.answered(answer())
    progress.close()

    assert stream.getvalue() == ""
