"""Each example is deployed into the embedded AWS as it is, and driven to its effect."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
import urllib3
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.provider.deploy import Stack

from tests.conftest import Deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
Deployed = Callable[..., Stack]


@pytest.fixture
def example(deploy_here: Deploy) -> Deployed:
    """Deploys an example by its folder's name."""

    def deployed(name: str, **config: str) -> Stack:
        return deploy_here(EXAMPLES / name / "__main__.py", config=config)

    return deployed


def test_every_example_is_listed_and_has_a_project() -> None:
    text = (EXAMPLES / "README.md").read_text()
    folders = {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()}
    assert {name for name in folders if f"| [{name}](" in text} == folders
    for name in folders:
        assert yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text())["description"]


def test_a_payment_that_is_sent_twice_is_charged_once(aws: Sandbox, example: Deployed) -> None:
    stack, sqs, dynamodb = example("queue"), aws.client("sqs"), aws.client("dynamodb")

    def send(payment_id: str, cents: int) -> None:
        body = json.dumps({"payment_id": payment_id, "account": "a-1", "cents": cents})
        sqs.send_message(QueueUrl=stack.outputs["queue_url"], MessageBody=body)

    def charged() -> int:
        key = {"account": {"S": "a-1"}}
        item = dynamodb.get_item(TableName=stack.outputs["charges_table_name"], Key=key, ConsistentRead=True)
        return int(item.get("Item", {}).get("cents", {"N": "0"})["N"])

    send("p-1", 500)
    wait_until(lambda: charged() == 500, "the payment is charged")
    for payment_id, cents in (("p-1", 500), ("p-bad", -1), ("p-2", 70)):
        send(payment_id, cents)
    wait_until(lambda: charged() == 570, "the other payment is charged")
    name = stack.outputs["dead_letter_queue_arn"].rpartition(":")[2]
    queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    (dead,) = wait_until(
        lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), "the bad payment is set aside", 120
    )
    assert json.loads(dead["Body"])["payment_id"] == "p-bad"
    assert charged() == 570


def test_an_existing_tables_changes_are_files(aws: Sandbox, example: Deployed, tmp_path: Path) -> None:
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    made = dynamodb.create_table(
        TableName="another-stacks-devices",
        KeySchema=[{"AttributeName": "device_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "device_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    stack = example("firehose-sink", stream_arn=made["LatestStreamArn"])
    for number in range(3):
        row = {"device_id": {"S": f"d-{number}"}, "version": {"N": "1"}, "firmware": {"S": "2.0"}}
        dynamodb.put_item(TableName=made["TableName"], Item=row)

    bucket = stack.outputs["bucket_name"]

    def devices() -> list[str]:
        found = []
        for listed in s3.list_objects_v2(Bucket=bucket, Prefix="raw/devices/dt=").get("Contents", []):
            file = tmp_path / "devices.parquet"
            file.write_bytes(s3.get_object(Bucket=bucket, Key=listed["Key"])["Body"].read())
            found += duckdb.read_parquet(str(file), hive_partitioning=False).project("device_id, firmware").fetchall()
        return sorted(found)

    expected = [(f"d-{number}", "2.0") for number in range(3)]
    wait_until(lambda: len(devices()) >= 3, "the changes are in files")
    assert devices() == expected


def test_page_views_are_in_the_view_without_a_warehouse(aws: Sandbox, example: Deployed) -> None:
    stack, athena = example("analytics-without-redshift"), aws.client("athena")
    assert not [token for token, *_ in stack.resources if "redshift" in token or "quicksight" in token]
    records = [
        {"view_id": f"v-{number}", "page": "/Home", "seen_at": "2026-11-25T03:00:00Z", "milliseconds": number - 1}
        for number in range(4)
    ]
    aws.client("firehose").put_record_batch(
        DeliveryStreamName=stack.outputs["delivery_stream_name"],
        Records=[{"Data": json.dumps(record)} for record in [*records, records[-1]]],
    )
    view = f'"{stack.outputs["database_name"]}"."{stack.outputs["view_name"]}"'

    def found() -> list[list[str]]:
        id = athena.start_query_execution(
            QueryString=f"SELECT view_id, page FROM {view} ORDER BY view_id",
            WorkGroup=stack.outputs["athena_workgroup_name"],
        )["QueryExecutionId"]

        def ended() -> str:
            state: str = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"]
            return "" if state in ("QUEUED", "RUNNING") else state

        assert wait_until(ended, "the query has ended") == "SUCCEEDED"
        rows = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"][1:]
        return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]

    assert wait_until(found, "the view has rows") == [["v-1", "/home"], ["v-2", "/home"], ["v-3", "/home"]]


def test_a_claim_waits_for_its_report(aws: Sandbox, example: Deployed) -> None:
    stack = example("callback-workflow")

    def call(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        url, data = stack.outputs["api_url"] + path, json.dumps(body).encode() if body is not None else b""
        request = AWSRequest(method, url, data=data, headers={**headers, "Content-Type": "application/json"})
        SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "execute-api", REGION).add_auth(request)
        answer = urllib3.request(method, url, body=data, headers=dict(request.headers))
        return answer.status, answer.json()

    claim = {"policy": "travel-1", "damage_cents": 999_999}
    status, accepted = call("POST", "/claims", claim, **{"Idempotency-Key": "claim-1"})
    assert status == 202
    assert call("POST", "/claims", claim, **{"Idempotency-Key": "claim-1"}) == (202, accepted)
    (id,) = {value for name, value in accepted.items() if name.endswith("id") and len(value) == 64}

    def claim_is(status: str) -> bool:
        code, body = call("GET", f"/claims/{id}")
        return code == 200 and body["status"] == status

    wait_until(lambda: claim_is("AWAITING_DETAILS"), "the claim waits for its report")
    report = {"assessor": "m.keller", "accepted": True}
    assert call("POST", f"/claims/{id}/report", report)[0] == 202
    wait_until(lambda: claim_is("COMPLETED"), "the claim is settled")
    assert call("POST", f"/claims/{id}/report", {"assessor": "other"})[0] == 409
    body = call("GET", f"/claims/{id}")[1]
    assert (body["result"], body["details"]) == ({"covered_cents": 200_000}, report)
    _, refused = call("POST", "/claims", {"policy": "boat-1", "damage_cents": 1}, **{"Idempotency-Key": "claim-2"})
    (id,) = {value for name, value in refused.items() if name.endswith("id") and len(value) == 64}
    wait_until(lambda: claim_is("FAILED"), "the claim without a policy has failed")
    queue = stack.outputs["dead_letter_queue_url"]
    (dead,) = wait_until(
        lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"), "it is in the dead-letter queue"
    )
    assert json.loads(dead["Body"])["id"] == id


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "components" / "schema.json").read_text())
    return found


def problems(value: Any, property: dict[str, Any], path: str) -> Iterator[str]:
    """What of a YAML program's value the schema does not allow."""
    if isinstance(value, str) and value.startswith("${"):
        return
    if reference := property.get("$ref", ""):
        if reference.startswith("#/types/"):
            yield from _typed(value, schema()["types"][reference.removeprefix("#/types/")], path)
        return
    match property.get("type"):
        case "array":
            for number, item in enumerate(value):
                yield from problems(item, property["items"], f"{path}[{number}]")
        case "object":
            for name, item in value.items():
                yield from problems(item, property.get("additionalProperties", {}), f"{path}.{name}")
        case kind:
            python = {"string": str, "integer": int, "boolean": bool, "number": int | float, None: object}[kind]
            if not isinstance(value, python):
                yield f"{path}: {value!r} is no {kind}"


def _typed(value: Any, found: dict[str, Any], path: str) -> Iterator[str]:
    if "enum" in found:
        if value not in [member["value"] for member in found["enum"]]:
            yield f"{path}: {value!r} is none of the values"
        return
    yield from fields(value, found["properties"], found.get("required", []), path)


def fields(value: Any, properties: dict[str, Any], required: list[str], path: str) -> Iterator[str]:
    yield from (f"{path}.{name} is missing" for name in required if name not in value)
    for name, item in value.items():
        if name not in properties:
            yield f"{path}.{name} is unknown"
        else:
            yield from problems(item, properties[name], f"{path}.{name}")


def program_problems(program: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name, resource in program["resources"].items():
        component = schema()["resources"].get(resource["type"])
        if component is None:
            found.append(f"{name}: there is no {resource['type']}")
            continue
        found += fields(resource["properties"], component["inputProperties"], component["requiredInputs"], name)
    for name, output in program["outputs"].items():
        resource, _, attribute = output.removeprefix("${").removesuffix("}").partition(".")
        made = schema()["resources"].get(program["resources"][resource]["type"], {"properties": {}})
        if attribute not in made["properties"]:
            found.append(f"{name}: {resource} has no output {attribute}")
    return found


def test_the_yaml_program_fits_the_plugins_schema() -> None:
    program = yaml.safe_load((EXAMPLES / "yaml" / "Pulumi.yaml").read_text())
    assert (EXAMPLES / "yaml" / program["packages"]["aws-eda"] / "PulumiPlugin.yaml").exists()
    assert program_problems(program) == []
    archive = program["resources"]["resize"]["properties"]["code"]["fn::fileArchive"]
    assert (EXAMPLES / "yaml" / archive / "handler.py").exists()


def test_a_yaml_program_that_does_not_fit_is_seen() -> None:
    program = yaml.safe_load((EXAMPLES / "yaml" / "Pulumi.yaml").read_text())
    properties = program["resources"]["resize"]["properties"]
    properties["idempotency"]["token"] = "CLIENTS"
    properties["queueSource"]["max"] = 1
    properties["timeout"] = "long"
    del properties["links"]["views"]["access"]
    program["outputs"]["queueUrl"] = "${resize.queue}"
    assert program_problems(program) == [
        "resize.timeout: 'long' is no integer",
        "resize.links.views.access is missing",
        "resize.queueSource.max is unknown",
        "resize.idempotency.token: 'CLIENTS' is none of the values",
        "queueUrl: resize has no output queue",
    ]
