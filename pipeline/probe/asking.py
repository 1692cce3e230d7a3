"""What probes share: clients, names, roles, waiting, and taking away what was made."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError

T = TypeVar("T")
PROPAGATION_SECONDS = 90.0
"""How long a new role may be unknown to the service that is to assume it (IAM User Guide, eventual consistency)."""


class ProbeFailed(Exception):
    """A probe got no answer; the message says what did not come."""


@dataclass(frozen=True)
class Asking:
    """One probe's surroundings; everything that it makes bears its name, and is gone when the stack is closed.

    Args:
        client: gives boto3 clients.
        undo: what takes away what was made, the last first.
        invoke_url: the address of a REST API's stage, by its id and the stage.
        pause: seconds between two looks.
        name: of all that is made.
    """

    client: Callable[[str], Any]
    undo: ExitStack
    invoke_url: Callable[[str, str], str]
    pause: float = 2.0
    name: str = field(default_factory=lambda: f"eda-probe-{secrets.token_hex(4)}")

    def until(self, look: Callable[[], T | None], what: str, seconds: float = 300.0) -> T:
        """Look until there is something, and return it.

        Raises:
            ProbeFailed: there is nothing within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise ProbeFailed(f"not within {seconds:.0f} s: {what}")
            time.sleep(self.pause)

    def patiently(self, call: Callable[..., T], **request: Any) -> T:
        """Call what assumes a role that was just made, until IAM has spread it."""
        deadline = time.monotonic() + PROPAGATION_SECONDS
        while True:
            try:
                return call(**request)
            except ClientError as error:
                said = error.response["Error"].get("Message", "").lower()
                if time.monotonic() > deadline or not ("assume" in said or "role" in said):
                    raise
            time.sleep(self.pause)

    def role(self, principal: str, statements: Sequence[Mapping[str, Any]]) -> str:
        """Make a role for a service, and return its ARN."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=_document([trust]))["Role"]
        self.undo.callback(iam.delete_role, RoleName=self.name)
        policy = _document([{"Effect": "Allow", **statement} for statement in statements])
        iam.put_role_policy(RoleName=self.name, PolicyName="probe", PolicyDocument=policy)
        self.undo.callback(iam.delete_role_policy, RoleName=self.name, PolicyName="probe")
        return str(made["Arn"])

    def queue(self, suffix: str) -> tuple[str, str]:
        """Make a queue; its URL and ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"{self.name}-{suffix}")["QueueUrl"]
        self.undo.callback(sqs.delete_queue, QueueUrl=url)
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(url), str(found["Attributes"]["QueueArn"])


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
