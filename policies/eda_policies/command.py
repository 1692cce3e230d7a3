"""The command: ``eda-policies``, or ``python -m eda_policies``."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eda_policies import pages, runner
from eda_policies.rule import ENVIRONMENTS, Level
from eda_policies.rules import RULES
from eda_policies.settings import settings

CONFIG = Path("policies", "config.json")
_STYLES = {Level.MANDATORY: "bold red", Level.ADVISORY: "yellow"}
app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Check stacks against the policy pack, without the engine."
)


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
    as_json: Annotated[bool, typer.Option("--json", help="Print the violations as one JSON list.")] = False,
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
    found: dict[str, list[runner.Reported]] = {}
    for name in stack or runner.stacks(program):
        try:
            recording = runner.run(program, name, values, preview)
        except Exception as error:
            errors.print(
                f"{escape(name)}: the program failed: {type(error).__name__}: {escape(str(error))}", style="red"
            )
            raise typer.Exit(2) from None
        environment = runner.environment(program, name)
        made = runner.requests(recording)
        found[name] = runner.check(RULES, made, environment, chosen)
        if not as_json:
            _show(console, name, environment, len(made.resources), found[name])
    if as_json:
        listed = [
            {"stack": name, "rule": v.rule, "level": v.level.value, "urn": v.urn, "message": v.message}
            for name, violations in found.items()
            for v in violations
        ]
        print(json.dumps(listed))
    if any(violation.level is Level.MANDATORY for violations in found.values() for violation in violations):
        raise typer.Exit(1)


def _config(program: Path, given: Path | None) -> Mapping[str, Any]:
    file = given or program.parent / CONFIG
    if given is None and not file.exists():
        return {}
    chosen: Mapping[str, Any] = json.loads(file.read_text())
    return chosen


def _show(console: Console, stack: str, environment: str, resources: int, found: Sequence[runner.Reported]) -> None:
    profile = "" if stack == environment else f" (profile {environment})"
    console.print(f"[bold]{escape(stack)}[/bold]{profile}: {resources} resources, {len(RULES)} rules")
    for violation in sorted(found, key=lambda v: (v.level is not Level.MANDATORY, v.rule, v.urn)):
        _, _, message = violation.message.partition("\n")
        console.print(f"  [{_STYLES[violation.level]}]{violation.level.value}[/] {violation.rule}")
        for line in message.splitlines():
            console.print(f"    {escape(line)}")
    count = Counter(violation.level for violation in found)
    mandatory, advisory = count[Level.MANDATORY], count[Level.ADVISORY]
    verdict = f"[red]{mandatory} mandatory[/]" if mandatory else "[green]passes[/]"
    console.print(f"  {verdict}, {advisory} advisory\n")


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
def docs(
    folder: Annotated[Path, typer.Argument(help="Where the pages are written.")] = Path("docs", "policies"),
) -> None:
    """Write a page for each service, and the list of all rules, from the rules' metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.pages().items():
        (folder / name).write_text(text)
        print(folder / name)
