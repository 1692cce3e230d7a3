"""What a cold start of a function loads, against a bare handler with the same SDK: ``python -m bench.imports``.

After a time-out Lambda initialises a function again inside its time-out, so ``get_order`` has two seconds for both.
Prints a table, and with ``--json`` one object in the last line: seconds (median) and the ratio to the bare handler.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "ORDERS_TABLE": "orders",
    "CALLBACK_TABLE": "callbacks",
    "EXTERNAL_API_URL": "http://127.0.0.1:9",
    "SUPPLIERS_CACHE": '{"strategy": "SCHEDULED", "table": "suppliers"}',
    "EDA_PAYLOAD_STORE": '{"bucket": "payloads"}',
    "REQUEST_SCHEMA": "{}",
    "PYTHONPATH": str(ROOT),
}
BARE = "import boto3; boto3.client('dynamodb')"
FUNCTIONS = ("get_order", "add_details", "call_external_api")


def seconds(code: str, handler: str = "") -> float:
    """How long a process takes that runs some code and ends."""
    begin = time.perf_counter()
    environment = {**ENVIRONMENT, "EDA_HANDLER": handler}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    return time.perf_counter() - begin


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in ("python", "bare", *FUNCTIONS)}
    for _ in range(rounds):
        times["python"].append(seconds("pass"))
        times["bare"].append(seconds(BARE))
        for name in FUNCTIONS:
            code = "import eda_runtime.entrypoint"
            times[name].append(seconds(code, f"functions.{name}.handler.handle"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:<20} {value:.3f} s  {value / medians['bare']:.2f} x bare")
    if as_json:
        ratios = {f"{name}_ratio": round(medians[name] / medians["bare"], 3) for name in FUNCTIONS}
        print(json.dumps({"seconds": {name: round(value, 4) for name, value in medians.items()}, **ratios}))


if __name__ == "__main__":
    typer.run(main)
