"""With the real engine: programs in other languages than Python, through the plugin."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.server import serve
from eda_sandbox.session import Session, command_environment

from tests.conftest import ROOT
from tests.engine.project import SECONDS, WITH_ENGINE, Project
from tests.integration.test_examples import EXAMPLES, program_problems, schema

PROGRAMS = Path(__file__).with_name("every_component")
PREVIEWS = 10
TABLE = "another-stacks-things"


def in_language(runtime: str) -> pytest.MarkDecorator:
    """Skips where a language's host is not on PATH."""
    host = f"pulumi-language-{runtime}"
    return pytest.mark.skipif(shutil.which(host) is None, reason=f"programs in this language need `{host}` on PATH")


YAML = pytest.param("yaml", marks=[*WITH_ENGINE, in_language("yaml")])
TYPESCRIPT = pytest.param("nodejs", marks=[*WITH_ENGINE, in_language("nodejs")])


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin as a program of this environment; for its folder the engine would make an environment of its own."""
    made = tmp_path_factory.mktemp("plugin") / "pulumi-resource-aws-eda"
    made.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(ROOT / "components")])} "$@"\n')
    made.chmod(0o755)
    return made


@pytest.fixture
def config(aws: Sandbox) -> Iterator[dict[str, str]]:
    """What the programs are told of a table of another stack."""
    dynamodb = aws.client("dynamodb")
    table = dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    yield {"tableName": TABLE, "tableArn": table["TableArn"], "streamArn": table["LatestStreamArn"]}
    dynamodb.delete_table(TableName=TABLE)


@contextmanager
def stack(aws: Sandbox, folder: Path, plugin: Path) -> Iterator[Project]:
    """A stack of a program that uses the plugin."""
    file = folder / "Pulumi.yaml"
    project = yaml.safe_load(file.read_text())
    project.pop("packages", None)
    project["plugins"] = {"providers": [{"name": "aws-eda", "path": str(plugin.parent)}]}
    file.write_text(yaml.safe_dump(project))
    with serve(aws.cloud, folder=folder) as port, command_environment(Session(aws, port), os.environ) as environment:
        made = Project(folder, environment, "one")
        if project["runtime"] == "nodejs":
            install(made, plugin)
        made.pulumi("stack", "init", made.stack)
        yield made


def install(project: Project, plugin: Path) -> None:
    """Make the SDK of the plugin, and install what the program needs: Pulumi's own SDK as old as the engine."""
    project.pulumi("package", "gen-sdk", str(plugin), "--language", "nodejs", "--local", "--out", "sdk")
    file = project.folder / "package.json"
    package = json.loads(file.read_text())
    package["dependencies"]["@pulumi/pulumi"] = project.pulumi("version").strip().removeprefix("v")
    file.write_text(json.dumps(package))
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run(command, cwd=project.folder, env=project.environment, check=True, timeout=SECONDS)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("runtime", [YAML, TYPESCRIPT])
def test_a_program_of_every_component_is_the_same_in_every_preview(
    runtime: str, aws: Sandbox, config: dict[str, str], plugin: Path, tmp_path: Path
) -> None:
    shutil.copytree(PROGRAMS / runtime, tmp_path, dirs_exist_ok=True)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text("def handle(event, context):\n    return {}\n")
    with stack(aws, tmp_path, plugin) as project:
        project.configure(**config)
        project.up()
        made = {each["type"] for each in project.resources().values() if not each.get("custom")}
        assert made >= set(schema()["resources"])
        project.is_as_known()
        for seed in range(PREVIEWS):
            # The seed of the plugin's hashes, by which it would read maps in another order.
            project.environment = {**project.environment, "PYTHONHASHSEED": str(seed)}
            project.is_settled()
        outputs = project.outputs()
        assert [column["name"] for column in outputs["curatedColumns"]] == ["id", "version", "status", "deleted"]
        assert [column["name"] for column in outputs["viewColumns"]] == ["view_id", "version", "page", "seconds"]
        project.destroy()
        assert project.resources() == {}


@pytest.mark.parametrize("runtime", [YAML])
def test_the_example_in_yaml_comes_up(runtime: str, aws: Sandbox, plugin: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / runtime, tmp_path, dirs_exist_ok=True)
    with stack(aws, tmp_path, plugin) as project:
        project.up()
        project.is_settled()
        name = project.outputs()["deliveryStreamName"]
        described = aws.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
        assert described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
        project.destroy()


AWS_ALONE = """
name: alone
runtime: yaml
resources:
  bucket:
    type: aws:s3:Bucket
  versioning:
    type: aws:s3:BucketVersioning
    properties:
      bucket: ${bucket.bucket}
      versioningConfiguration: {status: Enabled}
  queue:
    type: aws:sqs:Queue
    properties: {visibilityTimeoutSeconds: 60}
outputs:
  bucket: ${bucket.bucket}
"""


@pytest.mark.parametrize("runtime", [YAML])
def test_a_program_in_yaml_reads_awss_own_types_by_the_providers_schema(
    runtime: str, aws: Sandbox, plugin: Path, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text(AWS_ALONE)
    with stack(aws, tmp_path, plugin) as project:
        project.up()
        project.is_settled()
        project.is_as_known()
        found = aws.client("s3").get_bucket_versioning(Bucket=project.outputs()["bucket"])
        assert found["Status"] == "Enabled"
        project.destroy()


def test_the_programs_have_every_component() -> None:
    program = yaml.safe_load((PROGRAMS / "yaml" / "Main.yaml").read_text())
    assert {resource["type"] for resource in program["resources"].values()} == set(schema()["resources"])
    assert program_problems(program) == []
    made = re.findall(r"\bnew eda\.(\w+)\(", (PROGRAMS / "nodejs" / "index.ts").read_text())
    assert {f"aws-eda:index:{name}" for name in made} == set(schema()["resources"])
