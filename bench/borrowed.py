"""Packages that only a measurement needs: no dependencies of anything here, and in no lock file."""

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".cache" / "bench"


def installed(name: str, *requirements: str) -> Path:
    """A folder with packages, installed with uv when it is first asked for, and again when they are others.

    Args:
        name: the folder's, under ``.cache/bench``.
        requirements: what lies in it, each with its version.

    Raises:
        RuntimeError: they cannot be installed; the message says why.
    """
    folder = FOLDER / name
    mark = folder / "requirements.txt"
    wanted = "\n".join(requirements)
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--target", str(folder), *requirements]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{', '.join(requirements)} cannot be installed:\n{done.stderr}")
        mark.write_text(wanted)
    return folder
