"""Every operation that is offered is there, and answers whatever it is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.service import Service
from eda_sandbox.services import SERVICES


@pytest.mark.parametrize("service", SERVICES, ids=[service.name for service in SERVICES])
def test_a_service_has_a_method_for_each_of_its_operations(service: type[Service], aws: Sandbox) -> None:
    running: Service = aws.cloud.service(service.name)
    missing = [operation for operation in service.offered.operations if running.operation(operation) is None]
    assert not missing


def test_no_operation_fails_in_the_sandbox_or_accepts_what_it_does_not_offer() -> None:
    run = [sys.executable, "-m", "tests.fuzzing.operations"]
    ended = subprocess.run(run, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr[-3000:]}"
