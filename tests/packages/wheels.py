"""The wheels of this repository, and environments that hold one of them and what it says it needs, nothing else."""

import importlib.metadata
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECTS = {
    "components": "pulumi-aws-eda",
    "policies": "pulumi-aws-eda-policies",
    "sandbox": "aws-eda-sandbox",
}
"""Folders of the repository by the distribution that each is."""


_built: dict[str, Path] = {}


def wheel(project: str, folder: Path) -> Path:
    """Build a project's wheel, once in a process."""
    if project not in _built:
        _built[project] = _build(project, folder)
    return _built[project]


def _build(project: str, folder: Path) -> Path:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / project)]
    subprocess.run(build, cwd=ROOT / project, check=True, capture_output=True)
    (made,) = (folder / project).glob("*.whl")
    return made


def install(wheels: list[Path], site: Path) -> Path:
    """Unpack wheels into a folder, as installers do it."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--no-config", "--no-cache", "--offline", "--no-index"]
    subprocess.run([*uv, "--no-deps", "--target", str(site), *map(str, wheels)], check=True, capture_output=True)
    return site


def environment(projects: list[str], folder: Path, extras: tuple[str, ...] = ()) -> Path:
    """A folder with wheels and, of what is installed here, the distributions that they require, directly or not.

    A Python that is started with ``-S`` and this folder as its path has no other packages.
    """
    site = install([wheel(project, folder) for project in projects], folder / "site")
    required = {Requirement(extra) for extra in extras}
    for metadata in site.glob("*.dist-info"):
        found = importlib.metadata.PathDistribution(metadata)
        required |= {Requirement(line) for line in found.requires or ()}
    for name in _closure(frozenset(r for r in required if r.marker is None or r.marker.evaluate({"extra": ""}))):
        for entry in _entries(name):
            target = site / entry.name
            if not target.exists():
                target.symlink_to(entry)
    return site


def run(site: Path, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python in such an environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-S", "-P", *arguments],
        cwd=cwd,
        env={**kept, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(cwd / "cache"), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def _closure(required: frozenset[Requirement]) -> set[str]:
    names, waiting = set[str](), list(required)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in names and not requirement.extras:
            continue
        names.add(name)
        for line in importlib.metadata.requires(name) or ():
            needed = Requirement(line)
            extras = [*requirement.extras, ""]
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    return names


@cache
def _entries(name: str) -> list[Path]:
    """What a distribution has put at the top of the environment's folder of packages."""
    found = importlib.metadata.distribution(name)
    root = Path(str(found.locate_file("")))
    tops = {file.parts[0] for file in found.files or () if not file.parts[0].startswith(("..", "__pycache__"))}
    return [root / top for top in sorted(tops)]
