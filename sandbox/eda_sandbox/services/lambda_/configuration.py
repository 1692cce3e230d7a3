"""What a function is configured with: what is checked, what AWS adds, and how it is answered."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eda_sandbox.foundation.cloud import service_model
from eda_sandbox.foundation.errors import AwsError

RUNTIMES = ("python3.11", "python3.12", "python3.13")
MOST_SECONDS, MOST_MEMORY, MOST_STORAGE = 900, 10_240, 10_240
"""A function's time-out, its memory and its ``/tmp`` in MB (Lambda quotas)."""
ENVIRONMENT_SIZE = 4096
"""Bytes of the environment variables as JSON (Lambda quotas)."""
MOST_LAYERS = 5
MOST_TAGS = 50
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_REFUSED = {
    "CapacityProviderConfig": "capacity providers",
    "CodeSigningConfigArn": "code signing",
    "DurableConfig": "durable functions",
    "FileSystemConfigs": "file systems",
    "ImageConfig": "container images",
    "ImageUri": "container images",
    "PublishTo": "versions",
    "SourceKMSKeyArn": "archives that are encrypted with a key of one's own",
    "TenancyConfig": "tenants",
}
_CREATING = "The function is being created."


def refuse_what_is_not_offered(request: Mapping[str, Any]) -> None:
    """Refuse members of a request that would have no effect here.

    Raises:
        AwsError: it has one.
    """
    for member, what in _REFUSED.items():
        if request.get(member):
            raise _invalid(f"the sandbox has no {what} ({member})")
    if request.get("Publish"):
        raise _invalid("the sandbox has no versions (Publish)")
    if request.get("PackageType", "Zip") != "Zip":
        raise _invalid("the sandbox has no container images (PackageType)")
    if (request.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise _invalid("the sandbox has no versions, of which SnapStart would make snapshots (SnapStart)")
    if request.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise _invalid("the sandbox copies a function's code (S3ObjectStorageMode)")
    if "AWS_LAMBDA_EXEC_WRAPPER" in _variables(request):
        raise _invalid("the sandbox starts no wrapper scripts (AWS_LAMBDA_EXEC_WRAPPER)")
    known = service_model("lambda").shape_for("Runtime").metadata["enum"]
    if request.get("Runtime") is not None and request["Runtime"] not in known:
        raise _invalid(
            f"Value {request['Runtime']} at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
            f"set: [{', '.join(known)}] or be a valid ARN"
        )
    if request.get("Runtime") is not None and request["Runtime"] not in RUNTIMES:
        raise _invalid(f"the sandbox runs {', '.join(RUNTIMES)}, not {request['Runtime']}")


def check(request: Mapping[str, Any], logging: Mapping[str, Any]) -> None:
    """Check what is out of bounds in a request that makes or changes a function.

    Args:
        request: what is asked for.
        logging: the logging configuration as it is to be.

    Raises:
        AwsError: a value is out of bounds, or two do not go together.
    """
    _at_most("timeout", request.get("Timeout"), MOST_SECONDS)
    _at_most("memorySize", request.get("MemorySize"), MOST_MEMORY)
    _at_most("ephemeralStorage.size", (request.get("EphemeralStorage") or {}).get("Size"), MOST_STORAGE)
    if len(request.get("Architectures") or ()) > 1:
        raise _constraint(request["Architectures"], "architectures", "Member must have length less than or equal to 1")
    if len(request.get("Tags") or {}) > MOST_TAGS:
        raise _invalid("Number of tags exceeds resource tag limit.")
    _check_variables(_variables(request))
    target = (request.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and target.split(":")[2] not in ("sqs", "sns"):
        raise _invalid(f"The dead-letter target {target} is neither a queue nor a topic.")
    _check_layers(request.get("Layers") or [])
    if logging.get("LogFormat", "Text") == "Text":
        for level in ("ApplicationLogLevel", "SystemLogLevel"):
            if logging.get(level):
                raise _invalid(f"{level} is not supported when LogFormat is set to Text. Set LogFormat to JSON.")


def made(request: Mapping[str, Any], name: str, arn: str) -> dict[str, Any]:
    """The configuration of a new function, with AWS's defaults."""
    left_out = ("Code", "Tags", "Publish", "Layers", "PackageType", "SnapStart")
    return stamped(
        {
            "Description": "",
            "MemorySize": 128,
            "Timeout": 3,
            "Architectures": ["x86_64"],
            "TracingConfig": {"Mode": "PassThrough"},
            "EphemeralStorage": {"Size": 512},
            **{key: value for key, value in request.items() if key not in left_out},
            "FunctionName": name,
            "FunctionArn": arn,
            "PackageType": "Zip",
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "RuntimeVersionConfig": {"RuntimeVersionArn": _runtime_version(arn, request["Runtime"])},
            "LoggingConfig": logged({}, request.get("LoggingConfig") or {}, name),
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }
    )


def changed(configuration: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the changes that a request asks for; what AWS takes as taken away is gone."""
    left_out = ["FunctionName", "RevisionId", "SnapStart", "Layers"]
    if "TargetArn" not in request.get("DeadLetterConfig", {"TargetArn": ""}):
        # What names no target changes nothing; an empty one takes it away.
        left_out.append("DeadLetterConfig")
    found = {**configuration, **{key: value for key, value in request.items() if key not in left_out}}
    if "LoggingConfig" in request:
        found["LoggingConfig"] = logged(
            configuration["LoggingConfig"], request["LoggingConfig"], configuration["FunctionName"]
        )
    if "Runtime" in request:
        version = _runtime_version(configuration["FunctionArn"], request["Runtime"])
        found["RuntimeVersionConfig"] = {"RuntimeVersionArn": version}
    for member, part in (("DeadLetterConfig", "TargetArn"), ("KMSKeyArn", None)):
        value = found.get(member)
        if member in found and not (value.get(part) if part and value else value):
            del found[member]
    return stamped(found)


def logged(before: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A logging configuration with what AWS adds: the levels of JSON are INFO where they are not given."""
    found = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **before, **wanted}
    if found["LogFormat"] == "JSON":
        return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **found}
    # Levels that were there go with JSON; those that are asked for with Text are refused.
    return {key: value for key, value in found.items() if not key.endswith("LogLevel") or key in wanted}


def stamped(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that has just been changed: another revision."""
    return {**configuration, "LastModified": now(), "RevisionId": str(uuid.uuid4())}


def now() -> str:
    """The present as Lambda writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def being_created(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as ``CreateFunction`` answers it; its revision is over when the function is active."""
    found = {key: value for key, value in configuration.items() if key != "LastUpdateStatus"}
    reason = {"State": "Pending", "StateReason": _CREATING, "StateReasonCode": "Creating"}
    return {**found, **reason, "RevisionId": str(uuid.uuid4())}


def being_updated(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as an update answers it."""
    return {
        **configuration,
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": _CREATING,
        "LastUpdateStatusReasonCode": "Creating",
        "RevisionId": str(uuid.uuid4()),
    }


def check_revision(given: str | None, current: str, where: str = "GetFunction/GetAlias") -> None:
    """Check the revision that a request is for.

    Raises:
        AwsError: there is another one meanwhile.
    """
    if given is not None and given != current:
        raise AwsError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {where} API to retrieve the latest Revision Id",
            412,
        )


def _variables(request: Mapping[str, Any]) -> dict[str, str]:
    return dict((request.get("Environment") or {}).get("Variables") or {})


def _check_variables(variables: Mapping[str, str]) -> None:
    if not variables:
        return
    provided = "the environment variables you have provided"
    problem = f"Lambda was unable to configure your environment variables because {provided}"
    wrong = [name for name in variables if not _VARIABLE.fullmatch(name) and name not in _RESERVED]
    if wrong:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
            "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        )
    reserved = [name for name in variables if name in _RESERVED]
    if reserved:
        raise _invalid(
            f"{problem} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if len(measured.encode()) > ENVIRONMENT_SIZE:
        raise _invalid(f"{problem} exceeded the 4KB limit. String measured: {measured}")


def _check_layers(arns: list[str]) -> None:
    if len(arns) > MOST_LAYERS:
        raise _invalid(f"Cannot reference more than {MOST_LAYERS} layers.")
    seen: dict[str, str] = {}
    for arn in arns:
        layer = arn.rpartition(":")[0]
        if layer in seen:
            raise _invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn


def _at_most(member: str, value: int | None, most: int) -> None:
    if value is not None and value > most:
        raise _constraint(value, member, f"Member must have value less than or equal to {most}")


def _constraint(value: Any, member: str, constraint: str) -> AwsError:
    problem = f"Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    return AwsError("ValidationException", f"1 validation error detected: {problem}")


def _runtime_version(function_arn: str, runtime: str) -> str:
    region = function_arn.split(":")[3]
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)
