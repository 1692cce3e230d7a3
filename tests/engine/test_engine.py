"""The real engine against the sandbox: preview, up, refresh, a change, the policy pack, destroy."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.server import serve
from eda_sandbox.session import Session, command_environment

from pipeline.demo.external_api import ExternalApi
from tests.conftest import ROOT
from tests.engine.project import WITH_ENGINE, Project, new_project

pytestmark = WITH_ENGINE
STACK = "engine"


def copied(folder: Path) -> Path:
    """The project with links to its parts, so that what the engine writes stays out of the repository."""
    for part in ROOT.iterdir():
        if part.name.startswith("Pulumi."):
            shutil.copy(part, folder)
        elif part.name not in (".git", ".cache"):
            (folder / part.name).symlink_to(part)
    return folder


@pytest.fixture(scope="module")
def project(aws: Sandbox, external: ExternalApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = copied(tmp_path_factory.mktemp("project"))
    shutil.copy(folder / "Pulumi.sandbox.yaml", folder / f"Pulumi.{STACK}.yaml")
    with serve(aws.cloud) as port:
        running = Session(aws, port)
        with command_environment(running, os.environ) as environment:
            made = Project(folder, environment, STACK)
            made.pulumi("stack", "init", STACK)
            made.configure(external_api_url=external.url)
            yield made


def test_a_life_from_preview_to_destroy(project: Project, aws: Sandbox) -> None:
    previewed = project.pulumi("preview", "--stack", STACK)
    assert "to create" in previewed
    assert project.of_type("aws:sqs/queue:Queue") == []

    project.up()
    functions = project.of_type("aws:lambda/function:Function")
    assert len(functions) >= 8
    assert len(project.of_type("aws:lambda/layerVersion:LayerVersion")) == 2
    for function in functions:
        assert aws.client("lambda").get_function(FunctionName=function["id"])["Configuration"]
    project.pulumi("preview", "--stack", STACK, "--expect-no-changes")
    project.is_as_known()

    # What somebody deleted by hand is found by a refresh, and made again.
    lost = project.of_type("aws:cloudwatch/queryDefinition:QueryDefinition")[0]
    aws.client("logs").delete_query_definition(queryDefinitionId=lost["id"])
    project.refresh()
    assert lost["urn"] not in project.resources()
    project.up()
    assert lost["urn"] in project.resources()

    # A change is made in place: each resource keeps its id.
    before = {urn: each.get("id") for urn, each in project.resources().items()}
    tables = [each["id"] for each in project.of_type("aws:dynamodb/table:Table")]
    project.configure(log_retention_in_days=7)
    changed = project.pulumi("up", "--yes", "--stack", STACK)
    assert "to replace" not in changed
    assert {urn: each.get("id") for urn, each in project.resources().items()} == before
    groups = project.of_type("aws:cloudwatch/logGroup:LogGroup")
    kept = {
        aws.client("logs").describe_log_groups(logGroupNamePrefix=group["id"])["logGroups"][0]["retentionInDays"]
        for group in groups
    }
    assert kept == {7}
    project.pulumi("preview", "--stack", STACK, "--expect-no-changes")

    project.destroy()
    assert project.resources() == {}
    left = aws.client("dynamodb").list_tables()["TableNames"]
    assert not set(tables) & set(left)


def test_a_bucket_that_refuses_to_be_destroyed_keeps_its_settings(
    project: Project, aws: Sandbox, tmp_path: Path
) -> None:
    new_project(tmp_path, "refuses", 'from pulumi_aws_eda import PayloadStore\nPayloadStore("store", {})\n')
    stays, s3 = Project(tmp_path, project.environment, "one"), aws.client("s3")
    stays.pulumi("stack", "init", "one")
    stays.up()
    [bucket] = [each["id"] for each in stays.of_type("aws:s3/bucket:Bucket")]

    def settings() -> list[Any]:
        return [
            s3.get_bucket_versioning(Bucket=bucket)["Status"],
            s3.get_bucket_policy(Bucket=bucket)["Policy"],
            s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
            s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
        ]

    before, key = settings(), "kept"
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"data")["VersionId"]
    stays.destroy(succeeds=False)
    assert settings() == before
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"data"
    stays.up()
    assert settings() == before
    s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    stays.destroy()
    assert bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_the_policy_pack_fails_a_preview(project: Project) -> None:
    (project.folder / "__main__.py").unlink()
    (project.folder / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        'aws.lambda_.Function("slow", role="arn:aws:iam::000000000000:role/r", handler="h.handle",\n'
        '    runtime="python3.13", s3_bucket="code", s3_key="code.zip", timeout=900)\n'
    )
    said = project.pulumi("preview", "--stack", STACK, "--policy-pack", "policies", succeeds=False)
    assert "slow" in said
    assert "mandatory" in said
    assert "lambda" in said


def test_a_command_that_the_sandbox_runs_finds_everything(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        f"name: small\nruntime:\n  name: python\n  options:\n    virtualenv: {ROOT / '.venv'}\n"
    )
    (tmp_path / "__main__.py").write_text(
        "import pulumi, pulumi_aws as aws\n"
        'queue = aws.sqs.Queue("work", visibility_timeout_seconds=30)\npulumi.export("url", queue.url)\n'
    )
    script = (
        "pulumi stack init test && pulumi up --yes --skip-preview && pulumi stack output url"
        " && pulumi destroy --yes --skip-preview && exit 7"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    done = subprocess.run(
        [sys.executable, "-m", "eda_sandbox", "run", "--", "sh", "-c", f"cd {tmp_path} && {script}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 7, done.stdout + done.stderr
    assert "/work-" in done.stdout
    assert "Traceback" not in done.stderr
