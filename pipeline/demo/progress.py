"""How far a run is: live on a terminal, in plain lines in a log, and never silent for long."""

import contextlib
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

LINE_SECONDS = 3.0
"""Between two lines of a phase in a log."""
SILENT_SECONDS = 8.0
"""After so long without a line a log is told that the phase still lasts."""


def console(*, stderr: bool = False) -> Console:
    """Where a run tells of itself; lines are broken on a terminal, and left whole in a log.

    Args:
        stderr: not on standard output, which carries a result.
    """
    made = Console(stderr=stderr, highlight=False)
    made.soft_wrap = not made.is_terminal
    return made


class ProgressLines:
    """Tells how far a phase is, from any thread, for the time of a ``with`` block.

    On a terminal the phase that runs is a live line, with the time it has taken; one that is done stays as a line. A
    log gets a line every few seconds, and one at the end.

    Args:
        to: where to.
        silent: seconds without a line after which a log is told that the phase still lasts.
    """

    def __init__(self, to: Console, silent: float = SILENT_SECONDS) -> None:
        self._console = to
        self._silent = silent
        self._lock = threading.RLock()
        self._phase = ""
        self._finished = ""
        self._line = ""
        self._begun = self._told = time.monotonic()
        self._live: Progress | None = None
        self._task: TaskID | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._break_silence, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if not self._console.is_terminal:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._end()

    def __call__(self, phase: str, done: int, total: int | None, detail: str = "") -> None:
        """Note progress.

        Args:
            phase: its name; another one ends the one before.
            done: how much of it is done.
            total: how much there is; None when nobody knows.
            detail: what else there is to say.
        """
        count = f"{done:>5}" + (f" of {total}" if total is not None else "")
        with self._lock:
            self._enter(phase)
            finished = total is not None and done >= total
            self._line = f"  {phase:<10} {count}" + (f"   {detail}" if detail else "")
            if finished and phase != self._finished:
                self._end()
                self._finished = phase
                self._say(phase, count, detail)
            elif self._console.is_terminal:
                self._show(phase, count, detail)
            elif time.monotonic() - self._told > LINE_SECONDS:
                self._say(phase, count, detail)

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Say for the time of a ``with`` block that something is done of which nobody knows how far it is.

        Args:
            what: a noun or a verb, such as ``counting``.
        """
        with self._lock:
            self._enter(what)
            self._line = f"  {what}"
            if self._console.is_terminal:
                self._show(what, "", "")
        try:
            yield
        finally:
            with self._lock:
                self._end()

    def _enter(self, phase: str) -> None:
        if phase != self._phase:
            self._end()
            self._phase, self._begun = phase, time.monotonic()

    def _end(self) -> None:
        """The phase's live line goes; in a log nothing is said of it any more."""
        self._phase = self._line = ""
        if self._live is not None:
            self._live.stop()
        self._live = self._task = None

    def _say(self, phase: str, count: str, detail: str) -> None:
        self._told = time.monotonic()
        if self._console.is_terminal:
            row = Table.grid(Column(no_wrap=True), Column(), padding=(0, 3, 0, 0))
            row.add_row(f"  {phase:<10} {count}", detail)
            self._console.print(row)
        else:
            self._console.print(f"  {phase:<10} {count}" + (f"   {detail}" if detail else ""), markup=False)

    def _show(self, phase: str, count: str, detail: str) -> None:
        if self._live is None:
            self._live = Progress(
                SpinnerColumn("line", table_column=Column(width=1)),
                TextColumn(
                    "{task.description:<10} {task.fields[count]}", markup=False, table_column=Column(no_wrap=True)
                ),
                TimeElapsedColumn(),
                TextColumn(
                    "{task.fields[detail]}",
                    markup=False,
                    table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                ),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._task = self._live.add_task(phase, total=None, count=count, detail=detail)
            self._live.start()
        elif self._task is not None:
            self._live.update(self._task, count=count, detail=detail)

    def _break_silence(self) -> None:
        while not self._over.wait(min(1.0, self._silent / 2)):
            with self._lock:
                now = time.monotonic()
                if self._line and now - max(self._told, self._begun) > self._silent:
                    self._told = now
                    self._console.print(f"{self._line}   (for {now - self._begun:.0f} s)", markup=False)
