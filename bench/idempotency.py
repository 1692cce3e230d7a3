"""What idempotency costs a warm invocation, against Powertools' own ``@idempotent``: ``python -m bench.idempotency``.

Both decorate the same empty handler, take turns in each round, and use the same store: one in memory, which shows what
the library itself does, and the sandbox's DynamoDB, which adds what two real requests cost. Nothing is logged: ours
writes a line for each repeat, Powertools none. Imports are those of a handler that has Powertools' logger too. Prints a
table, and with ``--json`` one object in the last line: the overhead and the import time as ratios to Powertools', and
the calls of DynamoDB that a first invocation and a repeat make.
"""

import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Annotated, Any

import typer
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.idempotency import idempotent as powertools_idempotent
from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, idempotent
from eda_sandbox.embedded import embedded_aws

from tests.runtime.memory_dynamodb import MemoryDynamoDB

TABLE = "records"
CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000)
IMPORTS = {
    "powertools": "from aws_lambda_powertools import Logger; Logger(); "
    "from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, idempotent; "
    "DynamoDBPersistenceLayer(table_name='t')",
    "ours": "from eda_runtime.idempotency import FencedDynamoDBPersistenceLayer, idempotent; "
    "FencedDynamoDBPersistenceLayer(table_name='t')",
}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "AWS_DEFAULT_REGION": "eu-central-1", "POWERTOOLS_SERVICE_NAME": "bench"}
Handler = Callable[[Any, Any], Any]


def seconds(code: str) -> float:
    """How long a process takes that runs some code and ends."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - begin


def handlers(client: Any) -> dict[str, Handler]:
    """The same handler, bare and decorated by each library."""

    def handle(event: Any, _: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": event["id"]}

    config = IdempotencyConfig(event_key_jmespath="id", hash_function="sha256")
    plain = DynamoDBPersistenceLayer(table_name=TABLE, boto3_client=client)
    fenced = FencedDynamoDBPersistenceLayer(table_name=TABLE, boto3_client=client)
    return {
        "bare": handle,
        "powertools": powertools_idempotent(persistence_store=plain, config=config, key_prefix="powertools")(handle),
        "ours": idempotent(handle, persistence_store=fenced, config=config, key_prefix="ours"),
    }


def measure(made: dict[str, Handler], rounds: int, invocations: int) -> dict[str, dict[str, float]]:
    """Seconds of a first invocation and of a repeat, by library: medians over the rounds, less the bare handler's."""
    times: dict[str, dict[str, list[float]]] = {name: {"first": [], "replay": []} for name in made}
    for round in range(rounds):
        events = [{"id": f"{round}-{number}"} for number in range(invocations)]
        for name, handler in made.items():
            for kind in ("first", "replay"):
                begin = time.perf_counter()
                for event in events:
                    handler(event, CONTEXT)
                times[name][kind].append((time.perf_counter() - begin) / invocations)
    medians = {
        name: {kind: statistics.median(values) for kind, values in found.items()} for name, found in times.items()
    }
    return {
        name: {kind: value - medians["bare"][kind] for kind, value in found.items()}
        for name, found in medians.items()
        if name != "bare"
    }


def calls(made: dict[str, Handler], count: Callable[[], int]) -> dict[str, dict[str, int]]:
    """Calls of DynamoDB that a first invocation and a repeat make."""
    found: dict[str, dict[str, int]] = {}
    for name in ("powertools", "ours"):
        found[name] = {}
        for kind in ("first", "replay"):
            before = count()
            made[name]({"id": "counted"}, CONTEXT)
            found[name][kind] = count() - before
    return found


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    invocations: Annotated[int, typer.Option(min=1, help="Invocations in a round, against the store in memory.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    logging.disable(logging.WARNING)
    memory = MemoryDynamoDB()
    measured = {"memory": measure(handlers(memory), rounds, invocations)}
    counted = calls(handlers(memory), memory.calls.total)
    with embedded_aws() as aws:
        client = aws.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        sent: list[str] = []
        client.meta.events.register("before-call.dynamodb", lambda model, **_: sent.append(model.name))
        made = handlers(client)
        measured["sandbox"] = measure(made, rounds, max(1, invocations // 10))
        if calls(made, lambda: len(sent)) != counted:
            raise SystemExit("the calls against the sandbox are not those against the store in memory")
    imports: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            imports[name].append(seconds(code))
    loaded = {name: statistics.median(values) for name, values in imports.items()}

    for store, found in measured.items():
        for kind in ("first", "replay"):
            ours, plain = found["ours"][kind], found["powertools"][kind]
            print(f"{store:<8} {kind:<7} {1e6 * ours:7.0f} µs  powertools {1e6 * plain:7.0f} µs  {ours / plain:.2f} x")
    for name, value in counted.items():
        print(f"calls    {name:<11} {value['first']} on first, {value['replay']} on replay")
    print(f"import   {loaded['ours']:.3f} s  powertools {loaded['powertools']:.3f} s")
    if as_json:
        overhead = {
            store: sum(found["ours"].values()) / sum(found["powertools"].values()) for store, found in measured.items()
        }
        print(
            json.dumps(
                {
                    "overhead_ratio": round(overhead["memory"], 3),
                    "overhead_ratio_sandbox": round(overhead["sandbox"], 3),
                    "calls_first": counted["ours"]["first"],
                    "calls_replay": counted["ours"]["replay"],
                    "import_ratio": round(loaded["ours"] / loaded["powertools"], 3),
                }
            )
        )


if __name__ == "__main__":
    typer.run(main)
