"""Readings of sensors come by an API, in files and on a stream; each is kept once, and what is odd is followed up."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_aws_eda as eda
from pulumi_aws_eda import link
from storage import bucket, table

TAGS = {"project": pulumi.get_project(), "environment": pulumi.get_stack()}
SENSOR = {"type": "object", "required": ["sensor"]}
READING = {"type": "object", "required": ["sensor", "celsius"]}
ONCE: Any = {"mode": "TRANSACTION"}
TAKEN = {"source": ["sensors"], "detail-type": [{"prefix": "Reading"}]}
eda.defaults(tags=TAGS, log_retention_in_days=90, alarm_actions=[eda.AlarmTopic("alarms", tags=TAGS).topic_arn])
made: list[Any] = []


def function(name: str, **args: Any) -> eda.IdempotentLambda:
    code = Path(__file__).parent / "functions" / name.replace("-", "_")
    made.append(eda.IdempotentLambda(name, code=code, timeout=20, memory_size=256, **args))
    return made[-1]


def route(to: eda.IdempotentLambda) -> dict[str, Any]:
    return {"function_name": to.function_name, "invoke_arn": to.invoke_arn}


readings, results = table("readings", "id", TAGS), table("results", "id", TAGS)
visits = table("visits", "visit_id", TAGS)
files = bucket("files", TAGS)
bus = eda.EventBus("bus", archive_retention_in_days=90)
made.append(bus)
odd = aws.sns.Topic("odd", kms_master_key_id="alias/aws/sns", tags=TAGS)
samples = aws.kinesis.Stream("samples", shard_count=1, encryption_type="KMS", kms_key_id="alias/aws/kinesis", tags=TAGS)
webhook_key = aws.secretsmanager.Secret("webhook-key", tags=TAGS)
to_bus, to_results = link(bus, "send"), link(results, "write")

# What comes by HTTP and in files becomes an event of the bus; what comes on the stream is smoothed.
take = function("take", links={"bus": to_bus}, idempotency={"token": "CLIENT"})
new_files = {"bucket_name": files.bucket, "prefix": "in/"}
function("import-file", object_source=new_files, links={"bus": to_bus, "files": link(files, "read")}, idempotency={})
function("smooth", kinesis_source={"stream_arn": samples.arn}, links={"results": to_results}, idempotency=ONCE)
# The bus's consumer keeps each reading, and hands on what has to stay in order, and what is odd.
by_id = {**ONCE, "key_jmespath": "powertools_json(body).id"}
calibrate = function("calibrate", queue_source={"fifo": True}, links={"results": to_results}, idempotency=by_id)
function(
    "keep",
    event_source={"event_bus_name": bus.event_bus_name, "pattern": TAKEN},
    links={"readings": link(readings, "write"), "odd": link(odd, "send"), "calibrate": link(calibrate, "send")},
    idempotency={"key_jmespath": "powertools_json(body).detail.id"},
)
function(
    "alert",
    topic_source={"topic_arn": odd.arn},
    links={"results": to_results, "webhook_key": link(webhook_key, "read")},
    idempotency={**ONCE, "token": "PAYLOAD"},
)
function(
    "report",
    schedule={"expression": "cron(0 6 * * ? *)", "timezone": "Europe/Berlin"},
    links={"readings": link(readings, "read"), "results": to_results},
    idempotency=ONCE,
)
# A technician's visit is asked for, and its report is waited for.
ask = function("ask-technician")
rows: Any = {"table_name": visits.name, "table_arn": visits.arn, "key": "visit_id"}
workflow = eda.CallbackWorkflow("visits-workflow", call_function_arn=ask.function_arn, call_timeout=20, **rows)
add_visit = function("add-visit", links={"workflow": link(workflow, "resume")})
start = {"state_machine_arn": workflow.state_machine_arn, "location": "/visits/{id}", **rows}
routes = {
    "POST /readings": {"function": route(take), "request_schema": READING},
    "POST /visits": {"workflow": start, "request_schema": SENSOR},
    "POST /visits/{visit_id}/report": {"function": route(add_visit), "request_schema": {"type": "object"}},
}
api = eda.EventApi("api", routes=routes)
own = {"tables": [readings.name, results.name, visits.name], "streams": [samples.name]}
eda.Observability("observability", observed=[api.observed, workflow.observed, *(one.observed for one in made), own])
outputs = {"api_url": api.url, "files": files.bucket, "samples": samples.name, "readings": readings.name}
outputs |= {"results": results.name, "visits": visits.name, "webhook_key": webhook_key.arn}
for name, value in outputs.items():
    pulumi.export(name, value)
