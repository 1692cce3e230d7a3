"""What the components cost in a deployment's program, against ``pulumi_aws`` by hand: ``python -m bench.deployment``.

The baseline registers the same resources with ``pulumi_aws``'s own classes, one after the other, with the values that
the pipeline's program gave them: no components, no policies or definitions to build, no archives to make. Both run
under the same recording mocks, so no engine and no provider is in the figures, and register the same resources.

Prints CPU seconds (medians of the rounds, imports and archives before) and their ratio, and with ``--json`` one object
in the last line.
"""

import importlib
import keyword
import runpy
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import pulumi
import typer
from pulumi_aws_eda.testing import Recorded, Recording, record

from bench.report import tell
from pipeline import documents


def by_hand(resources: list[Recorded]) -> Callable[[], None]:
    """A program that registers resources with the classes of their types."""
    found = [
        (_class(each.type), each.name, {_snake(key): value for key, value in each.inputs.items()}) for each in resources
    ]

    def program() -> None:
        for kind, name, inputs in found:
            kind(name, **inputs)

    return program


def _class(token: str) -> Callable[..., pulumi.CustomResource]:
    _, module, name = token.split(":")
    module = module.partition("/")[0].lower()
    found = importlib.import_module(f"pulumi_aws.{module}_" if keyword.iskeyword(module) else f"pulumi_aws.{module}")
    made: Callable[..., pulumi.CustomResource] = getattr(found, name)
    return made


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def seconds(program: Callable[[], Any], given: dict[str, Any], stack: str) -> tuple[float, Recording]:
    """CPU seconds of a program under recording mocks, and what it registered."""
    begin = time.process_time()
    recording = record(program, given, project="orders", stack=stack)
    return time.process_time() - begin, recording


def registered(recording: Recording) -> list[Recorded]:
    """The resources of AWS in a recording."""
    return [each for each in recording.resources if each.type.startswith("aws:")]


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    stack: Annotated[str, typer.Option(help="Whose config is used.")] = "prod",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits both."""
    given = {**documents.GIVEN, **documents.config(stack)}
    path = str(documents.ROOT / "__main__.py")

    def pipeline() -> None:
        runpy.run_path(path)

    _, recording = seconds(pipeline, given, stack)
    resources = registered(recording)
    hand = by_hand(resources)
    _, same = seconds(hand, given, stack)
    if sorted(each.name for each in registered(same)) != sorted(each.name for each in resources):
        raise SystemExit("the baseline does not register the same resources")
    taken: dict[str, list[float]] = {"components": [], "by hand": []}
    for _ in range(rounds):
        for name, program in (("components", pipeline), ("by hand", hand)):
            taken[name].append(seconds(program, given, stack)[0])
    medians = {name: statistics.median(each) for name, each in taken.items()}
    print(f"{len(resources)} resources of AWS")
    for name, value in medians.items():
        print(f"{name:<11} {value:6.2f} s of CPU  {1000 * value / len(resources):6.1f} ms a resource")
    ratios = {"CPU of the program": medians["components"] / medians["by hand"]}
    tell(as_json, "pulumi_aws by hand", ratios, cpu_seconds=medians, resources=len(resources))


if __name__ == "__main__":
    typer.run(main)
