"""Runs a Pulumi program in this process against a sandbox that listens elsewhere; started by ``deploy``.

Reads one JSON object from standard input (``main``, ``project``, ``stack``, ``config``, ``endpoint``) and writes JSON
lines: one for each resource, then one with the program's exports, or one with the errors.
"""

import asyncio
import gc
import json
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import set_all_config, set_mocks
from pulumi.runtime.stack import run_pulumi_func

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.provider.mocks import ActingMocks


def main() -> int:
    """Run the program; 0 when every resource was made."""
    # This process ends with the program, whose futures all live as long: looking for garbage takes half of the time.
    gc.disable()
    request = json.load(sys.stdin)
    os.chdir(Path(request["main"]).parent)
    sys.path.insert(0, str(Path(request["main"]).parent))
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What the program prints must not mix with our lines.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")

    cloud = Cloud(request["endpoint"], Clock(), Path(request["main"]).parent)
    mocks = ActingMocks(cloud, lambda token, name: tell({"made": name, "type": token}))
    set_all_config(request["config"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(mocks, project=request["project"], stack=request["stack"], preview=False)

    def program() -> None:
        runpy.run_path(request["main"], run_name="__main__")

    try:
        loop.run_until_complete(run_pulumi_func(program))
    except (Exception, SystemExit) as error:
        causes = [str(failure) for failure in mocks.failures] or [
            "".join(traceback.format_exception_only(error)).strip(),
            "".join(traceback.format_exception(error)),
        ]
        tell({"errors": causes})
        return 1
    root = pulumi.runtime.get_root_resource()
    exports = loop.run_until_complete(_resolved(getattr(root, "outputs", {})))
    tell({"exports": exports, "resources": [[d.token, d.name, d.id, _plain(d.state)] for d in mocks.deployed]})
    return 0


async def _resolved(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: await pulumi.Output.from_input(value).future() for name, value in outputs.items()}


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if not isinstance(value, pulumi.Asset | pulumi.Archive)}


if __name__ == "__main__":
    sys.exit(main())
