"""Pipes."""

from typing import Any

from eda_sandbox.provider.convert import Inputs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, found_by
from eda_sandbox.provider.tags import tagged, tags_of
from eda_sandbox.provider.waiting import settle

_TYPE = "aws:pipes/pipe:Pipe"
_RENAMES = {"includeExecutionDatas": "IncludeExecutionData"}
_FIXED = frozenset(
    {
        "name",
        "namePrefix",
        "source",
        # Where a pipe starts to read is settled when it is made.
        *(
            f"sourceParameters.{source}Parameters.{name}"
            for source in ("dynamodbStream", "kinesisStream")
            for name in ("startingPosition", "startingPositionTimestamp")
        ),
    }
)


def _settle(context: Context, name: str) -> None:
    def state() -> tuple[str, str | None]:
        found = context.client("pipes").describe_pipe(Name=name)
        return found["CurrentState"], found.get("StateReason")

    settle(f"the pipe {name}", state, frozenset({"RUNNING", "STOPPED"}), "_FAILED")


def _create_pipe(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    tags = inputs.tags()
    request = inputs.rest("pipes", "CreatePipe", _RENAMES)
    made = context.client("pipes").create_pipe(Name=name, **request, **({"Tags": tags} if tags else {}))
    _settle(context, name)
    return Created(name, {"name": name, "arn": made["Arn"]})


def _update_pipe(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "namePrefix", "source", "tags", "tagsAll"):
        inputs.take(untouched)
    values = inputs.left()
    values["sourceParameters"] = {
        name: {key: value for key, value in block.items() if not key.startswith("startingPosition")}
        for name, block in (values.get("sourceParameters") or {}).items()
        if block is not None
    }
    request = Inputs(_TYPE, values).rest("pipes", "UpdatePipe", _RENAMES)
    context.client("pipes").update_pipe(Name=id, **request)
    _settle(context, id)
    return {}


def _read_pipe(context: Context, id: str, state: dict[str, Any]) -> Found:
    pipe = context.client("pipes").describe_pipe(Name=id)
    found = properties("pipes", "CreatePipe", pipe, _RENAMES)
    return Found({**found, "tags": tags_of(pipe.get("Tags"))}, {"arn": pipe["Arn"]})


_STREAM = {
    "batchSize": 100,
    "maximumBatchingWindowInSeconds": 0,
    "maximumRecordAgeInSeconds": -1,
    "maximumRetryAttempts": -1,
    "parallelizationFactor": 1,
}
_SOURCES = {
    "dynamodb": {"dynamodbStreamParameters": _STREAM},
    "kinesis": {"kinesisStreamParameters": _STREAM},
    "sqs": {"sqsQueueParameters": {"batchSize": 10, "maximumBatchingWindowInSeconds": 0}},
}


def _defaults(it: dict[str, Any]) -> dict[str, Any]:
    kind = next((kind for kind in _SOURCES if f":{kind}:" in str(it.get("source"))), "")
    return {
        "description": "",
        "desiredState": "RUNNING",
        "logConfiguration": {"level": "OFF"},
        "sourceParameters": _SOURCES.get(kind, {}),
    }


def _delete_pipe(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("pipes").delete_pipe(Name=id)


TYPES = {
    _TYPE: ResourceType(
        _create_pipe,
        _delete_pipe,
        _update_pipe,
        _FIXED,
        found_by("pipes", "DescribePipe", lambda it: {"Name": it["id"]}),
        tagged("pipes", lambda it: {"resourceArn": it["arn"]}),
        _read_pipe,
        defaults=_defaults,
        documents=frozenset({"sourceParameters.filterCriteria.filters.pattern"}),
        unordered=frozenset({"sourceParameters.filterCriteria.filters"}),
    )
}
