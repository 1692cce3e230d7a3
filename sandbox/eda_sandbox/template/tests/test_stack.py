"""The stack as it is recorded, and as it runs in the embedded AWS."""

import json
import runpy
from pathlib import Path

from eda_sandbox.pytest_plugin import EdaSandbox
from pulumi_aws_eda.testing import record

PROGRAM = str(Path(__file__).parents[1] / "__main__.py")


def test_the_function_may_write_greetings_and_not_read_them() -> None:
    statements = record(lambda: runpy.run_path(PROGRAM)).statements("greet-role")
    assert "dynamodb:UpdateItem" in statements["LinkGreetingsWrite"]["Action"]
    assert not any("dynamodb:Query" in statement["Action"] for statement in statements.values())


def test_each_message_greets_once(eda_sandbox: EdaSandbox) -> None:
    sqs, table = eda_sandbox.client("sqs"), eda_sandbox.outputs["greetings_table_name"]
    for name in ("Ada", "Grace"):
        sqs.send_message(QueueUrl=eda_sandbox.outputs["queue_url"], MessageBody=json.dumps({"name": name}))

    def greeted() -> dict[str, str]:
        items = eda_sandbox.client("dynamodb").scan(TableName=table)["Items"]
        return {item["name"]["S"]: item["greeted"]["N"] for item in items}

    eda_sandbox.wait_until(lambda: len(greeted()) == 2, "both are greeted")
    assert greeted() == {"Ada": "1", "Grace": "1"}
