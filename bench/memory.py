"""Whether the sandbox's process grows: ``python -m bench.memory --orders 10000``.

Runs the demo and reads from ``/proc`` what its process holds, which the embedded AWS is part of: resident memory, file
descriptors, threads; at each line of progress, and by the number of orders sent so far. The ratios are of the highest
values while the second half of the orders was sent to those of the first half (without its first tenth, in which
everything is loaded): 1 is a process that does not grow. The tables do hold more and more orders.

10,000 orders take half an hour; ``--orders 500`` shows whether anything leaks fast. Prints a line a sample, and with
``--json`` one object in the last line, which ``python -m bench`` draws.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from bench.report import tell

_PROGRESS = re.compile(r"\s+(\w+)\s+(\d+) of (\d+)")


class Sample(NamedTuple):
    """What the process holds.

    Attributes:
        orders: sent so far.
        megabytes: of resident memory.
        descriptors: of open files.
        threads: that it has.
    """

    orders: int
    megabytes: float
    descriptors: int
    threads: int


def sample(process: int, orders: int) -> Sample | None:
    """What a process holds now; None when it has ended."""
    folder = Path("/proc") / str(process)
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        descriptors = len(list((folder / "fd").iterdir()))
        return Sample(orders, round(int(status["VmRSS"].split()[0]) / 1024, 1), descriptors, int(status["Threads"]))
    except (FileNotFoundError, KeyError, ProcessLookupError):
        return None


def samples(orders: int, elements: int, seconds: float) -> Iterator[Sample]:
    """Run the demo and sample it with its lines of progress, at least so many seconds apart.

    Raises:
        CalledProcessError: the demo failed or is out of balance.
    """
    command = [sys.executable, "-u", "-m", "pipeline", "demo", "--orders", str(orders), "--elements", str(elements)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        due = threading.Event()
        due.set()
        sent = 0
        for line in demo.stdout:
            found = _PROGRESS.match(line)
            if found is None:
                continue
            if found[1] == "orders":
                sent = int(found[2])
            if due.is_set() and (taken := sample(demo.pid, sent)) is not None:
                due.clear()
                timer = threading.Timer(seconds, due.set)
                timer.daemon = True
                timer.start()
                yield taken
    if demo.returncode:
        raise subprocess.CalledProcessError(demo.returncode, command)


def growth(taken: list[Sample], orders: int) -> dict[str, float]:
    """The highest values of the second half of the orders by those of the first, without its first tenth."""
    first = [each for each in taken if orders / 10 <= each.orders <= orders / 2]
    second = [each for each in taken if orders / 2 < each.orders <= orders]
    if not first or not second:
        raise SystemExit("too few samples; send more orders, or sample more often (--seconds)")
    return {
        name: max(getattr(each, name) for each in second) / max(getattr(each, name) for each in first)
        for name in ("megabytes", "descriptors", "threads")
    }


def main(
    orders: Annotated[int, typer.Option(min=20, help="How many orders are sent.")] = 10_000,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 1_000,
    seconds: Annotated[float, typer.Option(min=0, help="Between two samples.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure."""
    taken = []
    for each in samples(orders, elements, seconds):
        taken.append(each)
        print(
            f"{each.orders:>7} orders {each.megabytes:>8.1f} MB {each.descriptors:>5} files {each.threads:>5} threads"
        )
    tell(
        as_json,
        "the first half of the orders",
        growth(taken, orders),
        orders=orders,
        curve=[each._asdict() for each in taken],
    )


if __name__ == "__main__":
    typer.run(main)
