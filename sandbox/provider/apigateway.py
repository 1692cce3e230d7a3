"""REST APIs, their stages and usage plans."""

import json
from typing import Any

from sandbox.provider.convert import Inputs
from sandbox.provider.resource import Context, Created, ResourceType, gone_with_parent

_METHOD_SETTINGS = {
    "metricsEnabled": "metrics/enabled",
    "loggingLevel": "logging/loglevel",
    "dataTraceEnabled": "logging/dataTrace",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
    "cachingEnabled": "caching/enabled",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cacheDataEncrypted": "caching/dataEncrypted",
    "requireAuthorizationForCacheControl": "caching/requireAuthorizationForCacheControl",
    "unauthorizedCacheControlHeaderStrategy": "caching/unauthorizedCacheControlHeaderStrategy",
}


def _create_rest_api(context: Context, inputs: Inputs) -> Created:
    name, body = context.auto_name(inputs.take("name")), inputs.take("body")
    mode, fail_on_warnings = inputs.take("putRestApiMode", "overwrite"), inputs.take("failOnWarnings", False)
    parameters = inputs.take("parameters") or {}
    endpoint = {key: value for key, value in (inputs.take("endpointConfiguration") or {}).items() if value}
    if isinstance(endpoint.get("types"), str):
        endpoint["types"] = [endpoint["types"]]
    request = inputs.rest("apigateway", "CreateRestApi", {"minimumCompressionSize": "minimumCompressionSize"})
    client = context.client("apigateway")
    api = client.create_rest_api(name=name, **request, **({"endpointConfiguration": endpoint} if endpoint else {}))
    if body is not None:
        client.put_rest_api(
            restApiId=api["id"], mode=mode, failOnWarnings=fail_on_warnings, parameters=parameters, body=body.encode()
        )
    return Created(
        api["id"],
        {
            "name": name,
            "arn": f"arn:aws:apigateway:{context.cloud.region}::/restapis/{api['id']}",
            "executionArn": context.cloud.arn("execute-api", api["id"]),
            "rootResourceId": api.get("rootResourceId"),
        },
    )


def _update_rest_api(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    context.client("apigateway").put_rest_api(restApiId=id, mode="overwrite", body=inputs.need("body").encode())
    return state


def _delete_rest_api(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("apigateway").delete_rest_api(restApiId=id)


def _create_deployment(context: Context, inputs: Inputs) -> Created:
    api = inputs.need("restApi")
    # A new value makes a new deployment; the API does not see it.
    inputs.take("triggers")
    request = inputs.rest("apigateway", "CreateDeployment")
    made = context.client("apigateway").create_deployment(restApiId=api, **request)
    return Created(made["id"])


def _delete_deployment(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("apigateway").delete_deployment(restApiId=state["restApi"], deploymentId=id)


def _create_stage(context: Context, inputs: Inputs) -> Created:
    api, name = inputs.need("restApi"), inputs.need("stageName")
    deployment, access_log = inputs.need("deployment"), inputs.take("accessLogSettings")
    request = inputs.rest("apigateway", "CreateStage", {"xrayTracingEnabled": "tracingEnabled"})
    client = context.client("apigateway")
    client.create_stage(restApiId=api, stageName=name, deploymentId=deployment, **request)
    if access_log:
        _patch(client, api, name, {f"/accessLogSettings/{key}": value for key, value in access_log.items()})
    return Created(
        f"ags-{api}-{name}",
        {
            "arn": f"arn:aws:apigateway:{context.cloud.region}::/restapis/{api}/stages/{name}",
            "executionArn": context.cloud.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"{context.cloud.endpoint}/_aws/execute-api/{api}/{name}",
        },
    )


def _update_stage(context: Context, id: str, state: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    changes = {"/deploymentId": inputs.need("deployment")}
    _patch(context.client("apigateway"), inputs.need("restApi"), inputs.need("stageName"), changes)
    return state


def _delete_stage(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("apigateway").delete_stage(restApiId=state["restApi"], stageName=state["stageName"])


def _create_method_settings(context: Context, inputs: Inputs) -> Created:
    api, stage, path = inputs.need("restApi"), inputs.need("stageName"), inputs.need("methodPath")
    settings = Inputs("aws:apigateway/methodSettings:MethodSettings", inputs.need("settings"))
    inputs.done()
    resource, _, method = path.rpartition("/")
    prefix = "/*/*" if path == "*/*" else f"/~1{resource.replace('/', '~1')}/{method}"
    changes = {
        f"{prefix}/{api_name}": value
        for key, api_name in _METHOD_SETTINGS.items()
        if (value := settings.take(key)) is not None
    }
    settings.done()
    _patch(context.client("apigateway"), api, stage, changes)
    return Created(f"{api}-{stage}-{path}")


def _patch(client: Any, api: str, stage: str, changes: dict[str, Any]) -> None:
    operations = [{"op": "replace", "path": path, "value": _text(value)} for path, value in changes.items()]
    client.update_stage(restApiId=api, stageName=stage, patchOperations=operations)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _create_api_key(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    enabled = inputs.take("enabled", True)
    request = inputs.rest("apigateway", "CreateApiKey")
    made = context.client("apigateway").create_api_key(name=name, enabled=enabled, **request)
    arn = f"arn:aws:apigateway:{context.cloud.region}::/apikeys/{made['id']}"
    return Created(made["id"], {"name": name, "arn": arn, "value": made["value"]})


def _delete_api_key(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("apigateway").delete_api_key(apiKey=id)


def _create_usage_plan(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("apigateway", "CreateUsagePlan", {"throttleSettings": "throttle", "quotaSettings": "quota"})
    made = context.client("apigateway").create_usage_plan(name=name, **request)
    return Created(made["id"], {"name": name})


def _delete_usage_plan(context: Context, id: str, state: dict[str, Any]) -> None:
    context.client("apigateway").delete_usage_plan(usagePlanId=id)


def _create_usage_plan_key(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("apigateway", "CreateUsagePlanKey")
    made = context.client("apigateway").create_usage_plan_key(**request)
    return Created(made["id"], {"value": made.get("value"), "name": made.get("name")})


TYPES = {
    "aws:apigateway/restApi:RestApi": ResourceType(_create_rest_api, _delete_rest_api, _update_rest_api),
    "aws:apigateway/deployment:Deployment": ResourceType(_create_deployment, _delete_deployment),
    "aws:apigateway/stage:Stage": ResourceType(
        _create_stage, _delete_stage, _update_stage, frozenset({"restApi", "stageName"})
    ),
    "aws:apigateway/methodSettings:MethodSettings": ResourceType(_create_method_settings, gone_with_parent),
    "aws:apigateway/apiKey:ApiKey": ResourceType(_create_api_key, _delete_api_key),
    "aws:apigateway/usagePlan:UsagePlan": ResourceType(_create_usage_plan, _delete_usage_plan),
    "aws:apigateway/usagePlanKey:UsagePlanKey": ResourceType(_create_usage_plan_key, gone_with_parent),
}
