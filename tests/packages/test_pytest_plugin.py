"""The fixture ``eda_sandbox`` as a user has it: from two wheels, in a pytest run of its own, on a program of theirs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packages.wheels import install, wheel

SCHEDULE = """
import json
inbox = aws.sqs.Queue("inbox")
role = aws.iam.Role("daily", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
allowed = aws.iam.RolePolicy("daily", role=role.name, policy=pulumi.Output.json_dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": inbox.arn}]}))
schedule = aws.scheduler.Schedule("daily", schedule_expression="cron(0 3 * * ? *)",
    flexible_time_window={"mode": "OFF"}, target={"arn": inbox.arn, "role_arn": role.arn, "input": "good morning"},
    opts=pulumi.ResourceOptions(depends_on=[allowed]))
pulumi.export("inbox_url", inbox.url)
pulumi.export("schedule", schedule.name)
pulumi.export("greeting", pulumi.Config().get("greeting"))
"""
CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def eda_config():
    return {"greeting": "hello"}
"""
TESTS = """
import json
from datetime import UTC
from eda_sandbox import Fault, FaultKind

def test_a_payment_is_charged_once_although_a_write_fails(eda_sandbox):
    outputs, sqs = eda_sandbox.outputs, eda_sandbox.client("sqs")
    eda_sandbox.inject(Fault(FaultKind.ERROR, "dynamodb", "UpdateItem", times=1, code="InternalServerError"))

    def charged():
        items = eda_sandbox.client("dynamodb").scan(TableName=outputs["charges_table_name"])["Items"]
        return [item["cents"]["N"] for item in items if "cents" in item]

    for _ in range(2):
        body = json.dumps({"payment_id": "p-1", "account": "a-1", "cents": 500})
        sqs.send_message(QueueUrl=outputs["queue_url"], MessageBody=body)
    eda_sandbox.wait_until(charged, "the payment is charged", 240)
    assert charged() == ["500"]
    assert eda_sandbox.injected == [("dynamodb", "UpdateItem", FaultKind.ERROR)]

def test_faults_end_with_their_test_and_config_reaches_the_program(eda_sandbox):
    assert eda_sandbox.injected == []
    assert eda_sandbox.outputs["greeting"] == "hello"
    assert eda_sandbox.speed == 50
    assert "charges" in eda_sandbox.resources("aws:dynamodb/table:Table")

def test_the_daily_message_comes_when_the_time_is_moved_on(eda_sandbox):
    slot = eda_sandbox.advance_to_next(eda_sandbox.outputs["schedule"])
    assert (slot.hour, slot.minute, slot.tzinfo) == (3, 0, UTC)
    sqs, url = eda_sandbox.client("sqs"), eda_sandbox.outputs["inbox_url"]
    [message] = eda_sandbox.wait_until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the message")
    assert message["Body"] == "good morning"

def test_a_condition_that_does_not_come_true_is_named(eda_sandbox):
    try:
        eda_sandbox.wait_until(lambda: False, "pigs fly", 0.2)
    except AssertionError as error:
        assert str(error) == "not within 0.2 s: pigs fly"
    else:
        raise RuntimeError("it passed")
"""
ALONE = "def test_it(eda_sandbox):\n    pass\n"


def run(folder: Path, site: Path) -> tuple[int, str]:
    """pytest in a folder, with the plugin from the wheel alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("both")
    return install([wheel(project, folder) for project in ("components", "sandbox")], folder / "site")


def project(folder: Path, tests: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_mine.py").write_text(tests)
    return folder


def test_it_deploys_the_users_program_and_gives_clients_time_and_faults(tmp_path: Path, wheels: Path) -> None:
    shutil.copytree(ROOT / "examples" / "queue", tmp_path / "infra")
    program = tmp_path / "infra" / "__main__.py"
    program.write_text(program.read_text() + SCHEDULE)
    (tmp_path / "pytest.ini").write_text("[pytest]\neda_program = infra/__main__.py\neda_speed = 50\n")
    project(tmp_path, TESTS)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST)
    code, said = run(tmp_path, wheels)
    assert code == 0, said
    assert "4 passed" in said


def test_a_program_that_cannot_be_deployed_is_said_once_and_plainly(tmp_path: Path, wheels: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    project(tmp_path, ALONE)
    code, said = run(tmp_path, wheels)
    assert code == 1
    assert "name your program by the ini option eda_program" in said
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "__main__.py").write_text('import pulumi_aws as aws\naws.ec2.Vpc("network")\n')
    code, said = run(tmp_path, wheels)
    assert code == 1
    assert "does not know the type 'aws:ec2/vpc:Vpc'" in said


def test_a_run_that_does_not_ask_for_it_does_not_pay_for_it() -> None:
    told = "import sys, eda_sandbox.pytest_plugin; print(sorted({'pulumi', 'boto3', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
