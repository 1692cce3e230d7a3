"""A terminal of a width, in which a command runs, and what its user sees."""

import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from fcntl import ioctl
from pathlib import Path

import pyte

LINES = 60
MORE = 400
"""Columns of the screen that is looked at: what is wider than the terminal is seen there, not wrapped."""


class Terminal:
    """A pseudo-terminal and its screen.

    Args:
        command: what runs in it.
        columns: its width.
        folder: where the command runs.
        environment: the command's own variables.

    Attributes:
        process: the command.
        widest: columns of the longest line that was ever on the screen.
    """

    def __init__(self, command: Sequence[str], columns: int, folder: Path, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR", "CI")}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, **environment, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # What is typed there is the command's, Ctrl-C too.
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._screen = pyte.HistoryScreen(MORE, LINES, history=10_000)
        self._stream = pyte.ByteStream(self._screen)
        self.widest = 0

    def type(self, keys: bytes) -> None:
        """Type on its keyboard."""
        os.write(self._ours, keys)

    def screens(self, silent: float = 120) -> Iterator[list[str]]:
        """What is on the screen after each piece of output, until the command's end.

        Args:
            silent: seconds without any output that are too long.
        """
        try:
            while True:
                ready, _, _ = select.select([self._ours], [], [], silent)
                assert ready, f"nothing for {silent} s after:\n" + "\n".join(self.text())
                try:
                    data = os.read(self._ours, 65536)
                except OSError:
                    # Linux's way to say that the other side is closed.
                    break
                if not data:
                    break
                self._stream.feed(data)
                shown = [line.rstrip() for line in self._screen.display]
                self.widest = max(self.widest, *map(len, shown))
                yield shown
        finally:
            os.close(self._ours)
            self.process.wait(60)

    def text(self) -> list[str]:
        """All lines that are on the screen or above it."""
        above = ["".join(row[column].data for column in range(MORE)).rstrip() for row in self._screen.history.top]
        return [line for line in [*above, *(line.rstrip() for line in self._screen.display)] if line]

    @property
    def cursor_is_seen(self) -> bool:
        """Whether the terminal shows its cursor."""
        return not self._screen.cursor.hidden
