"""What a cold start of each function costs, against a bare handler with boto3's client: ``python -m bench.imports``.

For each function: CPU seconds of its whole initialisation (Python, Lambda's runtime, the function) and of a first
request, how many modules are loaded, and the two together as a ratio to the bare handler's, which each function has a
budget of. The processes are those of ``bench.cold_start``; functions of the library that need the whole back half
behind them are initialised and get no request.

Then the same under the share of a processor that 128 MB have on Lambda (128/1769), which is what counts after a
time-out: then Lambda initialises again inside the function's own time-out. Where the kernel lets no quota be set, the
seconds are CPU seconds divided by the share.

Each number is the least of its rounds: whatever else the machine does only adds to it.

Each function is measured once more with bytecode in its layers, which they have where the Python that builds is the
runtime's. ``--against REVISION`` measures another version's functions in the same rounds. With ``--json`` the last
line is one object. Ends with 1 when a function is over its budget.
"""

import contextlib
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from bench.cold_start import ORDER_ID, ROOT, SHARE, Aws, Host, Quota, Started, checked_out
from bench.report import tell

COMPILED = "bytecode"
"""What functions are called whose layers hold bytecode, as other versions are by their revision."""
_ORDERS = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
_WORKFLOW = "arn:aws:states:eu-central-1:123456789012:stateMachine:orders"
_HTTP = {"requestContext": {"requestId": "gateway"}, "headers": {}, "pathParameters": {"order_id": ORDER_ID}}
_CHANGE = {
    "order_id": ORDER_ID,
    "event_id": "e",
    "version": 2,
    "status": "COMPLETED",
    "correlation_id": ORDER_ID,
    "traceparent": "",
    "updated_at": "2026-01-01T00:00:00Z",
}
_MESSAGE = {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(_CHANGE), "attributes": {}}
_IDEMPOTENCY = {
    "token": "EVENT",
    "mode": "RECORD",
    "table": "records",
    "key": "powertools_json(body).event_id",
    "key_prefix": "notify-order",
    "expires_after_seconds": 3600,
    "in_progress_wait_seconds": 0,
    "use_local_cache": False,
}
_QUERY = "SELECT a, dt FROM ({rows}) AS found"
_CALL = {"id": ORDER_ID, "payload": {"sku": "s", "quantity": 1}, "envelope": {"correlation_id": ORDER_ID}}


class Function:
    """A function that is measured.

    Args:
        folder: in the repository.
        budget: most that initialisation and first request may cost, as a ratio to the bare handler's.
        modules: most that are loaded when it is initialised, as a ratio to the bare handler's; a test counts them.
        variables: of its environment.
        request: its first one; None: it gets none, and the budget is the initialisation's.
        beside: files beside its code, by name.
    """

    def __init__(
        self,
        folder: str,
        budget: float,
        modules: float,
        variables: dict[str, str],
        request: dict[str, Any] | None = None,
        beside: dict[str, str] | None = None,
    ) -> None:
        self.name = folder.rpartition("/")[2]
        self.folder = folder
        self.budget = budget
        self.modules = modules
        self.variables = variables
        self.requests = [] if request is None else [request]
        self.beside = beside or {}


def functions(external: str) -> list[Function]:
    """All functions that run on Lambda.

    Args:
        external: where the services outside of AWS are.
    """
    library = "components/pulumi_aws_eda/_functions"
    ledger = {"LEDGER_TABLE": "ledger", "DEAD_LETTER_QUEUE_URL": "queue", "ACCOUNT_ID": "123456789012"}
    return [
        Function(
            "functions/get_order",
            0.33,
            0.35,
            {
                "EDA_LINKS": json.dumps({"orders": _ORDERS}),
                "EDA_PAYLOAD_STORE": '{"bucket": "payloads", "access": "READ"}',
            },
            {**_HTTP, "httpMethod": "GET"},
        ),
        Function(
            "functions/add_details",
            1.4,
            1.1,
            {
                "EDA_LINKS": json.dumps({"orders": _ORDERS, "workflow": [_WORKFLOW, f"{_ORDERS}-callbacks"]}),
                "REQUEST_SCHEMA": "{}",
            },
            {**_HTTP, "httpMethod": "POST", "body": "{}"},
        ),
        Function(
            "functions/call_external_api",
            1.4,
            1.1,
            {
                "EXTERNAL_API_URL": external,
                "EDA_LINKS": json.dumps({"suppliers": [_ORDERS, '{"strategy": "SCHEDULED", "table": "suppliers"}']}),
                "EDA_PAYLOAD_STORE": '{"bucket": "payloads", "access": "WRITE"}',
            },
            _CALL,
        ),
        Function(
            "functions/notify_order",
            1.8,
            1.25,
            {"NOTIFICATION_URL": external, "EDA_IDEMPOTENCY": json.dumps(_IDEMPOTENCY)},
            {"Records": [_MESSAGE]},
        ),
        Function(
            f"{library}/token_keeper", 1.7, 1.1, {"CALLBACK_TABLE": "callbacks"}, {**_CALL, "task_token": "t" * 600}
        ),
        Function(
            f"{library}/workflow_reconciler",
            1.7,
            1.1,
            {
                "ROWS_TABLE": "orders",
                "KEY": "order_id",
                "STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:s",
                "DEAD_LETTER_QUEUE_URL": "queue",
            },
        ),
        Function(
            f"{library}/cache_sync",
            1.7,
            1.1,
            {"SOURCE_URL": external, "REPLICA_TABLE": "suppliers", "SOURCE_KEY": "supplier_id"},
        ),
        Function(
            f"{library}/per_object_query",
            1.7,
            1.1,
            {
                **ledger,
                "WORKGROUP": "w",
                "DATABASE": "d",
                "TABLE": "t",
                "OUTPUT_LOCATION": "s3://curated/orders/",
                "OUTPUT_PARTITIONS": "dt",
                "DATASET": "orders",
            },
            beside={"query.json": json.dumps({"query": _QUERY, "columns": [["a", "string"]]})},
        ),
        Function(f"{library}/reconciler", 1.7, 1.1, {**ledger, "KINDS": "[]"}),
        Function(f"{library}/spice_refresh", 1.7, 1.1, {**ledger, "DATA_SET_IDS": "[]", "STATEMENT_PREFIX": "load"}),
        Function(
            f"{library}/warehouse",
            1.7,
            1.1,
            {"WORKGROUP": "w", "DATABASE": "d", "SECRET_ARN": "arn:aws:secretsmanager"},
        ),
    ]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 7,
    against: Annotated[str, typer.Option(help="A revision whose functions are measured too.")] = "",
    only: Annotated[str, typer.Option(help="One function's name.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    with contextlib.ExitStack() as stack:
        aws = stack.enter_context(Aws())
        versions = {"": ROOT, COMPILED: ROOT}
        if against:
            versions[against] = stack.enter_context(checked_out(against))
        hosts: dict[str, Host] = {}
        for version, source in versions.items():
            hosts[version] = Host(Path(stack.enter_context(TemporaryDirectory())), source, version == COMPILED)
            hosts[version].trust(aws)
        measured = [each for each in functions(aws.external) if only in ("", each.name)]
        quota: Quota | None = None
        try:
            quota = Quota()
            stack.callback(quota.close)
        except OSError as error:
            print(f"No quota can be set here ({error}): seconds at 128 MB are CPU seconds / {SHARE:.4f}.")

        starts: dict[tuple[str, str], list[Started]] = {}
        slow: dict[tuple[str, str], list[float]] = {}
        bare = Function("bare", 1.0, 1.0, {}, {})
        for _ in range(rounds):
            for version, host in hosts.items():
                for each in [bare, *measured] if version == "" else measured:
                    folder = None if each is bare else each.folder
                    key = each.name, version
                    found = host.start(folder, each.variables, each.requests, beside=each.beside)
                    starts.setdefault(key, []).append(found)
                    if quota is None:
                        seconds = (found.initialisation + sum(found.requests)) / SHARE
                    else:
                        seconds = host.start(folder, each.variables, each.requests, quota, each.beside).wall
                    slow.setdefault(key, []).append(seconds)

    rows: dict[str, dict[str, float]] = {}
    over = []
    at = {each.name: each for each in (bare, *measured)}
    alone = _least(starts["bare", ""])
    for (name, version), measured_starts in starts.items():
        row = _least(measured_starts)
        compared = alone["initialisation"] + (alone["request"] if at[name].requests else 0)
        row["ratio"] = (row["initialisation"] + row["request"]) / compared
        row["own_ratio"] = row["own"] / alone["own"]
        row["seconds_at_128_mb"] = min(slow[name, version])
        label = f"{name}@{version}" if version else name
        if not version:
            row["budget"] = at[name].budget
            if row["ratio"] > at[name].budget:
                over.append(name)
        rows[label] = row
    print(f"{'':<26}{'init':>8}{'request':>9}{'modules':>9}{'ratio':>8}{'budget':>8}{'at 128 MB':>11}")
    for label, row in rows.items():
        print(
            f"{label:<26}{row['initialisation']:7.3f}s{row['request']:8.3f}s{row['modules']:9.0f}{row['ratio']:8.2f}"
            f"{row.get('budget', float('nan')):8.2f}{row['seconds_at_128_mb']:10.2f}s"
        )
    figures = {label: {name: round(value, 4) for name, value in row.items()} for label, row in rows.items()}
    tell(as_json, "the bare handler", {label: row["ratio"] for label, row in rows.items()}, figures=figures)
    if over:
        raise SystemExit(f"over the budget: {', '.join(over)}")


def _least(starts: list[Started]) -> dict[str, float]:
    return {
        "initialisation": min(found.initialisation for found in starts),
        "own": min(found.own for found in starts),
        "request": min(sum(found.requests) for found in starts),
        "modules": len(starts[0].modules),
    }


if __name__ == "__main__":
    try:
        typer.run(main)
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{failed}\n{failed.stderr}") from None
