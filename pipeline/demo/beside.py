"""``python -m pipeline run``: a command beside the embedded AWS and the external API that the pipeline calls."""

import os
from typing import Annotated

import typer
from eda_sandbox.foundation import ending
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.session import CommandError, command_environment, run_command, session
from rich.console import Console

from pipeline.demo.external_api import external_api

EXTERNAL_API_URL = "SANDBOX_EXTERNAL_API_URL"
"""Tells the command where the external API is."""


def run(
    command: Annotated[list[str], typer.Argument(help="What is run, for example: pulumi preview --stack sandbox")],
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 20,
    elements: Annotated[int, typer.Option(min=1, help="Length of the external API's answer.")] = 2_000,
) -> None:
    """Run a command beside an embedded AWS, as eda-sandbox run does, and beside the external API that the pipeline
    calls; its address is in SANDBOX_EXTERNAL_API_URL. Ends with the command's exit code.

    Several commands: run -- sh -c "… && …"
    """
    # What the embedded AWS sets for itself is none of the command's business.
    given = dict(os.environ)
    ending.end_with_signals()
    try:
        with (
            session(speed) as running,
            external_api(elements) as external,
            command_environment(running, given) as environment,
        ):
            code = run_command(command, {**environment, EXTERNAL_API_URL: external.url})
    except SandboxError as error:
        Console(stderr=True, highlight=False).print(f"[red]Error[/]: {error}")
        raise typer.Exit(error.code if isinstance(error, CommandError) else 1) from None
    raise typer.Exit(code)
