"""What the console does: faults, redrives, time, and the program's own actions."""

import re
from collections.abc import Callable

from eda_sandbox.console.additions import Answer
from eda_sandbox.console.nodes import Node
from eda_sandbox.console.reading import Reading
from eda_sandbox.embedded import Sandbox
from eda_sandbox.foundation.errors import AwsError, SandboxError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.foundation.messages import messages
from eda_sandbox.frontdoor.faults import Fault, FaultKind

FAULTS = {
    "lose-answer": FaultKind.LOST_ANSWER,
    "throttle": FaultKind.THROTTLE,
    "send-twice": FaultKind.DUPLICATE,
    "kill": FaultKind.KILL,
}
MOST_TIMES = 1_000
_CALLED = {
    "api": ("execute-api", "*"),
    "data_set": ("quicksight", "*"),
    "delivery": ("firehose", "PutRecord*"),
    "bucket": ("s3", "*Object*"),
    "function": ("lambda", "Invoke"),
    "job": ("glue", "StartJobRun"),
    "machine": ("stepfunctions", "*"),
    "queue": ("sqs", "*"),
    "stream": ("kinesis", "*"),
    "table": ("dynamodb", "*Item*"),
    "topic": ("sns", "Publish*"),
    "warehouse": ("redshift-data", "*"),
    "workgroup": ("athena", "*"),
}
"""Service and operation of the calls that a kind of resource gets from others."""
KILLED = ("function", "job")
"""Kinds whose processes can be killed."""


class Acting:
    """Acts on a running program.

    Args:
        aws: the embedded AWS.
        reading: what there is.
    """

    def __init__(self, aws: Sandbox, reading: Reading) -> None:
        self._aws = aws
        self._reading = reading

    def inject(self, kind: str, id: str, times: int) -> Answer:
        """Put a fault on the calls that a resource gets from others.

        Args:
            kind: one of ``FAULTS``.
            id: the resource.
            times: how many calls it hits, 1 to 1,000.

        Raises:
            SandboxError: there is no such fault, or it cannot be put there.
            KeyError: there is no such resource.
        """
        node = self._reading.found(id)
        if kind not in FAULTS or node.kind not in _CALLED or not 1 <= times <= MOST_TIMES:
            raise SandboxError(f"no fault {kind!r} can be put on {id!r} {times} times")
        if FAULTS[kind] is FaultKind.KILL and node.kind not in KILLED:
            raise SandboxError("only functions and jobs have processes that can be killed")
        service, operation = _CALLED[node.kind]
        spares_root = node.kind != "api"
        fault = Fault(
            FAULTS[kind], service, operation, times=times, matching=_about(node.name), spares_root=spares_root
        )
        self._aws.faults.add(fault)
        return Answer(
            f"The next {f'{times} calls' if times > 1 else 'call'} of {node.title or node.name}: {fault.kind.value}"
        )

    def stop_faults(self) -> Answer:
        """Take all faults back."""
        self._aws.faults.stop()
        return Answer("No more faults")

    def redrive(self, id: str) -> Answer:
        """Bring a dead-letter queue's messages on: as the program does it, or back to the queue they came from.

        Raises:
            SandboxError: nobody knows where they belong.
            KeyError: there is no such queue.
        """
        node = self._reading.found(id)
        own = self._reading.additions.redrive.get(node.name)
        if own is not None:
            return own()
        sources = self._reading.queues_before(id)
        if len(sources) != 1:
            raise SandboxError(f"{node.name}: its messages came from no queue, so they cannot be moved back to one")
        sqs = self._aws.client("sqs")
        url, source = (self._aws.cloud.queue_url(arn) for arn in (node.arn, sources[0].arn))
        count, there = 0, len(messages(self._aws.cloud, node.name))
        # What is bad for good is back in the queue before the last one has left it.
        while count < there and (
            found := sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(10, there - count),
                MessageAttributeNames=["All"],
                VisibilityTimeout=30,
            ).get("Messages")
        ):
            for message in found:
                attributes = message.get("MessageAttributes", {})
                sqs.send_message(QueueUrl=source, MessageBody=message["Body"], MessageAttributes=attributes)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                count += 1
        return Answer(f"{count} messages moved back")

    def advance(self, id: str) -> Answer:
        """Move the time on to a schedule's next slot.

        Raises:
            SandboxError: it never fires again.
            KeyError: there is no such schedule.
        """
        node = self._reading.found(id)
        group, slash, name = node.name.rpartition("/")
        try:
            moment = self._aws.cloud.service("scheduler").advance_to_next(name, group if slash else "default")
        except (AwsError, ValueError) as error:
            raise SandboxError(str(error)) from None
        return Answer(f"It is {moment:%Y-%m-%d %H:%M} UTC for the schedules")

    def press(self, name: str) -> Answer:
        """Do one of the program's own actions.

        Raises:
            KeyError: it has none of that name.
        """
        return {button.name: button for button in self._reading.additions.buttons}[name].act()


def _about(name: str) -> Callable[[HttpRequest], bool]:
    """Whether a request names a resource."""
    pattern = re.compile(rb"(?<![A-Za-z0-9_-])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9_-])")

    def matches(request: HttpRequest) -> bool:
        return bool(pattern.search(request.path.encode()) or pattern.search(request.body))

    return matches


def can_fail(node: Node) -> list[str]:
    """The faults that can be put on a resource."""
    if node.kind not in _CALLED:
        return []
    return [name for name in FAULTS if name != "kill" or node.kind in KILLED]
