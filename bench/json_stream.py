"""What reading an array as it arrives costs against reading it at once with ``json``: ``python -m bench.json_stream``.

The bytes are the external API's answer of the demo, in chunks of 64 KiB. The baseline holds all of them and calls
``json.loads``; ``ijson`` (with its C backend) reads as it arrives too, ``msgspec`` and ``orjson`` all at once. Prints a
table, and with ``--json`` one object in the last line: CPU milliseconds (the least of the rounds, one after the other
in each) and ratios to the baseline.
"""

import importlib
import io
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Annotated, Any

import typer
from eda_runtime.json_stream import elements

from bench.borrowed import installed
from bench.report import tell
from pipeline.demo.external_api import offers

CHUNK = 64 * 1024
OTHERS = ("ijson==3.6.0", "msgspec==0.22.0", "orjson==3.13.0")


def variants(body: bytes) -> dict[str, Callable[[], object]]:
    """What reads it, by name."""
    chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    found: dict[str, Callable[[], object]] = {
        "json": lambda: json.loads(body),
        "elements": lambda: deque(elements(chunks), 0),
    }
    readers: dict[str, Callable[[Any], Callable[[], object]]] = {
        "ijson": lambda module: lambda: deque(module.items(io.BytesIO(body), "item", use_float=True), 0),
        "msgspec": lambda module: lambda: module.json.decode(body),
        "orjson": lambda module: lambda: module.loads(body),
    }
    sys.path.append(str(installed("json", *OTHERS)))
    return found | {name: reader(importlib.import_module(name)) for name, reader in readers.items()}


def main(
    length: Annotated[int, typer.Option(min=1, help="Elements of the array.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    reading = variants(offers(length, 0))
    least = dict.fromkeys(reading, float("inf"))
    for _ in range(rounds):
        for name, read in reading.items():
            begin = time.process_time()
            read()
            least[name] = min(least[name], 1000 * (time.process_time() - begin))
    for name, value in least.items():
        print(f"{name:<9} {value:7.1f} ms")
    ratios = {name: value / least["json"] for name, value in least.items()}
    tell(as_json, "json.loads", ratios, milliseconds={name: round(value, 1) for name, value in least.items()})


if __name__ == "__main__":
    typer.run(main)
