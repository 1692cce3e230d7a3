"""What the pipeline costs: idle, and for a million orders, beside a naive design of the same pipeline.

A model, not a bill: list prices of us-east-1 without free tiers, a month of 730 hours. What is idle is counted in the
stack's own resources; what an order does is counted in the pipeline's own steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from pulumi_aws_eda.testing import Recording

from pipeline import workload
from pipeline.workload import CALL_SECONDS, FILE_SECONDS, FUNCTION_SECONDS, GET_SECONDS, READS, WAIT_HOURS

DAYS = 730 / 24
POLL_SECONDS = 300
"""How often the naive design asks whether the details are there."""


@dataclass(frozen=True)
class Price:
    """A list price.

    Attributes:
        usd: for one unit.
        unit: what is counted.
        source: the page it is on.
    """

    usd: float
    unit: str
    source: str


DATED = "2025-06"
"""The month that the prices are of; AWS changes them without notice, so compare them with their pages."""
PRICES = {
    "rest_request": Price(3.50e-6, "REST API request", "aws.amazon.com/api-gateway/pricing"),
    "lambda_request": Price(0.20e-6, "request", "aws.amazon.com/lambda/pricing"),
    "lambda_gb_second": Price(1.33334e-5, "GB-second, arm64", "aws.amazon.com/lambda/pricing"),
    "state_transition": Price(2.5e-5, "state transition, Standard", "aws.amazon.com/step-functions/pricing"),
    "express_request": Price(1.0e-6, "request, Express", "aws.amazon.com/step-functions/pricing"),
    "express_gb_second": Price(1.667e-5, "GB-second, Express", "aws.amazon.com/step-functions/pricing"),
    "table_write": Price(0.625e-6, "write request unit", "aws.amazon.com/dynamodb/pricing/on-demand"),
    "table_read": Price(0.125e-6, "read request unit", "aws.amazon.com/dynamodb/pricing/on-demand"),
    "pipe_request": Price(0.40e-6, "request after the filter", "aws.amazon.com/eventbridge/pricing"),
    "firehose_gb": Price(0.047, "GB taken in (5 KB steps) and converted", "aws.amazon.com/firehose/pricing"),
    "s3_put": Price(5.0e-6, "PUT", "aws.amazon.com/s3/pricing"),
    "athena_tb": Price(5.0, "TB scanned, 10 MB a query at least", "aws.amazon.com/athena/pricing"),
    "glue_dpu_hour": Price(0.44, "DPU-hour, a minute at least", "aws.amazon.com/glue/pricing"),
    "redshift_rpu_hour": Price(0.375, "RPU-hour, a minute at least", "aws.amazon.com/redshift/pricing"),
    "quicksight_author": Price(24.0, "author, a month", "aws.amazon.com/quicksight/pricing"),
    "sqs_request": Price(0.40e-6, "request", "aws.amazon.com/sqs/pricing"),
    "log_gb": Price(0.50, "GB taken in", "aws.amazon.com/cloudwatch/pricing"),
    "alarm": Price(0.10, "alarm, a month", "aws.amazon.com/cloudwatch/pricing"),
    "dashboard": Price(3.0, "dashboard, a month", "aws.amazon.com/cloudwatch/pricing"),
    "custom_metric": Price(0.30, "custom metric, a month", "aws.amazon.com/cloudwatch/pricing"),
    "trace": Price(5.0e-6, "trace recorded", "aws.amazon.com/xray/pricing"),
    "key": Price(1.0, "customer managed key, a month", "aws.amazon.com/kms/pricing"),
    "secret": Price(0.40, "secret, a month", "aws.amazon.com/secrets-manager/pricing"),
}


@dataclass(frozen=True)
class Item:
    """A line of a bill.

    Attributes:
        what: in words.
        price: its key in ``PRICES``.
        units: how many.
    """

    what: str
    price: str
    units: float

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.units * PRICES[self.price].usd


def total(items: Iterable[Item]) -> float:
    """What all lines cost together, in US dollars."""
    return sum(item.usd for item in items)


def idle(recording: Recording) -> list[Item]:
    """A month of a stack without any order, from its resources."""
    runs = 12 * 24 * DAYS
    items = [
        Item("alarms", "alarm", len(recording.of("aws:cloudwatch/metricAlarm:MetricAlarm"))),
        Item("customer managed keys", "key", len(recording.of("aws:kms/key:Key"))),
        Item("dashboards", "dashboard", len(recording.of("aws:cloudwatch/dashboard:Dashboard"))),
        Item("reconciler, every five minutes", "lambda_gb_second", runs * 0.125 * 0.2),
        Item("reconciler, reads of the ledger", "table_read", runs * 3),
        Item("queues, polled by their functions", "sqs_request", 15 * 60 * 24 * DAYS * _polled(recording)),
    ]
    if recording.of("aws:redshiftserverless/workgroup:Workgroup"):
        items.append(Item("daily load job, nothing to load", "glue_dpu_hour", DAYS * 0.0625 / 60))
        readers = len(recording.of("aws:secretsmanager/secret:Secret"))
        items.append(Item("secrets of Redshift's administrator and reader", "secret", 1 + readers))
    if recording.of("aws:quicksight/dataSet:DataSet"):
        items.append(Item("QuickSight, one author", "quicksight_author", 1))
    return items


def _polled(recording: Recording) -> int:
    """Queues that Lambda polls; a poller asks about 15 times a minute while nothing is there."""
    mappings = recording.of("aws:lambda/eventSourceMapping:EventSourceMapping").values()
    return sum(":sqs:" in str(mapping.inputs.get("eventSourceArn")) for mapping in mappings)


def million_orders(order: workload.Order) -> list[Item]:
    """A million orders in a month, as the pipeline handles them."""
    n, changes, files = 1e6, order.changes, DAYS * 86400 / FILE_SECONDS
    return [
        Item("API: POST, details and GETs", "rest_request", n * (2 + READS)),
        Item("admission, Express, no Lambda", "express_request", n),
        Item("admission, 64 MB for 200 ms", "express_gb_second", n * 0.0625 * 0.2),
        Item(f"workflow, {order.transitions} transitions", "state_transition", n * order.transitions),
        Item("functions: requests", "lambda_request", n * (READS + 3 + changes)),
        Item(f"external call, 2048 MB for {CALL_SECONDS} s", "lambda_gb_second", n * 2 * CALL_SECONDS),
        Item("GETs, 128 MB for 30 ms", "lambda_gb_second", n * READS * 0.125 * GET_SECONDS),
        Item("details, 128 MB for 80 ms", "lambda_gb_second", n * 0.125 * FUNCTION_SECONDS),
        Item("token, notifications, 256 MB for 40 ms", "lambda_gb_second", n * (1 + changes) * 0.25 * 0.04),
        Item("table writes: order and its index", "table_write", n * (order.table_writes + order.index_writes)),
        Item("table writes: callback, idempotency", "table_write", n * (3 + 2 * changes)),
        Item("table reads", "table_read", n * (READS + 3)),
        Item("pipes: changes to Firehose and the outbox", "pipe_request", n * changes * 2),
        Item("queue of notifications", "sqs_request", n * changes * 3),
        Item("Firehose, with conversion to Parquet", "firehose_gb", n * changes * 5 / 1e6),
        Item("raw and curated files", "s3_put", files * 4),
        Item("Athena: two queries a file", "athena_tb", files * 2 * 10 / 1e6),
        Item("daily load: Glue", "glue_dpu_hour", DAYS * 0.0625 / 60),
        Item("daily load: Redshift, 8 RPU for a minute", "redshift_rpu_hour", DAYS * 8 / 60),
        Item("logs, 6 KB an order", "log_gb", n * 6 / 1e6),
        Item("traces, one in twenty", "trace", n * (2 + READS) * 0.05),
        # Repeats in four functions, rows that were settled, rows that a query could not take.
        Item("metrics of what logs count", "custom_metric", 6),
    ]


def naive_million_orders(order: workload.Order) -> list[Item]:
    """The same orders with a Lambda for each hop, polling for what is awaited, and a file for each change."""
    n, changes, polls = 1e6, order.changes, WAIT_HOURS * 3600 / POLL_SECONDS
    return [
        Item("API: POST, details and GETs", "rest_request", n * (2 + READS)),
        Item("POST: Lambda starts the workflow, 128 MB for 100 ms", "lambda_gb_second", n * 0.125 * 0.1),
        Item(f"workflow, {order.transitions} transitions", "state_transition", n * order.transitions),
        Item("polling: three transitions a round", "state_transition", n * polls * 3),
        Item("polling: Lambda requests", "lambda_request", n * polls),
        Item("polling: 128 MB for 50 ms", "lambda_gb_second", n * polls * 0.125 * 0.05),
        Item("polling: table reads", "table_read", n * polls),
        Item("functions: requests", "lambda_request", n * (READS + 4 + 2 * changes)),
        Item(f"external call, 2048 MB for {CALL_SECONDS} s", "lambda_gb_second", n * 2 * CALL_SECONDS),
        Item("GETs, 128 MB for 30 ms", "lambda_gb_second", n * READS * 0.125 * GET_SECONDS),
        Item("stream to S3 by Lambda, 128 MB for 100 ms", "lambda_gb_second", n * changes * 0.125 * 0.1),
        Item("notifications by Lambda, 128 MB for 80 ms", "lambda_gb_second", n * changes * 0.125 * FUNCTION_SECONDS),
        Item("table writes: order and wait", "table_write", n * 6),
        Item("table reads", "table_read", n * (READS + 3)),
        Item("a file for each change, raw and curated", "s3_put", n * changes * 2),
        Item("Athena: a query a file", "athena_tb", n * changes * 10 / 1e6),
        Item("daily load: Glue", "glue_dpu_hour", DAYS * 0.0625 / 60),
        Item("daily load: Redshift, 8 RPU for five minutes", "redshift_rpu_hour", DAYS * 8 * 5 / 60),
        Item("logs, 6 KB an order", "log_gb", n * 6 / 1e6),
        Item("polling: logs, 1 KB a round", "log_gb", n * polls / 1e6),
    ]


def page(recordings: Mapping[str, Recording]) -> str:
    """The page that says all this, by environment."""
    bills = {name: idle(recording) for name, recording in recordings.items()}
    lines = list(dict.fromkeys(item.what for bill in bills.values() for item in bill))
    order = workload.order(recordings["prod"])
    ours, naive = million_orders(order), naive_million_orders(order)
    awaiting = [item for item in naive if not item.what.startswith("polling")]
    return "\n".join(
        [
            *INTRODUCTION.format(dated=DATED).splitlines(),
            "",
            f"| a month, US dollars | {' | '.join(bills)} |",
            f"|---|{'---:|' * len(bills)}",
            *(f"| {line} | {' | '.join(_share(bill, line) for bill in bills.values())} |" for line in lines),
            f"| **together** | {' | '.join(f'**{total(bill):.2f}**' for bill in bills.values())} |",
            "",
            "## A million orders",
            "",
            *ORDERS.format(reads=READS, wait=WAIT_HOURS, poll=POLL_SECONDS // 60).splitlines(),
            "",
            "| the pipeline | US dollars | | a naive design | US dollars |",
            "|---|---:|---|---|---:|",
            *(
                f"| {_cells(one)} | | {_cells(other)} |"
                for one, other in zip_longest(_dearest(ours), _dearest(naive), fillvalue=None)
            ),
            f"| **together** | **{total(ours):.2f}** | | **together** | **{total(naive):.2f}** |",
            "",
            f"The naive design costs {total(naive) / total(ours):.0f} times as much, nearly all of it for polling. "
            f"Without the polling {total(awaiting):.0f} remain, {total(awaiting) / total(ours):.1f} times the other's.",
            "",
            "## Prices",
            "",
            "| Unit | US dollars | Page |",
            "|---|---:|---|",
            *(
                f"| {price.unit} | {price.usd:.10f}".rstrip("0").rstrip(".") + f" | {price.source} |"
                for price in PRICES.values()
            ),
            "",
        ]
    )


INTRODUCTION = """\
# What it costs

Made by `python -m pipeline.documents` from the stacks' own resources and `pipeline/costs.py`; `python -m bench.cost`
prints the same numbers. A model, not a bill: list prices of us-east-1 of {dated}, without free tiers; other regions
differ by some per cent to a third. Compare the prices below with their pages before you decide anything by them.

## Idle

No order comes. Nothing is provisioned: no instance, no VPC endpoint, no capacity. Redshift Serverless costs nothing
while no statement runs. The metrics that log lines count cost nothing while there is nothing to count, those of API
Gateway nothing at all: none is by method. Storage is left out.

What a warehouse may cost at most is bounded: `daily_usage_limit` RPU hours a day (64 by default), after which queries
are off until the next day, and `max_capacity` RPUs at a time (32 by default). A daily load uses less than one hour."""
ORDERS = """\
In one month, each with {reads} GETs and three changes, after {wait} hours of waiting for its details. The naive design
has a Lambda for each hop, asks every {poll} minutes whether the details are there, and writes a file a change."""


def _share(bill: list[Item], what: str) -> str:
    found = [item.usd for item in bill if item.what == what]
    return f"{found[0]:.2f}" if found else "-"


def _dearest(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: -item.usd)


def _cells(item: Item | None) -> str:
    return f"{item.what} | {item.usd:.2f}" if item else " | "
