"""Run the measurements and write their page: ``python -m bench``.

``--only NAME`` measures some anew and keeps the others' data; ``--draw`` measures nothing. Everything takes about an
hour on two cores, of which memory takes half; ``--quick`` measures each in one round and memory over few orders, to see
whether they run.
"""

import json
import subprocess
import sys
from typing import Annotated, Any

import typer

from bench.catalogue import BENCHES
from bench.machine import measured
from bench.page import DATA, ROOT, files

_QUICK = {"memory": ["--orders", "100", "--seconds", "0"], "demo": ["--orders", "20", "--rounds", "1"]}
_ORDERS = 10_000
"""Of memory's run."""


def measure(name: str, more: list[str]) -> dict[str, Any]:
    """The object that a measurement prints in its last line, with the machine's speed right before.

    Args:
        name: the measurement's.
        more: its options.

    Raises:
        CalledProcessError: it failed.
    """
    machine = measured()
    command = [sys.executable, "-u", "-m", f"bench.{name}", "--json", *more]
    last = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):
                print(f"  {line}", end="", flush=True)
            last = line
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {**json.loads(last), "machine": machine}


def write(data: dict[str, Any]) -> None:
    """Write the data, the page and its plots."""
    data["benches"] = {bench.name: data["benches"][bench.name] for bench in BENCHES if bench.name in data["benches"]}
    DATA.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    for path, text in files(data).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def main(
    only: Annotated[list[str] | None, typer.Option(help="A measurement's name; may be given several times.")] = None,
    draw: Annotated[bool, typer.Option("--draw", help="Only make the page of the data that is there.")] = False,
    orders: Annotated[int, typer.Option(min=100, help="How many orders memory is measured over.")] = _ORDERS,
    quick: Annotated[bool, typer.Option("--quick", help="See whether they run; the page is not written.")] = False,
) -> None:
    """Measure one after the other."""
    names = [bench.name for bench in BENCHES]
    if unknown := set(only or ()) - set(names):
        raise SystemExit(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    data: dict[str, Any] = json.loads(DATA.read_text()) if DATA.exists() else {"benches": {}}
    failed = []
    for name in names if not draw else ():
        if only and name not in only:
            continue
        print(f"{name}:", flush=True)
        more = ["--orders", str(orders)] if name == "memory" else []
        try:
            found = measure(name, _QUICK.get(name, ["--rounds", "1"]) if quick else more)
        except subprocess.CalledProcessError as failure:
            print(f"  {failure}", flush=True)
            failed.append(name)
            continue
        data["benches"][name] = found
        if not quick:
            # Each as soon as it is there: an interrupted run keeps what it has measured.
            write(data)
    if draw:
        write(data)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    typer.run(main)
