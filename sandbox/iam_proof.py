"""Proves that every statement of every role is needed: takes each away once, and shows what then fails."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.demo.client import OrdersClient
from sandbox.demo.external_api import LONG_SKU
from sandbox.demo.run import Pipeline
from sandbox.embedded import Sandbox
from sandbox.provider.deploy import Stack

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
WAIT_SECONDS = 60
"""The stack's wait for details, in AWS's time; the proof has to live through it."""
EXCEPTIONS = {
    "Trace": "the sandbox records no X-Ray segments",
    "DeliverLogs": "the sandbox's Step Functions writes its logs itself",
}
"""Statements that the sandbox cannot prove, by Sid, and why."""
ORDER: dict[str, object] = {"customer": "proof", "sku": LONG_SKU, "quantity": 1}
DETAILS: dict[str, object] = {"address": "Proof Street 1", "delivery_date": "2027-01-15"}


class CheckFailed(Exception):
    """A check of the pipeline failed; the message says how."""


@dataclass(frozen=True)
class Proof:
    """What became of one statement.

    Attributes:
        role: logical name of the role's policy.
        sid: the statement.
        failed: the check that failed without it; None when none did.
        exception: why it cannot be proven here; None when it can.
    """

    role: str
    sid: str
    failed: str | None
    exception: str | None = None


class Checks:
    """What a pipeline has to do, each check on an order of its own.

    Args:
        aws: the embedded AWS.
        stack: the deployed pipeline, whose orders wait for ``WAIT_SECONDS``.
        client: a caller of its API.
    """

    def __init__(self, aws: Sandbox, stack: Stack, client: OrdersClient) -> None:
        self._aws = aws
        self._pipeline = Pipeline(aws.client, stack.outputs)
        self._client = client
        groups = [state["name"] for state in stack.of_type("aws:cloudwatch/logGroup:LogGroup").values()]
        # The functions', and what the admission writes of each request.
        self._log_groups = [name for name in groups if name.startswith("/aws/lambda/") or name.endswith("-admission")]
        self._pause = threading.Event()

    def all(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Names and checks, those that most statements fail first."""
        yield "an order is delivered with details that came first", self.details_first
        yield "an order is delivered with details that came last", self.details_last
        yield "every function's log lines arrive", self.logs
        yield "an order without details fails, lies in the queue, and takes none afterwards", self.time_out

    def details_first(self) -> None:
        """POST, details, written."""
        order_id = self._accepted()
        self._details(order_id)
        self._reaches(order_id, "COMPLETED")

    def details_last(self) -> None:
        """POST, wait, details, written."""
        order_id = self._accepted()
        self._reaches(order_id, "AWAITING_DETAILS")
        self._until(lambda: self._has_token(order_id), "the workflow's token is stored")
        self._details(order_id)
        self._reaches(order_id, "COMPLETED")

    def logs(self) -> None:
        """Each function's group has new lines after an order ran."""
        before = self._log_lines()
        self.details_first()
        self._until(
            lambda: all(count > before[group] for group, count in self._log_lines().items()),
            "every group has new lines",
        )

    def time_out(self) -> None:
        """POST, no details, failed."""
        order_id = self._accepted()
        self._reaches(order_id, "FAILED", self._aws.cloud.clock.real(WAIT_SECONDS) + 6)
        self._until(lambda: order_id in self._pipeline.dead_letters(), "the order is in the queue")
        late = self._client.post_details(order_id, DETAILS)
        if late.status != 409:
            raise CheckFailed(f"details after the end were answered with {late.status}")

    def _accepted(self) -> str:
        answer = self._client.post_order(f"proof-{secrets.token_hex(8)}", ORDER)
        if answer.status != 202:
            raise CheckFailed(f"POST /orders was answered with {answer.status}")
        return str(answer.body["order_id"])

    def _details(self, order_id: str) -> None:
        answer = self._client.post_details(order_id, DETAILS)
        if answer.status != 202:
            raise CheckFailed(f"POST details was answered with {answer.status}")

    def _reaches(self, order_id: str, status: str, seconds: float = 6) -> None:
        def reached() -> bool:
            answer = self._client.get_order(order_id)
            if answer.status != 200:
                raise CheckFailed(f"GET /orders was answered with {answer.status}")
            found = str(answer.body["status"])
            if found == "FAILED" != status:
                raise CheckFailed(f"the order failed: {answer.body.get('error')}")
            return found == status

        self._until(reached, f"the order is {status}", seconds)

    def _has_token(self, order_id: str) -> bool:
        table = self._pipeline.outputs["callback_table_name"]
        found = self._aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": order_id}})
        return "task_token" in found.get("Item", {})

    def _log_lines(self) -> dict[str, int]:
        logs = self._aws.client("logs")
        counts = {}
        for group in self._log_groups:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            counts[group] = sum(len(page["events"]) for page in pages)
        return counts

    def _until(self, condition: Callable[[], bool], what: str, seconds: float = 4) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise CheckFailed(f"not within {seconds:g} s: {what}")
            self._pause.wait(0.1)


def prove(aws: Sandbox, stack: Stack, checks: Checks, only: str = "") -> Iterator[Proof]:
    """Take each statement away once.

    Args:
        aws: the embedded AWS.
        stack: the deployed pipeline.
        checks: what has to work with all statements, and must not without one.
        only: prove the roles whose names contain this.

    Raises:
        CheckFailed: a check fails while all statements are there.
    """
    for name, check in checks.all():
        try:
            check()
        except CheckFailed as failure:
            raise CheckFailed(f"with all statements in place: {name}: {failure}") from failure
    iam = aws.client("iam")
    for role, state in stack.of_type(ROLE_POLICY).items():
        if only not in role:
            continue
        document: dict[str, Any] = json.loads(state["policy"])
        for statement in document["Statement"]:
            sid = statement["Sid"]
            if sid in EXCEPTIONS:
                yield Proof(role, sid, None, EXCEPTIONS[sid])
                continue
            rest = [other for other in document["Statement"] if other is not statement]
            policy = {"RoleName": state["role"], "PolicyName": state["name"]}
            try:
                if rest:
                    iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": rest}))
                else:
                    iam.delete_role_policy(**policy)
                yield Proof(role, sid, _first_failure(checks))
            finally:
                iam.put_role_policy(**policy, PolicyDocument=state["policy"])


def _first_failure(checks: Checks) -> str | None:
    for name, check in checks.all():
        try:
            check()
        except (CheckFailed, ConnectionError) as failure:
            return f"{name}: {failure}"
    return None
