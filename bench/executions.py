"""Step Functions executions a second at the sandbox, moto's server and ministack alone: ``python -m bench.executions``.

The state machine is the pipeline's in small and needs no other service: a Pass that makes a value, a Choice, a Map over
five elements, a Parallel of two branches. All three interpret it; moto is told to (``execute_state_machine``). Standard
executions are started one after the other, and the round ends when the last one has succeeded with the right output.

Prints executions a second and CPU seconds of the server for each, and with ``--json`` one object in the last line; the
ratios are to moto's.
"""

import json
import statistics
import time
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from bench.report import tell
from bench.servers import NAMES, Server, post, server

DEADLINE = 300.0
DEFINITION: dict[str, Any] = {
    "StartAt": "Make",
    "States": {
        "Make": {
            "Type": "Pass",
            "Parameters": {"id.$": "$.id", "items.$": "States.ArrayRange(1, 5, 1)", "paid": True},
            "Next": "Paid?",
        },
        "Paid?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.paid", "BooleanEquals": True, "Next": "Each"}],
            "Default": "Refused",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "One",
                "States": {"One": {"Type": "Pass", "End": True}},
            },
            "ResultPath": "$.each",
            "Next": "Both",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": name, "States": {name: {"Type": "Pass", "Result": name, "End": True}}}
                for name in ("left", "right")
            ],
            "ResultPath": "$.both",
            "End": True,
        },
        "Refused": {"Type": "Fail", "Error": "Refused"},
    },
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


class Machine:
    """The state machine at a server."""

    def __init__(self, found: Server) -> None:
        if found.name == "moto":
            content = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
            post(f"{found.url}/moto-api/config", content)
        self._states = found.client("stepfunctions")
        iam = found.client("iam")
        role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        made = self._states.create_state_machine(name="bench", definition=json.dumps(DEFINITION), roleArn=role)
        self._arn = made["stateMachineArn"]

    def run(self, count: int, round: str) -> float:
        """Run executions to their ends; seconds.

        Raises:
            RuntimeError: one fails, or they take too long.
        """
        begin = time.perf_counter()
        arns = [
            self._states.start_execution(
                stateMachineArn=self._arn, name=f"{round}-{number}", input=json.dumps({"id": number})
            )["executionArn"]
            for number in range(count)
        ]
        for number, arn in enumerate(arns):
            while (execution := self._states.describe_execution(executionArn=arn))["status"] == "RUNNING":
                if time.perf_counter() - begin > DEADLINE:
                    raise RuntimeError(f"{arn} still runs after {DEADLINE:g} s")
                time.sleep(0.005)
            if execution["status"] != "SUCCEEDED":
                raise RuntimeError(f"{arn} is {execution['status']}: {execution.get('cause')}")
            output = json.loads(execution["output"])
            expected = {"id": number, "items": [1, 2, 3, 4, 5], "paid": True, "each": [1, 2, 3, 4, 5]}
            if output != {**expected, "both": ["left", "right"]}:
                raise RuntimeError(f"{arn} gave {output}")
        return time.perf_counter() - begin


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    count: Annotated[int, typer.Option("--executions", min=1, help="Executions in a round.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure, one after the other in each round, so that a slow moment hits all of them."""
    cpu: dict[str, list[float]] = {name: [] for name in NAMES}
    rates: dict[str, list[float]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        running = [stack.enter_context(server(name)) for name in NAMES]
        machines = {found: Machine(found) for found in running}
        for machine in machines.values():
            machine.run(3, "warming")
        for round in range(rounds):
            for found, machine in machines.items():
                before = found.cpu_seconds()
                rates[found.name].append(count / machine.run(count, f"{round}"))
                cpu[found.name].append((found.cpu_seconds() - before) / count)
    seconds = {name: statistics.median(each) for name, each in cpu.items()}
    rate = {name: statistics.median(each) for name, each in rates.items()}
    for name in NAMES:
        print(f"{name:<10} {rate[name]:7.1f} executions/s {1000 * seconds[name]:7.1f} ms of CPU each")
    ratios = {f"seconds an execution, {name}": rate["moto"] / rate[name] for name in NAMES}
    ratios |= {f"CPU an execution, {name}": seconds[name] / seconds["moto"] for name in NAMES}
    tell(as_json, "moto's server", ratios, executions_a_second=rate, cpu_seconds_an_execution=seconds)


if __name__ == "__main__":
    typer.run(main)
