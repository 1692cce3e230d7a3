"""Archives of code that are the same bytes for the same content: sorted, with fixed times, only what is needed.

Files that their owner may execute are executable in the archive; links stand for what they lead to. Archives are kept
in ``pulumi-aws-eda`` of ``XDG_CACHE_HOME``, else of ``~/.cache``, else in the temporary folder.
"""

import base64
import contextlib
import hashlib
import importlib.util
import os
import stat
import tempfile
import zipfile
from collections.abc import Mapping, Set
from functools import cache
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pulumi

from pulumi_aws_eda import bytecode, dependencies

RUNTIME = "python3.13"
"""Lambda's runtime of functions that name none; where this Python is of that version, layers hold its bytecode."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SKIPPED = frozenset({".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
POWERTOOLS = ("aws_lambda_powertools", "jmespath", "typing_extensions")
"""The packages of the bundled Powertools layer: Powertools and what it needs beside boto3."""
WHEEL_VERSION = "0.1.0"
"""Of the wheel; what tells one from another is the digest in its key."""


def directory_archive(path: str | os.PathLike[str]) -> pulumi.FileArchive:
    """The files of a folder as a deterministic ZIP archive.

    Args:
        path: the folder; its files lie at the archive's root.

    Raises:
        FileNotFoundError: it does not exist or is empty, or a link in it leads nowhere.
        ValueError: a link in it leads to a folder that the link is in.
    """
    root = Path(path).resolve()
    return _archive({str(file.relative_to(root)): file for file in _files(root)}, root)


def python_archive(
    path: str | os.PathLike[str], *, runtime: str = RUNTIME, architecture: str = "arm64"
) -> pulumi.FileArchive:
    """A function's code with the third-party packages that its folder asks for, as a deterministic ZIP archive.

    The folder's ``uv.lock``, ``requirements.txt`` or ``pyproject.toml``, the first that is there, names them. With a
    ``uv.lock``, or a ``requirements.txt`` that has hashes, the bytes are the same on every machine; without, they are
    resolved where the program runs, and a warning says so. uv installs wheels alone, for Lambda's platform, and the
    archive is kept: it is made once for the same content.

    Args:
        path: the folder; its files lie at the archive's root. A ``.venv`` and the files that name dependencies stay.
        runtime: of the function, ``python3.11`` to ``python3.13``.
        architecture: of the function, ``arm64`` or ``x86_64``.

    Raises:
        DependencyError: a package has no wheel for the platform, lies in the folder too, or cannot be had; or the
            archive is over Lambda's limit (250 MB unzipped, 50 MB zipped; Lambda quotas).
        FileNotFoundError: the folder does not exist or is empty, or a link in it leads nowhere.
        ValueError: a link in it leads to a folder that the link is in.
    """
    root, platform = Path(path).resolve(), dependencies.Platform(runtime, architecture)
    files = {str(file.relative_to(root)): file for file in _files(root)}
    code = {name: file for name, file in files.items() if name not in dependencies.SOURCES}
    return _with_packages(root, platform, code, "")


def python_layer_archive(
    path: str | os.PathLike[str], *, runtime: str = RUNTIME, architecture: str = "arm64"
) -> pulumi.FileArchive:
    """The third-party packages that a folder asks for as a layer, which functions share.

    Args:
        path: a folder with a ``uv.lock``, ``requirements.txt`` or ``pyproject.toml``; its code is not taken.
        runtime: of the functions, ``python3.11`` to ``python3.13``.
        architecture: of the functions, ``arm64`` or ``x86_64``.

    Raises:
        DependencyError: as for ``python_archive``; or the folder asks for nothing.
    """
    root, platform = Path(path).resolve(), dependencies.Platform(runtime, architecture)
    return _with_packages(root, platform, {}, "python/")


def _with_packages(
    root: Path, platform: dependencies.Platform, code: dict[str, Path], folder: str
) -> pulumi.FileArchive:
    wanted = dependencies.locked(root, platform)
    if wanted is None or not wanted.lines:
        if not code:
            raise dependencies.DependencyError(f"{root} names no dependencies in {', '.join(dependencies.SOURCES)}")
        return _archive(code, root)
    if not wanted.stable:
        pulumi.log.warn(
            f"{wanted.source} is not locked, so other machines may package other versions; lock it with `uv lock`, or "
            f"with `uv pip compile --generate-hashes {wanted.source.name} -o requirements.txt`"
        )
    packages = dependencies.packed(dependencies.installed(wanted, platform, _cache()))
    tops = {_top(name) for name in packages}
    both = sorted(tops & {_top(name.replace(os.sep, "/")) for name in code})
    if both:
        raise dependencies.DependencyError(f"{', '.join(both)} of {wanted.source} lies in {root} too")
    made = _archive(
        code | {f"{folder}{name}": file for name, file in packages.items()},
        root,
        {dependencies.RECORD: dependencies.record(wanted, platform, folder.rstrip("/"), list(packages))},
    )
    sizes = {top: sum(file.stat().st_size for name, file in packages.items() if _top(name) == top) for top in tops}
    whole = sum(sizes.values()) + sum(file.stat().st_size for file in code.values())
    zipped = Path(str(made.path)).stat().st_size
    if said := dependencies.too_large(whole, zipped, sizes):
        raise dependencies.DependencyError(f"{root} is too large for Lambda: {said}")
    if said := dependencies.too_large(whole, zipped, sizes, share=0.8):
        pulumi.log.warn(f"{root} is near Lambda's limits: {said}")
    return made


def _top(name: str) -> str:
    return name.partition("/")[0]


@cache
def runtime_layer_archive() -> pulumi.FileArchive:
    """``eda_runtime`` as a layer."""
    return _packages(("eda_runtime",))


@cache
def powertools_layer_archive() -> pulumi.FileArchive:
    """The installed AWS Lambda Powertools as a layer; pure Python, so it fits every architecture."""
    return _packages(POWERTOOLS)


@cache
def runtime_wheel() -> tuple[pulumi.FileAsset, str, str]:
    """``eda_runtime`` as a wheel without requirements, for a Glue Python shell job's ``--extra-py-files``.

    Returns:
        The wheel, its file name as pip wants it, and a digest of its content.
    """
    found = importlib.util.find_spec("eda_runtime")
    if found is None or found.origin is None:
        raise FileNotFoundError("the package eda_runtime is not installed")
    root = Path(found.origin).parent
    contents = {f"eda_runtime/{file.relative_to(root).as_posix()}": file.read_bytes() for file in _files(root)}
    contents |= _dist_info(contents)
    wheel = f"eda_runtime-{WHEEL_VERSION}-py3-none-any.whl"
    digest = _digest(contents)
    return pulumi.FileAsset(str(_zip(contents, f"{digest}/{wheel}"))), wheel, digest


def _dist_info(contents: dict[str, bytes]) -> dict[str, bytes]:
    """The files that make a ZIP archive of a package a wheel (Binary distribution format, PyPA)."""
    folder = f"eda_runtime-{WHEEL_VERSION}.dist-info"
    made = {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: eda-runtime\nVersion: {WHEEL_VERSION}\n".encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: pulumi-aws-eda\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    for name, content in sorted((contents | made).items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return made | {f"{folder}/RECORD": "".join([*lines, f"{folder}/RECORD,,\n"]).encode()}


def function_archive(name: str, beside: Mapping[str, str] | None = None) -> pulumi.FileArchive:
    """The code of a function that the library deploys itself.

    Args:
        name: its folder under ``_functions``.
        beside: texts that lie beside the code, by file name.
    """
    root = Path(__file__).parent / "_functions" / name
    return _archive({str(file.relative_to(root)): file for file in _files(root)}, root, beside)


def script(name: str) -> tuple[pulumi.FileAsset, str]:
    """The script of a job that the library deploys itself.

    Args:
        name: its folder under ``_functions``.

    Returns:
        The script, and a digest of its content.
    """
    file = Path(__file__).parent / "_functions" / name / "job.py"
    return pulumi.FileAsset(str(file)), hashlib.sha256(file.read_bytes()).hexdigest()[:16]


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
    return _archive(files, Path(names[0]), compiled=bytecode.is_of(RUNTIME))


def _files(root: Path) -> list[Path]:
    found: list[Path] = []
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for link in (Path(folder, name) for name in folders):
            # On the way from the root, or above it: links may lead round over each other.
            if link.is_symlink() and any(way.resolve() == link.resolve() for way in link.parents):
                raise ValueError(f"{link} is a link to {link.resolve()}, which it is in")
        for file in (Path(folder, name) for name in files if name not in _SKIPPED and not name.endswith(".pyc")):
            if not file.exists():
                raise FileNotFoundError(f"{file} is a link to {file.readlink()}, which is not there")
            if file.is_file():
                found.append(file)
    return found


def _archive(
    files: dict[str, Path], root: Path, beside: Mapping[str, str] | None = None, compiled: bool = False
) -> pulumi.FileArchive:
    if not files:
        raise FileNotFoundError(f"{root} holds no files")
    contents = {name.replace(os.sep, "/"): file.read_bytes() for name, file in files.items()}
    contents |= {name: text.encode() for name, text in (beside or {}).items()}
    programs = frozenset(
        name.replace(os.sep, "/") for name, file in files.items() if file.stat().st_mode & stat.S_IXUSR
    )
    digest = _digest(contents, programs, MAGIC_NUMBER if compiled else b"")
    return pulumi.FileArchive(str(_zip(contents, f"{root.name}-{digest}.zip", programs, compiled)))


def _digest(contents: dict[str, bytes], programs: Set[str] = frozenset(), compiler: bytes = b"") -> str:
    digest = hashlib.sha256(compiler)
    for name in sorted(contents):
        digest.update(name.encode() + b"\0" + hashlib.sha256(contents[name]).digest())
        if name in programs:
            digest.update(b"x")
    return digest.hexdigest()[:16]


def _zip(contents: dict[str, bytes], name: str, programs: Set[str] = frozenset(), compiled: bool = False) -> Path:
    """The file in the cache, made when it is not there."""
    target = _cache() / name
    if not target.exists():
        if compiled:
            contents = contents | bytecode.compiled(contents)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file,
            zipfile.ZipFile(file, "w") as archive,
        ):
            for entry in sorted(contents):
                info = zipfile.ZipInfo(entry, _EPOCH)
                info.external_attr = (0o755 if entry in programs else 0o644) << 16
                archive.writestr(info, contents[entry], zipfile.ZIP_DEFLATED, 9)
        # Renamed, so that a second program never sees half an archive.
        Path(file.name).replace(target)
    return target


def _cache() -> Path:
    """Where archives are kept: in the user's cache folder, or in the temporary folder where that cannot be written."""
    given = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(OSError, RuntimeError):  # a container may know no home for its user
        folder = (Path(given) if given else Path.home() / ".cache") / "pulumi-aws-eda"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    folder = Path(tempfile.gettempdir(), f"pulumi-aws-eda-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else; set XDG_CACHE_HOME to a folder of your own")
    return folder
