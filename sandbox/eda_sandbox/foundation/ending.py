"""Ends this process at once, whatever it does, and leaves nothing of it: no process, no file of its own.

An orderly end, by leaving ``with`` blocks, waits for what is under way. One by a signal does not.
"""

import contextlib
import ctypes
import os
import shutil
import signal
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


def until_a_signal(told: Callable[[], object] = lambda: None) -> threading.Event:
    """What the first signal sets, so that the process comes to an orderly end; the second one ends it at once.

    Only the main thread may call this.

    Args:
        told: called with the first signal.
    """
    ended = threading.Event()

    def first(_number: int, _frame: FrameType | None) -> None:
        end_with_signals()
        ended.set()
        told()

    for number in listened_to():
        signal.signal(number, first)
    return ended


def _ended(number: int, _frame: FrameType | None) -> None:
    end_at_once(128 + number)


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """A folder that goes with a ``with`` block, and with the process when it is ended at once."""
    _temporary.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _temporary.discard(folder)


def before_the_end(act: Callable[[], object]) -> None:
    """Have something short done before the process is ended at once, such as giving a terminal its cursor back."""
    _before.append(act)


def end_at_once(code: int) -> NoReturn:
    """End every process that this one has started and that those have started, remove its folders, and end.

    Args:
        code: the exit status.
    """
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    for act in _before:
        with contextlib.suppress(Exception):
            act()
    # What threads say while the ground is taken from under them is of no use to anybody.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
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
    while any(map(_still_there, list(_temporary))) and time.monotonic() < deadline:
        # A thread of this process may write there until it ends.
        pass
    os._exit(code)


def _children() -> list[int]:
    """The processes that this one is the parent of, whichever of its threads started them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # The name in brackets may hold anything; the parent is the second field after it (proc(5)).
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry.name))
    return found


def _still_there(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return folder.exists()
