"""One line about what goes on: written over on a terminal, and a line now and then in a log."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, TextIO

from distexp.visible import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

TERMINAL_EVERY_S = 0.1
LOG_EVERY_S = 10.0
BAR = 16
"""Characters of the bar."""
LEAST_FOR_BAR = 60
"""Columns of the narrowest terminal that has one."""


class Line:
    """Shows how far something is, on standard error.

    Parameters
    ----------
    shown : bool
        False shows nothing.
    stays : bool
        Whether the last line stays on a terminal.
    stream : file, optional
        Where to write; standard error by default.
    """

    off: ClassVar[bool] = False
    """Whether this process shows none at all."""

    def __init__(self, *, shown: bool, stays: bool = True, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = shown = shown and not self.off
        self._stays = stays
        dumb = os.environ.get("TERM", "") in {"dumb", "unknown"}
        self.on_terminal = shown and self._stream.isatty() and not dumb
        self._every_s = TERMINAL_EVERY_S if self.on_terminal else LOG_EVERY_S
        self._written = time.monotonic()
        self._live: Live | None = None

    def tick(self, text: Callable[[], str], share: float | None = None) -> None:
        """Show a text if it is time for one.

        Parameters
        ----------
        text : callable
            Returns it.
        share : float, optional
            How much is done, of 0 to 1: shown as a bar on a terminal.
        """
        if self._shown and time.monotonic() - self._written >= self._every_s:
            self.show(text(), share)

    def show(self, text: str, share: float | None = None) -> None:
        """Show a text now."""
        if not self._shown:
            return
        self._written = time.monotonic()
        if not self.on_terminal:
            self._stream.write(f"{one_line(text)}\n")
            self._stream.flush()
            return
        if self._live is None:
            self._live = self._started()
        self._live.update(self._drawn(one_line(text), share), refresh=True)

    def close(self) -> None:
        """Let the last text stay, or take it away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _started(self) -> "Live":
        from rich.console import Console
        from rich.live import Live

        console = Console(
            file=self._stream, width=self._columns(), force_terminal=True, highlight=False
        )
        live = Live(
            console=console,
            auto_refresh=False,
            transient=not self._stays,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live

    def _drawn(self, text: str, share: float | None) -> "RenderableType":
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        words = Text(text, no_wrap=True, overflow="ellipsis")
        if share is None or self._columns() < LEAST_FOR_BAR:
            return words
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=1.0, completed=share, width=BAR), words)
        return grid

    def _columns(self) -> int:
        """Return how long a line may be; standard output need not be the same terminal."""
        columns = shutil.get_terminal_size().columns
        if "COLUMNS" not in os.environ:
            with suppress(OSError):  # no terminal after all
                columns = os.get_terminal_size(self._stream.fileno()).columns or columns
        return columns - 1
