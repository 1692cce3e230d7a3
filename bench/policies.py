"""How long the policy pack takes for a stack of large resources: ``python -m bench.policies``.

Beside it, in the same run, the same rules registered one policy each with Pulumi's own servicer, which deserialises
every resource for every policy, and the whole stack for every stack policy. Both get the messages that the engine
sends: 300 resources with nested properties and JSON documents, one Analyze each and one AnalyzeStack. Prints a table,
and with ``--json`` one object in the last line: seconds (median) for 300 resources, and how many times as long the
naive one takes.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from eda_policies.analyzer import SharedAnalyzer
from eda_policies.pack import policies
from eda_policies.rules import RULES
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from bench.report import tell

ACCOUNT = "eu-central-1:123456789012"
STATEMENTS, VARIABLES, STATES, TAGS = 40, 60, 40, 20
KINDS: tuple[tuple[int, str, Callable[[int], dict[str, Any]]], ...]


def arn(service: str, kind: str, number: int) -> str:
    """An ARN of the stack."""
    return f"arn:aws:{service}:{ACCOUNT}:{kind}/bench-{number}"


def function(number: int) -> dict[str, Any]:
    """A function with many variables."""
    return {
        "arn": arn("lambda", "function", number),
        "name": f"bench-{number}",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "memorySize": 512,
        "timeout": 30,
        "role": arn("iam", "role", number),
        "tracingConfig": {"mode": "Active"},
        "loggingConfig": {"logFormat": "JSON", "logGroup": f"/aws/lambda/bench-{number}"},
        "environment": {"variables": {f"SETTING_{n}": f"value {n} of {number} " * 4 for n in range(VARIABLES)}},
    }


def role(number: int) -> dict[str, Any]:
    """A role."""
    trust = {
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]
    }
    return {"arn": arn("iam", "role", number), "name": f"bench-{number}", "assumeRolePolicy": json.dumps(trust)}


def role_policy(number: int) -> dict[str, Any]:
    """A policy of many statements."""
    statements = [
        {"Sid": f"S{n}", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [arn("dynamodb", "table", n)]}
        for n in range(STATEMENTS)
    ]
    statements.append({"Sid": "Trace", "Effect": "Allow", "Action": ["xray:PutTraceSegments"], "Resource": "*"})
    return {"role": f"bench-{number}", "policy": json.dumps({"Version": "2012-10-17", "Statement": statements})}


def log_group(number: int) -> dict[str, Any]:
    """A log group."""
    return {"arn": arn("logs", "loggroup", number), "name": f"/aws/lambda/bench-{number}", "retentionInDays": 365}


def machine(number: int) -> dict[str, Any]:
    """A state machine of many states."""
    retry = [{"ErrorEquals": ["States.ALL"], "BackoffRate": 2, "JitterStrategy": "FULL"}]
    states: dict[str, Any] = {
        f"Step{n}": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": arn("lambda", "function", n)},
            "ResultSelector": {"id.$": "$.Payload.id"},
            "TimeoutSeconds": 60,
            "Retry": retry,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": f"Step{n + 1}" if n + 1 < STATES else "Done",
        }
        for n in range(STATES)
    }
    states |= {"Failed": {"Type": "Fail"}, "Done": {"Type": "Succeed"}}
    return {
        "arn": arn("states", "statemachine", number),
        "name": f"bench-{number}",
        "roleArn": arn("iam", "role", number),
        "definition": json.dumps({"StartAt": "Step0", "States": states}),
        "tracingConfiguration": {"enabled": True},
    }


def table(number: int) -> dict[str, Any]:
    """A table with many indexes."""
    names = [f"attribute_{n}" for n in range(20)]
    return {
        "arn": arn("dynamodb", "table", number),
        "name": f"bench-{number}",
        "hashKey": "id",
        "attributes": [{"name": name, "type": "S"} for name in names],
        "globalSecondaryIndexes": [{"name": name, "hashKey": name, "projectionType": "ALL"} for name in names],
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
    }


def queue(number: int) -> dict[str, Any]:
    """A queue with its dead-letter queue."""
    target = {"deadLetterTargetArn": arn("sqs", "queue", number + 1), "maxReceiveCount": 5}
    return {"arn": arn("sqs", "queue", number), "name": f"bench-{number}", "redrivePolicy": json.dumps(target)}


def alarm(number: int) -> dict[str, Any]:
    """An alarm of a function."""
    return {"metricName": "Errors", "dimensions": {"FunctionName": f"bench-{number}"}, "threshold": 1}


KINDS = (
    (60, "aws:lambda/function:Function", function),
    (60, "aws:iam/role:Role", role),
    (60, "aws:iam/rolePolicy:RolePolicy", role_policy),
    (30, "aws:cloudwatch/logGroup:LogGroup", log_group),
    (30, "aws:sfn/stateMachine:StateMachine", machine),
    (20, "aws:dynamodb/table:Table", table),
    (20, "aws:sqs/queue:Queue", queue),
    (20, "aws:cloudwatch/metricAlarm:MetricAlarm", alarm),
)


def requests() -> tuple[list[Any], Any]:
    """The messages for 300 resources."""
    each, whole = [], analyzer_pb2.AnalyzeStackRequest()
    for count, type, make in KINDS:
        for number in range(count):
            name = f"{make.__name__}-{number}"
            properties = {**make(number), "tags": {f"tag-{n}": f"value {n}" for n in range(TAGS)}}
            given: dict[str, Any] = {"type": type, "name": name, "urn": f"urn:pulumi:prod::bench::{type}::{name}"}
            for message in (each_request := analyzer_pb2.AnalyzeRequest(**given), whole.resources.add(**given)):
                message.properties.update(properties)
            each.append(each_request)
    return each, whole


def seconds(analyzer: Any, each: list[Any], whole: Any) -> tuple[float, int]:
    """How long a servicer takes for all, and how many violations it finds."""
    begin = time.perf_counter()
    found = [analyzer.Analyze(request, None) for request in each]
    found.append(analyzer.AnalyzeStack(whole, None))
    return time.perf_counter() - begin, sum(len(response.diagnostics) for response in found)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object in the last line.")] = False,
) -> None:
    """Measure both, one after the other in each round, so that a slow moment hits both."""
    each, whole = requests()
    size = sum(request.ByteSize() for request in each)
    print(f"{len(each)} resources of {size / len(each) / 1024:.1f} KiB, {len(RULES)} rules")
    shared, naive = [], []
    for _ in range(rounds):
        taken, found = seconds(SharedAnalyzer(RULES), each, whole)
        shared.append(taken)
        registered = _PolicyAnalyzerServicer("bench", "1", policies(RULES), EnforcementLevel.ADVISORY)
        taken, same = seconds(registered, each, whole)
        naive.append(taken)
        if found != same:
            raise RuntimeError(f"the pack finds {found} violations, one policy a rule {same}")
    quick, slow = statistics.median(shared), statistics.median(naive)
    print(f"{'the pack':<22} {quick:.3f} s")
    print(f"{'one policy a rule':<22} {slow:.3f} s")
    tell(as_json, "one policy a rule", {"seconds for 300 resources": quick / slow}, seconds_300=round(quick, 4))


if __name__ == "__main__":
    typer.run(main)
