"""Archives of code are the same bytes for the same content."""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi_aws_eda import archives


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_time_order_and_left_overs_do_not_change_the_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "code", {"handler.py": "x = 1", "lib/part.py": "y = 2"})
    second = write(tmp_path / "b" / "code", {"lib/part.py": "y = 2", "handler.py": "x = 1"})
    write(second, {"__pycache__/handler.cpython-311.pyc": "left over"})
    os.utime(second / "handler.py", (1, 1))
    one, other = archives.directory_archive(first).path, archives.directory_archive(second).path
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert zipfile.ZipFile(one).namelist() == ["handler.py", "lib/part.py"]


def test_other_content_is_another_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "code", {"handler.py": "x = 1"})
    before = archives.directory_archive(folder).path
    write(folder, {"handler.py": "x = 2"})
    assert archives.directory_archive(folder).path != before


def test_a_program_stays_executable_and_is_another_archive(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "code", {"bootstrap": "#!/bin/sh", "data.txt": "x"})
    plain = archives.directory_archive(first).path
    (first / "bootstrap").chmod(0o755)
    second = write(tmp_path / "b" / "code", {"data.txt": "x", "bootstrap": "#!/bin/sh"})
    # Who else may read or execute it is the machine's business: only the owner's bit counts.
    (second / "bootstrap").chmod(0o700)
    one, other = archives.directory_archive(first).path, archives.directory_archive(second).path
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert one != plain
    modes = {info.filename: info.external_attr >> 16 for info in zipfile.ZipFile(one).infolist()}
    assert modes == {"bootstrap": 0o755, "data.txt": 0o644}


def test_links_stand_for_what_they_lead_to(tmp_path: Path) -> None:
    write(tmp_path / "shared", {"part.py": "y = 2", "deep/er.py": "z = 3", "__pycache__/x.pyc": "left over"})
    folder = write(tmp_path / "code", {"handler.py": "x = 1"})
    (folder / "lib").symlink_to(tmp_path / "shared")
    (folder / "one.py").symlink_to(tmp_path / "shared" / "part.py")
    names = zipfile.ZipFile(archives.directory_archive(folder).path).namelist()
    assert names == ["handler.py", "lib/deep/er.py", "lib/part.py", "one.py"]


@pytest.mark.parametrize(("target", "error"), [("gone", FileNotFoundError), (".", ValueError), ("..", ValueError)])
def test_a_link_that_leads_nowhere_or_round_is_refused_by_name(
    tmp_path: Path, target: str, error: type[Exception]
) -> None:
    folder = write(tmp_path / "code", {"sub/handler.py": "x = 1"})
    (folder / "sub" / "link").symlink_to(target)
    with pytest.raises(error, match="sub/link is a link to"):
        archives.directory_archive(folder)


def test_links_that_lead_round_over_each_other_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "code", {"a/handler.py": "x = 1", "b/part.py": "y = 2"})
    (folder / "a" / "b").symlink_to("../b")
    (folder / "b" / "a").symlink_to("../a")
    with pytest.raises(ValueError, match="is a link to"):
        archives.directory_archive(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archives.directory_archive(tmp_path)


LAYERS = (archives.runtime_layer_archive, archives.powertools_layer_archive)
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(params=[HERE, "python3.99"], ids=["this-python", "another-python"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What Lambda runs."""
    monkeypatch.setattr(archives, "RUNTIME", request.param)
    for layer in LAYERS:
        layer.cache_clear()
    yield request.param
    for layer in LAYERS:
        layer.cache_clear()


@pytest.mark.slow
def test_the_layers_hold_their_packages_and_bytecode_of_the_runtimes_python_alone(runtime: str) -> None:
    names = {name for layer in LAYERS for name in zipfile.ZipFile(layer().path).namelist()}
    assert {"python/eda_runtime/entrypoint.py", "python/aws_lambda_powertools/__init__.py"} <= names
    assert "python/typing_extensions.py" in names
    assert all(name.startswith("python/") for name in names)
    sources = {name for name in names if name.endswith(".py")}
    expected = {importlib.util.cache_from_source(name, optimization="") for name in sources}
    assert {name for name in names if name.endswith(".pyc")} == (expected if runtime == HERE else set())


MAKE = """
import sys
from pulumi_aws_eda import archives
archives.RUNTIME = sys.argv[1]
if len(sys.argv) > 2:
    import asyncio, unittest, boto3  # whatever else has been loaded
print(archives.runtime_layer_archive().path, archives.powertools_layer_archive().path)
"""


@pytest.mark.slow
def test_bytecode_is_the_same_bytes_whoever_makes_it(tmp_path: Path) -> None:
    made = []
    for number, more in enumerate(([], ["more"])):
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / str(number)), "PYTHONHASHSEED": str(number)}
        command = [sys.executable, "-c", MAKE, HERE, *more]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        made.append([Path(path).read_bytes() for path in done.stdout.split()])
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("runtime", [HERE], indirect=True)
def test_python_takes_the_bytecode_as_it_lies_there(runtime: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(archives.runtime_layer_archive().path) as archive:
        archive.extractall(tmp_path)
    for source in tmp_path.rglob("*.py"):
        source.write_text("raise ImportError('compiled anew')")
    told = "from eda_runtime import json_text; print(json_text.same.__code__.co_filename, json_text.loads('[1]'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", told],
        env={"PYTHONPATH": str(tmp_path / "python"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / "python" / "eda_runtime" / "json_text.py"), "[1]"]


@pytest.mark.slow
def test_the_wheel_is_installed_by_pip_and_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    archives.runtime_wheel.cache_clear()
    wheel, name, digest = archives.runtime_wheel()
    first = Path(wheel.path).read_bytes()
    Path(wheel.path).unlink()
    archives.runtime_wheel.cache_clear()
    again = archives.runtime_wheel()
    archives.runtime_wheel.cache_clear()
    assert (Path(again[0].path).read_bytes(), again[1:]) == (first, (name, digest))
    assert digest in wheel.path
    assert Path(wheel.path).name == name == "eda_runtime-0.1.0-py3-none-any.whl"
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--no-index", "--target", str(tmp_path / "site")]
    subprocess.run([*pip, again[0].path], check=True, capture_output=True)
    loaded = "import eda_runtime.redshift_load as load; print(load.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", loaded],
        env={"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path / "site"))


def test_a_script_is_the_jobs_file_with_its_digest() -> None:
    script, digest = archives.script("load_job")
    assert Path(script.path).name == "job.py"
    assert digest == hashlib.sha256(Path(script.path).read_bytes()).hexdigest()[:16]


def test_texts_lie_beside_a_functions_code() -> None:
    plain, with_query = (
        archives.function_archive("per_object_query", beside).path for beside in (None, {"query.sql": "SELECT 'ä'"})
    )
    assert plain != with_query
    with zipfile.ZipFile(with_query) as archive:
        assert archive.namelist() == ["handler.py", "query.sql"]
        assert archive.read("query.sql").decode() == "SELECT 'ä'"


@pytest.mark.parametrize("home", ["file/home", "/proc"])
def test_without_a_home_that_can_be_written_archives_are_kept_in_the_temporary_folder(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Path(archives.directory_archive(write(tmp_path / "code", {"handler.py": "x = 1"})).path)
    assert made.parent == tmp_path / f"pulumi-aws-eda-{os.getuid()}"
    assert made.parent.stat().st_mode & 0o777 == 0o700
    assert zipfile.is_zipfile(made)
