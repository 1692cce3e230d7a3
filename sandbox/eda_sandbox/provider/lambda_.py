"""Functions, layers, permissions, event invoke configuration, event source mappings."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pulumi

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context, Created, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged

_EPOCH = (1980, 1, 1, 0, 0, 0)
_ONLY_PROVIDER = ("skipDestroy", "replaceSecurityGroupsOnDestroy", "replacementSecurityGroupIds")
"""Properties of a function that the provider itself acts on when it deletes the function; there are no interfaces."""


def archive_bytes(token: str, archive: Any) -> bytes:
    """The ZIP file that an archive stands for, the same bytes for the same content.

    Raises:
        SandboxError: it is no archive that the sandbox can read.
    """
    if isinstance(archive, pulumi.FileArchive):
        path = Path(archive.path)
        if path.is_dir():
            return _zip(_folder(path))
        return path.read_bytes()
    if isinstance(archive, pulumi.AssetArchive):
        return _zip(_asset_files(token, archive, ""))
    raise SandboxError(f"{token}: 'code' is {archive!r}; give a FileArchive or an AssetArchive")


def _folder(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _asset_files(token: str, archive: pulumi.AssetArchive, prefix: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name, asset in archive.assets.items():
        match asset:
            case pulumi.StringAsset():
                files[prefix + name] = asset.text.encode()
            case pulumi.FileAsset():
                files[prefix + name] = Path(asset.path).read_bytes()
            case pulumi.AssetArchive():
                files |= _asset_files(token, asset, f"{prefix}{name}/")
            case pulumi.FileArchive() if Path(asset.path).is_dir():
                files |= {f"{prefix}{name}/{inner}": content for inner, content in _folder(Path(asset.path)).items()}
            case _:
                raise SandboxError(f"{token}: {prefix}{name} is {asset!r}, which the sandbox does not read")
    return files


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _code(inputs: Inputs) -> dict[str, Any]:
    bucket, key = inputs.take("s3Bucket"), inputs.take("s3Key")
    version = inputs.take("s3ObjectVersion")
    archive = inputs.take("code")
    # Only the engine's diff looks at it.
    inputs.take("sourceCodeHash")
    if archive is not None:
        return {"ZipFile": archive_bytes("aws:lambda/function:Function", archive)}
    return {"S3Bucket": bucket, "S3Key": key, **({"S3ObjectVersion": version} if version else {})}


def _create_function(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    concurrency, tags = inputs.take("reservedConcurrentExecutions"), inputs.tags()
    for only_pulumi in _ONLY_PROVIDER:
        inputs.take(only_pulumi)
    code = _code(inputs)
    request = inputs.rest("lambda", "CreateFunction")
    function = context.client("lambda").create_function(
        FunctionName=name, Code=code, PackageType=request.pop("PackageType", "Zip"), Tags=tags, **request
    )
    if concurrency is not None and concurrency >= 0:
        context.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=int(concurrency)
        )
    arn = function["FunctionArn"]
    path = f"2015-03-31/functions/{arn}/invocations"
    return Created(
        name,
        {
            "name": name,
            "arn": arn,
            "qualifiedArn": f"{arn}:$LATEST",
            "version": "$LATEST",
            "invokeArn": f"arn:aws:apigateway:{context.cloud.region}:lambda:path/{path}",
        },
    )


def _update_function(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    client = context.client("lambda")
    concurrency = inputs.take("reservedConcurrentExecutions")
    for untouched in ("name", "tags", "tagsAll", *_ONLY_PROVIDER):
        inputs.take(untouched)
    code = _code(inputs)
    architectures, publish = inputs.take("architectures"), inputs.take("publish", False)
    client.update_function_code(
        FunctionName=id, Publish=publish, **code, **({"Architectures": architectures} if architectures else {})
    )
    changes = {**_DEFAULTS, **inputs.rest("lambda", "UpdateFunctionConfiguration")}
    client.update_function_configuration(FunctionName=id, **changes)
    if concurrency is None or concurrency < 0:
        client.delete_function_concurrency(FunctionName=id)
    else:
        client.put_function_concurrency(FunctionName=id, ReservedConcurrentExecutions=int(concurrency))
    return {}


# What a function has that was not given the property: to be named, or it stays as it was.
_DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "Layers": [],
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}


def _delete_function(context: Context, id: str, state: State) -> None:
    context.client("lambda").delete_function(FunctionName=id)


def _create_layer_version(context: Context, inputs: Inputs) -> Created:
    name = inputs.need("layerName")
    inputs.take("skipDestroy")
    content = _code(inputs)
    request = inputs.rest("lambda", "PublishLayerVersion")
    layer = context.client("lambda").publish_layer_version(LayerName=name, Content=content, **request)
    arn = layer["LayerVersionArn"]
    return Created(arn, {"arn": arn, "layerArn": layer["LayerArn"], "version": str(layer["Version"])})


def _delete_layer_version(context: Context, id: str, state: State) -> None:
    layer, _, version = id.rpartition(":")
    context.client("lambda").delete_layer_version(LayerName=layer, VersionNumber=int(version))


def _create_permission(context: Context, inputs: Inputs) -> Created:
    statement = context.auto_name(inputs.take("statementId"), inputs.take("statementIdPrefix"))
    function = inputs.need("function")
    request = inputs.rest("lambda", "AddPermission")
    context.client("lambda").add_permission(FunctionName=function, StatementId=statement, **request)
    return Created(statement, {"statementId": statement})


def _delete_permission(context: Context, id: str, state: State) -> None:
    context.client("lambda").remove_permission(FunctionName=state["function"], StatementId=id)


def _create_invoke_config(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("lambda", "PutFunctionEventInvokeConfig")
    context.client("lambda").put_function_event_invoke_config(**request)
    return Created(request["FunctionName"])


def _update_invoke_config(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _create_invoke_config(context, inputs)
    return {}


def _delete_invoke_config(context: Context, id: str, state: State) -> None:
    context.client("lambda").delete_function_event_invoke_config(FunctionName=id)


def _create_event_source_mapping(context: Context, inputs: Inputs) -> Created:
    tags = inputs.tags()
    request = inputs.rest("lambda", "CreateEventSourceMapping", {"destinationArn": "Destination"})
    made = context.client("lambda").create_event_source_mapping(**request, **({"Tags": tags} if tags else {}))
    arn = made.get("EventSourceMappingArn") or context.cloud.arn("lambda", f"event-source-mapping:{made['UUID']}")
    return Created(made["UUID"], {"uuid": made["UUID"], "functionArn": made["FunctionArn"], "arn": arn})


def _update_event_source_mapping(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("eventSourceArn", "startingPosition", "startingPositionTimestamp", "tags", "tagsAll"):
        inputs.take(untouched)
    request = inputs.rest("lambda", "UpdateEventSourceMapping", {"destinationArn": "Destination"})
    made = context.client("lambda").update_event_source_mapping(UUID=id, **request)
    return {"functionArn": made["FunctionArn"]}


def _delete_event_source_mapping(context: Context, id: str, state: State) -> None:
    context.client("lambda").delete_event_source_mapping(UUID=id)


def _is_allowed(answer: Any, it: State) -> bool:
    return any(statement["Sid"] == it["id"] for statement in json.loads(answer["Policy"])["Statement"])


def _invoke(context: Context, inputs: Inputs) -> Created:
    name, payload, qualifier = inputs.need("functionName"), inputs.need("input"), inputs.take("qualifier", "$LATEST")
    if inputs.take("lifecycleScope", "CREATE_ONLY") != "CREATE_ONLY":
        raise SandboxError("aws:lambda/invocation:Invocation: the sandbox knows the lifecycleScope CREATE_ONLY only")
    for not_sent in ("triggers", "terraformKey"):
        inputs.take(not_sent)
    inputs.done()
    answer = context.client("lambda").invoke(FunctionName=name, Qualifier=qualifier, Payload=payload.encode())
    result = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise SandboxError(f"invoking the Lambda function ({name}): {answer['FunctionError']}: {result}")
    digest = hashlib.md5(payload.encode(), usedforsecurity=False).hexdigest()
    return Created(f"{name}_{qualifier}_{digest}", {"result": result})


def _forget_invocation(context: Context, id: str, state: State) -> None:
    """What an invocation did stays done."""


TYPES = {
    # The provider invokes again where one of these changes, and reads nothing (its invocation.go).
    "aws:lambda/invocation:Invocation": ResourceType(
        _invoke,
        _forget_invocation,
        replaces=frozenset({"functionName", "input", "qualifier", "triggers", "terraformKey", "lifecycleScope"}),
    ),
    "aws:lambda/function:Function": ResourceType(
        _create_function,
        _delete_function,
        _update_function,
        frozenset({"name", "packageType"}),
        found_by("lambda", "GetFunction", lambda it: {"FunctionName": it["id"]}),
        tagged("lambda", lambda it: {"Resource": it["arn"]}),
    ),
    "aws:lambda/layerVersion:LayerVersion": ResourceType(
        _create_layer_version,
        _delete_layer_version,
        exists=found_by("lambda", "GetLayerVersionByArn", lambda it: {"Arn": it["id"]}),
    ),
    "aws:lambda/permission:Permission": ResourceType(
        _create_permission,
        _delete_permission,
        exists=found_by("lambda", "GetPolicy", lambda it: {"FunctionName": it["function"]}, _is_allowed),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ResourceType(
        _create_invoke_config,
        _delete_invoke_config,
        _update_invoke_config,
        frozenset({"functionName", "qualifier"}),
        found_by("lambda", "GetFunctionEventInvokeConfig", lambda it: {"FunctionName": it["id"]}),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ResourceType(
        _create_event_source_mapping,
        _delete_event_source_mapping,
        _update_event_source_mapping,
        frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"}),
        found_by("lambda", "GetEventSourceMapping", lambda it: {"UUID": it["id"]}),
        tagged("lambda", lambda it: {"Resource": it["arn"]}),
    ),
}
