"""The measurements of ``python -m bench``, in the order of the page. All ratios are better when they are less."""

from typing import NamedTuple


class Bench(NamedTuple):
    """A measurement.

    Attributes:
        name: of its module; ``python -m bench.NAME`` is its command.
        title: on the page.
        says: what is compared, and what a reader has to know to trust it.
    """

    name: str
    title: str
    says: str


BENCHES = (
    Bench(
        "installation",
        "Setup",
        "`setup.sh`, as `make` calls it, against `venv` and pip with the same lock file and hashes.",
    ),
    Bench(
        "demo",
        "An order in the sandbox",
        "`make demo` against an older version of this repository, with the same orders; CPU of all processes. An "
        "order's CPU is that of the additional orders alone.",
    ),
    Bench(
        "requests",
        "Requests of an order",
        "Eight requests of an order to DynamoDB, SQS and S3, at the sandbox, at moto's server and at ministack, which "
        "the sandbox has behind its front door.",
    ),
    Bench(
        "executions",
        "Executions of Step Functions",
        "Standard executions with a Choice, a Map and a Parallel, at the sandbox, moto's server (told to execute them) "
        "and ministack alone.",
    ),
    Bench(
        "stream",
        "From a table to S3",
        "Seconds of a record through stream, Pipe and Firehose, against a function that puts one record at a time, in "
        "the sandbox.",
    ),
    Bench(
        "deployment",
        "A deployment's program",
        "The pipeline's Pulumi program against the same resources registered with `pulumi_aws` by hand, under the same "
        "recording mocks: what components, policies, definitions and archives cost beyond Pulumi's own floor.",
    ),
    Bench(
        "idempotency",
        "A function with idempotency",
        "CPU of a call and of a cold start against Powertools with the same features: payload validation, a line with "
        "the correlation id, a line with a metric for a repeat. `table` is a table in memory behind the client's "
        "calls; `botocore` adds what two signed requests cost in both. `long` calls have a minute left.",
    ),
    Bench(
        "imports",
        "Cold starts of all functions",
        "CPU of initialisation and first request of each function against a bare handler with boto3's client. "
        "`bytecode` has it in its layers, as where the Python that builds is the runtime's.",
    ),
    Bench(
        "logging",
        "Logging and tracing",
        "What the runtime's entrypoint adds to a warm invocation, and to one with a line more, against Powertools' "
        "logger.",
    ),
    Bench(
        "json_stream",
        "JSON as it arrives",
        "CPU of reading the external API's answer element by element against `json.loads` of the whole.",
    ),
    Bench(
        "policies",
        "The policy pack",
        "The pack, which reads each resource once, over 300 resources, against one policy a rule as Pulumi's SDK "
        "registers them.",
    ),
    Bench(
        "memory",
        "The sandbox's process over many orders",
        "The highest values while the second half of the orders was sent against those of the first half.",
    ),
)
