"""Where a function's code and its handler are: an archive, a folder, or a handler in a folder."""

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pulumi

from pulumi_aws_eda import archives
from pulumi_aws_eda._parts.args import ArgumentError

Code = pulumi.Input[pulumi.Archive] | str | os.PathLike[str]
"""An archive, or the path of a folder that is packaged."""
HANDLER = "handler.handle"


class Architecture(Enum):
    """What a function's machine code is for."""

    ARM64 = "arm64"
    """AWS Graviton."""
    X86_64 = "x86_64"
    """Intel and AMD."""


def code_of(
    component: str, args: Mapping[str, Any], architecture: Architecture
) -> tuple[pulumi.Input[pulumi.Archive], str]:
    """A function's code, and its handler as ``module.function``.

    Args:
        component: for messages.
        args: the function's arguments ``code``, ``handler`` and ``runtime``.
        architecture: the function's.

    Raises:
        ArgumentError: there is no code, its folder cannot be packaged, or the handler is none.
    """
    code, handler = args.get("code"), args.get("handler", HANDLER)
    folder, slash, name = handler.rpartition("/")
    module, _, function = name.rpartition(".")
    if not module or not function:
        raise ArgumentError(
            component, "handler", f"is {handler!r}; it has to be module.function or folder/module.function"
        )
    runtime = args.get("runtime", archives.RUNTIME)
    if code is not None:
        # Inside the code a folder is a package.
        return _packaged(component, "code", code, runtime, architecture), handler.replace("/", ".")
    if not slash:
        raise ArgumentError(component, "code", "is missing, and 'handler' names no folder")
    return _packaged(component, "handler", folder or slash, runtime, architecture), name


def _packaged(
    component: str, argument: str, code: Code, runtime: str, architecture: Architecture
) -> pulumi.Input[pulumi.Archive]:
    if not isinstance(code, str | os.PathLike):
        return code
    try:
        return archives.python_archive(code, runtime=runtime, architecture=architecture.value)
    except (FileNotFoundError, ValueError) as error:
        problem = f"names the folder {str(code)!r} in {Path.cwd()}, which cannot be packaged: {error}"
        raise ArgumentError(component, argument, problem) from error
