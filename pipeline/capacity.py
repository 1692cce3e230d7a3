"""What the pipeline needs of an account for a rate of orders, what an account's quotas serve, and the page of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from pulumi_aws_eda.testing import Recording

from pipeline import costs, quotas, workload
from pipeline.config import StackConfig
from pipeline.quotas import Quota
from pipeline.workload import CALL_SECONDS, CHANGE_BYTES, FUNCTION_SECONDS, GET_SECONDS, QUERIES, QUERY_SECONDS, READS

RATES = (1, 100, 10_000)
"""Orders a second that the page has columns for."""
REGIONS = ("eu-central-1", "us-east-1")
"""Regions that the page shows: one of each group."""
FILE_BYTES = 128 * 1024**2
"""Firehose writes a file at the latest when it has taken so much: the sink's ``buffering_size``."""
DAY = 86_400


@dataclass(frozen=True)
class Need:
    """What a hop needs of a quota.

    Attributes:
        hop: where.
        what: what is counted.
        amount: how much of it a rate of orders needs; it grows with the rate.
        quota: what limits it.
        beyond: what to do where the quota is not enough.
        sustained: it fills up over hours; a peak does not meet it.
    """

    hop: str
    what: str
    amount: Callable[[float], float]
    quota: Quota
    beyond: str
    sustained: bool = False

    def serves(self, value: float) -> int:
        """Whole orders a second that so much of the quota serves."""
        low, high = 0, 1
        while self.amount(high) <= value:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.amount(middle) <= value else (low, middle)
        return low


def needs(order: workload.Order) -> list[Need]:
    """What orders like this one need, in the order in which they pass the hops."""
    # A function that is faster than this needs as much concurrency as if it were not.
    shortest = 1 / quotas.CALLS_PER_CONCURRENCY
    functions = READS * max(GET_SECONDS, shortest)
    functions += (1 + order.waits + order.changes) * max(FUNCTION_SECONDS, shortest) + CALL_SECONDS
    files = _files_a_second(order)
    return [
        Need(
            "API",
            "requests a second",
            lambda rate: rate * (2 + READS),
            quotas.API_RATE,
            "Ask for more; give those who only look a copy behind a cache, or tell them (the notifications) instead of "
            "being asked.",
        ),
        Need(
            "admission",
            "PutLogEvents a second",
            lambda rate: rate * order.log_calls,
            quotas.LOG_CALLS,
            "Ask for more. Above it the admission loses log lines and no order: it starts the workflow all the same.",
        ),
        Need(
            "workflow",
            "StartExecution a second",
            lambda rate: rate,
            quotas.START_RATE,
            "Ask for more, or put a queue between admission and workflow whose function starts executions with a "
            "maximum concurrency: peaks wait there instead of being refused.",
        ),
        Need(
            "workflow",
            "state transitions a second",
            lambda rate: rate * order.transitions,
            quotas.TRANSITION_RATE,
            "Ask for more; above it transitions are delayed, not refused, and orders pile up. Where no quota is "
            "enough, Standard becomes Express, which has no quota of transitions: it can't wait for a token and ends "
            "after five minutes, so one execution calls the external API and keeps the wait in the table, and the "
            "details start a second one.",
        ),
        Need(
            "workflow",
            f"open executions, {workload.WAIT_HOURS} h each",
            lambda rate: rate * workload.WAIT_HOURS * 3600,
            quotas.OPEN_EXECUTIONS,
            "Ask for more, shorten `details_timeout_seconds`, or keep the wait in the table instead of an execution, "
            "as with Express. What is refused is `StartExecution` (ExecutionLimitExceeded).",
            sustained=True,
        ),
        Need(
            "details",
            "SendTaskSuccess a second",
            lambda rate: rate * order.waits,
            quotas.TOKEN_RATE,
            "Ask for more; without a token (Express, as above) there is no such call.",
        ),
        Need(
            "functions",
            "concurrent executions",
            lambda rate: rate * functions,
            quotas.CONCURRENCY,
            f"Ask for more: {CALL_SECONDS / functions:.0%} of it is the external call, {CALL_SECONDS} s an order. A "
            "call that takes so long at such a rate is one of a batch, or an HTTP task of the workflow, without a "
            "function.",
        ),
        Need(
            "orders' table",
            "write units a second, a new table",
            lambda rate: rate * order.table_writes,
            quotas.NEW_TABLE,
            "On-demand tables take twice their last peak, so a rate that grows needs nothing; for one that begins so "
            "high set `warm_throughput`.",
        ),
        Need(
            "orders' table",
            "write units a second",
            lambda rate: rate * order.table_writes,
            quotas.TABLE_WRITES,
            "Ask for more; keep what is large in the payload store: a row of 2 KB is two units.",
        ),
        Need(
            "index of open orders",
            "write units a second of its one key",
            lambda rate: rate * order.index_writes,
            quotas.PARTITION_WRITES,
            "All open orders have one key, so one partition of the index takes them all, and an index that is "
            "throttled throttles its table. Above it the key is to be spread (`open#0` to `open#15`), and the "
            "reconciler asks for each; no quota raises it.",
        ),
        Need(
            "Firehose",
            "bytes a second",
            lambda rate: rate * order.changes * CHANGE_BYTES,
            quotas.DELIVERY_BYTES,
            "Firehose raises it by itself while it throttles, and the Pipe repeats meanwhile; for a sudden rate ask "
            "before. Far above it, a Kinesis stream before Firehose takes the changes by shards.",
        ),
        Need(
            "Athena",
            "StartQueryExecution a second",
            lambda rate: QUERIES * files(rate),
            quotas.ATHENA_CALLS,
            "Fewer, larger files: one query for all files of some minutes instead of one each.",
        ),
        Need(
            "Athena",
            "queries at once",
            lambda rate: QUERIES * files(rate) * QUERY_SECONDS,
            quotas.ATHENA_QUERIES,
            "Fewer, larger files, or provisioned capacity of Athena; a job that runs over whole hours (Glue, EMR) "
            "instead of a query a file.",
        ),
    ]


def peak(found: list[Need], value: Callable[[Quota], float]) -> tuple[int, Need]:
    """Orders a second that quotas serve for hours, and what limits them."""
    return min(((need.serves(value(need.quota)), need) for need in found if not need.sustained), key=lambda it: it[0])


def _files_a_second(order: workload.Order) -> Callable[[float], float]:
    return lambda rate: max(1 / workload.FILE_SECONDS, rate * order.changes * CHANGE_BYTES / FILE_BYTES)


def page(recordings: Mapping[str, Recording], settings: Mapping[str, StackConfig]) -> str:
    """The page that says all this."""
    recording = recordings["prod"]
    order = workload.order(recording)
    found = needs(order)
    home, large = REGIONS
    always, held = min((need.serves(need.quota.of(home)), need.quota.of(home)) for need in found if need.sustained)
    rate, limiting = peak(found, lambda quota: quota.of(home))
    return "\n".join(
        [
            *INTRODUCTION.format(
                rate=rate,
                always=always,
                held=_number(held),
                region=home,
                name=limiting.quota.name,
                value=_number(limiting.quota.of(home)),
                transitions=order.transitions,
                writes=order.table_writes,
                index=order.index_writes,
                changes=order.changes,
                reads=READS,
                call=CALL_SECONDS,
                wait=workload.WAIT_HOURS,
                bytes=CHANGE_BYTES,
                new=quotas.NEW_CONCURRENCY,
            ).splitlines(),
            "",
            f"| hop | what | {_heads()} | {home} has | serves | {large} has | serves |",
            f"|---|---|{'---:|' * (len(RATES) + 4)}",
            *(_row(need) for need in found),
            "",
            *_besides(order, recording),
            "",
            "## Where the design changes",
            "",
            *(_change(need) for need in sorted(found, key=lambda need: need.serves(need.quota.of(home)))),
            "",
            *_files(order),
            "",
            "## The environments",
            "",
            *_environments(order, settings),
            "",
            "## The numbers",
            "",
            "| Service | Quota | Code | Default | Page |",
            "|---|---|---|---|---|",
            *(_source(quota) for quota in _all()),
            "",
        ]
    )


def _heads() -> str:
    return " | ".join(f"{rate:,}/s" for rate in RATES)


def _row(need: Need) -> str:
    home, large = (need.quota.of(region) for region in REGIONS)
    amounts = (need.amount(rate) for rate in RATES)
    cells = [f"**{_number(amount)}**" if amount > home else _number(amount) for amount in amounts]
    for value in (home, large):
        cells += [_number(value), f"{need.serves(value):,}"]
    return f"| {need.hop} | {need.what} | {' | '.join(cells)} |"


def _besides(order: workload.Order, recording: Recording) -> list[str]:
    """What no quota limits: the pipes, whose shards pass one batch after another, and what it costs."""
    lines = [
        f"| besides | {_heads()} |",
        f"|---|{'---:|' * len(RATES)}",
        "| shards of the table's stream, at least | " + " | ".join(str(_shards(order, rate)) for rate in RATES) + " |",
    ]
    for name, pipe in recording.of("aws:pipes/pipe:Pipe").items():
        source = pipe.inputs["sourceParameters"]["dynamodbStreamParameters"]
        size = source["batchSize"] * source["parallelizationFactor"]
        cells = [f"{_number(1000 * size * _shards(order, rate) / (rate * order.changes))} ms" for rate in RATES]
        lines.append(f"| {name}: a full batch of {source['batchSize']:.0f} may take | {' | '.join(cells)} |")
    files = [_files_a_second(order)(rate) for rate in RATES]
    jobs = recording.of("aws:glue/job:Job").values()
    runs = _number(sum(job.inputs["executionProperty"]["maxConcurrentRuns"] for job in jobs))
    day = costs.total(costs.million_orders(order)) * DAY / 1e6
    return [
        *lines,
        f"| files a day | {' | '.join(_number(each * DAY) for each in files)} |",
        f"| load jobs at once, of {_number(quotas.GLUE_RUNS.default)} | {' | '.join([runs] * len(RATES))} |",
        f"| rows that the daily load brings | {' | '.join(_number(rate * order.changes * DAY) for rate in RATES)} |",
        f"| US dollars a day ([costs](costs.md)) | {' | '.join(_number(rate * day) for rate in RATES)} |",
    ]


def _shards(order: workload.Order, rate: float) -> int:
    least = quotas.NEW_TABLE.default / quotas.PARTITION_WRITES.default
    return ceil(max(least, rate * order.table_writes / quotas.PARTITION_WRITES.default))


def _change(need: Need) -> str:
    served = [f"{need.serves(need.quota.of(region)):,}" for region in REGIONS]
    where = served[0] if served[0] == served[1] else f"{served[0]} in {REGIONS[0]}, {served[1]} in {REGIONS[1]}"
    return f"- **{where}**: {need.hop}, {need.what}. {need.beyond}"


def _files(order: workload.Order) -> list[str]:
    most = RATES[-1]
    at_once = quotas.ATHENA_QUERIES.of(REGIONS[0])
    smallest = most * order.changes * CHANGE_BYTES * QUERIES * QUERY_SECONDS / at_once
    a_change = at_once / (QUERIES * QUERY_SECONDS * order.changes)
    standard = costs.PRICES["state_transition"].usd * order.transitions * 1e6
    seconds = CALL_SECONDS * 0.0625 * costs.PRICES["express_gb_second"].usd
    express = (2 * costs.PRICES["express_request"].usd + seconds) * 1e6
    return [
        f"A query a file is possible only while files are large. At {most:,} orders a second a file must have at least",
        f"{smallest / 1e6:.0f} MB, or more than {_number(at_once)} queries run at once; a stream whose quota is raised",
        "far above what it takes writes smaller ones (Firehose, quotas). A file for each change, as in many designs,",
        f"ends at {a_change:.1f} orders a second.",
        "",
        f"Standard costs {standard:,.0f} US dollars a million orders, two Express executions of 64 MB and together "
        f"{CALL_SECONDS} s cost {express:.2f}.",
    ]


def _environments(order: workload.Order, settings: Mapping[str, StackConfig]) -> list[str]:
    limit = peak(needs(order), lambda quota: quota.of(REGIONS[0]))[0]
    open_executions = quotas.OPEN_EXECUTIONS.default
    start, transitions = (quota.of(REGIONS[0]) for quota in (quotas.START_BUCKET, quotas.TRANSITION_BUCKET))
    rows: dict[str, Callable[[StackConfig], float]] = {
        "orders a second that its API lets in": lambda it: it.order_rate_limit,
        f"… of which {REGIONS[0]} serves": lambda it: min(it.order_rate_limit, limit),
        "… whose external calls run at once; others wait": lambda it: it.call_concurrency / CALL_SECONDS,
        "… whose GETs its function serves": lambda it: it.get_concurrency * quotas.CALLS_PER_CONCURRENCY / READS,
        "orders a day, when none gets its details": lambda it: open_executions * DAY / it.details_timeout_seconds,
    }
    return [
        f"| | {' | '.join(settings)} |",
        f"|---|{'---:|' * len(settings)}",
        *(f"| {what} | {' | '.join(_number(of(it)) for it in settings.values())} |" for what, of in rows.items()),
        "",
        "The sandbox has API Gateway's quotas alone, and is there to be loaded. A burst gets in at once:",
        f"`StartExecution` takes {_number(start)}, and {_number(transitions)} transitions are without delay.",
    ]


def _all() -> list[Quota]:
    return [found for found in vars(quotas).values() if isinstance(found, Quota)]


def _source(quota: Quota) -> str:
    other = [f"{_number(quota.of(region))} in {region}" for region in REGIONS if quota.of(region) != quota.default]
    default = "; ".join([_number(quota.default), *other])
    return f"| {quota.service} | {quota.name} | {quota.code or '-'} | {default} | {quota.source} |"


def _number(value: float) -> str:
    if value >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


INTRODUCTION = """\
# How many orders a second

Made by `python -m pipeline.documents` from `pipeline/quotas.py`, `pipeline/workload.py` and the stack's own state
machines. The defaults of an account in {region} serve **{rate} orders a second** for some hours ({name}:
{value}), and **{always}** for as long as you like: an order that waits for its details is an open execution, of which
there are {held}. `python -m pipeline preflight STACK` reads your account's quotas, says how many orders they
serve, and what to ask for when the stack's limits let in more. A new account has less: Lambda begins with {new}
concurrent executions, and Step Functions with fewer transitions, until AWS raises them.

## What each hop needs

Counted in the stack: an order enters {transitions} states, writes its row {writes} times and the index of open orders
{index} times, and {changes} changes flow on. Assumed: {reads} GETs an order, {call} s for the external call, {wait} h
of waiting for details, {bytes:,} bytes a change, rows of up to 1 KB. Nothing fails, nothing is repeated. Bold: more
than the default of {region}. The admission is synchronous Express, for which Step Functions has no quota: it scales
with the load, and a sudden surge may be throttled."""
