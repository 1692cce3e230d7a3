"""Operating the pipeline, and trying it without an account: ``python -m pipeline``."""

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from eda_runtime.load_statements import LoadArgumentError
from rich.console import Console

from pipeline.backfill import Backfill, Requested
from pipeline.outputs import OutputsError, StackOutputs
from pipeline.redrive import Redrive
from pipeline.redrive_changes import RedriveChanges
from pipeline.redrive_loads import RedriveLoads
from pipeline.redrive_notifications import RedriveNotifications
from pipeline.redrive_queries import RedriveQueries
from pipeline.reload import JobRuns, Reload

ROOT = Path(__file__).parents[1]
app = typer.Typer(add_completion=False, no_args_is_help=True, help="Operate a deployed pipeline, or try it.")
LOADED_LATE = {
    "demo": ("pipeline.demo.command", "demo"),
    "run": ("pipeline.demo.beside", "run"),
    "iam-proof": ("pipeline.proof.command", "iam_proof"),
    "probe": ("pipeline.probe.command", "probe"),
    "soak": ("pipeline.soak.command", "soak"),
}
"""Commands that load much, by module and function: only the one that is asked for is loaded."""
Endpoint = Annotated[str | None, typer.Option(help="Another endpoint than AWS's, such as the sandbox's.")]


def _outputs(file: str) -> StackOutputs:
    try:
        return StackOutputs.read(file)
    except OutputsError as error:
        raise typer.BadParameter(str(error)) from None


Outputs = Annotated[
    StackOutputs,
    typer.Option(
        parser=_outputs,
        metavar="FILE",
        help="The stack's exports: pulumi stack output --json > outputs.json; - is stdin.",
    ),
]


def _clients(endpoint_url: str | None) -> Callable[[str], Any]:
    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]  # known at run time

    return client


@app.command()
def redrive(
    outputs: Outputs,
    limit: Annotated[int, typer.Option(min=1, help="How many orders at most.")] = 1000,
    endpoint_url: Endpoint = None,
) -> None:
    """Send failed orders from the dead-letter queue through the workflow again."""

    client = _clients(endpoint_url)
    command = Redrive(client("sqs"), client("dynamodb"), client("stepfunctions"), outputs)
    count = 0
    for done in command.run(limit):
        count += 1
        typer.echo(f"{done.order_id}: {done.outcome}")
    typer.echo(f"{count} messages handled")


@app.command()
def redrive_changes(
    outputs: Outputs,
    limit: Annotated[int, typer.Option(min=1, help="How many messages at most.")] = 1000,
    endpoint_url: Endpoint = None,
) -> None:
    """Send changes that did not reach the raw data through Firehose again, from the sink's dead-letter queue; ends
    with 1 when a message is still in the queue."""

    handled = left = records = 0
    for redriven in RedriveChanges(_clients(endpoint_url), outputs).run(limit):
        handled, left, records = handled + redriven.done, left + (not redriven.done), records + redriven.records
        typer.echo(f"{redriven.what}: {redriven.outcome}" + (f", {redriven.records} records" * bool(redriven.records)))
    typer.echo(f"{handled} messages handled, {records} records put, {left} messages still in the queue")
    sys.exit(1 if left else 0)


@app.command()
def redrive_notifications(
    outputs: Outputs,
    limit: Annotated[int, typer.Option(min=1, help="How many messages at most.")] = 1000,
    endpoint_url: Endpoint = None,
) -> None:
    """Tell other systems of orders again whose notifications were given up; ends with 1 when a message is still in the
    dead-letter queue."""

    handled = left = sent = 0
    for redriven in RedriveNotifications(_clients(endpoint_url), outputs).run(limit):
        handled, left, sent = handled + redriven.done, left + (not redriven.done), sent + redriven.records
        typer.echo(f"{redriven.what}: {redriven.outcome}")
    typer.echo(f"{handled} messages handled, {sent} notifications sent, {left} messages still in the queue")
    sys.exit(1 if left else 0)


@app.command()
def redrive_queries(
    outputs: Outputs,
    limit: Annotated[int, typer.Option(min=1, help="How many messages at most.")] = 1000,
    endpoint_url: Endpoint = None,
) -> None:
    """Start queries again that failed, from their dead-letter queue; ends with 1 when a message is still there."""
    _report(RedriveQueries(_clients(endpoint_url), outputs).run(limit), "messages")


@app.command()
def redrive_loads(
    outputs: Outputs,
    limit: Annotated[int, typer.Option(min=1, help="How many messages at most.")] = 1000,
    query_anew: Annotated[
        bool, typer.Option("--query-anew", help="Query objects that were set aside again, with the query as it is now.")
    ] = False,
    endpoint_url: Endpoint = None,
) -> None:
    """Have objects that no load could take wait for the next one, and start slots that failed, from the loads'
    dead-letter queue; ends with 1 when a message is still there: a slot's stays until it is loaded."""
    command = RedriveLoads(_clients(endpoint_url), outputs, query_anew=query_anew)
    _report(command.run(limit), "messages")


@app.command()
def backfill(
    outputs: Outputs,
    start: Annotated[datetime, typer.Option(help="The first hour of the raw objects, UTC.")],
    end: Annotated[datetime, typer.Option(help="The hour that is no longer taken, UTC.")],
    name: Annotated[
        str | None, typer.Option(help="What was queried under this name is left alone; default: START/END.")
    ] = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Query the raw objects of a time range again, with the query as it is now; ends with 1 when one was not."""
    first, last = start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)
    command = Backfill(_clients(endpoint_url), outputs)
    _report(command.run(first, last, name or f"{first.isoformat()}/{last.isoformat()}"), "objects")


@app.command()
def reload(
    slot: Annotated[str, typer.Argument(help="The schedule's time, such as 2026-01-31T03:00:00Z.")],
    outputs: Outputs,
    endpoint_url: Endpoint = None,
) -> None:
    """Load a slot that was missed or failed, or again what one has loaded; ends with 1 when the job already runs."""
    try:
        run = Reload(_clients(endpoint_url), outputs).run(slot)
    except (JobRuns, LoadArgumentError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{slot}: started {run}")


@app.command()
def trace(
    id: Annotated[str, typer.Argument(metavar="ORDER_OR_CORRELATION_ID", help="What is followed.")],
    outputs: Outputs,
    since: Annotated[
        str | None,
        typer.Option(help="How far back logs are read: 90m, 12h, 30d; default: as the order is old."),
    ] = None,
    region: Annotated[str | None, typer.Option(help="The stack's region; default: the environment's.")] = None,
    profile: Annotated[str | None, typer.Option(help="A profile of the AWS configuration.")] = None,
    endpoint_url: Endpoint = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Follow an order through all hops, by the saved query over all logs and by the data; ends with 1 when it failed,
    stopped, or nothing is known of it."""
    # Importing what the query's text is shared with takes a second, which other commands need not wait for.
    from pulumi_aws_eda.log_queries import IdError

    from pipeline.trace import End, Trace, TraceFailed, show

    session = boto3.Session(region_name=region, profile_name=profile)

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]  # known at run time

    try:
        traced = Trace(client, outputs).run(id, _span(since) if since is not None else None)
    except (IdError, TraceFailed) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(traced.as_json())
    else:
        show(Console(highlight=False), traced)
    sys.exit(0 if traced.ended.end in (End.DELIVERED, End.WAITING) else 1)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no time span; write 90m, 12h or 30d", param_hint="--since")
    return int(match[1]) * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[match[2]]


def _report(requests: Iterable[Requested], things: str) -> None:
    """Print what became of each; the process ends with 1 when one was not taken."""
    taken = left = 0
    for requested in requests:
        taken, left = taken + requested.done, left + (not requested.done)
        typer.echo(f"{requested.what}: {requested.outcome}")
    typer.echo(f"{taken} {things} handled, {left} left")
    sys.exit(1 if left else 0)


@app.command()
def preflight(
    stack: Annotated[str, typer.Argument(help="The stack whose Pulumi.STACK.yaml is checked.")],
    endpoint_url: Endpoint = None,
) -> None:
    """Say what the account lacks for a stack, before it is deployed; ends with 1 when something is lacking."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    if not file.exists():
        typer.echo(f"there is no {file.name}", err=True)
        raise typer.Exit(2)
    # Importing what reads a configuration takes a second, which other commands need not wait for.
    from pipeline import documents, workload
    from pipeline.config import ConfigError, StackFile, load
    from pipeline.preflight import check
    from pipeline.preflight_quotas import AccountQuotas, remarks

    config = StackFile.read(ROOT, stack)
    try:
        settings = load(config)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    session = boto3.Session(region_name=config.values.get("aws:region"))

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]  # known at run time

    order = workload.order(documents.recording(stack))
    account = AccountQuotas(client, session.region_name)
    lacks = check(client, settings, f"{config.name}-{stack}-", account, order)
    for remark in remarks(account, settings, order):
        typer.echo(remark)
    for lack in lacks:
        typer.echo(f"- {lack.what}\n  {lack.fix}")
    typer.echo(f"{stack}: {len(lacks)} things are lacking" if lacks else f"{stack}: nothing is lacking")
    sys.exit(1 if lacks else 0)


def loaded(arguments: list[str]) -> typer.Typer:
    """The application with the command that the arguments name, or with all where they name none."""
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (module, function) in LOADED_LATE.items():
        if asked in (None, name):
            command = getattr(importlib.import_module(module), function)
            app.command(name, context_settings={"allow_interspersed_args": name != "run"})(command)
    return app


def main(arguments: list[str]) -> None:
    """Run the command that the arguments name; what AWS, or its absence, says against it is a line, and ends with 2."""
    try:
        loaded(arguments)(arguments, prog_name="python -m pipeline")
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, NoRegionError) as error:
        problem = (
            f"{error}".rstrip(".") + "; set AWS_PROFILE, or AWS's environment variables for credentials and region"
        )
    except (BotoCoreError, ClientError, OutputsError) as error:
        problem = str(error)
    typer.echo(problem, err=True)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
