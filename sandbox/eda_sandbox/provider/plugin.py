"""The plugin that the engine's tools look for: a shim that says where the provider listens."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.server import VERSION

_SHIM = """#!/bin/sh
# Written by `eda-sandbox provider --install`: the engine starts a plugin and reads its port, and the provider
# runs already.
echo {port}
# The engine ends its plugins; until then this one has to run.
trap 'exit 0' INT TERM
while :; do sleep 1; done
"""


def pulumi_home(environment: Mapping[str, str]) -> Path:
    """The engine's folder.

    Args:
        environment: whose ``PULUMI_HOME`` counts; else it is ``~/.pulumi``.

    Raises:
        SandboxError: the variable is not set, and there is no home directory.
    """
    try:
        return Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    except RuntimeError:
        raise SandboxError("there is no home directory; set PULUMI_HOME to a folder for the engine") from None


def install(port: int, home: Path | None = None) -> Path:
    """Write the shim plugin ``pulumi-resource-aws`` for a running provider.

    Args:
        port: where the provider listens on loopback.
        home: the engine's folder; default ``PULUMI_HOME``, else ``~/.pulumi``.

    Returns:
        The plugin's folder; removing it uninstalls the plugin.

    Raises:
        FileExistsError: a plugin of that version is there that this did not write.
        SandboxError: nobody says where the engine's folder is.
    """
    folder = (home or pulumi_home(os.environ)) / "plugins" / f"resource-aws-v{VERSION}"
    shim = folder / "pulumi-resource-aws"
    if folder.exists() and not (shim.is_file() and shim.stat().st_size < 2_000):
        raise FileExistsError(f"{folder} holds the real AWS provider; remove it or give another PULUMI_HOME")
    folder.mkdir(parents=True, exist_ok=True)
    shim.write_text(_SHIM.format(port=port))
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    (folder / "PulumiPlugin.yaml").unlink(missing_ok=True)
    return folder
