"""Archives of code that are the same bytes for the same content: sorted, with fixed times, only what is needed."""

import hashlib
import importlib.util
import os
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pulumi

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIPPED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
POWERTOOLS = ("aws_lambda_powertools", "jmespath", "typing_extensions")
"""The packages of the bundled Powertools layer: Powertools and what it needs beside boto3."""


def directory_archive(path: str | os.PathLike[str]) -> pulumi.FileArchive:
    """The files of a folder as a deterministic ZIP archive.

    Args:
        path: the folder; its files lie at the archive's root.

    Raises:
        FileNotFoundError: it does not exist or is empty.
    """
    root = Path(path).resolve()
    return _archive({str(file.relative_to(root)): file for file in _files(root)}, root)


@cache
def runtime_layer_archive() -> pulumi.FileArchive:
    """``eda_runtime`` as a layer."""
    return _packages(("eda_runtime",))


@cache
def powertools_layer_archive() -> pulumi.FileArchive:
    """The installed AWS Lambda Powertools as a layer; pure Python, so it fits every architecture."""
    return _packages(POWERTOOLS)


def function_archive(name: str) -> pulumi.FileArchive:
    """The code of a function that the library deploys itself.

    Args:
        name: its folder under ``_functions``.
    """
    return directory_archive(Path(__file__).parent / "_functions" / name)


def _packages(names: tuple[str, ...]) -> pulumi.FileArchive:
    files: dict[str, Path] = {}
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise FileNotFoundError(f"the package {name} is not installed")
        origin = Path(found.origin)
        if origin.name == "__init__.py":
            files |= {f"python/{name}/{f.relative_to(origin.parent)}": f for f in _files(origin.parent)}
        else:
            files[f"python/{origin.name}"] = origin
    return _archive(files, Path(names[0]))


def _files(root: Path) -> list[Path]:
    return [
        file
        for file in root.rglob("*")
        if file.is_file() and not _SKIPPED & set(file.relative_to(root).parts) and file.suffix != ".pyc"
    ]


def _archive(files: dict[str, Path], root: Path) -> pulumi.FileArchive:
    if not files:
        raise FileNotFoundError(f"{root} holds no files")
    contents = {name.replace(os.sep, "/"): file.read_bytes() for name, file in files.items()}
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(name.encode() + b"\0" + hashlib.sha256(contents[name]).digest())
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pulumi-aws-eda"
    target = folder / f"{root.name}-{digest.hexdigest()[:16]}.zip"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file, zipfile.ZipFile(file, "w") as archive:
            for name in sorted(contents):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.external_attr = 0o644 << 16
                archive.writestr(info, contents[name], zipfile.ZIP_DEFLATED, 9)
        # Renamed, so that a second program never sees half an archive.
        Path(file.name).replace(target)
    return pulumi.FileArchive(str(target))
