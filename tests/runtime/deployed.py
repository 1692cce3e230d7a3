"""Loads the functions that the library deploys, as Lambda does: with an environment, and clients of their own."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pulumi_aws_eda

FUNCTIONS = Path(pulumi_aws_eda.__file__).parent / "_functions"


class Context:
    """Lambda's context."""

    def __init__(self, milliseconds: int = 60_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def deployed(
    path: str, environment: Mapping[str, str], clients: Mapping[str, Any], files: Mapping[str, str] | None = None
) -> ModuleType:
    """A function's module.

    Args:
        path: under ``_functions``.
        environment: its environment.
        clients: what boto3 gives it, by service.
        files: further files beside it, by name.
    """
    with TemporaryDirectory() as folder:
        code = Path(folder) / "code"
        shutil.copytree((FUNCTIONS / path).parent, code, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in (files or {}).items():
            (code / name).write_text(text)
        file = code / Path(path).name
        spec = importlib.util.spec_from_file_location(f"deployed_{path.replace('/', '_')[:-3]}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        with patch.dict(os.environ, environment), patch("boto3.client", lambda service, **_: clients[service]):
            spec.loader.exec_module(module)
    return module
