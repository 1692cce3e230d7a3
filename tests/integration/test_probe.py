"""The probes of an account find what the sandbox was told to do, and leave nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.foundation.doubts import DOUBTS, settled
from typer.testing import CliRunner

from pipeline.__main__ import loaded
from pipeline.doubts import PROBED
from pipeline.probe.command import PROBES

ASKED = [name for probe in PROBES for name in PROBED[probe]]


@pytest.fixture(autouse=True)
def _account(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_SECRET)
    yield
    aws.cloud.doubts.update(settled())


def probe(aws: Sandbox, *more: str) -> tuple[int, dict[str, Any], str]:
    stages = f"{aws.endpoint}/_aws/execute-api/{{api}}/{{stage}}"
    arguments = ["probe", "--region", REGION, "--endpoint-url", aws.endpoint, "--invoke-url", stages, "--json", *more]
    done = CliRunner().invoke(loaded(arguments), arguments)
    lines = done.stdout.splitlines()
    return done.exit_code, json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}, done.output


def left(aws: Sandbox) -> list[str]:
    found = list(aws.client("dynamodb").list_tables()["TableNames"])
    found += [pipe["Name"] for pipe in aws.client("pipes").list_pipes()["Pipes"] if pipe["CurrentState"] != "DELETING"]
    found += aws.client("sqs").list_queues(QueueNamePrefix="eda-probe").get("QueueUrls", [])
    found += [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]]
    found += [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]
    found += [api["name"] for api in aws.client("apigateway").get_rest_apis()["items"]]
    found += [job["Name"] for job in aws.client("glue").get_jobs()["Jobs"]]
    found += [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]]
    return [name for name in found if "eda-probe" in name]


@pytest.mark.parametrize("place", [0, -1])
def test_each_answer_is_what_the_sandbox_does(aws: Sandbox, place: int) -> None:
    chosen = {name: list(DOUBTS[name].values)[place] for name in ASKED}
    if place:
        # A row that makes no JSON says nothing of the path that leads nowhere; the other row does.
        assert chosen["pipes-quotes"] == "verbatim"
    aws.cloud.doubts.update(chosen)
    code, said, output = probe(aws, "--yes")
    assert said == {"answers": chosen, "failed": {}, "untested": []}, output
    assert code == 0
    assert left(aws) == []


def test_it_says_what_it_makes_and_asks_before_it_does(aws: Sandbox) -> None:
    code, said, output = probe(aws, "--only", "rest-api")
    assert (code, said) == (1, {})
    assert "a REST API with a mock behind it" in output
    assert "Go on?" in output
    code, _, output = probe(aws, "--only", "nothing")
    assert code == 2
    assert "there are pipes, rest-api, python-shell" in " ".join(output.replace("│", " ").split())
