"""Third-party packages lie in an archive as Lambda's platform wants them, the same bytes on every machine."""

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_aws_eda import archives, dependencies
from pulumi_aws_eda.dependencies import DependencyError

from tests.wheels import ANYWHERE, ARM64, HERE, X86_64, index, wheel

pytestmark = pytest.mark.slow  # uv resolves and installs


@pytest.fixture(autouse=True)
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the program warns of."""
    wheels = tmp_path / "wheels"
    for tag in (ARM64, X86_64, HERE):
        wheel(wheels, "charm", "1.0", tag, requires="plain")
    wheel(wheels, "plain", "2.0", ANYWHERE)
    wheel(wheels, "elsewhere", "1.0", X86_64)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    with index(wheels, monkeypatch):
        yield warned


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A function's folder, which asks for charm."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "handler.py").write_text("import charm")
    (folder / "requirements.txt").write_text("charm==1.0\n")
    return folder


def contents(archive: pulumi.FileArchive) -> dict[str, bytes]:
    with zipfile.ZipFile(str(archive.path)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def lock(folder: Path) -> None:
    """As the how-to says."""
    command = ["uv", "pip", "compile", "--generate-hashes", "-q", "requirements.txt", "-o", "requirements.txt"]
    subprocess.run([dependencies._program(), *command[1:]], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(("architecture", "tag"), [("arm64", ARM64), ("x86_64", X86_64)])
def test_the_archive_holds_the_code_and_the_packages_of_the_functions_platform(
    code: Path, architecture: str, tag: str
) -> None:
    (code / ".venv").mkdir()
    (code / ".venv" / "left.py").write_text("")
    found = contents(archives.python_archive(code, architecture=architecture))
    record = json.loads(found.pop("aws-eda-dependencies.json"))
    assert {name for name in found if ".dist-info" not in name} == {
        "handler.py",
        "charm/__init__.py",
        "charm/_code.so",
        "plain/__init__.py",
    }
    assert {Path(name).name for name in found if ".dist-info" in name} == {"METADATA", "WHEEL", "entry_points.txt"}
    assert tag.encode() in found["charm/__init__.py"]
    assert (record["runtime"], record["architecture"], record["folder"]) == ("python3.13", architecture, "")
    assert [line.partition(" ")[0] for line in record["requirements"]] == ["charm==1.0", "plain==2.0"]


def test_what_is_locked_is_the_same_bytes_on_every_machine_and_what_is_not_is_told(
    code: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives.python_archive(code)
    assert len(said) == 1
    assert "requirements.txt is not locked" in said[0]
    lock(code)
    first = Path(str(archives.python_archive(code).path))
    wheel(tmp_path / "wheels", "plain", "3.0", ANYWHERE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine's cache"))
    second = Path(str(archives.python_archive(code).path))
    assert first != second
    assert first.read_bytes() == second.read_bytes()
    assert len(said) == 1


def test_a_project_with_a_lock_of_uv_is_taken_as_it_is_locked(
    code: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code / "requirements.txt").unlink()
    project = '[project]\nname = "code"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["plain"]\n'
    (code / "pyproject.toml").write_text(project)
    subprocess.run([dependencies._program(), "lock", "-q"], cwd=code, check=True)
    wheel(tmp_path / "wheels", "plain", "3.0", ANYWHERE)
    found = contents(archives.python_archive(code))
    assert "plain-2.0.dist-info/METADATA" in found
    assert "pyproject.toml" not in found
    assert not said
    (code / "uv.lock").unlink()
    assert "plain-3.0.dist-info/METADATA" in contents(archives.python_archive(code))
    assert "pyproject.toml is not locked" in said[0]


def test_a_layer_holds_the_packages_alone(code: Path) -> None:
    found = contents(archives.python_layer_archive(code))
    assert {name.partition("/")[0] for name in found} == {"python", "aws-eda-dependencies.json"}
    assert "python/charm/_code.so" in found


@pytest.mark.parametrize(
    ("requirements", "files", "problem"),
    [
        ("elsewhere==1.0", {}, "elsewhere==1.0 has no wheels with a matching"),
        ("charm==9", {}, "charm==9"),
        ("charm==1.0", {"charm.py": "", "charm/__init__.py": ""}, "charm of .*requirements.txt lies in .*code too"),
        ("charm==1.0 --hash=sha256:" + "0" * 64, {}, "[Hh]ash"),
    ],
)
def test_what_cannot_be_packaged_is_told_by_name(
    code: Path, requirements: str, files: dict[str, str], problem: str
) -> None:
    (code / "requirements.txt").write_text(requirements + "\n")
    for name, text in files.items():
        (code / name).parent.mkdir(exist_ok=True)
        (code / name).write_text(text)
    with pytest.raises(DependencyError, match=problem):
        archives.python_archive(code)


def test_what_is_too_large_for_lambda_is_refused_and_what_is_nearly_so_is_told(
    code: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(code)
    size = sum(len(content) for name, content in contents(archives.python_archive(code)).items() if name[0] != "a")
    monkeypatch.setattr(dependencies, "UNZIPPED_LIMIT", size)
    archives.python_archive(code)
    assert "is near Lambda's limits: 0.0 MB of 0.0 MB unzipped; the largest are charm (0.0 MB)" in said[0]
    monkeypatch.setattr(dependencies, "UNZIPPED_LIMIT", size - 1)
    with pytest.raises(DependencyError, match=r"too large for Lambda: .* the largest are charm"):
        archives.python_archive(code)


def test_a_folder_that_asks_for_nothing_is_packed_as_it_is_and_is_no_layer(code: Path) -> None:
    (code / "requirements.txt").write_text("# nothing yet\n")
    assert contents(archives.python_archive(code)) == {"handler.py": b"import charm"}
    with pytest.raises(DependencyError, match=r"names no dependencies in uv\.lock, requirements\.txt, pyproject\.toml"):
        archives.python_layer_archive(code)


def test_pips_index_is_uvs_too(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", os.environ["UV_DEFAULT_INDEX"])
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    assert "charm/__init__.py" in contents(archives.python_archive(code))


@pytest.mark.parametrize("wrong", [{"architecture": "arm"}, {"runtime": "nodejs22.x"}])
def test_another_platform_is_refused(code: Path, wrong: dict[str, str]) -> None:
    with pytest.raises(DependencyError, match=f"is {next(iter(wrong.values()))!r}; allowed are"):
        archives.python_archive(code, **wrong)


def test_without_uv_it_is_said_how_to_get_it(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setitem(__import__("sys").modules, "uv", None)
    with pytest.raises(DependencyError, match=r"pip install 'pulumi-aws-eda\[uv\]'"):
        archives.python_archive(code)
