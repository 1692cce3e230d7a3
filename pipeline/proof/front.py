"""What the pipeline has to do up to the table, and with what the table's rows tell other systems."""

import secrets
from collections.abc import Callable
from functools import partial

from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from pipeline.demo.client import OrdersClient
from pipeline.demo.external_api import LONG_SKU, ExternalApi
from pipeline.demo.run import Pipeline
from pipeline.proof.proving import Check, traced
from pipeline.proof.stage import CheckFailed, Stage

ORDER: dict[str, object] = {"customer": "proof", "sku": LONG_SKU, "quantity": 1}
"""Its result goes through the payload store."""
DETAILS: dict[str, object] = {"address": "Proof Street 1", "delivery_date": "2027-01-15"}
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
REQUESTS = "requests"
"""The stream to which the admission writes a line of each request; Step Functions writes its own beside it."""
FUNCTIONS = ("get-order", "call-external-api", "add-details", "orders-workflow-token-keeper", "notify-order")
"""Logical names of the functions that an order goes through up to the table and from it to other systems."""


class FrontChecks:
    """Each check is of an order of its own.

    Args:
        stage: the deployed pipeline.
        client: a caller of its API.
        external: the external API that it calls.
    """

    def __init__(self, stage: Stage, client: OrdersClient, external: ExternalApi) -> None:
        self._stage = stage
        self._client = client
        self._external = external
        self._pipeline = Pipeline(stage.aws.client, stage.stack.outputs)

    def checks(self) -> list[Check]:
        """All of them, those that most statements fail first."""
        workflow, admission = "orders-workflow-role", "orders-api-post-orders-admission"
        functions = [f"{name}-role" for name in FUNCTIONS]
        return [
            Check(
                "an order is delivered with details that came first",
                self.details_first,
                (*functions, "orders-api-", workflow),
            ),
            Check(
                "an order is delivered by a function that starts anew",
                self.started_anew,
                ("call-external-api-role/LinkSuppliersRead",),
            ),
            Check(
                "an order is delivered with details that came last",
                self.details_last,
                ("orders-workflow-token-keeper-role", "add-details-role/LinkWorkflowResume"),
            ),
            Check(
                "another system is told of an order's change",
                self.told,
                ("notify-order-role", "orders-outbox-pipe-role"),
            ),
            Check("the suppliers are synced", self.synced, ("suppliers-sync-role",)),
            Check(
                "a sync that fails is in the queue of its failures",
                self.sync_fails,
                ("suppliers-sync-role/FailureDestination",),
            ),
            Check(
                "an order without details fails, lies in the queue, and takes none afterwards",
                self.time_out,
                (f"{workflow}/DeadLetter", f"{workflow}/CloseCallback"),
            ),
            *(self._lines(name, f"{name}-role/WriteLog", self.details_first) for name in FUNCTIONS),
            *(traced(self._stage, name, self.details_first) for name in FUNCTIONS),
            traced(self._stage, "suppliers-sync", self.synced),
            traced(self._stage, "orders-workflow", self.details_first, machine=True),
            traced(self._stage, admission, self._accepted, machine=True, role=admission),
            self._lines("suppliers-sync", "suppliers-sync-role/WriteLog", self.synced),
            self._lines(admission, f"{admission}/WriteRequests", self._accepted, REQUESTS),
        ]

    def details_first(self) -> None:
        """POST, details, written."""
        order_id = self._accepted()
        self._details(order_id)
        self._reaches(order_id, "COMPLETED", "the order is completed at once")

    def started_anew(self) -> None:
        """Details first, while the function that calls the external API keeps nothing in its memory."""
        lambda_, function = self._stage.aws.client("lambda"), self._function("call-external-api")
        variables = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        # A change of the configuration ends the environments that are there.
        lambda_.update_function_configuration(
            FunctionName=function, Environment={"Variables": {**variables, "PROOF": secrets.token_hex(8)}}
        )
        order_id = self._accepted()
        self._details(order_id)
        self._reaches(order_id, "COMPLETED", "the order is completed by a new environment")

    def details_last(self) -> None:
        """POST, wait, details, written."""
        order_id = self._accepted()
        self._reaches(order_id, "AWAITING_DETAILS", "the order waits for its details")
        self._stage.until(lambda: self._has_token(order_id), "the workflow's token is stored")
        self._details(order_id)
        self._reaches(order_id, "COMPLETED", "the order is completed after its details")

    def told(self) -> None:
        """An order's first event has reached the other system, whatever becomes of the order."""
        order_id = self._accepted()
        dynamodb, table = self._stage.aws.client("dynamodb"), self._pipeline.outputs["orders_table_name"]
        row = dynamodb.get_item(TableName=table, Key={"order_id": {"S": order_id}}, ConsistentRead=True)["Item"]
        told = self._external.notified
        self._stage.until(lambda: told[row["event_id"]["S"]], "the other system is told")

    def synced(self) -> None:
        """A sync of a source that has changed makes a new version."""
        cache = self._stage.name("aws:dynamodb/table:Table", "suppliers-cache")
        dynamodb, key = self._stage.aws.client("dynamodb"), {"id": {"S": "current"}}
        stale = {":stale": {"S": f'"{secrets.token_hex(8)}"'}}
        dynamodb.update_item(
            TableName=cache, Key=key, UpdateExpression="SET etag = :stale", ExpressionAttributeValues=stale
        )
        self._stage.invoke(self._function("suppliers-sync"))
        row = dynamodb.get_item(TableName=cache, Key=key, ConsistentRead=True)["Item"]
        if row["etag"] == stale[":stale"]:
            raise CheckFailed("the sync made no new version")

    def sync_fails(self) -> None:
        """The source is out of service for an event and its retries."""
        token, stage = secrets.token_hex(8), self._stage
        queue = stage.queue_url(
            stage.stack.of_type("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")[
                "suppliers-sync-events"
            ]["destinationConfig"]["onFailure"]["destination"]
        )
        self._external.available = False
        try:
            stage.aws.client("lambda").invoke(
                FunctionName=self._function("suppliers-sync"),
                InvocationType="Event",
                Payload=f'{{"proof": "{token}"}}'.encode(),
            )
            stage.letter_arrives(queue, token, "the sync's event is in the queue")
        finally:
            self._external.available = True

    def time_out(self) -> None:
        """POST, no details, failed, by the workflow itself: the reconciler is not told of the execution's end."""
        faults = self._stage.aws.faults

        def of_states(request: HttpRequest) -> bool:
            return b'"Source":"aws.states"' in request.body.replace(b'": "', b'":"')

        faults.add(Fault(FaultKind.LOST_REQUEST, "events", "PutEvents", matching=of_states))
        try:
            order_id = self._accepted()
            self._reaches(order_id, "FAILED", "the order fails after its wait")
            self._stage.until(lambda: order_id in self._pipeline.dead_letters(), "the order is in the queue")
        finally:
            faults.clear()
        if self._callback(order_id).get("status") != {"S": "CLOSED"}:
            raise CheckFailed("the workflow waits no more, and its callback is not closed")
        late = self._client.post_details(order_id, DETAILS)
        if late.status != 409:
            raise CheckFailed(f"details after the end were answered with {late.status}")

    def _function(self, name: str) -> str:
        return self._stage.name("aws:lambda/function:Function", f"{name}-function")

    def _lines(self, name: str, concern: str, run: Callable[[], object], stream: str = "") -> Check:
        group = self._stage.name(LOG_GROUP, f"{name}-log")
        return Check(f"the lines of {name} arrive", partial(self._stage.has_lines, group, run, stream), (concern,))

    def _accepted(self) -> str:
        answer = self._client.post_order(f"proof-{secrets.token_hex(8)}", ORDER)
        if answer.status != 202:
            raise CheckFailed(f"POST /orders was answered with {answer.status}")
        return str(answer.body["order_id"])

    def _details(self, order_id: str) -> None:
        answer = self._client.post_details(order_id, DETAILS)
        if answer.status != 202:
            raise CheckFailed(f"POST details was answered with {answer.status}")

    def _reaches(self, order_id: str, status: str, what: str) -> None:
        def reached() -> bool:
            answer = self._client.get_order(order_id)
            if answer.status != 200:
                raise CheckFailed(f"GET /orders was answered with {answer.status}")
            found = str(answer.body["status"])
            if found == "FAILED" != status:
                raise CheckFailed(f"the order failed: {answer.body.get('error')}")
            return found == status

        self._stage.until(reached, what)

    def _has_token(self, order_id: str) -> bool:
        return "task_token" in self._callback(order_id)

    def _callback(self, order_id: str) -> dict[str, dict[str, str]]:
        table = self._pipeline.outputs["callback_table_name"]
        found = self._stage.aws.client("dynamodb").get_item(TableName=table, Key={"id": {"S": order_id}})
        row: dict[str, dict[str, str]] = found.get("Item", {})
        return row
