"""With the real engine: what somebody made or changed by hand, which a refresh shows and an import takes over."""

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.server import serve
from eda_sandbox.session import Session, command_environment

from tests.engine.project import WITH_ENGINE, Project, new_project

pytestmark = WITH_ENGINE
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        ],
    }
)
PROGRAM = f"""
import pulumi
import pulumi_aws as aws

role = aws.iam.Role("role", assume_role_policy={TRUST!r})
queue = aws.sqs.Queue("queue", message_retention_seconds=600, tags={{"team": "one"}})
function = aws.lambda_.Function("function", role=role.arn, runtime="python3.13", handler="handler.handle",
    code=pulumi.AssetArchive({{"handler.py": pulumi.StringAsset("def handle(event, context): return 1")}}))
pulumi.export("queue", queue.url)
pulumi.export("function", function.name)
"""


@pytest.fixture
def project(aws: Sandbox, tmp_path: Path) -> Iterator[Project]:
    with serve(aws.cloud, folder=tmp_path) as port, command_environment(Session(aws, port), os.environ) as environment:
        new_project(tmp_path, "hands", PROGRAM)
        made = Project(tmp_path, environment, "one")
        made.pulumi("stack", "init", "one")
        yield made
        made.destroy()


def test_a_refresh_shows_what_was_changed_by_hand_and_an_update_puts_it_right(project: Project, aws: Sandbox) -> None:
    project.up()
    project.is_as_known()
    outputs, sqs, functions = project.outputs(), aws.client("sqs"), aws.client("lambda")

    def settings() -> list[Any]:
        attributes = sqs.get_queue_attributes(QueueUrl=outputs["queue"], AttributeNames=["All"])["Attributes"]
        function = functions.get_function(FunctionName=outputs["function"])["Configuration"]
        return [
            attributes["VisibilityTimeout"],
            attributes["MessageRetentionPeriod"],
            sqs.list_queue_tags(QueueUrl=outputs["queue"])["Tags"],
            function["Timeout"],
            function["CodeSha256"],
        ]

    before = settings()
    sqs.set_queue_attributes(
        QueueUrl=outputs["queue"], Attributes={"VisibilityTimeout": "99", "MessageRetentionPeriod": "1200"}
    )
    sqs.tag_queue(QueueUrl=outputs["queue"], Tags={"by": "hand"})
    functions.update_function_configuration(FunctionName=outputs["function"], Timeout=77)
    functions.update_function_code(FunctionName=outputs["function"], ZipFile=zipped("def handle(event, context): 1/0"))

    project.refresh()
    [queue] = project.of_type("aws:sqs/queue:Queue")
    assert (queue["inputs"]["visibilityTimeoutSeconds"], queue["inputs"]["messageRetentionSeconds"]) == (99, 1200)
    assert queue["inputs"]["tags"] == {"team": "one", "by": "hand"}
    [function] = project.of_type("aws:lambda/function:Function")
    assert function["inputs"]["timeout"] == 77
    shown = project.pulumi("preview", "--diff", "--stack", project.stack)
    assert "messageRetentionSeconds" in shown
    assert "2 to update" in shown
    project.up()
    assert settings() == before
    project.is_settled()
    project.is_as_known()


def test_what_was_made_by_hand_is_imported_with_a_program(project: Project, aws: Sandbox) -> None:
    role = aws.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    attributes = {"VisibilityTimeout": "77"}
    url = aws.client("sqs").create_queue(QueueName="mine", Attributes=attributes, tags={"team": "one"})["QueueUrl"]
    aws.client("lambda").create_function(
        FunctionName="mine",
        Role=role,
        Runtime="python3.13",
        Handler="handler.handle",
        Code={"ZipFile": zipped("def handle(event, context): return 1")},
        MemorySize=256,
        Environment={"Variables": {"KIND": "small"}},
    )
    aws.client("dynamodb").create_table(
        TableName="mine",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("events").put_rule(Name="mine", EventPattern='{"source": ["shop"]}', State="DISABLED")
    aws.client("events").put_targets(Rule="mine", Targets=[{"Id": "queue", "Arn": queue_arn(aws, url)}])
    made = {
        "iam/role:Role": "mine",
        "sqs/queue:Queue": url,
        "lambda/function:Function": "mine",
        "dynamodb/table:Table": "mine",
        "cloudwatch/eventRule:EventRule": "mine",
        "cloudwatch/eventTarget:EventTarget": "mine/queue",
    }
    asked = [{"type": f"aws:{type}", "name": type.rpartition(":")[2], "id": id} for type, id in made.items()]
    (project.folder / "asked.json").write_text(json.dumps({"resources": asked}))
    how = ("--yes", "--skip-preview", "--protect=false", "--stack", project.stack)
    project.pulumi("import", "--file", "asked.json", "--out", "__main__.py", *how)
    project.is_settled()
    project.is_as_known()
    [queue] = project.of_type("aws:sqs/queue:Queue")
    assert (queue["outputs"]["url"], queue["inputs"]["visibilityTimeoutSeconds"]) == (url, 77)

    # The program's is what the resources become.
    program = (project.folder / "__main__.py").read_text()
    assert program.count("memory_size=256") == 1
    looked_up = f'\npulumi.export("arn", aws.sqs.Queue.get("again", "{url}").arn)\n'
    (project.folder / "__main__.py").write_text(program.replace("memory_size=256", "memory_size=512") + looked_up)
    project.up()
    assert project.outputs()["arn"] == queue_arn(aws, url)
    assert aws.client("lambda").get_function_configuration(FunctionName="mine")["MemorySize"] == 512


def queue_arn(aws: Sandbox, url: str) -> str:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def zipped(handler: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", handler)
    return buffer.getvalue()
