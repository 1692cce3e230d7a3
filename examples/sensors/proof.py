"""What the sensors have to do, so that ``make iam-proof ARGS="--program examples/sensors"`` shows what each statement
of their roles is for: each goes missing once, and one of these no longer works."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.credentials import Credentials
from eda_runtime import workflow
from eda_sandbox.foundation.cloud import REGION, ROOT_KEY, ROOT_SECRET
from eda_sandbox.frontdoor.faults import Fault, FaultKind

from pipeline.demo.client import OrdersClient
from pipeline.proof.proving import Check, traced
from pipeline.proof.roles import Roles
from pipeline.proof.stage import CheckFailed, Stage

CONFIG = {"report_timeout": "600"}
"""The wait for a report, in AWS's time; the checks have to live through it."""
FUNCTION, LOG_GROUP, QUEUE = "aws:lambda/function:Function", "aws:cloudwatch/logGroup:LogGroup", "aws:sqs/queue:Queue"
ODD, USUAL = 95, 20
"""Degrees."""
TAKE, FOLLOW_UP = ("take", "keep", "calibrate"), ("alert", "ask-technician", "visits-workflow-token-keeper")
"""Functions that a reading goes through, and those that an odd one goes through then."""


def checks(stage: Stage, roles: Roles) -> list[Check]:
    """All of them, those that most statements fail first."""
    stage.aws.client("secretsmanager").put_secret_value(SecretId=stage.stack.outputs["webhook_key"], SecretString="key")
    does = Sensors(stage, roles)
    machine, reconciler = "visits-workflow-role", "visits-workflow-reconciler"

    def lines(name: str, run: Callable[[], object]) -> Check:
        group = stage.name(LOG_GROUP, f"{name}-log")
        return Check(f"the lines of {name} arrive", partial(stage.has_lines, group, run), (f"{name}-role/WriteLog",))

    def told(name: str, run: Callable[[], object]) -> list[Check]:
        return [lines(name, run), traced(stage, name, run)]

    return [
        Check("a reading is kept, in its sensor's order", does.reading, tuple(f"{name}-role" for name in TAKE)),
        Check(
            "an odd reading is an alert, and a visit whose report came first is over",
            does.report_first,
            (*(f"{name}-role" for name in FOLLOW_UP), "keep-role/LinkOddSend", machine),
        ),
        Check(
            "an odd reading is an alert of a function that starts anew",
            does.alerted_anew,
            ("alert-role/LinkWebhookKeyRead",),
        ),
        Check("a visit whose report came last is over", does.report_last, ("add-visit-role",)),
        Check(
            "a visit without a report fails, and takes none afterwards", does.no_report, (f"{machine}/CloseCallback",)
        ),
        Check("a visit that nobody can make is in the queue", does.nobody_goes, (f"{machine}/DeadLetter",)),
        Check("a visit that was stopped fails, and is in the queue", does.stopped, (f"{reconciler}-role",)),
        Check(
            "a run of the reconciler that fails is in its queue",
            does.reconciler_fails,
            (f"{reconciler}-role/FailureDestination",),
        ),
        Check("a file's readings are kept", does.file, ("import-file-role",)),
        Check("a file that is gone by then is left alone", does.file_is_gone, ("import-file-role/LinkFilesList",)),
        Check("samples are smoothed", does.samples, ("smooth-role",)),
        Check(
            "samples that cannot be smoothed are in the queue", does.bad_samples, ("smooth-role/FailureDestination",)
        ),
        Check("the day has its report", does.report, ("report-role", "report-schedule-role/Call")),
        Check("a day that cannot be reported is in the queue", does.no_slot, ("report-schedule-role/DeadLetter",)),
        *(check for name in TAKE for check in told(name, does.reading)),
        *(check for name in FOLLOW_UP for check in told(name, does.odd)),
        *told("import-file", does.file),
        *told("smooth", does.samples),
        *told("report", does.report),
        *told("add-visit", does.report_last),
        *told(reconciler, does.stopped),
        traced(stage, "visits-workflow", does.odd, machine=True),
    ]


class Sensors:
    """Each thing is of a sensor of its own.

    Args:
        stage: the deployed program.
        roles: its roles.
    """

    def __init__(self, stage: Stage, roles: Roles) -> None:
        self._stage = stage
        self._roles = roles
        self._outputs = stage.stack.outputs
        (machine,) = stage.stack.of_type("aws:sfn/stateMachine:StateMachine").values()
        clients = stage.aws.client("stepfunctions"), stage.aws.client("dynamodb")
        self._visits = _Visits(machine["arn"], self._outputs["visits"], *clients)
        self._api = OrdersClient(self._outputs["api_url"], Credentials(ROOT_KEY, ROOT_SECRET), REGION, retries=1)

    def reading(self) -> None:
        """POST, kept, added up."""
        self._added_up(USUAL)

    def odd(self) -> str:
        """POST, kept, an alert; the visit."""
        alert = f"alert:{self._added_up(ODD)}"
        self._stage.until(lambda: self._result(alert), "the alert is written")
        return str(self._result(alert)["visit_id"]["S"])

    def alerted_anew(self) -> None:
        """An alert of a function that has no secret in its memory."""
        lambda_, function = self._stage.aws.client("lambda"), self._function("alert")
        variables = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        # A change of the configuration ends the environments that are there.
        variables = {**variables, "PROOF": secrets.token_hex(8)}
        lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
        alert = f"alert:{self._added_up(ODD)}"
        self._stage.until(lambda: self._result(alert), "the alert is written by a new environment")

    def report_first(self) -> None:
        """An odd reading, whose visit is reported before it waits for that."""
        faults, function = self._stage.aws.faults, self._function("ask-technician")
        faults.add(
            Fault(
                FaultKind.DELAY,
                "lambda",
                "Invoke",
                times=1,
                seconds=2,
                matching=lambda request: function in request.path,
            )
        )
        try:
            visit_id = self.odd()
            self._reports(visit_id)
        finally:
            faults.clear()
        self._reaches(visit_id, "COMPLETED", "the visit is over at once")

    def report_last(self) -> None:
        """A visit that waits, and then is reported."""
        visit_id = self._waits()
        self._stage.until(lambda: "task_token" in self._callback(visit_id), "the visit's token is stored")
        self._reports(visit_id)
        self._reaches(visit_id, "COMPLETED", "the visit is over after its report")

    def no_report(self) -> None:
        """A visit that waits in vain."""
        visit_id = self._waits()
        self._reaches(visit_id, "FAILED", "the visit fails after its wait")
        if self._callback(visit_id).get("status") != {"S": "CLOSED"}:
            raise CheckFailed("the visit waits no more, and its callback is not closed")
        late = self._api.send("POST", f"/visits/{visit_id}/report", {"found": "a spider"}, {})
        if late.status != 409:
            raise CheckFailed(f"a report after the end was answered with {late.status}")

    def nobody_goes(self) -> None:
        """A visit whose first step fails, by the workflow itself: the reconciler is not told of the execution's end."""
        faults = self._stage.aws.faults
        faults.add(
            Fault(
                FaultKind.LOST_REQUEST,
                "events",
                "PutEvents",
                matching=lambda request: b'"Source":"aws.states"' in request.body.replace(b'": "', b'":"'),
            )
        )
        try:
            visit_id = self._starts({"sensor": None})
            self._stage.letter_arrives(
                self._queue("visits-workflow-dlq"), visit_id, "the visit's message is in the queue"
            )
            self._reaches(visit_id, "FAILED", "the visit that nobody can make fails")
        finally:
            faults.clear()

    def stopped(self) -> None:
        """A visit whose execution is stopped from outside."""
        visit_id = self._waits()
        execution = f"{self._visits.state_machine_arn.replace(':stateMachine:', ':execution:')}:{visit_id}"
        self._stage.aws.client("stepfunctions").stop_execution(executionArn=execution)
        self._reaches(visit_id, "FAILED", "the visit that was stopped fails")
        self._stage.letter_arrives(
            self._queue("visits-workflow-dlq"), visit_id, "the stopped visit's message is in the queue"
        )

    def reconciler_fails(self) -> None:
        """A run that is given what it cannot read."""
        token = secrets.token_hex(8)
        self._stage.aws.client("lambda").invoke(
            FunctionName=self._function("visits-workflow-reconciler"),
            InvocationType="Event",
            Payload=json.dumps({"grace_seconds": token}).encode(),
        )
        self._stage.letter_arrives(self._queue("visits-workflow-reconciler-dlq"), token, "the run is in the queue")

    def file(self) -> None:
        """A file, its reading kept."""
        key, sensor = f"in/{secrets.token_hex(8)}.jsonl", secrets.token_hex(8)
        body = json.dumps({"sensor": sensor, "celsius": USUAL}).encode()
        self._stage.aws.client("s3").put_object(Bucket=self._outputs["files"], Key=key, Body=body)
        self._stage.until(lambda: self._row("readings", "id", f"{key}:0"), "the file's reading is kept")

    def file_is_gone(self) -> None:
        """S3's event of a file that was deleted before it is read."""
        key = f"in/{secrets.token_hex(8)}.jsonl"
        detail = {"bucket": {"name": self._outputs["files"]}, "object": {"key": key}}
        self._stage.aws.cloud.service_event("aws.s3", "Object Created", detail)
        table = self._stage.name("aws:dynamodb/table:Table", "import-file-idempotency")
        dynamodb = self._stage.aws.client("dynamodb")

        def is_done() -> bool:
            items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
            return any(key in item.get("data", {}).get("S", "") for item in items)

        self._stage.until(is_done, "the event of the file that is gone is done with")

    def samples(self) -> None:
        """Samples on the stream, smoothed."""
        id = secrets.token_hex(8)
        self._sample({"id": id, "celsius": [USUAL, USUAL]})
        self._stage.until(lambda: self._result(f"samples:{id}"), "the samples are smoothed")

    def bad_samples(self) -> None:
        """Samples that are none."""
        number = self._sample({"id": secrets.token_hex(8), "celsius": "none"})
        self._stage.letter_arrives(self._queue("smooth-dlq"), number, "what is said of the samples is in the queue")

    def report(self) -> None:
        """The schedule's next slot, reported."""
        slot = self._advance()
        self._stage.until(lambda: self._result(f"report:{slot}"), "the day's report is written")

    def no_slot(self) -> None:
        """The schedule's next slot while it may not call its target."""
        with self._roles.without("report-schedule-role", "Call"):
            self._stage.letter_arrives(self._queue("report-dlq"), self._advance(), "the slot is in the queue")

    def _added_up(self, celsius: int) -> str:
        """A reading that is taken, kept and added up; its id."""
        sensor = secrets.token_hex(8)
        body: dict[str, object] = {"sensor": sensor, "celsius": celsius}
        answer = self._api.send("POST", "/readings", body, {"Idempotency-Key": secrets.token_hex(12)})
        if answer.status != 202:
            raise CheckFailed(f"POST /readings was answered with {answer.status}")
        id = str(answer.body["id"])
        self._stage.until(lambda: self._row("readings", "id", id), "the reading is kept")
        self._stage.until(lambda: self._result(f"sensor:{sensor}"), "the reading is added up")
        return id

    def _starts(self, payload: Any) -> str:
        """The id of a visit that is started by hand."""
        id = secrets.token_hex(32)
        workflow.start(self._visits, id, payload)
        return id

    def _waits(self) -> str:
        visit_id = self._starts({"sensor": "proof"})
        self._reaches(visit_id, "AWAITING_DETAILS", "the visit waits for its report")
        return visit_id

    def _reports(self, visit_id: str) -> None:
        answer = self._api.send("POST", f"/visits/{visit_id}/report", {"found": "a spider"}, {})
        if answer.status != 202:
            raise CheckFailed(f"POST /visits/{{visit_id}}/report was answered with {answer.status}")

    def _reaches(self, visit_id: str, status: str, what: str) -> None:
        def reached() -> bool:
            found = self._row("visits", "visit_id", visit_id).get("status", {}).get("S")
            if found == "FAILED" != status:
                raise CheckFailed("the visit failed")
            return bool(found == status)

        self._stage.until(reached, what)

    def _sample(self, sample: dict[str, Any]) -> str:
        """Put a record on the stream; its sequence number."""
        record = {"Data": json.dumps(sample).encode(), "PartitionKey": "proof"}
        put = self._stage.aws.client("kinesis").put_record(StreamName=self._outputs["samples"], **record)
        return str(put["SequenceNumber"])

    def _advance(self) -> str:
        """Let the schedule's next slot come; the slot, as its message has it."""
        (schedule,) = self._stage.stack.of_type("aws:scheduler/schedule:Schedule").values()
        slot = self._stage.aws.cloud.service("scheduler").advance_to_next(schedule["name"])
        return f"{slot:%Y-%m-%dT%H:%M:%SZ}"

    def _result(self, id: str) -> dict[str, Any]:
        return self._row("results", "id", id)

    def _row(self, table: str, key: str, id: str) -> dict[str, Any]:
        return self._item(self._outputs[table], key, id)

    def _callback(self, visit_id: str) -> dict[str, Any]:
        return self._item(self._stage.name("aws:dynamodb/table:Table", "visits-workflow-callbacks"), "id", visit_id)

    def _item(self, table: str, key: str, id: str) -> dict[str, Any]:
        """A row; empty where there is none."""
        dynamodb = self._stage.aws.client("dynamodb")
        found: dict[str, Any] = dynamodb.get_item(TableName=table, Key={key: {"S": id}}, ConsistentRead=True)
        item: dict[str, Any] = found.get("Item", {})
        return item

    def _function(self, name: str) -> str:
        return self._stage.name(FUNCTION, f"{name}-function")

    def _queue(self, name: str) -> str:
        return str(self._stage.stack.of_type(QUEUE)[name]["url"])


@dataclass
class _Visits:
    """The workflow, as ``eda_runtime.workflow.start`` takes it."""

    state_machine_arn: str
    rows_table_name: str
    client: Any
    rows_client: Any
    key: str = "visit_id"
