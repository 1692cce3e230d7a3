"""What signals do to a run that counts what it sent."""

import signal
import threading
from types import FrameType

from eda_sandbox.foundation import ending
from rich.console import Console


def ended_by_signals(console: Console) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end the run at once, and leave nothing of it.

    Args:
        console: whose terminal gets its cursor back.
    """
    ending.before_the_end(lambda: console.show_cursor(True))
    ending.end_with_signals()


def stopped_by_ctrl_c(console: Console) -> threading.Event:
    """What is set by the first Ctrl-C from now on; a second one ends the run as other signals do.

    Args:
        console: told so.
    """
    stop = threading.Event()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        ending.end_with_signals()
        stop.set()
        console.print("Stopping; what was sent is still counted (Ctrl-C again to end at once).")

    signal.signal(signal.SIGINT, interrupted)
    return stop
