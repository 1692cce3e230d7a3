"""The command: ``eda-policies``, or ``python -m eda_policies``."""

import atexit
import enum
import gc
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eda_policies import pages, reports, runner, scaffold
from eda_policies.analyzer import VERSION
from eda_policies.rule import ENVIRONMENTS, Level
from eda_policies.rules import RULES
from eda_policies.settings import near, settings

CONFIG = Path("policies", "config.json")
# What a process holds at its end goes with it: to look for garbage among that takes a fifth of a check.
atexit.register(gc.freeze)
app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Check stacks against the policy pack, without the engine."
)


class Format(enum.Enum):
    """How violations are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


@app.command()
def check(
    program: Annotated[
        Path, typer.Option(help="The stack program, beside its Pulumi.yaml.", exists=True, dir_okay=False)
    ] = Path("__main__.py"),
    stack: Annotated[
        list[str] | None, typer.Option(help="A stack; more than once for several. Default: all that have a file.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The pack's config. Default: policies/config.json, if any.")
    ] = None,
    default: Annotated[
        list[str] | None, typer.Option(help="project:key=value, a config value for stacks whose file has none.")
    ] = None,
    preview: Annotated[bool, typer.Option(help="As the first preview: outputs of resources are unknown.")] = False,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="text and github: grouped by cause; sarif: SARIF 2.1.0, grouped; json: one list, by resource.",
        ),
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run a stack program under recording mocks and check what it makes; ends with 1 on a mandatory violation."""
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        chosen: Mapping[str, Any] = _config(program, config)
        settings(RULES, chosen, ENVIRONMENTS[0])
    except (OSError, ValueError) as error:
        errors.print(escape(str(error)), style="red")
        raise typer.Exit(2) from None
    values = dict(entry.partition("=")[::2] for entry in default or ())
    checked: list[reports.Checked] = []
    known = runner.stacks(program)
    if unknown := sorted({*(stack or ())} - {*known} if known else ()):
        errors.print(
            f"there is no Pulumi.{escape(unknown[0])}.yaml beside {escape(str(program))}; there are {', '.join(known)}",
            style="red",
        )
        raise typer.Exit(2)
    for name in stack or known:
        try:
            recording = runner.run(program, name, values, preview)
        except Exception as error:
            errors.print(
                f"{escape(name)}: the program failed: {type(error).__name__}: {escape(str(error))}", style="red"
            )
            raise typer.Exit(2) from None
        environment = runner.environment(program, name)
        made = runner.requests(recording)
        found = runner.check(RULES, made, environment, chosen)
        checked.append(reports.Checked(name, environment, len(made.resources), found))
    if not checked:
        errors.print(f"{escape(str(program.parent))} has no Pulumi.<stack>.yaml; name a stack by --stack", style="red")
        raise typer.Exit(2)
    shown = Path(os.path.relpath(program))
    match Format.JSON if as_json else form:
        case Format.TEXT:
            reports.as_text(checked, RULES, console)
        case Format.JSON:
            print(reports.as_json(checked))
        case Format.SARIF:
            print(reports.as_sarif(checked, RULES, shown, VERSION))
        case Format.GITHUB:
            for line in reports.as_github(checked, shown):
                print(line)
    if any(violation.level is Level.MANDATORY for stack_ in checked for violation in stack_.found):
        raise typer.Exit(1)


def _config(program: Path, given: Path | None) -> Mapping[str, Any]:
    file = given or program.parent / CONFIG
    if given is None and not file.exists():
        return {}
    chosen: Mapping[str, Any] = json.loads(file.read_text())
    return chosen


@app.command()
def rules(
    environment: Annotated[str | None, typer.Option(help=f"One of {', '.join(ENVIRONMENTS)}. Default: all.")] = None,
) -> None:
    """List the rules and what a violation does in each environment."""
    chosen = [environment] if environment else list(ENVIRONMENTS)
    if set(chosen) - set(ENVIRONMENTS):
        raise typer.BadParameter(f"{environment!r}; there are {', '.join(ENVIRONMENTS)}", param_hint="--environment")
    table = Table("rule", *chosen)
    for rule in RULES:
        table.add_row(rule.name, *(rule.levels[name].value for name in chosen))
    Console(soft_wrap=True).print(table)


@app.command()
def explain(name: Annotated[str, typer.Argument(help="The rule's name.")]) -> None:
    """Print what a rule demands, why, and how to repair it."""
    found = next((rule for rule in RULES if rule.name == name), None)
    if found is None:
        problem = f"there is no rule {name!r}{near(name, [rule.name for rule in RULES])}"
        Console(stderr=True, highlight=False, soft_wrap=True).print(escape(problem), style="red")
        raise typer.Exit(2)
    print(pages.section(found))


@app.command()
def pack(folder: Annotated[Path, typer.Argument(help="Where it is written.")] = Path("policy-pack")) -> None:
    """Write a folder for ``pulumi preview --policy-pack``: all rules, with a config.json of your own."""
    for file in scaffold.write(folder):
        print(file)


@app.command()
def docs(
    folder: Annotated[Path, typer.Argument(help="Where the pages are written.")] = Path("docs", "policies"),
) -> None:
    """Write a page for each service, and the list of all rules, from the rules' metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.pages().items():
        (folder / name).write_text(text)
        print(folder / name)
