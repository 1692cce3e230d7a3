"""``python -m pipeline demo``: orders through the whole pipeline, in the embedded AWS or on AWS."""

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Target(Enum):
    """Where the demo sends its orders."""

    SANDBOX = "sandbox"
    AWS = "aws"


def _to_be_written(file: Path | None) -> Path | None:
    """Told before the run, not after it."""
    if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
        raise typer.BadParameter(f"{file} cannot be written")
    return file


def demo(
    orders: Annotated[int, typer.Option(min=1, max=100_000, help="How many orders are sent.")] = 100,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Decides the orders and what happens to them; default 1, on AWS a new one.", show_default=False
        ),
    ] = None,
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 60,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 50_000,
    poison: Annotated[
        bool,
        typer.Option("--poison", help="Send what could stop others among the orders, and show what became of each."),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    patience: Annotated[
        float | None,
        typer.Option(
            min=1,
            help="Seconds without a step forward after which it is given up; default 120, on AWS 1200.",
            show_default=False,
        ),
    ] = None,
    console: Annotated[
        bool, typer.Option(help="Serve the console, a page that shows the run; it costs little while nobody looks.")
    ] = True,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Write the run as a page in one file, to be sent to others.", dir_okay=False, callback=_to_be_written
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object in the last line.")] = False,
    target: Annotated[
        Target, typer.Option(help="The embedded AWS, or a stack that is deployed on AWS.")
    ] = Target.SANDBOX,
    stack_name: Annotated[str, typer.Option("--stack", help="On AWS: the stack's name.")] = "dev",
    outputs_file: Annotated[
        Path | None, typer.Option("--outputs", help="On AWS: what pulumi stack output --json printed.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="On AWS: do not ask before orders are sent.")] = False,
) -> None:
    """Deploy the pipeline into the embedded AWS, send orders through it, and count what became of them.

    Ends with 1 when the accounting does not add up.
    """
    if record is not None and target is Target.AWS:
        raise typer.BadParameter("--record shows what the embedded AWS did; on AWS there is nothing to record")
    # Loaded here, because it takes seconds: help, and an option that is none, are answered at once.
    typer.echo("Loading", err=json)
    from pipeline.demo import session

    options = session.Options(orders, seed, speed, elements, poison, keep, console, record, json, patience)
    if target is Target.AWS:
        raise typer.Exit(session.on_aws(options, stack_name, outputs_file, yes))
    raise typer.Exit(session.here(options))
