"""What a pipe may be configured with: the service's own rules beyond its API model, and what the sandbox offers."""

from typing import Any

from eda_sandbox.foundation import event_pattern
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.streams import is_kinesis_stream, is_table_stream
from eda_sandbox.services.pipes.template import InputTemplate, TemplateError

SOURCES = {"dynamodb": "DynamoDBStreamParameters", "kinesis": "KinesisStreamParameters"}
"""Services of sources, and the parameters that belong to them."""
TARGETS = {
    "firehose": None,
    "lambda": "LambdaFunctionParameters",
    "sqs": "SqsQueueParameters",
    "states": "StepFunctionStateMachineParameters",
}
"""Services of targets, and the parameters that belong to them."""
BATCHES = {"firehose": 500, "sqs": 10}
"""Records that a target takes at a time, at most (Pipes' batching quotas)."""


def service_of(arn: str) -> str:
    """The service of an ARN."""
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 else ""


def source_parameters(configuration: dict[str, Any]) -> dict[str, Any]:
    """The parameters that belong to the pipe's source."""
    name = SOURCES[service_of(configuration["Source"])]
    found: dict[str, Any] = configuration.get("SourceParameters", {}).get(name, {})
    return found


def check(configuration: dict[str, Any]) -> None:
    """Check a whole configuration, as ``CreatePipe`` takes it.

    Raises:
        AwsError: ``ValidationException`` naming the parameter.
    """
    _check_source(configuration)
    _check_target(configuration)
    if configuration.get("Enrichment"):
        raise _invalid("Enrichment", "the sandbox's pipes have no enrichment")
    logs = configuration.get("LogConfiguration", {})
    for name in ("S3LogDestination", "FirehoseLogDestination"):
        if logs.get(name):
            raise _invalid(f"LogConfiguration.{name}", "the sandbox's pipes log to CloudWatch Logs alone")


def _check_source(configuration: dict[str, Any]) -> None:
    source, given = configuration["Source"], dict(configuration.get("SourceParameters", {}))
    if not (is_table_stream(source) or is_kinesis_stream(source)):
        raise _invalid("Source", f"the sandbox's pipes read table streams and Kinesis streams, not {source}")
    for pattern in given.pop("FilterCriteria", {}).get("Filters", []):
        try:
            event_pattern.parse(pattern.get("Pattern", ""))
        except ValueError as error:
            raise _invalid("SourceParameters.FilterCriteria", str(error)) from None
    expected = SOURCES[service_of(source)]
    parameters = given.pop(expected, None)
    if given:
        raise _invalid(f"SourceParameters.{next(iter(given))}", f"does not belong to the source {source}")
    if not parameters or "StartingPosition" not in parameters:
        raise _invalid(f"SourceParameters.{expected}.StartingPosition", "is required")
    at_timestamp = parameters["StartingPosition"] == "AT_TIMESTAMP"
    if at_timestamp != ("StartingPositionTimestamp" in parameters):
        raise _invalid(
            f"SourceParameters.{expected}.StartingPositionTimestamp", "belongs to StartingPosition AT_TIMESTAMP"
        )
    dead_letters = parameters.get("DeadLetterConfig", {}).get("Arn")
    if dead_letters is not None and (service_of(dead_letters) not in ("sqs", "sns") or dead_letters.endswith(".fifo")):
        raise _invalid(f"SourceParameters.{expected}.DeadLetterConfig.Arn", "must be a standard queue or topic")


def _check_target(configuration: dict[str, Any]) -> None:
    target, given = configuration["Target"], dict(configuration.get("TargetParameters", {}))
    service = service_of(target)
    if service not in TARGETS:
        raise _invalid("Target", f"the sandbox's pipes write to {', '.join(TARGETS)}, not to {target}")
    template = given.pop("InputTemplate", "")
    if template:
        try:
            InputTemplate(template)
        except TemplateError as error:
            raise _invalid("TargetParameters.InputTemplate", str(error)) from None
    expected = TARGETS[service]
    own = given.pop(expected, {}) if expected else {}
    if given:
        raise _invalid(f"TargetParameters.{next(iter(given))}", f"does not belong to the target {target}")
    if service == "sqs" and target.endswith(".fifo") and "MessageGroupId" not in own:
        raise _invalid("TargetParameters.SqsQueueParameters.MessageGroupId", "is required for a FIFO queue")
    size, most = source_parameters(configuration).get("BatchSize", 1), BATCHES.get(service)
    if most is not None and size > most:
        raise _invalid("SourceParameters.BatchSize", f"is {size}, more than the {most} that the target takes")


def _invalid(parameter: str, problem: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid parameter {parameter}: {problem}")
