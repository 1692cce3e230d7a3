"""Where a deployed function's code comes from: the folder in which its author edits it."""

import io
import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build", "dist"})


@dataclass(frozen=True)
class Source:
    """The folder that a function's code was packed from.

    Attributes:
        root: the folder.
        beside: what its archive has that the folder has not, by name.
    """

    root: Path
    beside: dict[str, bytes]

    def archive(self) -> bytes:
        """The code as it is now, as a ZIP file."""
        contents = {
            **self.beside,
            **{str(file.relative_to(self.root)): file.read_bytes() for file in _files(self.root)},
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(contents.items()):
                info = zipfile.ZipInfo(name, _EPOCH)
                executable = name not in self.beside and os.access(self.root / name, os.X_OK)
                info.external_attr = (0o755 if executable else 0o644) << 16
                archive.writestr(info, content)
        return packed.getvalue()


def find(code: Path, files: Iterable[Path]) -> Source | None:
    """The folder that a function's unpacked code was packed from, or None where that is not certain.

    It is certain where one folder has every Python file of the code with the same content, and no other has.

    Args:
        code: the unpacked code.
        files: where to look: the files that may be edited.
    """
    contents = {file.relative_to(code): file.read_bytes() for file in _files(code)}
    modules = {name for name in contents if name.suffix == ".py"}
    by_name = defaultdict[str, list[Path]](list)
    for file in files:
        by_name[file.name].append(file)
    if not modules:
        return None
    first = min(modules, key=lambda name: (len(name.parts), str(name)))
    roots = {
        file.parents[len(first.parts) - 1]
        for file in by_name[first.name]
        if file.parts[-len(first.parts) :] == first.parts
    }
    found = [root for root in roots if all(_same(root / name, contents[name]) for name in modules)]
    if len(found) != 1:
        return None
    [root] = found
    beside = {str(name): content for name, content in contents.items() if not _same(root / name, content)}
    return Source(root, beside)


def below(folder: Path) -> Iterator[Path]:
    """The files below a folder that may be edited: not in hidden folders, nor in those of installed packages."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED and not name.startswith(".")]
        yield from (Path(where, name) for name in names)


def _files(root: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        yield from (Path(where, name) for name in names if not name.endswith(".pyc"))


def _same(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except OSError:
        return False
