"""For tests of stacks against AWS's behaviour: a fixture that deploys your program into an embedded AWS.

    def test_an_order_is_stored(eda_sandbox):
        queue, table = eda_sandbox.outputs["queue_url"], eda_sandbox.outputs["table_name"]
        eda_sandbox.client("sqs").send_message(QueueUrl=queue, MessageBody='{"id": "1"}')
        eda_sandbox.wait_until(lambda: eda_sandbox.client("dynamodb").scan(TableName=table)["Items"])

pytest loads it by itself where ``aws-eda-sandbox`` is installed. The program is run once in a test session, in a
process of its own, and everything is removed at the end; no account, no network and no Docker are used.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from eda_sandbox.embedded import Sandbox
    from eda_sandbox.frontdoor.faults import Fault
    from eda_sandbox.provider.deploy import Stack
    from eda_sandbox.services.scheduler import Scheduler

T = TypeVar("T")
PAUSE = 0.05


class EdaSandbox:
    """A program that is deployed into an embedded AWS.

    Attributes:
        outputs: the program's exports.
        endpoint: where the embedded AWS listens; for clients of your own, by ``AWS_ENDPOINT_URL``.
        speed: AWS seconds in one real second.
    """

    def __init__(self, aws: "Sandbox", stack: "Stack") -> None:
        self._aws = aws
        self._stack = stack
        self._begun = time.time()
        self.outputs: dict[str, Any] = stack.outputs
        self.endpoint: str = aws.endpoint
        self.speed: float = aws.cloud.clock.speed

    def client(self, service: str) -> Any:
        """A boto3 client with the account's root credentials, by boto3's name of the service."""
        return self._aws.client(service)

    def resources(self, type: str) -> dict[str, dict[str, Any]]:
        """The deployed resources of a type: their inputs and outputs in the engine's spelling, by logical name."""
        return self._stack.of_type(type)

    def inject(self, *faults: "Fault") -> None:
        """Put faults between the services: errors, delays, duplicates, lost requests and answers.

        Args:
            faults: ``eda_sandbox.Fault``; they hold to the end of the test.
        """
        for fault in faults:
            self._aws.faults.add(fault)

    @property
    def injected(self) -> list[tuple[str, str, Any]]:
        """What the faults hit in this test: service, operation and kind."""
        return list(self._aws.faults.injected)

    def advance_to(self, moment: datetime) -> None:
        """Move the time of EventBridge Scheduler forward; each schedule fires for the last slot on the way.

        Args:
            moment: aware; the new present of the schedules.

        Raises:
            ValueError: it lies in the schedules' past, or has no time zone.
        """
        self._scheduler().advance_to(moment)

    def advance_to_next(self, schedule: str, group: str = "default") -> datetime:
        """Move the time of EventBridge Scheduler forward to the next slot of a schedule, and return that slot.

        Raises:
            ValueError: the schedule never fires again.
        """
        return self._scheduler().advance_to_next(schedule, group)

    def wait_until(self, condition: Callable[[], T], what: str = "the condition holds", seconds: float = 30) -> T:
        """Wait until a condition gives something true, and return that.

        Args:
            condition: asked again and again.
            what: said when it does not come true.
            seconds: real seconds until it has to.

        Raises:
            AssertionError: it did not within the time; the message has what went wrong meanwhile: executions that
                failed, permissions that were refused, errors in logs, and what lies in dead-letter queues.
        """
        begin, deadline = time.time(), time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > deadline:
                raise AssertionError("\n".join([f"not within {seconds:g} s: {what}", *self.symptoms(begin)]))
            time.sleep(PAUSE)
        return found

    def symptoms(self, since: float | None = None) -> list[str]:
        """What went wrong, a line each: executions that failed, permissions that were refused, errors in logs, and
        what lies in dead-letter queues.

        Args:
            since: seconds since the epoch; default: since the test began.
        """
        from eda_sandbox.symptoms import symptoms

        return symptoms(self._aws, self._stack, self._begun if since is None else since)

    def _scheduler(self) -> "Scheduler":
        return cast("Scheduler", self._aws.cloud.service("scheduler"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings, in pytest's configuration file."""
    parser.addini("eda_program", "the Pulumi program, from pytest's root folder", default="__main__.py")
    parser.addini("eda_stack", "the stack whose Pulumi.<stack>.yaml is read", default="test")
    parser.addini("eda_speed", "AWS seconds in one real second", default="20")


@pytest.fixture(scope="session")
def eda_config() -> Mapping[str, Any]:
    """Config of the stack over that of its file, by key (with or without the project); yours to override."""
    return {}


@pytest.fixture(scope="session")
def _eda_deployed(pytestconfig: pytest.Config, eda_config: Mapping[str, Any]) -> Iterator[EdaSandbox]:
    # Imported here: a test run that does not ask for the fixture does not pay for it.
    from eda_sandbox.embedded import embedded_aws
    from eda_sandbox.foundation.errors import SandboxError
    from eda_sandbox.provider.deploy import deploy

    program = Path(pytestconfig.rootpath, pytestconfig.getini("eda_program"))
    if not program.is_file():
        pytest.fail(f"{program} does not exist; name your program by the ini option eda_program", pytrace=False)
    with embedded_aws(float(pytestconfig.getini("eda_speed"))) as aws:
        try:
            stack = deploy(aws.cloud, program, pytestconfig.getini("eda_stack"), dict(eda_config))
        except SandboxError as error:
            pytest.fail(str(error), pytrace=False)
        yield EdaSandbox(aws, stack)


@pytest.fixture
def eda_sandbox(_eda_deployed: EdaSandbox) -> Iterator[EdaSandbox]:
    """Your program, deployed once a session; the faults of a test end with it, its data stays."""
    _eda_deployed._begun = time.time()
    yield _eda_deployed
    _eda_deployed._aws.faults.clear()
