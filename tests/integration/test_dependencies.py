"""A function whose packages hold machine code for Lambda runs here with the same versions for this machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import DeploymentError, Stack
from pulumi_aws_eda import archives

from tests.conftest import Deploy
from tests.wheels import ANYWHERE, ARM64, HERE, index, wheel

PROGRAM = """
import pulumi
from pulumi_aws_eda import IdempotentLambda, archives
import pulumi_aws as aws

layer = aws.lambda_.LayerVersion("shared", layer_name="shared", code=archives.python_layer_archive("shared"))
made = IdempotentLambda("count", code="function", layers=[layer.arn])
pulumi.export("function", made.function_name)
"""
HANDLER = """
import charm, plain, wand
from importlib.metadata import version

def handle(event, context):
    return {"charm": charm.TAG, "wand": wand.TAG, "plain": plain.TAG, "version": version("charm")}
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program with a function and a layer that ask for packages, and an index that has them."""
    for name in ("charm", "wand"):
        for tag in (ARM64, HERE):
            wheel(tmp_path / "wheels", name, "1.0", tag)
    wheel(tmp_path / "wheels", "alien", "1.0", ARM64)
    wheel(tmp_path / "wheels", "plain", "2.0", ANYWHERE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    texts = {
        "Pulumi.yaml": "name: packages\nruntime: python\n",
        "__main__.py": PROGRAM,
        "function/handler.py": HANDLER,
        "function/requirements.txt": "charm==1.0\nplain==2.0\n",
        "shared/requirements.txt": "wand==1.0\n",
    }
    for place, text in texts.items():
        (tmp_path / "program" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "program" / place).write_text(text)
    with index(tmp_path / "wheels", monkeypatch):
        yield tmp_path / "program"


def ask(aws: Sandbox, stack: Stack) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=stack.outputs["function"], Payload=b"{}")
    return json.loads(answer["Payload"].read())


def test_packages_of_code_and_layer_are_this_machines_and_stay_so(
    aws: Sandbox, deploy_here: Deploy, program: Path
) -> None:
    stack = deploy_here(program / "__main__.py")
    told = {"charm": HERE, "wand": HERE, "plain": ANYWHERE, "version": "1.0"}
    assert ask(aws, stack) == told
    code = Path(str(archives.python_archive(program / "function").path)).read_bytes()
    aws.client("lambda").update_function_code(FunctionName=stack.outputs["function"], ZipFile=code)
    assert ask(aws, stack) == told


def test_a_package_that_there_is_not_for_this_machine_is_told_by_name(deploy_here: Deploy, program: Path) -> None:
    (program / "function" / "requirements.txt").write_text("alien==1.0\n")
    if ARM64 == HERE:
        pytest.skip("this machine is Lambda's")
    with pytest.raises(DeploymentError, match=r"cannot be installed for Python 3\.\d+ on \w+, .*alien"):
        deploy_here(program / "__main__.py", "alien")
