"""From an edit to the first invocation that runs it, against a deployment of the whole program, in one run.

``python -m bench.loop`` deploys the example of a queue by the loop of ``eda-sandbox dev``, writes a handler anew
several times, and invokes it until it answers as it is written. The baseline is what an author without the loop does: a
new embedded AWS and the whole program into it, in the same process.
"""

import contextlib
import io
import json
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from eda_sandbox.dev.loop import Loop
from eda_sandbox.embedded import embedded_aws
from rich.console import Console

ROOT = Path(__file__).parents[1]
HANDLER = "def handle(event, context):\n    return {number}\n"
PLAIN = """
made = aws.lambda_.Function("plain", runtime="python3.12", handler="handler.handle", role=charge.role_arn,
    code=pulumi.FileArchive(str(Path(__file__).parent / "functions" / "plain")))
pulumi.export("plain", made.name)
"""
"""A function without a source beside that of the example: only the measurement invokes it."""
LATEST_SECONDS = 60.0
"""An edit that is not seen after this time never is."""


def deployed(main: Path) -> float:
    """Seconds that a new embedded AWS with the whole program takes."""
    begin = time.perf_counter()
    with embedded_aws(20) as aws:
        if not Loop(aws, main, Console(file=io.StringIO())).start():
            raise SystemExit("the program was not deployed")
        return time.perf_counter() - begin


def edited(main: Path, handler: Path, edits: int) -> list[float]:
    """Seconds from each edit to the end of the first invocation that runs it.

    Args:
        main: the program.
        handler: the file that is edited.
        edits: how many.
    """
    with embedded_aws(20) as aws:
        loop = Loop(aws, main, Console(file=io.StringIO()))
        if not loop.start():
            raise SystemExit("the program was not deployed")
        ended, ready = threading.Event(), threading.Event()
        watching = threading.Thread(target=loop.follow, args=(ended, ready.set))
        watching.start()
        try:
            ready.wait()
            name, client = loop.outputs["plain"], aws.client("lambda")
            # The first environment of all loads what the others are forked from.
            client.invoke(FunctionName=name, Payload=b"{}")
            return [
                _edit(handler, number, lambda: client.invoke(FunctionName=name, Payload=b"{}"))
                for number in range(edits)
            ]
        finally:
            ended.set()
            watching.join()


def _edit(handler: Path, number: int, invoke: Any) -> float:
    handler.write_text(HANDLER.format(number=number))
    begin = time.perf_counter()
    while time.perf_counter() - begin < LATEST_SECONDS:
        if json.loads(invoke()["Payload"].read()) == number:
            return time.perf_counter() - begin
    raise SystemExit(f"the edit {number} was not seen within {LATEST_SECONDS:g} s")


def main(
    edits: Annotated[int, typer.Option(min=1, help="How often it is edited.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure edit to run against a whole deployment."""
    with contextlib.ExitStack() as until_the_end:
        folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory())) / "program"
        shutil.copytree(ROOT / "examples" / "queue", folder)
        file = folder / "functions" / "plain" / "handler.py"
        file.parent.mkdir()
        file.write_text(HANDLER.format(number=-1))
        (folder / "__main__.py").write_text((folder / "__main__.py").read_text() + PLAIN)
        whole = deployed(folder / "__main__.py")
        seconds = edited(folder / "__main__.py", file, edits)
    median = statistics.median(seconds)
    if as_json:
        print(json.dumps({"whole": whole, "edits": seconds, "median": median, "ratio": median / whole}))
    else:
        print(f"whole deployment {whole:.2f} s; edit to run {', '.join(f'{each:.2f}' for each in seconds)} s")
        print(f"median {median:.2f} s, {median / whole:.3f} of a whole deployment")


if __name__ == "__main__":
    typer.run(main)
