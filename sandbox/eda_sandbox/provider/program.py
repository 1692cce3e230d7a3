"""Runs a Pulumi program in this process against a sandbox that listens elsewhere; started by ``deploy``.

Reads a JSON line from standard input (``main``, ``project``, ``stack``, ``config``, and what an earlier run made as
``before``), at the first resource another one (``endpoint``), and writes JSON lines: one for each resource, then one
with the program's exports, or with the errors. The last one has all resources that there are, the files that the
program read, and what it has loaded that the next one will.
"""

import asyncio
import gc
import json
import os
import runpy
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
from pulumi.runtime import set_all_config, set_mocks
from pulumi.runtime.stack import run_pulumi_func

from eda_sandbox.foundation.clock import Clock
from eda_sandbox.foundation.cloud import Cloud
from eda_sandbox.provider.made import Made
from eda_sandbox.provider.mocks import ActingMocks

CACHE = os.path.abspath(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) + os.sep  # noqa: PTH100, PTH111 - a container may know no home
INSTALLED = tuple({sys.prefix, sys.base_prefix, *(path for path in sys.path if path.endswith(("-packages", ".zip")))})


def main() -> int:
    """Run the program; 0 when every resource was made."""
    # This process ends with the program, whose futures all live as long: looking for garbage takes half of the time.
    gc.disable()
    request = json.loads(sys.stdin.readline())
    os.chdir(Path(request["main"]).parent)
    sys.path.insert(0, str(Path(request["main"]).parent))
    lines = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    orders, sys.stdin = sys.stdin, Path(os.devnull).open()  # noqa: SIM115 - to the end
    # What the program prints must not mix with our lines.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(line: dict[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")

    def cloud() -> Cloud:
        return Cloud(json.loads(orders.readline())["endpoint"], Clock(), Path(request["main"]).parent)

    before = [Made(**made) for made in request.get("before", ())]
    mocks = ActingMocks(cloud, lambda token, name: tell({"made": name, "type": token}), before)
    read = files_read()
    set_all_config(request["config"])
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(mocks, project=request["project"], stack=request["stack"], preview=False)

    def program() -> None:
        runpy.run_path(request["main"], run_name="__main__")

    last: dict[str, Any] = {}
    try:
        loop.run_until_complete(run_pulumi_func(program))
        root = pulumi.runtime.get_root_resource()
        last["exports"] = loop.run_until_complete(_resolved(getattr(root, "outputs", {})))
        mocks.remove_the_rest()
    except (Exception, SystemExit) as error:
        last["errors"] = [str(failure) for failure in mocks.failures] or [
            "".join(traceback.format_exception_only(error)).strip(),
            "".join(traceback.format_exception(error)),
        ]
        if not mocks.failures:
            last["at"] = own_lines(error, Path(request["main"]).parent)
    tell(
        {
            **last,
            "resources": [[made.token, made.name, made.id, made.state] for made in mocks.deployed],
            "made": [made.as_json() for made in mocks.left],
            "changes": mocks.changes,
            "read": sorted(read | modules_read()),
            "modules": pulumis_modules(),
            "services": mocks.services,
        }
    )
    # The interpreter looks for garbage once more at its end, which takes a quarter of the time: all of it goes with us.
    gc.freeze()
    return 1 if "errors" in last else 0


def files_read() -> set[str]:
    """A set that fills with the files that this process opens to read, but for the interpreter's and installed ones."""
    found: set[str] = set()

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            path = os.path.abspath(arguments[0])  # noqa: PTH100 - called thousands of times
            if is_own(path):
                found.add(path)

    sys.addaudithook(hear)
    return found


def modules_read() -> set[str]:
    """The files of the modules that are loaded: where bytecode is kept, they are not opened."""
    files = {str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
    return {file for file in files if file.endswith(".py") and is_own(file)}


def pulumis_modules() -> list[str]:
    """The installed modules of Pulumi and its packages that are loaded, not those that wait for their first use."""
    return [
        name
        for name, module in list(sys.modules.items())
        if name.startswith("pulumi")
        and type(module) is ModuleType
        and module.__file__ is not None
        and not is_own(module.__file__)
    ]


def is_own(path: str) -> bool:
    """Whether a file may be one that the program's author edits."""
    return not path.startswith((*INSTALLED, CACHE, "/proc/", "/dev/", "/sys/", "/etc/")) and not path.endswith(".pyc")


def own_lines(error: BaseException, folder: Path) -> list[str]:
    """The lines of the author's that an error came through, the deepest last."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(traceback.FrameSummary(error.filename, error.lineno, "", line=error.text))
    return [
        f"{frame.filename}:{frame.lineno}: {frame.line}"
        for frame in frames
        if Path(frame.filename).is_relative_to(folder) and is_own(frame.filename)
    ]


async def _resolved(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: await pulumi.Output.from_input(value).future() for name, value in outputs.items()}


if __name__ == "__main__":
    sys.exit(main())
