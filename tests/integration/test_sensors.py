"""Sensors: everything comes twice and answers are lost on every edge, and each reading has one effect of each kind."""

import json
import secrets
from typing import Any

import pytest
from botocore.credentials import Credentials
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.messages import messages
from eda_sandbox.frontdoor.faults import Fault, FaultKind
from eda_sandbox.provider.deploy import Stack

from pipeline.demo.client import OrdersClient
from tests.conftest import ROOT, Deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("hurried")

EDGES = (
    ("events", "PutEvents"),
    ("sqs", "SendMessage"),
    ("sns", "Publish"),
    ("dynamodb", "UpdateItem"),
    ("stepfunctions", "StartExecution"),
)
"""Calls that one part of the program makes of the next."""


@pytest.fixture(scope="module")
def sensors(aws: Sandbox, deploy_here: Deploy) -> Stack:
    stack = deploy_here(ROOT / "examples" / "sensors" / "__main__.py")
    aws.client("secretsmanager").put_secret_value(SecretId=stack.outputs["webhook_key"], SecretString="key")
    return stack


@pytest.fixture(scope="module")
def client(sensors: Stack) -> OrdersClient:
    return OrdersClient(sensors.outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION)


def rows(aws: Sandbox, table: str) -> dict[str, dict[str, Any]]:
    items = aws.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return {next(iter(row[name]["S"] for name in ("id", "visit_id") if name in row)): row for row in items}


def dead_letters(aws: Sandbox, sensors: Stack) -> dict[str, list[str]]:
    names = [state["name"] for state in sensors.of_type("aws:sqs/queue:Queue").values() if "dlq" in state["name"]]
    return {name: [message.text for message in found] for name in names if (found := messages(aws.cloud, name))}


def test_each_reading_has_one_effect_of_each_kind(aws: Sandbox, sensors: Stack, client: OrdersClient) -> None:
    outputs = sensors.outputs
    for service, operation in EDGES:
        aws.faults.add(Fault(FaultKind.DUPLICATE, service, operation, times=30, spares_root=True))
        aws.faults.add(Fault(FaultKind.LOST_ANSWER, service, operation, times=2, spares_root=True))
        aws.faults.add(Fault(FaultKind.ERROR, service, operation, times=1, spares_root=True))
    ids = []
    for celsius in (20.5, 95, 21):
        key = secrets.token_hex(12)
        body: dict[str, object] = {"sensor": "a", "celsius": celsius}
        answers = [client.send("POST", "/readings", body, {"Idempotency-Key": key}) for _ in range(2)]
        assert [answer.status for answer in answers] == [202, 202], answers
        assert answers[0].body == answers[1].body
        ids.append(str(answers[0].body["id"]))
    lines = [json.dumps({"sensor": "b", "celsius": celsius}) for celsius in (19, 20, 21, 99.5)]
    for _ in range(2):
        aws.client("s3").put_object(Bucket=outputs["files"], Key="in/day.jsonl", Body="\n".join(lines).encode())
    imported = [f"in/day.jsonl:{number}" for number in range(len(lines))]
    samples = json.dumps({"id": "s-1", "celsius": [20.0, 21.0, 26.0]})
    aws.client("kinesis").put_record(StreamName=outputs["samples"], Data=samples.encode(), PartitionKey="a")

    wait_until(lambda: rows(aws, outputs["readings"]).keys() >= {*ids, *imported}, "the readings are kept")
    expected = {
        "sensor:a": ("readings", 3),
        "sensor:b": ("readings", 4),
        f"alert:{ids[1]}": ("alerts", 1),
        "alert:in/day.jsonl:3": ("alerts", 1),
        "samples:s-1": ("smoothed", 1),
    }

    def found() -> dict[str, Any]:
        return rows(aws, outputs["results"])

    wait_until(lambda: found().keys() >= expected.keys(), lambda: f"{found()}, {dead_letters(aws, sensors)}")
    wait_until(lambda: found()["sensor:b"]["readings"]["N"] == "4", lambda: f"{found()}")
    schedule = sensors.of_type("aws:scheduler/schedule:Schedule")
    [name] = [state["name"] for logical, state in schedule.items() if logical.startswith("report")]
    aws.cloud.service("scheduler").advance_to_next(name)
    report = wait_until(lambda: [row for id, row in found().items() if id.startswith("report:")], "the report")
    queues = [state["name"] for state in sensors.of_type("aws:sqs/queue:Queue").values()]
    wait_until(lambda: not any(messages(aws.cloud, queue) for queue in queues), lambda: f"{dead_letters(aws, sensors)}")
    counts = {id: (name, int(found()[id][name]["N"])) for id, (name, _) in expected.items()}
    assert counts == expected
    assert [(row["reports"]["N"], row["means"]["M"]["a"]["N"]) for row in report] == [("1", "45.500")]
    visits = {found()[id]["visit_id"]["S"] for id in expected if id.startswith("alert:")}
    assert rows(aws, outputs["visits"]).keys() == visits
    smoothed = found()["samples:s-1"]
    assert (smoothed["median"]["N"], smoothed["spread"]["N"]) == ("21.0", "2.625")


def test_an_odd_readings_visit_waits_for_its_report(aws: Sandbox, sensors: Stack, client: OrdersClient) -> None:
    body: dict[str, object] = {"sensor": "c", "celsius": 91}
    answer = client.send("POST", "/readings", body, {"Idempotency-Key": secrets.token_hex(12)})
    alert = f"alert:{answer.body['id']}"
    wait_until(lambda: alert in rows(aws, sensors.outputs["results"]), "the reading is an alert")
    visit_id = rows(aws, sensors.outputs["results"])[alert]["visit_id"]["S"]

    def status() -> str:
        return str(rows(aws, sensors.outputs["visits"])[visit_id]["status"]["S"])

    wait_until(lambda: status() == "AWAITING_DETAILS", "the visit waits for its report")
    assert client.send("POST", f"/visits/{visit_id}/report", {"found": "a spider"}, {}).status == 202
    wait_until(lambda: status() == "COMPLETED", "the visit is over")
