"""``python -m pipeline probe``: asks an account what no source decides, with resources that are removed again."""

import json as text
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from eda_sandbox.foundation.doubts import DOUBTS
from rich.console import Console

from pipeline.probe import pipes, python_shell, rest_api
from pipeline.probe.asking import Asking, ProbeFailed


@dataclass(frozen=True)
class Probe:
    """A question to an account.

    Args:
        ask: makes, asks and says.
        makes: what it makes for that time.
        usd: what that costs at most.
    """

    ask: Callable[[Asking], dict[str, str]]
    makes: str
    usd: float


PROBES = {
    "pipes": Probe(
        pipes.ask,
        "a table with a stream, a Pipe, two queues, a role",
        0.01,
    ),
    "rest-api": Probe(
        rest_api.ask,
        "a REST API with a mock behind it, open to everybody for that time",
        0.01,
    ),
    "python-shell": Probe(
        python_shell.ask,
        "a bucket, a log group, a job and its run, a role",
        0.01,
    ),
}


def probe(
    profile: Annotated[str | None, typer.Option(help="A profile of the AWS configuration.")] = None,
    region: Annotated[str | None, typer.Option(help="Where it is asked; default: the profile's.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PROBES)}; may be repeated.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before resources are made.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
    endpoint_url: Annotated[str | None, typer.Option(help="Another endpoint than AWS's.")] = None,
    invoke_url: Annotated[
        str | None, typer.Option(help="Where REST APIs' stages are, with {api} and {stage}; default: AWS's.")
    ] = None,
) -> None:
    """Ask an account what no source decides: the smallest resources are made, asked and removed.

    Ends with 1 when a probe got no answer, or one that the pipeline is not tested with.
    """
    console = Console(stderr=True, highlight=False)
    wanted = only or list(PROBES)
    unknown = [name for name in wanted if name not in PROBES]
    if unknown:
        raise typer.BadParameter(
            f"there is no probe {unknown[0]!r}; there are {', '.join(PROBES)}", param_hint="--only"
        )
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        who = session.client("sts", endpoint_url=endpoint_url).get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        console.print(f"[red]Error[/]: {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    for name in wanted:
        console.print(f"{name}: makes {PROBES[name].makes}; at most USD {PROBES[name].usd:.2f}", soft_wrap=True)
    console.print(f"In {session.region_name}, as {who}. All of it is removed at the end.", soft_wrap=True)
    if not yes and not typer.confirm("Go on?", err=True):
        raise typer.Exit(1)
    dns = "amazonaws.com.cn" if session.get_partition_for_region(session.region_name) == "aws-cn" else "amazonaws.com"
    stages = invoke_url or f"https://{{api}}.execute-api.{session.region_name}.{dns}/{{stage}}"

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint_url)  # type: ignore[call-overload]  # known at run time

    answers: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name in wanted:
        console.print(f"{name} …")
        try:
            with ExitStack() as undo:
                asking = Asking(client, undo, lambda api, stage: stages.format(api=api, stage=stage))
                answers |= PROBES[name].ask(asking)
        except (ProbeFailed, BotoCoreError, ClientError) as error:
            failed[name] = str(error)
            console.print(f"[red]{name}[/]: {error}", soft_wrap=True)
    odd = _show(answers)
    if json:
        typer.echo(text.dumps({"answers": answers, "failed": failed, "untested": odd}))
    raise typer.Exit(1 if failed or odd else 0)


def _show(answers: dict[str, str]) -> list[str]:
    odd = []
    for name, value in answers.items():
        doubt = DOUBTS[name]
        if value not in doubt.values:
            odd.append(name)
            typer.echo(f"{name}: {value}; the pipeline is tested with {', '.join(doubt.values)} alone: report it")
        elif value == doubt.default:
            typer.echo(f"{name}: {value}, as the sandbox has it")
        else:
            typer.echo(f"{name}: {value}; run the sandbox with --doubt {name}={value}")
    return odd
