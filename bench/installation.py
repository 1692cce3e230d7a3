"""How long the environment takes, against pip: ``python -m bench.installation``.

``setup.sh`` as ``make`` calls it makes ``.venv`` in a copy of the committed files, uv by itself or from PATH; the
baseline is ``venv`` and pip with the same lock file and the same three projects. Both check the hashes of the lock,
both have their own caches as the machine has them; ``--no-cache`` lets both download everything.

Prints seconds and CPU seconds (medians of the rounds), and with ``--json`` one object in the last line.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from bench.cold_start import checked_out
from bench.processes import Taken, run
from bench.report import tell

PROJECTS = ("components", "policies", "sandbox")
FILES = ("setup.sh", "requirements.lock", "requirements-dev.lock", "pyproject.toml", "README.md", "LICENSE", *PROJECTS)


def with_setup(folder: Path, lock: str, environment: dict[str, str]) -> Taken:
    """What ``make`` does."""
    return run(["./setup.sh", lock, sys.executable], folder, environment)


def with_pip(folder: Path, lock: str, environment: dict[str, str]) -> Taken:
    """The same by pip alone."""
    python = ".venv/bin/python"
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    steps = [
        [sys.executable, "-m", "venv", ".venv"],
        [*pip, "--require-hashes", "-r", lock],
        [*pip, "--no-deps", "--no-build-isolation", *(f"--editable=./{name}" for name in PROJECTS)],
    ]
    taken = [run(step, folder, environment) for step in steps]
    return Taken(sum(each.wall for each in taken), sum(each.cpu for each in taken), "")


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    lock: Annotated[str, typer.Option(help="What is installed.")] = "requirements.lock",
    cache: Annotated[bool, typer.Option(help="Whether both may use their caches.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits both."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    if not cache:
        environment |= {"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"}
    taken: dict[str, list[Taken]] = {"setup.sh": [], "pip": []}
    for _ in range(rounds):
        for name, act in (("setup.sh", with_setup), ("pip", with_pip)):
            with checked_out("HEAD", FILES) as folder, TemporaryDirectory() as home:
                # What setup.sh fetches for itself belongs to its time.
                taken[name].append(act(folder, lock, {**environment, "TMPDIR": home}))
    wall = {name: statistics.median(each.wall for each in found) for name, found in taken.items()}
    cpu = {name: statistics.median(each.cpu for each in found) for name, found in taken.items()}
    for name in taken:
        print(f"{name:<9} {wall[name]:6.1f} s  {cpu[name]:6.1f} s of CPU")
    ratios = {"seconds": wall["setup.sh"] / wall["pip"], "CPU": cpu["setup.sh"] / cpu["pip"]}
    tell(as_json, "venv and pip", ratios, seconds=wall, cpu_seconds=cpu)


if __name__ == "__main__":
    try:
        typer.run(main)
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{failed}\n{failed.output}") from None
