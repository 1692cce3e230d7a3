"""What a function with idempotency costs on this runtime, against Powertools with the same features:
``python -m bench.idempotency``.

Both handlers (``bench.handlers``) do the same and use the same table; they take turns in each round, and what the bare
handler takes is taken off. All figures are CPU time of the process, with all of its threads.

* ``cold``: a process that imports, makes the handler and ends, and its first call.
* ``first``: a warm call with ten seconds left; ``first, long``: with a minute left, so its lock is a lease that might
  have to be renewed; ``repeat``: a call that is answered from the store.
* ``table``: a table in memory behind the client's calls, which shows what the libraries themselves do; ``botocore``:
  the same behind botocore's transport, with what two signed requests cost in both.

Prints a table, and with ``--json`` one object in the last line.
"""

import cProfile
import os
import pstats
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, TextIO

import typer

from bench.handlers import ours, powertools
from bench.light_table import LightTable, answered_by
from bench.report import tell

TABLE = "records"
LIBRARIES = {"powertools": powertools.handler, "ours": ours.handler}
COLD = """
import os, time
from pathlib import Path
from types import SimpleNamespace
from bench.handlers.{library} import handler
from bench.light_table import LightTable, answered_by
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000, function_name="f", memory_limit_in_mb=128,
                          invoked_function_arn="arn", aws_request_id="r")
log = open(os.devnull, "w")
handle = handler(answered_by(LightTable()), "records", log)
ready = time.process_time()
handle({{"id": "1", "correlation_id": "c", "order": {{"sku": "s"}}}}, context)
print(ready, time.process_time() - ready)
"""
Handler = Callable[[Any, Any], Any]


def context(seconds: int) -> Any:
    """Lambda's, of an invocation that has some time left."""
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: 1000 * seconds,
        function_name="f",
        memory_limit_in_mb=128,
        invoked_function_arn="arn",
        aws_request_id="r",
    )


def bare(event: dict[str, Any], _: Any) -> dict[str, Any]:
    """The handler without a library."""
    return {"order_id": event["id"], "status": "ACCEPTED"}


def events(kind: str, number: int) -> list[dict[str, Any]]:
    """Small orders that are told apart by their ids."""
    order = {"sku": "s-1", "quantity": 3, "customer": {"name": "Ann", "city": "Köln"}}
    return [{"id": f"{kind}-{n}", "correlation_id": f"c-{n}", "order": order} for n in range(number)]


def warm(client: Callable[[LightTable], Any], rounds: int, calls: int, log: TextIO) -> dict[str, dict[str, float]]:
    """Microseconds of CPU time of a call by its kind and library, without the bare handler's: medians of the rounds."""
    times: dict[str, dict[str, list[float]]] = {}
    made: dict[str, Handler] = {"bare": bare}
    made |= {name: handler(client(LightTable()), TABLE, log) for name, handler in LIBRARIES.items()}
    for round in range(rounds):
        short, long = events(f"short-{round}", calls), events(f"long-{round}", calls)
        for name, handler in made.items():
            for kind, given, seconds in (("first", short, 10), ("first, long", long, 60), ("repeat", short, 10)):
                remaining = context(seconds)
                begin = time.process_time_ns()
                for event in given:
                    handler(event, remaining)
                taken = (time.process_time_ns() - begin) / calls / 1000
                times.setdefault(kind, {}).setdefault(name, []).append(taken)
    medians = {kind: {name: statistics.median(each) for name, each in found.items()} for kind, found in times.items()}
    return {kind: {name: found[name] - found["bare"] for name in LIBRARIES} for kind, found in medians.items()}


def requests(log: TextIO) -> dict[str, dict[str, float]]:
    """Requests to the table that a first call and a repeat make, by library."""
    found: dict[str, dict[str, float]] = {}
    for name, handler in LIBRARIES.items():
        table = LightTable()
        handle = handler(table, TABLE, log)
        (event,) = events("counted", 1)
        for kind in ("first", "repeat"):
            before = table.calls.total()
            handle(event, context(10))
            found.setdefault(kind, {})[name] = table.calls.total() - before
    return found


def function_calls(log: TextIO, number: int = 50) -> dict[str, dict[str, float]]:
    """Calls of functions in a call by its kind and library: a count, so it is the same on every machine."""
    found: dict[str, dict[str, float]] = {}
    for kind, seconds in (("first", 10), ("first, long", 60), ("repeat", 10)):
        for name, handler in LIBRARIES.items():
            handle, remaining = handler(LightTable(), TABLE, log), context(seconds)
            for given in (*events("warming", 3), *(events("counted", number) if kind == "repeat" else ())):
                handle(given, remaining)
            profile = cProfile.Profile()
            profile.enable()
            for given in events("counted", number):
                handle(given, remaining)
            profile.disable()
            total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]  # its stub lacks it
            found.setdefault(kind, {})[name] = total / number
    return found


def cold(rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of CPU time of a process until its handler is made, and of its first call: medians of the rounds."""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1", "POWERTOOLS_SERVICE_NAME": "bench"}
    times: dict[str, dict[str, list[float]]] = {"cold import": {}, "cold call": {}}
    for _ in range(rounds):
        for name in LIBRARIES:
            command = [sys.executable, "-c", COLD.format(library=name)]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            for kind, seconds in zip(times, done.stdout.split(), strict=True):
                times[kind].setdefault(name, []).append(1000 * float(seconds))
    return {kind: {name: statistics.median(each) for name, each in found.items()} for kind, found in times.items()}


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 15,
    calls: Annotated[int, typer.Option(min=1, help="Calls in a round; a third of it through botocore.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits both."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    with Path(os.devnull).open("w") as log:
        table = warm(lambda table: table, rounds, calls, log)
        botocore = warm(answered_by, rounds, max(1, calls // 3), log)
        sent = requests(log)
        called = function_calls(log)
    started = cold(max(1, rounds // 3))
    rows = {f"{kind} (table)": found for kind, found in table.items()}
    rows |= {f"{kind} (botocore)": found for kind, found in botocore.items()}
    rows |= started
    print(f"{'CPU time':<26}{'ours':>10}{'Powertools':>12}")
    for name, found in rows.items():
        unit = "ms" if name in started else "µs"
        print(f"{name:<26}{found['ours']:>8.0f}{unit}{found['powertools']:>10.0f}{unit}")
    ratios = {name: found["ours"] / found["powertools"] for name, found in rows.items()}
    for what, counts in (("requests", sent), ("function calls", called)):
        ratios |= {f"{what}, {kind}": found["ours"] / found["powertools"] for kind, found in counts.items()}
    figures = {name: {library: round(value, 1) for library, value in found.items()} for name, found in rows.items()}
    tell(as_json, "Powertools with the same features", ratios, figures=figures)


if __name__ == "__main__":
    typer.run(main)
