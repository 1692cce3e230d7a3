"""What Ctrl-C does to a run that counts what it sent."""

import signal
import threading
from types import FrameType

from rich.console import Console


def stopped_by_ctrl_c(console: Console) -> threading.Event:
    """What is set by the first Ctrl-C; the second one ends the process.

    Args:
        console: told so.
    """
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("\nStopping; what was sent is still counted (Ctrl-C again to end at once).")

    signal.signal(signal.SIGINT, interrupted)
    return stop
