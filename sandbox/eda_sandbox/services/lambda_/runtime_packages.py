"""The packages that Lambda's Python runtime brings, out of those of the Python that runs the sandbox."""

import importlib.metadata
import tempfile
from pathlib import Path

IN_LAMBDA = (
    "awslambdaric",
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "simplejson",
    "six",
    "snapshot-restore-py",
    "urllib3",
)
DEBUGGER = ("debugpy",)


def folder_of(distributions: tuple[str, ...], folder: Path) -> Path:
    """A folder from which these distributions can be imported, and no others; it is made when it is first asked for.

    Args:
        distributions: by their names; one that is not installed is left out.
        folder: where.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary, "made")
        made.mkdir()
        for name in distributions:
            for top, there in _files(name).items():
                (made / top).symlink_to(there)
        try:
            made.rename(folder)
        except OSError:
            # Another template has made it meanwhile.
            if not folder.exists():
                raise
    return folder


def _files(name: str) -> dict[str, Path]:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return {}
    tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    return {top: Path(str(found.locate_file(top))) for top in tops}
