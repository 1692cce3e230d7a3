"""Readings of sensors come by an API, in files and on a stream; each is kept once, and what is odd is followed up."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_aws_eda as eda
from pulumi_aws_eda import link
from storage import bucket, table

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
READING = {"type": "object", "required": ["sensor", "celsius"]}
ONCE: Any = {"mode": "TRANSACTION"}
TAKEN = {"source": ["sensors"], "detail-type": [{"prefix": "Reading"}]}
eda.defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[eda.AlarmTopic("alarms", tags=TAGS).topic_arn])
made: list[Any] = []


def function(name: str, **args: Any) -> eda.IdempotentLambda:
    code = Path(__file__).parent / "functions" / name.replace("-", "_")
    made.append(eda.IdempotentLambda(name, code=code, timeout=20, memory_size=256, **args))
    return made[-1]


def route(to: eda.IdempotentLambda, request_schema: Any) -> dict[str, Any]:
    function = {"function_name": to.function_name, "invoke_arn": to.invoke_arn}
    return {"function": function, "request_schema": request_schema}


readings, results = table("readings", "id", TAGS), table("results", "id", TAGS)
visits = table("visits", "visit_id", TAGS)
files = bucket("files", TAGS)
bus = eda.EventBus("bus", archive_retention_in_days=90)
odd = eda.FanOut("odd", queues={"alert": {}})
made += [bus, odd]
samples = aws.kinesis.Stream("samples", shard_count=1, encryption_type="KMS", kms_key_id="alias/aws/kinesis", tags=TAGS)
webhook_key = aws.secretsmanager.Secret("webhook-key", tags=TAGS)
to_bus, to_results = link(bus, "send"), link(results, "write")

# What comes by HTTP and in files becomes an event of the bus; what comes on the stream is smoothed.
take = function("take", links={"bus": to_bus}, idempotency={"token": "CLIENT"})
new_files = {"bucket_name": files.bucket, "prefix": "in/"}
function("import-file", object_source=new_files, links={"bus": to_bus, "files": link(files, "read")}, idempotency={})
function("smooth", kinesis_source={"stream_arn": samples.arn}, links={"results": to_results}, idempotency=ONCE)
# The bus's consumer keeps each reading, and hands on what has to stay in order, and tells of what is odd.
by_id = {**ONCE, "key_jmespath": "powertools_json(body).id"}
calibrate = function("calibrate", queue_source={"fifo": True}, links={"results": to_results}, idempotency=by_id)
function(
    "keep",
    event_source={"event_bus_name": bus.event_bus_name, "pattern": TAKEN},
    links={"readings": link(readings, "write"), "odd": link(odd, "send"), "calibrate": link(calibrate, "send")},
    idempotency={"key_jmespath": "powertools_json(body).detail.id"},
)
function(
    "report",
    schedule={"expression": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"},
    links={"readings": link(readings, "read"), "results": to_results},
    idempotency=ONCE,
)
# An odd reading is an alert, and a technician's visit, whose report is waited for.
ask = function("ask-technician")
workflow = eda.CallbackWorkflow(
    "visits-workflow",
    call_function_arn=ask.function_arn,
    call_timeout=20,
    wait_timeout=pulumi.Config().get_int("report_timeout") or 7 * 86400,
    table_name=visits.name,
    table_arn=visits.arn,
    key="visit_id",
)
to_alert = {"results": to_results, "webhook_key": link(webhook_key, "read"), "visits": link(workflow, "start")}
told = {"queue_arn": odd.queue_arns["alert"]}
function("alert", queue_source=told, links=to_alert, idempotency={**ONCE, "token": "PAYLOAD"})
add_visit = function("add-visit", links={"workflow": link(workflow, "resume")})
routes = {
    "POST /readings": route(take, READING),
    "POST /visits/{visit_id}/report": route(add_visit, {"type": "object"}),
}
api = eda.EventApi("api", routes=routes)
own = {"tables": [readings.name, results.name, visits.name], "streams": [samples.name]}
eda.Observability("observability", observed=[api.observed, workflow.observed, *(one.observed for one in made), own])
outputs = {"api_url": api.url, "files": files.bucket, "samples": samples.name, "readings": readings.name}
outputs |= {"results": results.name, "visits": visits.name, "webhook_key": webhook_key.arn}
for name, value in outputs.items():
    pulumi.export(name, value)
