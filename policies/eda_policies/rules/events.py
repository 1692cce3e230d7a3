"""Rules on event source mappings, Pipes, EventBridge rules and schedules."""

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from eda_policies.functions import EVENT_SOURCE_MAPPING
from eda_policies.graph import Graph
from eda_policies.resource import Findings, Property, Resource, View
from eda_policies.rule import Category, Options, resource_rule, stack_rule

PIPE = "aws:pipes/pipe:Pipe"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
SCHEDULE = "aws:scheduler/schedule:Schedule"
BUCKET = "aws:s3/bucket:Bucket"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/"
_SCHEDULER = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/"


_OTHER_SOURCES = (
    "amazonManagedKafkaEventSourceConfig",
    "documentDbEventSourceConfig",
    "queues",
    "selfManagedEventSource",
    "selfManagedKafkaEventSourceConfig",
    "topics",
)
"""Properties of mappings that read Kafka, DocumentDB or a broker of Amazon MQ."""
_OTHER_SERVICES = re.compile(r"^arn:[\w-]+:(kafka|mq|rds|docdb-elastic)[:*]")


def _other_source(mapping: Resource) -> bool:
    """Whether a mapping reads neither a queue nor a stream: what is said of those does not hold for it."""
    source = mapping.text("eventSourceArn").value or ""
    return bool(_OTHER_SERVICES.match(source)) or any(mapping.anything(name).given for name in _OTHER_SOURCES)


def _streams(mapping: Resource) -> bool:
    """Whether a mapping reads a stream of Kinesis or DynamoDB: those have a position to start at."""
    return mapping.text("startingPosition").given and not _other_source(mapping)


@resource_rule(
    "esm-partial-batch",
    Resource,
    EVENT_SOURCE_MAPPING,
    holds="A mapping of a queue or stream takes partial batch responses.",
    why="Otherwise one bad record brings its whole batch back, and what was done is done again.",
    fix='Set function_response_types=["ReportBatchItemFailures"] and return batchItemFailures.',
    reference=_LAMBDA + "services-sqs-errorhandling.html",
    category=Category.RELIABILITY,
)
def partial_batch(mapping: Resource, options: Options) -> Findings:
    """Batches fail in part."""
    if _other_source(mapping):
        return
    allowed = "['ReportBatchItemFailures']"
    found = mapping.items("functionResponseTypes", [])
    yield from found.require(lambda types: "ReportBatchItemFailures" in types, allowed)


@resource_rule(
    "esm-stream-bounded",
    Resource,
    EVENT_SOURCE_MAPPING,
    holds="A mapping of a stream halves failing batches, gives up in the end, and says what it gave up.",
    why="By default one bad record blocks its shard until the stream forgets it, with everything behind it.",
    fix="Set bisect_batch_on_function_error, maximum_retry_attempts, maximum_record_age_in_seconds and "
    "destination_config.on_failure.",
    reference=_LAMBDA + "services-ddb-batchfailurereporting.html",
    category=Category.RELIABILITY,
)
def stream_bounded(mapping: Resource, options: Options) -> Findings:
    """Poison records are passed."""
    if not _streams(mapping):
        return
    yield from mapping.flag("bisectBatchOnFunctionError", False).require(lambda on: on, "true")
    yield from _finite(mapping, "maximumRetryAttempts", "maximumRecordAgeInSeconds")
    destination = mapping.text("destinationConfig.onFailure.destinationArn")
    yield from destination.require_given("a queue, topic or bucket for what is given up")


def _finite(view: View, retries: str, age: str) -> Findings:
    yield from view.number(retries, -1).require(lambda found: 0 <= found <= 10_000, "0 to 10000; -1 is without end")
    yield from view.number(age, -1).require(lambda found: 60 <= found <= 604_800, "60 to 604800 s; -1 is without end")


@resource_rule(
    "pipes-bounded",
    Resource,
    PIPE,
    holds="A Pipe of a stream gives up in the end, and hands what it gave up to a dead-letter queue.",
    why="Retries and age are without end by default: a bad record blocks its shard, and is lost after 24 hours.",
    fix="Set maximum_retry_attempts, maximum_record_age_in_seconds and dead_letter_config in the source's parameters.",
    reference=_EVENTS + "eb-pipes-batching-concurrency.html",
    category=Category.RELIABILITY,
)
def pipes_bounded(pipe: Resource, options: Options) -> Findings:
    """Pipes end."""
    parameters = pipe.mapping("sourceParameters")
    if parameters.unknown:
        yield pipe.undecided(parameters.path, "finite retries and age, and a dead-letter queue")
    source = pipe.text("source").value or ""
    found = False
    for key, service in (("dynamodbStreamParameters", ":dynamodb:"), ("kinesisStreamParameters", ":kinesis:")):
        if not pipe.anything(f"sourceParameters.{key}").given and service not in source:
            continue
        found = True
        prefix = f"sourceParameters.{key}"
        yield from _finite(pipe, f"{prefix}.maximumRetryAttempts", f"{prefix}.maximumRecordAgeInSeconds")
        yield from pipe.text(f"{prefix}.deadLetterConfig.arn").require_given("a queue for what is given up")
    if not found and pipe.text("source").unknown and not parameters.unknown and not _queue_source(pipe):
        yield pipe.undecided("source", "a source with its parameters")


def _queue_source(pipe: Resource) -> bool:
    """Whether parameters say that the source is no stream."""
    return any(
        key != "filterCriteria" and value for key, value in (pipe.mapping("sourceParameters").value or {}).items()
    )


@resource_rule(
    "events-target-dead-letter",
    Resource,
    TARGET,
    holds="A target of an EventBridge rule has a dead-letter queue.",
    why="EventBridge drops an event that it could not deliver for a day, or that the target refused at once.",
    fix="Set dead_letter_config to a queue that lets events.amazonaws.com send for the rule.",
    reference=_EVENTS + "eb-rule-dlq.html",
    category=Category.RELIABILITY,
)
def target_dead_letter(target: Resource, options: Options) -> Findings:
    """Events are kept."""
    yield from target.text("deadLetterConfig.arn").require_given("the ARN of a queue")


@resource_rule(
    "events-rule-specific",
    Resource,
    RULE,
    holds="An EventBridge rule names its source, and the events it wants of it.",
    why="A wide pattern invokes its target for others' events, at the stack's cost, and can feed its own output back.",
    fix="Name source and detail-type (and detail) in event_pattern.",
    reference=_EVENTS + "eb-event-patterns.html",
    category=Category.COST,
)
def rule_specific(rule: Resource, options: Options) -> Findings:
    """Patterns are narrow."""
    allowed = "source with detail-type or detail, each with values"
    pattern = rule.document("eventPattern")
    if not pattern.given and rule.text("scheduleExpression").given:
        return
    yield from pattern.require(lambda found: _names(found, "source") and _specific(found), allowed)


@stack_rule(
    "events-bucket-notifies",
    holds="A bucket of the stack whose objects an EventBridge rule waits for tells EventBridge of them.",
    why="S3 sends EventBridge nothing until that is turned on: the rule never matches, and nothing says so.",
    fix="Add an aws.s3.BucketNotification with eventbridge=True for the bucket; a bucket has one notification.",
    reference="https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html",
    category=Category.RELIABILITY,
)
def bucket_notifies(graph: Graph, options: Options) -> Findings:
    """Buckets tell of their objects."""
    for rule in graph.of(RULE):
        pattern = rule.document("eventPattern")
        for bucket in _watched(graph, rule, pattern):
            notifications = [found for found, name in graph.naming(bucket, NOTIFICATION) if name == "bucket"]
            if pattern.unknown:
                # It may be about something else of the bucket's than its objects.
                if not any(found.flag("eventbridge", False).value for found in notifications):
                    yield rule.undecided(pattern.path, "a bucket with EventBridge notifications")
            elif not notifications:
                yield bucket.finding(
                    f"the rule {rule.name} waits for its objects, and it has no notification",
                    "a notification with eventbridge true",
                )
            for found in notifications if not pattern.unknown else ():
                yield from found.flag("eventbridge", False).require(lambda on: on, f"true, for the rule {rule.name}")


def _watched(graph: Graph, rule: Resource, pattern: Property[Mapping[str, Any]]) -> list[Resource]:
    """The buckets whose objects a rule is about; of a pattern that is unknown, those that it names."""
    if pattern.unknown:
        return graph.linked(rule, "eventPattern", BUCKET)
    detail = (pattern.value or {}).get("detail")
    bucket = detail.get("bucket") if isinstance(detail, dict) else None
    names = bucket.get("name") if isinstance(bucket, dict) else None
    if not isinstance(names, list) or "aws.s3" not in _listed((pattern.value or {}).get("source")):
        return []
    return [found for name in names if isinstance(name, str) for found in graph.named(name, BUCKET)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _specific(pattern: Any) -> bool:
    return _names(pattern, "detail-type") or _narrow(pattern.get("detail"))


def _narrow(part: Any) -> bool:
    """Whether a part of a pattern names a value somewhere."""
    if isinstance(part, dict):
        return any(map(_narrow, part.values()))
    return isinstance(part, list) and bool(part) and not any(map(_wide, part))


def _names(pattern: Any, key: str) -> bool:
    values = pattern.get(key)
    return isinstance(values, list) and bool(values) and not any(map(_wide, values))


def _wide(value: Any) -> bool:
    """Whether a filter stands for whatever others send."""
    if not isinstance(value, dict):
        return isinstance(value, str) and not value
    kind, compared = next(iter(value.items()), ("", ""))
    if kind in ("anything-but", "exists"):
        return True
    text = compared.get("equals-ignore-case", "") if isinstance(compared, dict) else compared
    return isinstance(text, str) and not text.replace("aws.", "").strip("*")


@resource_rule(
    "scheduler-dead-letter",
    Resource,
    SCHEDULE,
    holds="A schedule has a dead-letter queue.",
    why="An invocation that the target refused is dropped: the day's run did not happen, and nobody knows.",
    fix="Set target.dead_letter_config to a queue that the schedule's role may send to.",
    reference=_SCHEDULER + "configuring-schedule-dlq.html",
    category=Category.RELIABILITY,
)
def scheduler_dead_letter(schedule: Resource, options: Options) -> Findings:
    """Missed runs are kept."""
    yield from schedule.text("target.deadLetterConfig.arn").require_given("the ARN of a queue")


def _time_zones() -> frozenset[str]:
    return frozenset(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))


TIME_ZONES = _time_zones() | {"UTC", "Etc/UTC"}


@resource_rule(
    "scheduler-timezone",
    Resource,
    SCHEDULE,
    holds="A schedule with a time of day has the time zone of a place, or UTC.",
    why="A fixed offset is an hour off for half of the year, and a mistyped zone fails only at deployment.",
    fix='Set schedule_expression_timezone to an IANA name such as "Europe/Berlin".',
    reference=_SCHEDULER + "schedule-types.html#time-zones",
    category=Category.OPERATIONS,
)
def scheduler_timezone(schedule: Resource, options: Options) -> Findings:
    """Times have a zone."""
    expression = schedule.text("scheduleExpression")
    if expression.value is not None and expression.value.startswith("rate("):
        return
    zone: Property[str] = schedule.text("scheduleExpressionTimezone", "UTC")
    yield from zone.require(lambda found: found in TIME_ZONES, "UTC, or a place's zone such as Europe/Berlin")
