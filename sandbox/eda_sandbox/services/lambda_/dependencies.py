"""Compiled packages of a function, for this machine instead of Lambda's.

An archive made by ``pulumi_aws_eda.archives`` says beside its packages what they are. Where they hold machine code for
another platform, the same versions are installed for this one, by their hashes.
"""

import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

from eda_sandbox.foundation.errors import AwsError

RECORD = "aws-eda-dependencies.json"
_INDEXES = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
)
"""Settings of pip, and uv's variable for each with what divides several."""
_MACHINES = {"arm64": ("aarch64", "arm64"), "x86_64": ("x86_64", "AMD64")}
_lock = threading.Lock()


def fit(folder: Path, cache: Path) -> None:
    """Put packages that this machine can run in the place of those that it cannot.

    Args:
        folder: an unpacked archive.
        cache: where installed packages are kept.

    Raises:
        AwsError: they cannot be installed for this machine.
    """
    try:
        told: dict[str, Any] = json.loads((folder / RECORD).read_text())
    except FileNotFoundError:
        return
    packages = folder / told["folder"]
    if _runs_here(told) or not any(packages.rglob("*.so")):
        return
    installed = _installed(told["requirements"], cache)
    for name in told["packages"]:
        here, there = packages / name, installed / name
        if here.is_dir():
            shutil.rmtree(here)
        else:
            here.unlink(missing_ok=True)
        if there.exists():
            here.symlink_to(there)
    for there in installed.iterdir():
        # What a wheel for this machine has besides, such as the folder of its libraries.
        here = packages / there.name
        if not here.exists() and there.name != "bin":
            here.symlink_to(there)


def _runs_here(told: dict[str, Any]) -> bool:
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return told["runtime"] == here and platform.machine() in _MACHINES[told["architecture"]] and sys.platform == "linux"


def _installed(requirements: list[str], cache: Path) -> Path:
    target = cache / sha256("\n".join(requirements).encode()).hexdigest()[:16]
    with _lock:
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as temporary:
                list_, made = Path(temporary, "requirements.txt"), Path(temporary, "made")
                list_.write_text("\n".join(requirements) + "\n")
                made.mkdir()
                _install(list_, made)
                made.replace(target)
    return target


def _install(requirements: Path, target: Path) -> None:
    done = subprocess.run(
        [
            *(_uv(), "pip", "install", "-q", "--python", sys.executable, "--target", str(target), "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "-r", str(requirements)),
        ],
        env={**_pips_indexes(), **os.environ, "UV_NO_PROGRESS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        here = f"Python {sys.version_info.major}.{sys.version_info.minor} on {platform.machine()}"
        raise _refused(f"the function's packages cannot be installed for {here}, where the sandbox runs it: {said}")


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


def _uv() -> str:
    found = shutil.which("uv")
    if found is not None:
        return found
    try:
        return str(importlib.import_module("uv").find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise _refused(
            "uv installs a function's packages for this machine, and is not there: pip install 'aws-eda-sandbox[uv]'"
        ) from None


def _refused(problem: str) -> AwsError:
    return AwsError("InvalidParameterValueException", problem)
