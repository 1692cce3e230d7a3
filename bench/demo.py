"""What an order costs in the sandbox, against an older version in the same clone: ``python -m bench.demo``.

Both versions run ``python -m pipeline demo`` with the same orders, in turns, with the packages of this environment; an
order's CPU is that of the whole process tree (sandbox, deployment, functions), without what the demo takes with a
twentieth of the orders, so that start and deployment are not in it; they have figures of their own.

Prints seconds and CPU seconds (medians of the rounds), and with ``--json`` one object in the last line.
"""

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from bench.cold_start import ROOT, checked_out
from bench.processes import Taken, run
from bench.report import tell

AGAINST = "5b776cf"
"""The version before function processes were forked and services called each other without sockets."""


def demo(source: Path, orders: int, elements: int) -> Taken:
    """The demo of a version.

    Raises:
        CalledProcessError: it failed, or is out of balance.
    """
    path = [str(source / name) for name in (".", "components", "policies", "sandbox")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "SANDBOX_INSTALL_SECONDS": "0"}
    # A version that writes no bytecode compiles what it imports in every process, which is not what users have.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pipeline", "demo", "--orders", str(orders), "--elements", str(elements)]
    return run(command, source, environment)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    orders: Annotated[int, typer.Option(min=20, help="Orders of a run.")] = 100,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 50_000,
    against: Annotated[str, typer.Option(help="The older version, as git names it.")] = AGAINST,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits both."""
    whole: dict[str, list[Taken]] = {"now": [], against: []}
    start: dict[str, list[Taken]] = {"now": [], against: []}
    few = max(1, orders // 20)
    with ExitStack() as stack:
        versions = {"now": ROOT, against: stack.enter_context(checked_out(against, ()))}
        for _ in range(rounds):
            for name, source in versions.items():
                start[name].append(demo(source, few, elements))
                whole[name].append(demo(source, orders, elements))
    wall = {name: statistics.median(each.wall for each in found) for name, found in whole.items()}
    cpu = {name: statistics.median(each.cpu for each in found) for name, found in whole.items()}
    begun = {name: statistics.median(each.cpu for each in found) for name, found in start.items()}
    an_order = {name: (cpu[name] - begun[name]) / (orders - few) for name in whole}
    for name in whole:
        print(
            f"{name:<9} {wall[name]:6.1f} s  {cpu[name]:6.1f} s of CPU, "
            f"{begun[name]:5.1f} s with {few} orders, {an_order[name]:5.2f} s an order"
        )
    ratios = {
        "seconds of a demo": wall["now"] / wall[against],
        "CPU of a demo": cpu["now"] / cpu[against],
        "CPU of start and deployment": begun["now"] / begun[against],
        "CPU an order": an_order["now"] / an_order[against],
    }
    tell(as_json, f"version {against}", ratios, orders=orders, seconds=wall, cpu_seconds=cpu, cpu_an_order=an_order)


if __name__ == "__main__":
    try:
        typer.run(main)
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{failed}\n{failed.output}") from None
