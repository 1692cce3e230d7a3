"""Asks every operation that the sandbox offers for something at random: ``python -m tests.fuzzing.operations``.

It runs in a process of its own, because what it makes, and the quotas that it fills, are nobody else's business.
"""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.parsers import ResponseParserError
from eda_sandbox import offering
from eda_sandbox.embedded import Sandbox, embedded_aws
from eda_sandbox.foundation.cloud import ACCOUNT, REGION, ROOT_KEY, ROOT_SECRET, service_model
from eda_sandbox.foundation.offered import Offered
from eda_sandbox.foundation.transport import hand_over
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
"""For each operation."""
DEPTH = 5
NAME = "fuzz"
WAITS = ("WaitTimeSeconds", "ReceiveMessageWaitTimeSeconds")
POLICY = '{"Version": "2012-10-17", "Statement": []}'
TRUST = """{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}"""
MACHINE = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
TEXTS = (NAME, "$default", "0", "1", "a" * 300, "", "*", "rate(5 minutes)", "cron(0 12 * * ? *)", "{}", POLICY, MACHINE)
NAMES = st.sampled_from([NAME, NAME, NAME, "other", "no such thing", "ä\U0001f600"])
ARNS = st.sampled_from(
    [
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:{NAME}",
        f"arn:aws:sns:{REGION}:{ACCOUNT}:{NAME}",
        f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
        f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{NAME}",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{NAME}",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}",
        f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}",
        f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default",
        f"arn:aws:s3:::{NAME}",
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{NAME}",
        "arn:aws:::",
        NAME,
    ]
)
JSON_TEXTS = st.sampled_from(["{}", TRUST, "[]", "null", "{", '{"a": [1]}', '{"source": ["a"]}', POLICY, MACHINE])


def shaped(shape: Shape, name: str = "", depth: int = DEPTH) -> st.SearchStrategy[Any]:
    """What botocore's model of an input allows, and some of what it does not."""
    if isinstance(shape, StructureShape):
        if shape.is_document_type or depth <= 0:
            return st.just({})
        members = {member: shaped(inside, member, depth - 1) for member, inside in shape.members.items()}
        return _members(members, set(shape.required_members))
    if isinstance(shape, ListShape):
        return st.lists(shaped(shape.member, name, depth - 1), max_size=3)
    if isinstance(shape, MapShape):
        return st.dictionaries(shaped(shape.key, name, 0), shaped(shape.value, name, depth - 1), max_size=3)
    match shape.type_name:
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            if name in WAITS:
                return st.just(0)
            low, high = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 100))
            return st.integers(low, max(low, min(high, 1000))) | st.sampled_from([-1, 0, 1, 10_000])
        case "float" | "double":
            return st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e9])
        case "timestamp":
            return st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
        case "blob":
            return st.binary(max_size=30)
    return _texts(shape, name)


def _texts(shape: Shape, name: str) -> st.SearchStrategy[str]:
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"]) | st.just("NO_SUCH_VALUE")
    lower = name.lower()
    if "arn" in lower:
        return ARNS
    if "policy" in lower or "pattern" in lower or "definition" in lower or "body" in lower or "input" in lower:
        return JSON_TEXTS | st.sampled_from(TEXTS)
    if lower == "queueurl":
        return st.sampled_from([f"http://127.0.0.1/{ACCOUNT}/{NAME}", NAME])
    if "name" in lower or lower in ("bucket", "key", "function", "rule", "resource", "workgroup", "stream"):
        return NAMES
    return NAMES | st.sampled_from(TEXTS) | st.text(max_size=20)


@st.composite
def _members(draw: st.DrawFn, members: dict[str, st.SearchStrategy[Any]], needed: set[str]) -> dict[str, Any]:
    """Nearly always what is needed, and a few of the others: with many of them nothing would be accepted."""
    left_out = draw(st.integers(0, 9)) == 0
    others = [name for name in members if name not in needed]
    chosen = draw(st.lists(st.sampled_from(others), max_size=4, unique=True)) if others else []
    return {name: draw(members[name]) for name in [*(() if left_out else sorted(needed)), *chosen]}


def world(aws: Sandbox) -> None:
    """Something of the name that is asked for, so that not everything is missing."""
    aws.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)
    aws.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("sqs").create_queue(QueueName=NAME)
    aws.client("sns").create_topic(Name=NAME)
    aws.client("kinesis").create_stream(StreamName=NAME, ShardCount=1)
    aws.client("logs").create_log_group(logGroupName=NAME)
    aws.client("events").put_rule(Name=NAME, EventPattern='{"source": ["a"]}')
    aws.client("glue").create_database(DatabaseInput={"Name": NAME})
    aws.client("scheduler").create_schedule_group(Name=NAME)
    aws.client("dynamodb").create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": NAME, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": NAME, "KeyType": "HASH"}],
    )


def client_of(aws: Sandbox, service: str) -> Any:
    """A client that checks nothing itself."""
    config = Config(
        retries={"total_max_attempts": 1},
        parameter_validation=False,
        inject_host_prefix=False,
        s3={"addressing_style": "path"},
    )
    made = boto3.Session(ROOT_KEY, ROOT_SECRET, region_name=REGION).client(
        service,  # type: ignore[call-overload]  # the service is only known at run time
        endpoint_url=aws.endpoint,
        config=config,
    )
    hand_over(made, aws.front_door.handle)
    return made


def wrong(offered: Offered, model: OperationModel, client: Any, parameters: dict[str, Any]) -> str | None:
    """What is wrong with an answer, or None."""
    try:
        client._make_api_call(model.name, parameters)
    except ClientError as error:
        status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        if status >= 500 or code.startswith("Internal"):
            return f"{status} {error}"
        return None
    except ResponseParserError as error:
        return f"the answer cannot be read: {error}"
    except (BotoCoreError, ValueError, TypeError, AttributeError, KeyError, OverflowError):
        # botocore cannot send it.
        return None
    left_out = tuple(offered.left_out(model.name, model.input_shape))
    refused = [path for path in _given(parameters, "") if any(f"{path}.".startswith(f"{one}.") for one in left_out)]
    return f"{refused} are accepted" if refused else None


def _given(value: Any, path: str) -> Iterator[str]:
    """The paths that say something."""
    if isinstance(value, dict) and value:
        for name, inside in value.items():
            yield from _given(inside, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for inside in value:
            yield from _given(inside, path)
    elif value not in (None, False, {}, []):
        yield path


def fuzz(aws: Sandbox, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """Yields:
    What went wrong, once for each operation and kind of fault.
    """
    for offered in offering.everything().values():
        client = client_of(aws, offered.service)
        for operation in sorted(offered.operations):
            if wanted and offered.service not in wanted and f"{offered.service}.{operation}" not in wanted:
                continue
            yield from _tried(offered, service_model(offered.service).operation_model(operation), client)


def _tried(offered: Offered, model: OperationModel, client: Any) -> list[dict[str, str]]:
    found: dict[str, dict[str, str]] = {}

    def try_one(parameters: dict[str, Any]) -> None:
        told = wrong(offered, model, client, parameters)
        if told is not None:
            asked = f"{offered.service}.{model.name}"
            found.setdefault(told[:60], {"asked": asked, "with": repr(parameters), "told": told})

    strategy = shaped(model.input_shape) if model.input_shape is not None else st.just({})
    quiet = settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    quiet(given(strategy)(try_one))()
    return list(found.values())


def main() -> None:
    """Prints what went wrong, a JSON object a line, and ends with 1 where there is something."""
    failed = False
    with embedded_aws(20) as aws:
        world(aws)
        for fault in fuzz(aws, sys.argv[1:]):
            failed = True
            print(json.dumps(fault), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
