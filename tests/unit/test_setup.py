"""``setup.sh`` mends a ``.venv`` that is of no use; with a stand-in for uv, so that nothing is downloaded."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.slow  # makes virtual environments

ROOT = Path(__file__).parents[2]
UV = f"""#!/bin/sh
echo "$@" >>calls
case $1 in
venv)
    {sys.executable} -m venv --without-pip .venv
    mkdir -p .venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/pip
    touch .venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/pip/__init__.py ;;
pip)
    [ ! -e blocks ] || exec tail -f /dev/null ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what setup.sh looks at."""
    shutil.copy(ROOT / "setup.sh", tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    (tmp_path / "requirements.lock").write_text("boto3==1\n")
    return tmp_path


def start(clone: Path, *python: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["./setup.sh", "requirements.lock", *(python or (sys.executable,))],
        cwd=clone,
        env={**os.environ, "PATH": f"{clone / 'bin'}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell cannot trap what was ignored when it began, as in a job in the background.
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
    )


def done(clone: Path, *python: str) -> tuple[int, str, list[str]]:
    """The exit code, what was said against it, and what uv was asked to do first of all."""
    (clone / "calls").unlink(missing_ok=True)
    process = start(clone, *python)
    _, said = process.communicate(timeout=120)
    calls = (clone / "calls").read_text().splitlines() if (clone / "calls").exists() else []
    return process.returncode, said, [call.split()[0] for call in calls]


def blocked(clone: Path) -> subprocess.Popen[str]:
    """A run in the midst of its installation."""
    (clone / "blocks").touch()
    process = start(clone)
    wait_until(lambda: (clone / "calls").exists() and "pip" in (clone / "calls").read_text(), "it installs")
    return process


def test_it_is_made_once(clone: Path) -> None:
    assert done(clone) == (0, "", ["venv", "pip", "pip"])
    assert done(clone) == (0, "", ["pip", "pip"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_of_one_that_is_interrupted(clone: Path, number: signal.Signals) -> None:
    process = blocked(clone)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert not (clone / ".venv").exists()


def test_one_that_was_killed_is_made_anew(clone: Path) -> None:
    process = blocked(clone)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert (clone / ".venv").exists()
    (clone / "blocks").unlink()
    assert done(clone) == (0, "", ["venv", "pip", "pip"])


@pytest.mark.parametrize("harm", ["no pip", "another version", "no python"])
def test_one_that_is_of_no_use_is_made_anew(clone: Path, harm: str) -> None:
    assert done(clone)[0] == 0
    match harm:
        case "no pip":
            shutil.rmtree(next((clone / ".venv" / "lib").glob("*/site-packages/pip")))
        case "another version":
            (clone / ".venv" / "bin" / "python").unlink()
            (clone / ".venv" / "bin" / "python").write_text("#!/bin/sh\necho 3.10\n")
            (clone / ".venv" / "bin" / "python").chmod(0o755)
        case "no python":
            (clone / ".venv" / "bin" / "python").unlink()
    assert done(clone) == (0, "", ["venv", "pip", "pip"])


def test_another_version_that_is_offered_is_kept_where_none_is_named(clone: Path) -> None:
    assert done(clone)[0] == 0
    other = "3.12" if sys.version_info[1] != 12 else "3.13"
    (clone / "other").write_text(f"#!/bin/sh\necho {other}\n")
    (clone / "other").chmod(0o755)
    assert done(clone, "./other", "any") == (0, "", ["pip", "pip"])
    usable = ["./setup.sh", "-", "./other"]
    assert subprocess.run([*usable, "any"], cwd=clone, check=False).returncode == 0
    assert subprocess.run(usable, cwd=clone, check=False).returncode == 1
    assert (clone / ".venv").exists()


def test_a_python_that_is_not_offered_is_named(clone: Path) -> None:
    (clone / "old").write_text("#!/bin/sh\necho 3.10\n")
    (clone / "old").chmod(0o755)
    for given, found in (("./old", "./old is 3.10"), ("/none", "/none is not a Python that runs")):
        code, said, calls = done(clone, given)
        assert (code, calls) == (1, [])
        assert said == (f"Python 3.11, 3.12 or 3.13 is needed, and {found}; name one: make PYTHON=/path/to/python3\n")
