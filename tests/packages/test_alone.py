"""Each wheel alone: with what it says it needs and nothing else, all its modules load and it does its work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.conftest import ROOT
from tests.packages.wheels import PROJECTS, environment, run

MODULES = """
import importlib, json, pkgutil, sys
loaded = []
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if "._functions." not in module.name and not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
            loaded.append(module.name)
print(json.dumps(loaded))
"""
RECORD = """
from pulumi_aws_eda import IdempotentLambda, archives
from pulumi_aws_eda.testing import record
made = record(lambda: IdempotentLambda("resize", {"code": archives.directory_archive("code"), "timeout": 30}))
print(made.one("aws:lambda/function:Function").inputs["timeout"])
"""
HOST = "from pulumi_aws_eda import plugin; plugin.serve()"
PROGRAM = """
import pulumi
import pulumi_aws as aws
queue = aws.sqs.Queue("work", visibility_timeout_seconds=30)
pulumi.export("url", queue.url)
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An environment for each wheel."""
    extras = {"sandbox": ("pytest",)}
    return {
        project: environment([project], tmp_path_factory.mktemp(project), extras.get(project, ()))
        for project in PROJECTS
    }


def program(folder: Path) -> Path:
    (folder / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    return folder


@pytest.mark.parametrize(
    ("project", "packages"),
    [("components", ["pulumi_aws_eda", "eda_runtime"]), ("policies", ["eda_policies"]), ("sandbox", ["eda_sandbox"])],
)
def test_all_its_modules_load(sites: dict[str, Path], project: str, packages: list[str], tmp_path: Path) -> None:
    # A function's environment, and what the distribution takes as an extra.
    done = run(sites[project], "-c", MODULES, *packages, cwd=tmp_path, EDA_HANDLER="json.loads")
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    files = [file for package in packages for file in (ROOT / project / package).rglob("*.py")]
    assert len(loaded) > len(files) / 2
    others = {"pulumi_aws_eda", "eda_policies", "eda_sandbox", "pipeline"} - set(packages)
    assert not [name for name in others if (sites[project] / name).exists()]


def test_a_component_is_recorded_by_the_wheel_of_components(sites: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text("def handle(event, context):\n    return event\n")
    done = run(sites["components"], "-c", RECORD, cwd=tmp_path)
    assert (done.returncode, float(done.stdout)) == (0, 30), done.stderr


def test_the_host_for_other_languages_serves_the_schema(sites: dict[str, Path], tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(sites["components"]), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-S", "-P", "-c", HOST, "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                answer = stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=240)
        finally:
            host.kill()
    kept = json.loads((ROOT / "components" / "schema.json").read_text())
    assert json.loads(answer.schema)["resources"].keys() == kept["resources"].keys()


def test_the_policies_check_a_program_of_somebody_elses(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = environment(["policies"], tmp_path_factory.mktemp("checked"), ("pulumi-aws",))
    done = run(site, "-m", "eda_policies", "check", "--stack", "dev", "--json", cwd=program(tmp_path))
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert ("sqs-tls-only", "advisory") in {(violation["rule"], violation["level"]) for violation in found}
    # The pipeline's own budgets are not somebody else's.
    assert not [violation for violation in found if "get-order" in violation["message"]]


def test_the_sandbox_runs_a_command(sites: dict[str, Path], tmp_path: Path) -> None:
    ask = "import os, boto3; print(boto3.client('sqs').create_queue(QueueName='q')['QueueUrl'])"
    command = ["-m", "eda_sandbox", "run", "--", sys.executable, "-S", "-c", ask]
    done = run(sites["sandbox"], *command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("/000000000000/q\n")
