"""The sandbox's command line: ``eda-sandbox``, or ``python -m eda_sandbox``."""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from eda_sandbox.foundation.doubts import parsed
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider import plugin
from eda_sandbox.session import CommandError, Session, command_environment, run_command, session

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="An embedded AWS on this machine, for trying and testing stacks."
)

Doubt = Annotated[
    list[str] | None,
    typer.Option("--doubt", help="What AWS does where no source decides it, name=value; docs/doubts.md has them."),
]

Shown = Annotated[bool, typer.Option("--console", help="Serve the console, a page that shows what runs.")]

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
    shown: Shown = False,
) -> None:
    """Serve the embedded AWS to the Pulumi engine until Ctrl-C; the first line is the provider's port.

    The engine attaches to it with PULUMI_DEBUG_PROVIDERS=aws:PORT; the plugin of --install is for tools that start
    plugins, for example `pulumi package get-schema`.
    """
    console = Console(stderr=True, highlight=False)
    stop, installed = threading.Event(), None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with (
            session(speed, provider_port=port, doubts=parsed(doubt or []), folder=program) as running,
            _shown(running, console, shown),
        ):
            typer.echo(running.provider_port)
            if install:
                installed = plugin.install(running.provider_port)
                console.print(f"Plugin written to {installed}; it is removed at the end", soft_wrap=True)
            for name, value in running.environment().items():
                console.print(f"export {name}={value}", soft_wrap=True)
            stop.wait()
    except (SandboxError, FileExistsError) as error:
        console.print(f"[red]Error[/]: {error}")
        raise typer.Exit(1) from None
    finally:
        if installed is not None:
            shutil.rmtree(installed, ignore_errors=True)


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(help="What is run, for example: pulumi preview --stack sandbox")],
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 20,
    doubt: Doubt = None,
    program: Program = Path(),
    shown: Shown = False,
) -> None:
    """Run a command beside an embedded AWS, with all that the Pulumi engine and AWS's tools need to find it.

    Sets PULUMI_DEBUG_PROVIDERS, AWS_ENDPOINT_URL, AWS's credentials and region; and
    where the environment does not name them PULUMI_BACKEND_URL, PULUMI_HOME (a folder that is removed at the end) and
    PULUMI_CONFIG_PASSPHRASE. Ends with the command's exit code. Several commands: run -- sh -c "… && …"
    """
    console = Console(stderr=True, highlight=False)
    # What the embedded AWS sets for itself is none of the command's business.
    given = dict(os.environ)
    try:
        doubts = parsed(doubt or [])
        with (
            session(speed, doubts=doubts, folder=program) as running,
            _shown(running, console, shown),
            command_environment(running, given) as environment,
        ):
            code = run_command(command, environment)
    except SandboxError as error:
        console.print(f"[red]Error[/]: {error}")
        raise typer.Exit(error.code if isinstance(error, CommandError) else 1) from None
    raise typer.Exit(code)


@contextlib.contextmanager
def _shown(running: Session, told: Console, shown: bool) -> Iterator[None]:
    if not shown:
        yield
        return
    # Loaded here: who does not look at it does not pay for it.
    from eda_sandbox.console import console

    with console(running.aws) as opened:
        told.print(f"Console at {opened.url}", soft_wrap=True, markup=False)
        yield


if __name__ == "__main__":
    app(prog_name="python -m eda_sandbox")
