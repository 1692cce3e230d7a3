"""The deployed program on which statements are proven: its clients, its queues and logs, and waiting."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from botocore.exceptions import ClientError
from eda_sandbox.embedded import Sandbox
from eda_sandbox.provider.deploy import Stack

T = TypeVar("T")

PATIENCE_SECONDS = 60
LONGER, MARGIN_SECONDS = 2.0, 4.0
POLL_SECONDS = 0.1
SEGMENTS = {
    "aws:lambda/function:Function": "AWS::Lambda::Function",
    "aws:sfn/stateMachine:StateMachine": "AWS::StepFunctions::StateMachine",
}
"""The origin of the segments that are put with a role, by the type of what it is of."""


class CheckFailed(Exception):
    """A check of the program failed; the message says how."""


@dataclass
class Stage:
    """A program and what the checks need of it.

    Attributes:
        aws: the embedded AWS.
        stack: the deployed program.
    """

    aws: Sandbox
    stack: Stack
    _took: dict[str, float] = field(default_factory=dict)
    _measures: bool = False
    _pause: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Wait patiently, and note how long each thing takes at best."""
        self._measures = True
        try:
            yield
        finally:
            self._measures = False

    def until(self, condition: Callable[[], T], what: str, *, prepares: bool = False) -> T:
        """Wait until a condition gives something true, and return that.

        It may take twice as long as it took while all statements were in place, and some seconds, so that neither a
        slow machine makes a proof nor a fast one waits.

        Args:
            condition: asked again and again.
            what: it means; the same words for the same thing, whichever order it is about.
            prepares: it is not what the check is about, so it is waited for patiently.

        Raises:
            CheckFailed: it does not in time.
        """
        known = not self._measures and not prepares and what in self._took
        seconds = LONGER * self._took[what] + MARGIN_SECONDS if known else PATIENCE_SECONDS
        begin = time.monotonic()
        while not (found := condition()):
            if time.monotonic() > begin + seconds:
                raise CheckFailed(f"not within {seconds:.1f} s: {what}")
            self._pause.wait(POLL_SECONDS)
        if self._measures:
            # The first time may be a cold start.
            took = time.monotonic() - begin
            self._took[what] = min(took, self._took.get(what, took))
        return found

    def name(self, token: str, logical_name: str) -> str:
        """The name of a resource of the stack."""
        return str(self.stack.of_type(token)[logical_name]["name"])

    def queue_url(self, arn: str) -> str:
        """The URL of a queue."""
        return str(self.aws.client("sqs").get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])

    def take_letters(self, queue_url: str) -> list[str]:
        """The bodies of the messages that a queue has for us; they are deleted."""
        sqs, bodies = self.aws.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def letter_arrives(self, queue_url: str, part: str, what: str) -> None:
        """Wait for a message that contains a text."""
        self.until(lambda: any(part in body for body in self.take_letters(queue_url)), what)

    def invoke(self, function: str, payload: bytes = b"{}") -> None:
        """Invoke a function and wait for it.

        Raises:
            CheckFailed: it fails; the message is the function's error.
        """
        try:
            answer = self.aws.client("lambda").invoke(FunctionName=function, Payload=payload)
        except ClientError as error:
            raise CheckFailed(f"{function} failed: {error}") from None
        if "FunctionError" in answer:
            raise CheckFailed(f"{function} failed: {answer['Payload'].read().decode()[:400]}")

    def has_segments(self, token: str, logical_name: str, run: Callable[[], object]) -> None:
        """Do something, and wait for a trace that passes a function or a machine."""
        # Who calls a function has it in its own segments already, by name.
        service = f'service(id(name: "{self.name(token, logical_name)}", type: "{SEGMENTS[token]}"))'
        begin = datetime.now(UTC)
        run()
        xray = self.aws.client("xray")

        def arrived() -> bool:
            asked = {"StartTime": begin, "EndTime": datetime.now(UTC), "FilterExpression": service}
            pages = xray.get_paginator("get_trace_summaries").paginate(**asked)
            # A request's times are whole seconds.
            return any(trace["StartTime"] >= begin for page in pages for trace in page["TraceSummaries"])

        self.until(arrived, f"X-Ray has segments of {logical_name}")

    def has_lines(self, group: str, run: Callable[[], object], stream: str = "") -> None:
        """Do something, and wait for lines about it in a log group, or in one stream of it."""
        begin = int(time.time() * 1000)
        run()
        logs, streams = self.aws.client("logs"), {"logStreamNames": [stream]} if stream else {}
        self.until(
            lambda: logs.filter_log_events(logGroupName=group, startTime=begin, limit=1, **streams)["events"],
            f"{group} has new lines",
        )
