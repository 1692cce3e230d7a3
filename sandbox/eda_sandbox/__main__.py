"""The sandbox's command line: ``eda-sandbox``, or ``python -m eda_sandbox``."""

import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eda_sandbox.foundation import ending
from eda_sandbox.foundation.doubts import parsed
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import plugin
from eda_sandbox.session import CommandError, command_environment, run_command, session

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="An embedded AWS on this machine, for trying and testing stacks."
)

Doubt = Annotated[
    list[str] | None,
    typer.Option("--doubt", help="What AWS does where no source decides it, name=value; docs/doubts.md has them."),
]

Program = Annotated[
    Path,
    typer.Option(
        exists=True,
        file_okay=False,
        resolve_path=True,
        help="The Pulumi program's folder: its relative paths begin there.",
    ),
]


@app.command()
def provider(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the provider on loopback; 0 takes a free one.")] = 0,
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 20,
    doubt: Doubt = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write a plugin pulumi-resource-aws that leads here into PULUMI_HOME.")
    ] = False,
    program: Program = Path(),
) -> None:
    """Serve the embedded AWS to the Pulumi engine until Ctrl-C; the first line is the provider's port.

    The engine attaches to it with PULUMI_DEBUG_PROVIDERS=aws:PORT; the plugin of --install is for tools that start
    plugins, for example `pulumi package get-schema`.
    """
    console = Console(stderr=True, highlight=False)
    ended = ending.until_a_signal()
    try:
        with (
            session(speed, provider_port=port, doubts=parsed(doubt or []), folder=program) as running,
            contextlib.ExitStack() as until_the_end,
        ):
            typer.echo(running.provider_port)
            if install:
                installed = plugin.install(running.provider_port)
                until_the_end.enter_context(ending.goes(installed))
                console.print(f"Plugin written to {installed}; it is removed at the end", soft_wrap=True)
            for name, value in running.environment().items():
                console.print(f"export {name}={value}", soft_wrap=True)
            ended.wait()
    except (SandboxError, FileExistsError) as error:
        console.print(f"[red]Error[/]: {error}")
        raise typer.Exit(1) from None


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(help="What is run, for example: pulumi preview --stack sandbox")],
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 20,
    doubt: Doubt = None,
    program: Program = Path(),
) -> None:
    """Run a command beside an embedded AWS, with all that the Pulumi engine and AWS's tools need to find it.

    Sets PULUMI_DEBUG_PROVIDERS, AWS_ENDPOINT_URL, AWS's credentials and region; and
    where the environment does not name them PULUMI_BACKEND_URL, PULUMI_HOME (a folder that is removed at the end) and
    PULUMI_CONFIG_PASSPHRASE. Ends with the command's exit code. Several commands: run -- sh -c "… && …"
    """
    console = Console(stderr=True, highlight=False)
    # What the embedded AWS sets for itself is none of the command's business.
    given = dict(os.environ)
    ending.end_with_signals()
    try:
        doubts = parsed(doubt or [])
        with (
            session(speed, doubts=doubts, folder=program) as running,
            command_environment(running, given) as environment,
        ):
            code = run_command(command, environment)
    except SandboxError as error:
        console.print(f"[red]Error[/]: {error}")
        raise typer.Exit(error.code if isinstance(error, CommandError) else 1) from None
    raise typer.Exit(code)


if __name__ == "__main__":
    app(prog_name="python -m eda_sandbox")
