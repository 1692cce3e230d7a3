"""A stack's exports, as the operating commands are given them."""

import json
import sys
from pathlib import Path
from typing import Any


class OutputsError(Exception):
    """There are no such exports; the message says what to give instead."""


class StackOutputs(dict[str, Any]):
    """Exports by name; one that is asked for and is not there is said to be missing.

    Raises:
        OutputsError: from ``[]``, for a name that is not exported.
    """

    def __missing__(self, name: str) -> Any:
        raise OutputsError(f"these are not the outputs of the pipeline's stack: {name} is missing")

    @classmethod
    def read(cls, file: str) -> "StackOutputs":
        """What ``pulumi stack output --json`` printed.

        Args:
            file: its path; ``-`` is standard input.

        Raises:
            OutputsError: it cannot be read, or is no JSON object.
        """
        try:
            found = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
        except OSError as error:
            raise OutputsError(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise OutputsError(
                f"{file} is not what pulumi stack output --json > outputs.json writes: {error}"
            ) from error
        if not isinstance(found, dict):
            raise OutputsError(f"{file} holds no JSON object, which pulumi stack output --json prints")
        return cls(found)
