"""The sandbox's command line: ``eda-sandbox``, or ``python -m eda_sandbox``."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from eda_sandbox import samples, scaffold
from eda_sandbox.announcing import announced, the_one
from eda_sandbox.dev.loop import Loop
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation import ending
from eda_sandbox.foundation.doubts import parsed
from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.invoking import invoke as call
from eda_sandbox.provider import plugin
from eda_sandbox.session import CommandError, command_environment, run_command, session

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="An embedded AWS on this machine, for trying and testing stacks."
)

Sample = Enum("Sample", {name: name for name in samples.SAMPLES})  # type: ignore[misc]  # made of the table
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
def new(
    folder: Annotated[Path, typer.Argument(help="Where the project goes; a folder that is empty or not there.")],
    name: Annotated[str | None, typer.Option(help="The project's name; default: the folder's.")] = None,
    description: Annotated[str, typer.Option(help="The project's description, one line.")] = scaffold.DESCRIPTION,
) -> None:
    """Make a project: a program with a function, its test, its policies' check and a workflow for CI."""
    try:
        made = scaffold.make(folder, name or folder.resolve().name, description)
    except SandboxError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for file in made:
        typer.echo(file)
    typer.echo(f"\n{folder / 'README.md'} says how to go on", err=True)


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
    ended = ending.until_a_signal()
    try:
        with (
            session(speed, provider_port=port, doubts=parsed(doubt or []), folder=program) as running,
            announced(running.aws, str(program)),
            contextlib.ExitStack() as until_the_end,
            _shown(running.aws, console, shown),
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
        console.print(f"[red]Error[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


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
    ending.end_with_signals()
    try:
        doubts = parsed(doubt or [])
        with (
            session(speed, doubts=doubts, folder=program) as running,
            _shown(running.aws, console, shown),
            command_environment(running, given) as environment,
        ):
            code = run_command(command, environment)
    except SandboxError as error:
        console.print(f"[red]Error[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(error.code if isinstance(error, CommandError) else 1) from None
    raise typer.Exit(code)


@app.command()
def dev(
    program: Annotated[
        Path, typer.Argument(exists=True, resolve_path=True, help="The Pulumi program's folder, or its __main__.py.")
    ] = Path(),
    stack: Annotated[str, typer.Option(help="Whose Pulumi.STACK.yaml is read, where there is one.")] = "sandbox",
    config: Annotated[
        list[str] | None, typer.Option("--config", help="key=value, over the stack's file; more than once for several.")
    ] = None,
    debug: Annotated[
        str, typer.Option("--debug", metavar="FUNCTION", help="Let this function wait for a debugger.")
    ] = "",
    debug_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the debugger, on loopback.")] = 5678,
    speed: Annotated[float, typer.Option(min=1, help="AWS seconds in one real second, for all that waits.")] = 20,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the embedded AWS on loopback; 0 takes a free one.")
    ] = 0,
    doubt: Doubt = None,
    shown: Annotated[
        bool, typer.Option("--console/--no-console", help="Serve the console, a page that shows what runs.")
    ] = True,
) -> None:
    """Deploy a program into the embedded AWS, and keep it as its files are, until Ctrl-C.

    A handler that is edited runs at the next invocation. What the program, or its config, makes otherwise is changed,
    replaced or removed. Functions' lines are shown as they write them.
    """
    console = Console(highlight=False)
    main = program / "__main__.py" if program.is_dir() else program
    ended = ending.until_a_signal()
    ending.before_the_end(lambda: console.show_cursor(True))
    try:
        for needed in (main, main.parent / "Pulumi.yaml"):
            if not needed.is_file():
                raise SandboxError(f"there is no {needed}; name the program's folder, or its __main__.py")
        given = dict(_setting(text) for text in config or ())
        with (
            embedded_aws(speed, port=port, doubts=parsed(doubt or [])) as aws,
            announced(aws, str(main)),
            _shown(aws, console, shown),
        ):
            loop = Loop(aws, main, console, stack, given, debug, debug_port)
            console.print(f"Embedded AWS at {aws.endpoint}, time x {speed:g}")
            loop.start()
            loop.follow(ended, lambda: console.print(f"Watching {main.parent}; Ctrl-C ends it", soft_wrap=True))
    except SandboxError as error:
        console.print(f"[red]Error[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise SandboxError(f"--config {text}: write key=value")
    return key, value


Endpoint = Annotated[str | None, typer.Option(help="Of the sandbox; default: the one that runs.", show_default=False)]


@app.command()
def invoke(
    name: Annotated[str, typer.Argument(help="The function's name, or its logical name in the program.")],
    event: Annotated[str, typer.Option("--event", metavar="FILE", help="The event as JSON; - is standard input.")] = "",
    sample: Annotated[Sample | None, typer.Option(help="A sample event of this source instead.")] = None,
    endpoint: Endpoint = None,
) -> None:
    """Invoke a function of a sandbox that runs (eda-sandbox dev or provider, or the pipeline's demo with --keep).

    Prints what it returns as JSON; ends with 1 when it fails.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        given = _event(event) if event else samples.SAMPLES[sample.value](samples.BODY) if sample else {}
        answer = call(the_one(endpoint), name, given)
    except SandboxError as error:
        errors.print(f"[red]Error[/]: {escape(str(error))}")
        raise typer.Exit(2) from None
    typer.echo(json.dumps(answer.payload, indent=2, ensure_ascii=False))
    raise typer.Exit(1 if answer.failed else 0)


def _event(file: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except OSError as error:
        raise SandboxError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SandboxError(f"{file} is no JSON: {error}") from error


@app.command()
def event(
    source: Annotated[Sample, typer.Argument(help="Where the event comes from.")],
    body: Annotated[str, typer.Option(help="What it carries, as JSON; of s3 the object's key.")] = "",
) -> None:
    """Print a sample event of a source, in the form in which AWS sends it."""
    try:
        carried = json.loads(body) if body else samples.BODY
    except ValueError:
        # A text is one, quoted or not.
        carried = body
    typer.echo(json.dumps(samples.SAMPLES[source.value](carried), indent=2, ensure_ascii=False))


@app.command()
def conformance(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Of the cases, one file a service.")
    ] = Path("tests/conformance"),
    service: Annotated[
        list[str] | None, typer.Option("--service", help="Only this file's cases; more than once for several.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Only cases whose name contains this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The numbers as one JSON object in the last line.")] = False,
) -> None:
    """Ask the sandbox what was recorded or documented of AWS, and count what it answers.

    A case is equal, refused by name, or different; what is not equal is told, with the reason that the case has for it.
    Ends with 1 when one is without a reason.
    """
    # Loaded here: no other command needs them.
    from eda_sandbox.conformance import cases, report, running, steps

    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        chosen = [case for case in cases.load(folder) if (not service or case.service in service) and name in case.name]
        if not chosen:
            raise SandboxError("no case has that service and name")
        with embedded_aws(20) as aws:
            place = steps.Place(aws)
            outcomes = []
            for case in chosen:
                outcome = running.run(place, case)
                outcomes.append(outcome)
                if outcome.result != "equal" or not outcome.as_said:
                    errors.print(escape(report.told(outcome)))
    except SandboxError as error:
        errors.print(f"[red]Error[/]: {escape(str(error))}")
        raise typer.Exit(2) from None
    Console(highlight=False).print(report.table(outcomes))
    if as_json:
        typer.echo(json.dumps({**report.counted(outcomes), "services": report.by_service(outcomes)}))
    raise typer.Exit(0 if all(outcome.as_said for outcome in outcomes) else 1)


@contextlib.contextmanager
def _shown(aws: Sandbox, told: Console, shown: bool) -> Iterator[None]:
    if not shown:
        yield
        return
    # Loaded here: who does not look at it does not pay for it.
    from eda_sandbox.console import console

    with console(aws) as opened:
        told.print(f"Console at {opened.url}", soft_wrap=True, markup=False)
        yield


if __name__ == "__main__":
    app(prog_name="python -m eda_sandbox")
