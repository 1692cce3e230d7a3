"""Third-party packages of a function, as Lambda's runtime and architecture want them.

They are locked: by a ``uv.lock``, or by a ``requirements.txt`` with hashes. What is not locked is resolved anew on each
machine, which is said. uv installs wheels alone, for Lambda's platform, whatever this machine's is.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

RECORD = "aws-eda-dependencies.json"
"""Beside the packages in an archive: what they are and what they were made for (``runtime``, ``architecture``,
``requirements``, the ``packages`` and the ``folder`` they lie in), so that the same ones can be had for another."""
UNZIPPED_LIMIT = 250 * 1024**2
"""Bytes of a function's code with all its layers (Lambda quotas, "Deployment package (.zip file archive) size")."""
ZIPPED_LIMIT = 50 * 1024**2
"""Bytes of an archive that is sent with the request (the same page)."""
_INDEXES = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
)
"""Settings of pip, and uv's variable for each with what divides several."""
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
_LOCK, _REQUIREMENTS, _PROJECT = "uv.lock", "requirements.txt", "pyproject.toml"
SOURCES = (_LOCK, _REQUIREMENTS, _PROJECT)
"""Files that name dependencies, the one that is taken first."""
# What installing leaves differs from machine to machine: scripts name the interpreter, records name the scripts.
_NOT_PACKED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})


class DependencyError(ValueError):
    """Dependencies cannot be packaged; the message names the file, the package and what can be done."""


@dataclass(frozen=True)
class Platform:
    """Where a function runs.

    Args:
        runtime: ``python3.11`` to ``python3.13``.
        architecture: ``arm64`` or ``x86_64``.

    Raises:
        DependencyError: it is another.
    """

    runtime: str
    architecture: str

    def __post_init__(self) -> None:
        if self.architecture not in _MACHINES:
            raise DependencyError(f"architecture is {self.architecture!r}; allowed are {', '.join(_MACHINES)}")
        if not self.runtime.startswith("python3."):
            raise DependencyError(f"runtime is {self.runtime!r}; allowed are python3.11 and later")

    @property
    def options(self) -> list[str]:
        """Of uv, which resolves and installs for it."""
        # Amazon Linux 2023 has glibc 2.34; Amazon Linux 2, under Python 3.11, has 2.26 (Lambda, "Lambda runtimes").
        tag = "manylinux2014" if self.runtime == "python3.11" else "manylinux_2_34"
        return [
            *("--python-version", self.runtime.removeprefix("python")),
            *("--python-platform", f"{_MACHINES[self.architecture]}-{tag}"),
        ]


@dataclass(frozen=True)
class Locked:
    """What is to be installed.

    Attributes:
        source: the file that says so.
        lines: one requirement each, with version and hashes.
        options: of the file, such as an index.
        stable: whether the file says it all, so that it is the same on every machine and day.
    """

    source: Path
    lines: tuple[str, ...]
    options: tuple[str, ...]
    stable: bool


def locked(folder: Path, platform: Platform) -> Locked | None:
    """What a folder's dependencies are, with versions and hashes; None without a file that names some.

    Raises:
        DependencyError: they cannot be resolved for the platform.
    """
    source = next((folder / name for name in SOURCES if (folder / name).is_file()), None)
    if source is None:
        return None
    if source.name == _LOCK:
        text = _uv(source, "export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate", "-q")
        return Locked(source, *_split(text), stable=True)
    if source.name == _PROJECT and not tomllib.loads(source.read_text()).get("project", {}).get("dependencies"):
        return None
    given = source.read_text()
    lines, options = _split(given)
    if source.name == _REQUIREMENTS:
        if not lines and not options:
            return None
        nested = any(option.startswith(("-r", "-c", "-e", "--requirement", "--constraint")) for option in options)
        if not nested and all("--hash=" in line for line in lines):
            return Locked(source, lines, options, stable=True)
    text = _uv(
        source, "pip", "compile", source.name, "-q", "--generate-hashes", "--no-header", "--no-annotate",
        "--python", sys.executable, "--only-binary", ":all:", *platform.options,
    )  # fmt: skip
    return Locked(source, *_split(text), stable=False)


def installed(wanted: Locked, platform: Platform, cache: Path) -> Path:
    """A folder with the packages, kept in the cache.

    Raises:
        DependencyError: one has no wheel for the platform, or cannot be had.
    """
    digest = sha256("\n".join([*wanted.lines, *platform.options]).encode()).hexdigest()[:16]
    target = cache / "dependencies" / digest
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        list_, made = Path(temporary, _REQUIREMENTS), Path(temporary, "made")
        list_.write_text("\n".join([*wanted.options, *wanted.lines]) + "\n")
        made.mkdir()
        _uv(
            wanted.source, "pip", "install", "-q", "--python", sys.executable, "--target", str(made), "--no-deps",
            "--require-hashes", "--only-binary", ":all:", *platform.options, "-r", str(list_),
        )  # fmt: skip
        # Renamed, so that a second program never sees half of it.
        if not target.exists():
            made.replace(target)
    return target


def packed(folder: Path) -> dict[str, Path]:
    """Of the installed files those that belong into an archive, by their place there."""
    files = {file.relative_to(folder): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return {
        place.as_posix(): file
        for place, file in files.items()
        if place.parts[0] not in ("bin", ".lock") and file.name not in _NOT_PACKED and file.suffix != ".pyc"
    }


def record(wanted: Locked, platform: Platform, folder: str, names: Sequence[str]) -> str:
    """The text of ``RECORD``."""
    packages = sorted({name.partition("/")[0] for name in names})
    told = {"runtime": platform.runtime, "architecture": platform.architecture, "requirements": list(wanted.lines)}
    return json.dumps({**told, "folder": folder, "packages": packages}, indent=1) + "\n"


def too_large(unzipped: int, zipped: int, sizes: dict[str, int], share: float = 1) -> str | None:
    """What is said of an archive that is over a share of Lambda's limits; None when it is not.

    Args:
        unzipped: bytes.
        zipped: bytes.
        sizes: bytes by package.
        share: of the limits.
    """
    kinds = ((unzipped, UNZIPPED_LIMIT, "unzipped"), (zipped, ZIPPED_LIMIT, "zipped"))
    over = [f"{_mb(size)} of {_mb(limit)} {what}" for size, limit, what in kinds if size > share * limit]
    if not over:
        return None
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    return f"{', '.join(over)}; the largest are " + ", ".join(f"{name} ({_mb(size)})" for name, size in largest)


def _mb(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"


def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements and the options of a requirements file (pip, requirements file format)."""
    joined = text.replace("\\\n", " ")
    lines = [" ".join(line.partition(" #")[0].split()) for line in joined.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return tuple(line for line in lines if line[0] != "-"), tuple(line for line in lines if line[0] == "-")


def _uv(source: Path, *arguments: str) -> str:
    # What is exported is in the lock, and looked for nowhere.
    indexes = _pips_indexes() if arguments[0] == "pip" else {}
    done = subprocess.run(
        [_program(), *arguments],
        cwd=source.parent,
        env={**indexes, **os.environ, "UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise DependencyError(f"{source}: " + " ".join(said))


def _pips_indexes() -> dict[str, str]:
    """Where pip is told to look, as uv is told it, which does not read pip's settings."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = dict(re.findall(r"(?m)^(?:global|install|:env:)\.(index-url|extra-index-url|find-links)='(.*)'$", said))
    return {
        name: separator.join(found[option].replace("\\n", " ").split())
        for option, name, separator in _INDEXES
        if option in found
    }


def _program() -> str:
    """uv from PATH, else of the package ``uv``."""
    found = shutil.which("uv")
    if found is not None:
        return found
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise DependencyError("uv packages dependencies, and is not there: pip install 'pulumi-aws-eda[uv]'") from None
