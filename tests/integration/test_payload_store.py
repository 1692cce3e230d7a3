"""PayloadStore deployed by a program of a user's: payloads go through S3 with the functions' own roles."""

import json
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy

PROGRAM = """
import pulumi
from pulumi_aws_eda import IdempotentLambda, PayloadAccess, PayloadStore, archives
code = archives.directory_archive("code")
store = PayloadStore("store", {"force_destroy": True})
for name, access in (("writer", PayloadAccess.WRITE), ("reader", PayloadAccess.READ)):
    made = IdempotentLambda(name, {"code": code, "handler": f"handler.{name}", "memory_size": 512, "timeout": 20,
                                   "payload_store": store.for_function(access)})
    pulumi.export(name, made.function_name)
once = IdempotentLambda("once", {"code": code, "handler": "handler.writer", "timeout": 20,
                                 "idempotency": {"token": "PAYLOAD"}, "payload_store": store.for_function()})
pulumi.export("once", once.function_name)
pulumi.export("bucket", store.bucket_name)
"""
HANDLER = """
def writer(event, context):
    return {"id": event["id"], "result": event["fill"] * event["times"]}
def reader(event, context):
    return {"length": len(event["payload"]["result"]), "first": event["payload"]["result"][:1]}
"""


@pytest.fixture(scope="module")
def users(deploy_here: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    folder = tmp_path_factory.mktemp("payloads")
    (folder / "code").mkdir()
    (folder / "code" / "handler.py").write_text(HANDLER)
    (folder / "Pulumi.yaml").write_text("name: payloads\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return deploy_here(folder / "__main__.py", "test")


def invoke(aws: Sandbox, users: Stack, name: str, event: dict[str, Any]) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=users.outputs[name], Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def objects(aws: Sandbox, users: Stack) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=users.outputs["bucket"], Prefix="payloads/")
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_result_over_the_budget_travels_as_a_reference_and_is_seen_whole(aws: Sandbox, users: Stack) -> None:
    small = invoke(aws, users, "writer", {"id": "o-1", "fill": "x", "times": 199_000})
    assert len(small["result"]) == 199_000
    assert objects(aws, users) == []
    large = invoke(aws, users, "writer", {"id": "o-1", "fill": "💡", "times": 300_000})
    claim = large["result"]["claim_check"]
    assert (large["id"], claim["bucket"], claim["bytes"]) == ("o-1", users.outputs["bucket"], 1_200_002)
    assert invoke(aws, users, "reader", {"payload": large}) == {"length": 300_000, "first": "💡"}
    again = invoke(aws, users, "writer", {"id": "o-1", "fill": "💡", "times": 300_000})
    assert again == large
    assert objects(aws, users) == [claim["key"]]


def test_a_late_reader_is_told_that_the_payload_is_gone(aws: Sandbox, users: Stack) -> None:
    large = invoke(aws, users, "writer", {"id": "o-2", "fill": "y", "times": 300_000})
    aws.client("s3").delete_object(Bucket=users.outputs["bucket"], Key=large["result"]["claim_check"]["key"])
    assert invoke(aws, users, "reader", {"payload": large})["errorType"] == "PayloadGone"


def test_what_was_changed_in_the_bucket_is_not_handed_on(aws: Sandbox, users: Stack) -> None:
    large = invoke(aws, users, "writer", {"id": "o-3", "fill": "z", "times": 300_000})
    place = {"Bucket": users.outputs["bucket"], "Key": large["result"]["claim_check"]["key"]}
    aws.client("s3").put_object(**place, Body=b'"another"')
    assert invoke(aws, users, "reader", {"payload": large})["errorType"] == "PayloadCorrupt"
    # Putting it again mends it.
    invoke(aws, users, "writer", {"id": "o-3", "fill": "z", "times": 300_000})
    assert invoke(aws, users, "reader", {"payload": large})["length"] == 300_000


def test_a_function_reads_no_other_bucket_than_its_own(aws: Sandbox, users: Stack) -> None:
    claim = {"bucket": "another", "key": "payloads/" + "0" * 64, "sha256": "0" * 64, "bytes": 1}
    answer = invoke(aws, users, "reader", {"payload": {"result": {"claim_check": claim}}})
    assert answer["errorType"] == "ForeignReference"


def test_a_repeat_of_an_idempotent_call_gets_the_same_reference(aws: Sandbox, users: Stack) -> None:
    event = {"id": "o-4", "fill": "w", "times": 500_000}
    first = invoke(aws, users, "once", event)
    assert first["result"]["claim_check"]["bytes"] == 500_002
    assert invoke(aws, users, "once", event) == first
