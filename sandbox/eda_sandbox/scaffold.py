"""A new project, from the template that ``pulumi new`` takes too."""

import re
from pathlib import Path

from eda_sandbox.foundation.errors import SandboxError

TEMPLATE = Path(__file__).with_name("template")
DESCRIPTION = "An event-driven system on AWS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What Pulumi takes as a project's name."""


def make(folder: Path, name: str, description: str = DESCRIPTION) -> list[Path]:
    """Make a project's files, and return them.

    Args:
        folder: where they go; it may be there, and has to be empty.
        name: the project's.
        description: of the project, one line.

    Raises:
        SandboxError: the folder holds something, or the name is none.
    """
    if not _NAME.fullmatch(name):
        raise SandboxError(
            f"{name!r} is no project's name: letters, digits, `_`, `.` and `-`, beginning with a letter or digit"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SandboxError(f"{folder} holds something; name a folder that is empty or not there")
    made = []
    for source in sorted(file for file in TEMPLATE.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
        target = folder / source.relative_to(TEMPLATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text()
        target.write_text(text.replace("${PROJECT}", name).replace("${DESCRIPTION}", description))
        made.append(target)
    return made
