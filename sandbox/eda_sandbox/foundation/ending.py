"""Ends this process at once, whatever it does, and leaves nothing of it: no process, no file of its own.

An orderly end, by leaving ``with`` blocks, waits for what is under way. One by a signal does not.
"""

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a command: Ctrl-C, a runner or an editor that stops it, a terminal that is closed."""
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER (prctl(2))."""
_SECONDS = 5
_temporary: set[Path] = set()
_before: list[Callable[[], object]] = []


def listened_to() -> list[signal.Signals]:
    """The signals that end a command; SIGHUP is none where it is ignored, as ``nohup`` has it."""
    return [number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN]


def end_with_signals() -> None:
    """End the process at once with 128 and the signal's number, as a shell says it, when one of these signals comes.

    Only the main thread may call this.
    """
    for number in listened_to():
        signal.signal(number, _ended)


def until_a_signal() -> threading.Event:
    """What the first signal sets, so that the process comes to an orderly end; the second one ends it at once.

    Only the main thread may call this.
    """
    ended = threading.Event()

    def first(_number: int, _frame: FrameType | None) -> None:
        end_with_signals()
        ended.set()

    for number in listened_to():
        signal.signal(number, first)
    return ended


def _ended(number: int, _frame: FrameType | None) -> None:
    end_at_once(128 + number)


@contextlib.contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A new folder that goes with a ``with`` block, and with the process when it is ended at once.

    Args:
        prefix: of its name.
    """
    # Noted before it is made: a signal may come in between.
    folder = Path(tempfile.gettempdir(), prefix + secrets.token_hex(4))
    with goes(folder):
        folder.mkdir(mode=0o700)
        yield folder


@contextlib.contextmanager
def goes(folder: Path) -> Iterator[None]:
    """Have a folder that is there, or will be, go with a ``with`` block, and with the process when it is ended at once.

    Args:
        folder: is removed with all that is in it.
    """
    _temporary.add(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _temporary.discard(folder)


def before_the_end(act: Callable[[], object]) -> None:
    """Have something short done before the process is ended at once, such as giving a terminal its cursor back."""
    _before.append(act)


def end_at_once(code: int) -> NoReturn:
    """End every process that this one has started and that those have started, remove its folders, and end.

    Only the main thread may call this.

    Args:
        code: the exit status.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    for act in _before:
        with contextlib.suppress(Exception):
            act()
    # Other threads would go on writing and starting processes. They end when another program takes the process's
    # place, and that program is this module.
    folders = [str(folder) for folder in tuple(_temporary)]
    os.execv(  # noqa: S606 - our own, without a shell
        sys.executable, [sys.executable, "-I", "-S", __file__, str(code), *folders]
    )


def _leave_nothing(folders: list[Path]) -> None:
    # Processes whose parent is killed become our own, so that none is forgotten.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    deadline = time.monotonic() + _SECONDS
    while (children := _children()) and time.monotonic() < deadline:
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _children() -> list[int]:
    """The processes that this one is the parent of, whichever thread started them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # The name in brackets may hold anything; the parent is the second field after it (proc(5)).
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


if __name__ == "__main__":
    _leave_nothing([Path(name) for name in sys.argv[2:]])
    sys.exit(int(sys.argv[1]))
