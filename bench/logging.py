"""What logging and tracing cost a warm invocation, against Powertools' logger: ``python -m bench.logging``.

The handler answers a GET of the API and does nothing else. ``entrypoint`` is the runtime's: correlation id, the first
line, X-Ray's trace id in each line; ``line`` lets the handler log one line more. The same is done with Powertools'
logger, whose decorator takes the correlation id from the same header; both without the bare handler's time. Prints a
table, and with ``--json`` one object in the last line: microseconds of CPU (median of the rounds) and bytes of log of
one invocation.
"""

import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from bench.report import tell

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "AWS_REGION": "eu-central-1",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "EDA_HANDLER": "bench.logging.answer",
    "PYTHONPATH": str(ROOT),
    "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
}
EVENT = {
    "httpMethod": "GET",
    "headers": {"X-Correlation-Id": "c" * 64},
    "pathParameters": {"order_id": "o" * 64},
    "requestContext": {"requestId": "g" * 36, "resourcePath": "/orders/{order_id}"},
}
CONTEXT = SimpleNamespace(
    function_name="bench", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="r" * 36
)


def answer(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The bare handler."""
    if event.get("tell"):
        from eda_runtime.logger import logger

        logger.info("order", order_id=event["pathParameters"]["order_id"], status="COMPLETED")
    return {"statusCode": 200, "body": "{}"}


def measure(rounds: int, calls: int) -> dict[str, dict[str, float]]:
    """In the process that has the functions' environment: microseconds and bytes by what is called."""
    log = io.StringIO()
    out, sys.stdout = sys.stdout, log
    from aws_lambda_powertools import Logger
    from eda_runtime import entrypoint

    theirs = Logger(service="bench-powertools", stream=log)

    @theirs.inject_lambda_context(correlation_id_path='headers."X-Correlation-Id"')
    def powertools(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request = event["requestContext"]
        theirs.info("request", request_id=request["requestId"], route=request["resourcePath"])
        if event.get("tell"):
            theirs.info("order", order_id=event["pathParameters"]["order_id"], status="COMPLETED")
        return answer({}, context)

    telling = {**EVENT, "tell": True}
    variants: dict[str, Callable[[], Any]] = {
        "bare": lambda: answer(EVENT, CONTEXT),
        "entrypoint": lambda: entrypoint.handler(EVENT, CONTEXT),
        "line": lambda: entrypoint.handler(telling, CONTEXT),
        "powertools": lambda: powertools(EVENT, CONTEXT),
        "powertools, line": lambda: powertools(telling, CONTEXT),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    sizes: dict[str, float] = {}
    for _ in range(rounds):
        for name, call in variants.items():
            log.seek(0)
            log.truncate()
            begin = time.process_time()
            for _ in range(calls):
                call()
            times[name].append(1e6 * (time.process_time() - begin) / calls)
            sizes[name] = len(log.getvalue().encode()) / calls
    sys.stdout = out
    medians = {name: round(statistics.median(found), 2) for name, found in times.items()}
    return {"microseconds": medians, "bytes": {name: round(size) for name, size in sizes.items()}}


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 15,
    calls: Annotated[int, typer.Option(min=1, help="Invocations in a round.")] = 2_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    code = f"import json; from bench import logging; print(json.dumps(logging.measure({rounds}, {calls})))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    micros = found["microseconds"]
    for name, value in micros.items():
        print(
            f"{name:<16} {value:8.1f} us  +{value - micros['bare']:7.1f} us  {found['bytes'][name]:5.0f} bytes of log"
        )
    overhead = {name: value - micros["bare"] for name, value in micros.items()}
    ratios = {
        "entrypoint": overhead["entrypoint"] / overhead["powertools"],
        "one line more": overhead["line"] / overhead["powertools, line"],
    }
    tell(as_json, "Powertools' logger", ratios, **found)


if __name__ == "__main__":
    typer.run(main)
