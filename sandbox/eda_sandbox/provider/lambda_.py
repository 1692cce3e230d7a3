"""Functions, layers, permissions, event invoke configuration, event source mappings."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pulumi

from eda_sandbox.foundation.errors import SandboxError
from eda_sandbox.provider.convert import Inputs, MissingProperty, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of

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
    if bucket is None:
        return {}
    return {"S3Bucket": bucket, "S3Key": key, **({"S3ObjectVersion": version} if version else {})}


def _create_function(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    concurrency, tags = inputs.take("reservedConcurrentExecutions"), inputs.tags()
    for only_pulumi in _ONLY_PROVIDER:
        inputs.take(only_pulumi)
    if not (code := _code(inputs)):
        raise MissingProperty("aws:lambda/function:Function", "code")
    request = inputs.rest("lambda", "CreateFunction")
    function = context.client("lambda").create_function(
        FunctionName=name, Code=code, PackageType=request.pop("PackageType", "Zip"), Tags=tags, **request
    )
    if concurrency is not None and concurrency >= 0:
        context.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=int(concurrency)
        )
    return Created(name, _function_outputs(context, function))


def _function_outputs(context: Context, function: Any) -> dict[str, Any]:
    arn = function["FunctionArn"]
    path = f"2015-03-31/functions/{arn}/invocations"
    return {
        "name": function["FunctionName"],
        "arn": arn,
        "qualifiedArn": f"{arn}:$LATEST",
        "version": "$LATEST",
        "invokeArn": f"arn:aws:apigateway:{context.cloud.region}:lambda:path/{path}",
        "sourceCodeHash": function["CodeSha256"],
    }


def _read_function(context: Context, id: str, state: State) -> Found:
    answer = context.client("lambda").get_function(FunctionName=id)
    function = answer["Configuration"]
    found = properties("lambda", "CreateFunction", function)
    found |= {
        "name": found.pop("functionName"),
        "layers": [layer["Arn"] for layer in function.get("Layers", ())],
        "reservedConcurrentExecutions": answer.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "sourceCodeHash": function["CodeSha256"],
        "tags": tags_of(answer.get("Tags")),
    }
    logging = found["loggingConfig"] or {}
    given = state.get("loggingConfig") or {}
    # What follows from the function's name and from the format.
    usual = {"logGroup": f"/aws/lambda/{id}", "applicationLogLevel": "INFO", "systemLogLevel": "INFO"}
    found["loggingConfig"] = {
        name: value for name, value in logging.items() if name in given or value != usual.get(name)
    }
    outputs = _function_outputs(context, function)
    return Found(found, {name: value for name, value in outputs.items() if name not in found})


def _update_function(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    client = context.client("lambda")
    concurrency = inputs.take("reservedConcurrentExecutions")
    for untouched in ("name", "tags", "tagsAll", *_ONLY_PROVIDER):
        inputs.take(untouched)
    code = _code(inputs)
    architectures, publish = inputs.take("architectures"), inputs.take("publish", False)
    updated = {}
    if code:
        updated = client.update_function_code(
            FunctionName=id, Publish=publish, **code, **({"Architectures": architectures} if architectures else {})
        )
    changes = {**_DEFAULTS, **inputs.rest("lambda", "UpdateFunctionConfiguration")}
    client.update_function_configuration(FunctionName=id, **changes)
    if concurrency is None or concurrency < 0:
        client.delete_function_concurrency(FunctionName=id)
    else:
        client.put_function_concurrency(FunctionName=id, ReservedConcurrentExecutions=int(concurrency))
    return {"sourceCodeHash": updated["CodeSha256"]} if code else {}


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
    if not (content := _code(inputs)):
        raise MissingProperty("aws:lambda/layerVersion:LayerVersion", "code")
    request = inputs.rest("lambda", "PublishLayerVersion")
    layer = context.client("lambda").publish_layer_version(LayerName=name, Content=content, **request)
    arn = layer["LayerVersionArn"]
    return Created(arn, {"arn": arn, "layerArn": layer["LayerArn"], "version": str(layer["Version"])})


def _delete_layer_version(context: Context, id: str, state: State) -> None:
    layer, _, version = id.rpartition(":")
    context.client("lambda").delete_layer_version(LayerName=layer, VersionNumber=int(version))


def _read_layer_version(context: Context, id: str, state: State) -> Found:
    layer = context.client("lambda").get_layer_version_by_arn(Arn=id)
    found = properties("lambda", "PublishLayerVersion", layer)
    found["layerName"] = layer["LayerArn"].rpartition(":")[2]
    return Found(found, {"arn": id, "layerArn": layer["LayerArn"], "version": str(layer["Version"])})


def _create_permission(context: Context, inputs: Inputs) -> Created:
    statement = context.auto_name(inputs.take("statementId"), inputs.take("statementIdPrefix"))
    function = inputs.need("function")
    request = inputs.rest("lambda", "AddPermission")
    context.client("lambda").add_permission(FunctionName=function, StatementId=statement, **request)
    return Created(statement, {"statementId": statement})


def _delete_permission(context: Context, id: str, state: State) -> None:
    context.client("lambda").remove_permission(**_permitted(state), StatementId=id)


def _permitted(it: State) -> dict[str, Any]:
    return {"FunctionName": it["function"], **_qualified(it)}


def _qualified(it: State) -> dict[str, Any]:
    return {"Qualifier": it["qualifier"]} if it.get("qualifier") else {}


def _of_statement(context: Context, id: str) -> State:
    function, _, statement = id.rpartition("/")
    return {**_of_qualified(context, function, "function"), "id": statement}


def _of_qualified(context: Context, id: str, name: str = "functionName") -> State:
    """A function's name or ARN, with a version or an alias behind it."""
    parts = id.split(":")
    whole = 7 if id.startswith("arn:") else 1
    qualifier = {"qualifier": parts[whole]} if len(parts) > whole else {}
    return {name: ":".join(parts[:whole]), **qualifier, "id": id}


def _read_permission(context: Context, id: str, state: State) -> Found:
    policy = json.loads(context.client("lambda").get_policy(**_permitted(state))["Policy"])
    statement = next(each for each in policy["Statement"] if each["Sid"] == id)
    asked = {
        key.lower(): value
        for conditions in statement.get("Condition", {}).values()
        for key, value in conditions.items()
    }
    principal = statement["Principal"]
    who = principal if isinstance(principal, str) else next(iter(principal.values()))
    found = {name: asked.get(key) for name, key in _ASKED.items()}
    if who == f"arn:aws:iam::{state.get('principal')}:root":
        # An account may be named by its number.
        who = state["principal"]
    named = {"function": state["function"], "qualifier": state.get("qualifier")}
    return Found({**found, **named, "action": statement["Action"], "principal": who, "statementId": id})


_ASKED = {
    "eventSourceToken": "lambda:eventsourcetoken",
    "functionUrlAuthType": "lambda:functionurlauthtype",
    "principalOrgId": "aws:principalorgid",
    "sourceAccount": "aws:sourceaccount",
    "sourceArn": "aws:sourcearn",
}
"""Properties that are conditions of the statement."""


def _create_invoke_config(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("lambda", "PutFunctionEventInvokeConfig")
    context.client("lambda").put_function_event_invoke_config(**request)
    return Created(":".join(request[name] for name in ("FunctionName", "Qualifier") if name in request))


def _update_invoke_config(context: Context, id: str, state: State, inputs: Inputs) -> State:
    _create_invoke_config(context, inputs)
    return {}


def _delete_invoke_config(context: Context, id: str, state: State) -> None:
    context.client("lambda").delete_function_event_invoke_config(**_invoked(state))


def _invoked(it: State) -> dict[str, Any]:
    return {"FunctionName": it["functionName"], **_qualified(it)}


def _read_invoke_config(context: Context, id: str, state: State) -> Found:
    answer = context.client("lambda").get_function_event_invoke_config(**_invoked(state))
    found = properties("lambda", "PutFunctionEventInvokeConfig", answer)
    return Found({**found, "functionName": state["functionName"], "qualifier": state.get("qualifier")})


def _create_event_source_mapping(context: Context, inputs: Inputs) -> Created:
    tags = inputs.tags()
    request = inputs.rest("lambda", "CreateEventSourceMapping", _DESTINATION_ARN)
    made = context.client("lambda").create_event_source_mapping(**request, **({"Tags": tags} if tags else {}))
    arn = made.get("EventSourceMappingArn") or context.cloud.arn("lambda", f"event-source-mapping:{made['UUID']}")
    return Created(made["UUID"], {"uuid": made["UUID"], "functionArn": made["FunctionArn"], "arn": arn})


def _update_event_source_mapping(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("eventSourceArn", "startingPosition", "startingPositionTimestamp", "tags", "tagsAll"):
        inputs.take(untouched)
    request = inputs.rest("lambda", "UpdateEventSourceMapping", _DESTINATION_ARN)
    made = context.client("lambda").update_event_source_mapping(UUID=id, **request)
    return {"functionArn": made["FunctionArn"]}


def _delete_event_source_mapping(context: Context, id: str, state: State) -> None:
    context.client("lambda").delete_event_source_mapping(UUID=id)


def _read_event_source_mapping(context: Context, id: str, state: State) -> Found:
    client = context.client("lambda")
    answer = client.get_event_source_mapping(UUID=id)
    found = properties("lambda", "CreateEventSourceMapping", answer, _DESTINATION_ARN)
    given, arn = state.get("functionName"), answer["FunctionArn"]
    # It is called by its name, or by its ARN.
    found["functionName"] = given if given and arn.endswith(f":{given}") else arn
    found["enabled"] = answer["State"] in ("Enabled", "Enabling", "Creating", "Updating")
    if (destination := found["destinationConfig"]) is not None:
        found["destinationConfig"] = {name: block for name, block in destination.items() if name == "onFailure"}
    made = answer.get("EventSourceMappingArn") or context.cloud.arn("lambda", f"event-source-mapping:{id}")
    found["tags"] = tags_of(client.list_tags(Resource=made)["Tags"])
    return Found(found, {"uuid": id, "functionArn": arn, "arn": made})


def _mapping_defaults(it: State) -> dict[str, Any]:
    """What a mapping has that was not given the property (Lambda's API reference, CreateEventSourceMapping)."""
    common = {
        "enabled": True,
        "filterCriteria": {"filters": []},
        "functionResponseTypes": [],
        "maximumBatchingWindowInSeconds": 0,
    }
    if ":sqs:" in str(it.get("eventSourceArn")):
        return {**common, "batchSize": 10, "scalingConfig": {}}
    return {
        **common,
        "batchSize": 100,
        "bisectBatchOnFunctionError": False,
        "destinationConfig": {},
        "maximumRecordAgeInSeconds": -1,
        "maximumRetryAttempts": -1,
        "parallelizationFactor": 1,
        "tumblingWindowInSeconds": 0,
    }


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


_DESTINATION_ARN = {"destinationArn": "Destination"}

TYPES = {
    # The provider invokes again where one of these changes, and reads nothing (its invocation.go).
    "aws:lambda/invocation:Invocation": ResourceType(
        _invoke,
        _forget_invocation,
        fixed="what an invocation did is done",
        replaces=frozenset({"functionName", "input", "qualifier", "triggers", "terraformKey", "lifecycleScope"}),
    ),
    "aws:lambda/function:Function": ResourceType(
        _create_function,
        _delete_function,
        _update_function,
        frozenset({"name", "packageType"}),
        found_by("lambda", "GetFunction", lambda it: {"FunctionName": it["id"]}),
        tagged("lambda", lambda it: {"Resource": it["arn"]}),
        _read_function,
        defaults={
            "architectures": ["x86_64"],
            "description": "",
            "environment": {"variables": {}},
            "ephemeralStorage": {"size": 512},
            "layers": [],
            "loggingConfig": {"logFormat": "Text"},
            "memorySize": 128,
            "packageType": "Zip",
            "reservedConcurrentExecutions": -1,
            "snapStart": {"applyOn": "None"},
            "timeout": 3,
            "tracingConfig": {"mode": "PassThrough"},
        },
        unread=frozenset({"code", "publish", "s3Bucket", "s3Key", "s3ObjectVersion", *_ONLY_PROVIDER}),
        assigned=frozenset({"sourceCodeHash"}),
    ),
    "aws:lambda/layerVersion:LayerVersion": ResourceType(
        _create_layer_version,
        _delete_layer_version,
        read=_read_layer_version,
        fixed="a version is never changed",
        unread=frozenset({"code", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash"}),
        exists=found_by("lambda", "GetLayerVersionByArn", lambda it: {"Arn": it["id"]}),
    ),
    "aws:lambda/permission:Permission": ResourceType(
        _create_permission,
        _delete_permission,
        read=_read_permission,
        imported=_of_statement,
        unread=frozenset({"statementIdPrefix"}),
        exists=found_by("lambda", "GetPolicy", _permitted, _is_allowed),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ResourceType(
        _create_invoke_config,
        _delete_invoke_config,
        _update_invoke_config,
        frozenset({"functionName", "qualifier"}),
        found_by("lambda", "GetFunctionEventInvokeConfig", _invoked),
        read=_read_invoke_config,
        imported=_of_qualified,
        defaults={"maximumRetryAttempts": 2, "maximumEventAgeInSeconds": 21600},
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ResourceType(
        _create_event_source_mapping,
        _delete_event_source_mapping,
        _update_event_source_mapping,
        frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"}),
        found_by("lambda", "GetEventSourceMapping", lambda it: {"UUID": it["id"]}),
        tagged("lambda", lambda it: {"Resource": it["arn"]}),
        _read_event_source_mapping,
        defaults=_mapping_defaults,
        documents=frozenset({"filterCriteria.filters.pattern"}),
        unordered=frozenset({"filterCriteria.filters", "functionResponseTypes"}),
        unread=frozenset({"startingPositionTimestamp"}),
    ),
}
