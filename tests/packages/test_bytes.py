"""The package: one wheel, the same bytes for the same commit, with all that its components deploy."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

COMPONENTS = Path(__file__).parents[2] / "components"
ARCHIVES = """
import json, pathlib
from pulumi_aws_eda import archives
root = pathlib.Path(archives.__file__).parent / "_functions"
names = [pathlib.Path(archives.function_archive(folder.name).path).name for folder in sorted(root.iterdir())]
layers = (archives.runtime_layer_archive(), archives.powertools_layer_archive())
names += [pathlib.Path(layer.path).name for layer in layers]
print(json.dumps([str(root), *names, archives.runtime_wheel()[1:], archives.script("load_job")[1]]))
"""


def copy(folder: Path) -> Path:
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", "venv")
    return Path(shutil.copytree(COMPONENTS, folder, ignore=left_out, copy_function=shutil.copyfile))


def build(source: Path, target: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = target.iterdir()
    return wheel


def archives(package: Path, cache: Path) -> str:
    """The names of all archives that the components of a package deploy; a name holds the digest of the content."""
    environment = {"PYTHONPATH": str(package), "XDG_CACHE_HOME": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", ARCHIVES], env=environment, capture_output=True, text=True, check=True)
    assert str(package) in done.stdout
    return done.stdout.replace(str(package), "")


def test_two_builds_of_the_same_files_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(copy(tmp_path / "one"), tmp_path / "a"), build(copy(tmp_path / "two"), tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_holds_its_packages_with_types_and_functions_and_nothing_else(tmp_path: Path) -> None:
    names = set(zipfile.ZipFile(build(copy(tmp_path / "source"), tmp_path / "wheel")).namelist())
    source = {
        file.relative_to(COMPONENTS).as_posix()
        for package in ("pulumi_aws_eda", "eda_runtime")
        for file in (COMPONENTS / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == source
    assert {"pulumi_aws_eda/py.typed", "eda_runtime/py.typed"} <= names
    assert {name for name in names if name.endswith("/handler.py")} >= {
        "pulumi_aws_eda/_functions/token_keeper/handler.py",
        "pulumi_aws_eda/_functions/reconciler/handler.py",
    }


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("pulumi_aws_eda/idempotent_lambda.py", False),
        ("pulumi_aws_eda/archives.py", False),
        ("eda_runtime/http.py", True),
    ],
)
def test_a_docstring_of_a_component_changes_no_archive(tmp_path: Path, file: str, changes: bool) -> None:
    package = copy(tmp_path / "package")
    before = archives(package, tmp_path / "cache")
    text = (package / file).read_text()
    assert text.startswith('"""')
    (package / file).write_text(text.replace('"""', '"""In other words: ', 1))
    assert (archives(package, tmp_path / "cache") != before) is changes
