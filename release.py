"""A release: one version of the three distributions, told in the CHANGELOG, the same bytes whoever builds it.

``cut`` writes the version, ends the CHANGELOG's section and makes the schema the one that later ones are compared
with; its commit is tagged ``vVERSION``. The tag's workflow runs ``check`` and ``build``, and publishes. ``try`` does
all of it in a copy, and publishes nothing.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parent
PROJECTS = ("components", "policies", "sandbox")
VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}((a|b|rc)\d+)?")
"""Of a release (Python's version specifiers, which are semantic versions where nothing is left out)."""
_PLACES = {
    **{f"{project}/pyproject.toml": re.compile(r'(?m)^version = "(?P<version>[^"]+)"') for project in PROJECTS},
    "policies/PulumiPolicy.yaml": re.compile(r"(?m)^version: (?P<version>\S+)"),
}
"""Where a version stands that is written by hand."""
_SECTION = re.compile(r"(?ms)^## (?P<version>\S+)(?: - (?P<date>\S+))?\n(?P<text>.*?)(?=^## |\Z)")
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
Version = Annotated[str, typer.Argument(help="Of the release, such as 0.3.0.")]


class ReleaseError(Exception):
    """What keeps a release from being made, a line each."""


def current(root: Path = ROOT) -> str:
    """The version that the components' distribution has."""
    return _versions(root)["components/pyproject.toml"]


def problems(version: str, root: Path = ROOT) -> Iterator[str]:
    """What of a repository does not fit a release of a version."""
    for place, found in _versions(root).items():
        if found != version:
            yield f"{place} has the version {found}"
    for name in ("schema.json", "schema.released.json"):
        found = json.loads((root / "components" / name).read_text())["version"]
        if found != version:
            yield f"components/{name} has the version {found}"
    schema, released = ((root / "components" / f"schema{of}.json").read_text() for of in ("", ".released"))
    if schema != released:
        yield "components/schema.released.json is not the schema"
    sections = {section["version"]: section for section in _SECTION.finditer((root / "CHANGELOG.md").read_text())}
    section = sections.get(version)
    if section is None or not section["date"]:
        yield f"CHANGELOG.md has no section `## {version} - DATE`"
    elif not section["text"].strip():
        yield f"CHANGELOG.md says nothing of {version}"


def write(version: str, root: Path = ROOT, day: str | None = None) -> None:
    """Write a version everywhere, and end the CHANGELOG's section.

    Raises:
        ReleaseError: it is no version, or the CHANGELOG says nothing that is not released.
    """
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version; write MAJOR.MINOR.PATCH")
    changes = root / "CHANGELOG.md"
    head = changes.read_text()
    unreleased = [section["text"] for section in _SECTION.finditer(head) if section["version"] == "Unreleased"]
    if not unreleased or not unreleased[0].strip():
        raise ReleaseError("CHANGELOG.md has nothing under `## Unreleased`")
    for place, pattern in _PLACES.items():
        text = (root / place).read_text()
        match = pattern.search(text)
        if match is None:
            raise ReleaseError(f"{place} says no version")
        begin, end = match.span("version")
        (root / place).write_text(text[:begin] + version + text[end:])
    day = day or datetime.now(UTC).date().isoformat()
    changes.write_text(head.replace("## Unreleased\n", f"## Unreleased\n\n## {version} - {day}\n", 1))
    schema = root / "components" / "schema.json"
    # What is installed here may be of another version; the schema is otherwise the same.
    found = {**json.loads(schema.read_text()), "version": version}
    text = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    for file in (schema, schema.with_name("schema.released.json")):
        file.write_text(text)


def wheels(target: Path, root: Path = ROOT) -> list[Path]:
    """Build the wheels, each twice.

    Raises:
        ReleaseError: two builds are not the same bytes.
    """
    moment = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": moment}
    target.mkdir(parents=True, exist_ok=True)
    made = []
    for project in PROJECTS:
        with tempfile.TemporaryDirectory() as again:
            for folder in (target.resolve(), Path(again)):
                subprocess.run(
                    [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
                    cwd=root / project,
                    env=environment,
                    check=True,
                    capture_output=True,
                )
            (second,) = Path(again).iterdir()
            first = target / second.name
            if first.read_bytes() != second.read_bytes():
                raise ReleaseError(f"two builds of {first.name} are not the same bytes")
        made.append(first)
    return made


@app.command()
def check(version: Version) -> None:
    """Say what does not fit a release of a version; ends with 1 when something does not."""
    if found := list(problems(version)):
        raise ReleaseError("\n".join(found))
    typer.echo(f"{version} fits")


@app.command()
def cut(version: Version) -> None:
    """Write a version everywhere and end the CHANGELOG's section, to be committed and tagged."""
    write(version)
    typer.echo(f"{version} is written; commit it, and tag the commit v{version}")


@app.command()
def build(target: Annotated[Path, typer.Argument(help="The folder for the wheels.")]) -> None:
    """Build the three wheels, each twice, and print their digests."""
    for wheel in wheels(target):
        typer.echo(f"{sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}")


@app.command("try")
def try_(
    version: Annotated[str | None, typer.Argument(help="Default: the next after the current one.")] = None,
) -> None:
    """Do all of a release but publishing it, in a copy of what is committed."""
    with tempfile.TemporaryDirectory(prefix="release-") as temporary:
        copy = Path(temporary, "copy")
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(copy)], check=True)
        major, minor, *_ = current(copy).split(".")
        version = version or f"{major}.{int(minor) + 1}.0"
        write(version, copy)
        if found := list(problems(version, copy)):
            raise ReleaseError("\n".join(found))
        for wheel in wheels(Path(temporary, "dist"), copy):
            typer.echo(f"{sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}")
        changed = subprocess.run(["git", "diff", "--stat"], cwd=copy, check=True, capture_output=True, text=True).stdout
        typer.echo(f"\n{changed}\nThe tag v{version} would publish these three to PyPI; nothing was.")


def _versions(root: Path) -> dict[str, str]:
    return {
        place: match["version"] if (match := pattern.search((root / place).read_text())) else "none"
        for place, pattern in _PLACES.items()
    }


def main() -> int:
    """Run a command; what keeps a release from being made is told, and ends with 1."""
    try:
        app()
    except ReleaseError as error:
        typer.echo(str(error), err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
