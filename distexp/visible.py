"""Text from outside made visible: what a file, a reply or a server holds is data.

A terminal obeys control characters, a bidirectional mark turns what follows it, and a spreadsheet
computes what begins like a formula. Here all of that becomes text that can be seen. What Markdown
would make of a text is in `distexp.report.markdown`.
"""

import errno
import io
import math
import os
import re
from collections.abc import Callable
from typing import TextIO

from distexp.errors import DistexpError

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for the tab and the end of a line
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # marks, separators
    "\ud800-\udfff\U000e0000-\U000e007f]"  # half characters, tags
)
_BREAK = re.compile("[\t\n\v\f\r]+")
_FORMULA = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?\s?%?")


def visible(text: str) -> str:
    r"""Return a text in which whatever a terminal would obey, or refuse, is escaped.

    The tab and the end of a line stay.

    Examples
    --------
    >>> visible("\x1b[31mred\u202e")
    '\\x1b[31mred\\u202e'
    """
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)


def one_line(text: str) -> str:
    r"""Return a text in one visible line, each stretch of white space as one space.

    Examples
    --------
    >>> one_line("no\n such file\x07")
    'no such file\\x07'
    """
    return " ".join(visible(_BREAK.sub(" ", text)).split())


def sentence(text: str) -> str:
    """Return a text that ends as a sentence does, for another one to follow.

    Examples
    --------
    >>> sentence("status 500: boom"), sentence("No key."), sentence("")
    ('status 500: boom.', 'No key.', '')
    """
    return text if not text or text.endswith((".", "!", "?", "。", "؟")) else f"{text}."


def in_spreadsheet(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: such a one begins with `'`.

    Numbers stay as they are.

    Examples
    --------
    >>> in_spreadsheet("=1+1"), in_spreadsheet("-5"), in_spreadsheet("Yes")
    ("'=1+1", '-5', 'Yes')

    References
    ----------
    OWASP, CSV Injection.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def counted(n: int, thing: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "column"), counted(2000, "column")
    ('1 column', '2,000 columns')
    """
    return f"{n:,} {thing}{'s' * (n != 1)}"


def signed(share: float) -> str:
    """Return a gain or loss in percent; a loss of more than ten times is not told more exactly.

    Examples
    --------
    >>> signed(0.384), signed(-407.992)
    ('+38.4%', 'under -999%')
    """
    return "under -999%" if share < -9.995 else f"{share:+.1%}"


def within(low: object, high: object, shown: Callable[[float], str]) -> str:
    """Return an interval in brackets behind a space; nothing where an end is unknown.

    Examples
    --------
    >>> within(0.25, 0.5, signed), within(None, 0.5, signed), within(math.nan, math.nan, signed)
    (' [+25.0%, +50.0%]', '', '')
    """
    ends = [end for end in (low, high) if isinstance(end, int | float) and not math.isnan(end)]
    return f" [{shown(ends[0])}, {shown(ends[1])}]" if len(ends) == 2 else ""


class VisibleStream(io.TextIOWrapper):
    """Standard output on which text is visible, and which may be closed by whoever reads it.

    Parameters
    ----------
    stream : file
        What it takes the place of.
    escape : bool
        False writes text as it is, for a stream that moves the cursor.
    """

    def __init__(self, stream: TextIO, *, escape: bool = True) -> None:
        stream.flush()
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors="replace",  # what a terminal has no character for
            newline="\n",
            line_buffering=not escape or stream.isatty(),
        )
        self._escape = escape

    def write(self, text: str) -> int:
        """Write a text; once nobody reads any more it goes nowhere.

        Raises
        ------
        DistexpError
            If it cannot be written for another reason.
        """
        try:
            super().write(visible(text) if self._escape else text)
        except OSError as exc:
            self._lost(exc)
        return len(text)

    def write_as_is(self, text: str) -> None:
        """Write what was made visible before, and has colours; see `write`."""
        try:
            super().write(text)
        except OSError as exc:
            self._lost(exc)

    def flush(self) -> None:
        """Write what waits; see `write`."""
        try:
            super().flush()
        except OSError as exc:
            self._lost(exc)

    def _lost(self, exc: OSError) -> None:
        """Write nowhere from now on: `| head` has seen enough, and a run goes on without it."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if exc.errno != errno.EPIPE:
            raise DistexpError(f"What is to be shown cannot be written: {exc.strerror}.") from exc
