"""REST APIs, their stages and usage plans."""

import json
from collections.abc import Sequence
from typing import Any

from eda_sandbox.provider.convert import Inputs
from eda_sandbox.provider.resource import Context, Created, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged

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


_FIXED = (
    "apiKeySource",
    "binaryMediaTypes",
    "description",
    "disableExecuteApiEndpoint",
    "endpointConfiguration",
    "minimumCompressionSize",
    "policy",
)
"""Properties of a REST API that the sandbox takes when it is made."""


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


def _update_rest_api(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "tags", "tagsAll", "putRestApiMode", *_FIXED):
        inputs.take(untouched)
    body, fail_on_warnings = inputs.need("body"), inputs.take("failOnWarnings", False)
    parameters = inputs.take("parameters") or {}
    inputs.done()
    context.client("apigateway").put_rest_api(
        restApiId=id, mode="overwrite", failOnWarnings=fail_on_warnings, parameters=parameters, body=body.encode()
    )
    return {}


def _delete_rest_api(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_rest_api(restApiId=id)


def _create_deployment(context: Context, inputs: Inputs) -> Created:
    api = inputs.need("restApi")
    # A new value makes a new deployment; the API does not see it.
    inputs.take("triggers")
    request = inputs.rest("apigateway", "CreateDeployment")
    made = context.client("apigateway").create_deployment(restApiId=api, **request)
    return Created(made["id"])


def _delete_deployment(context: Context, id: str, state: State) -> None:
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


def _update_stage(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    client, api, name = context.client("apigateway"), inputs.need("restApi"), inputs.need("stageName")
    for untouched in ("tags", "tagsAll"):
        inputs.take(untouched)
    changes = {"/deploymentId": inputs.need("deployment"), "/tracingEnabled": inputs.take("xrayTracingEnabled", False)}
    log, variables = inputs.take("accessLogSettings") or {}, inputs.take("variables") or {}
    inputs.done()
    changes |= {f"/accessLogSettings/{key}": value for key, value in log.items()}
    changes |= {f"/variables/{key}": value for key, value in variables.items()}
    removed = [f"/variables/{key}" for key in (state.get("variables") or {}) if key not in variables]
    if state.get("accessLogSettings") and not log:
        removed.append("/accessLogSettings")
    _patch(client, api, name, changes, removed)
    return {}


def _delete_stage(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_stage(restApiId=state["restApi"], stageName=state["stageName"])


def _create_method_settings(context: Context, inputs: Inputs) -> Created:
    api, stage, path = inputs.need("restApi"), inputs.need("stageName"), inputs.need("methodPath")
    settings = Inputs("aws:apigateway/methodSettings:MethodSettings", inputs.need("settings"))
    inputs.done()
    changes = {
        # As it is given: who wants a nested resource encodes its slashes (Terraform's provider, method_settings.go).
        f"/{path}/{api_name}": value
        for key, api_name in _METHOD_SETTINGS.items()
        if (value := settings.take(key)) is not None
    }
    settings.done()
    _patch(context.client("apigateway"), api, stage, changes)
    return Created(f"{api}-{stage}-{path}")


def _update_method_settings(context: Context, id: str, state: State, inputs: Inputs) -> State:
    # A setting that is not asked for any more takes its default again.
    _delete_method_settings(context, id, state)
    _create_method_settings(context, inputs)
    return {}


def _delete_method_settings(context: Context, id: str, state: State) -> None:
    client = context.client("apigateway")
    _patch(client, state["restApi"], state["stageName"], {}, [f"/{state['methodPath']}"])


def _patch(client: Any, api: str, stage: str, changes: dict[str, Any], removed: Sequence[str] = ()) -> None:
    operations = [{"op": "replace", "path": path, "value": _text(value)} for path, value in changes.items()]
    operations += [{"op": "remove", "path": path} for path in removed]
    client.update_stage(restApiId=api, stageName=stage, patchOperations=operations)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _create_domain_name(context: Context, inputs: Inputs) -> Created:
    name, endpoint = inputs.need("domainName"), inputs.take("endpointConfiguration") or {}
    if isinstance(endpoint.get("types"), str):
        endpoint = {**endpoint, "types": [endpoint["types"]]}
    request = inputs.rest("apigateway", "CreateDomainName")
    made = context.client("apigateway").create_domain_name(
        domainName=name, **({"endpointConfiguration": endpoint} if endpoint else {}), **request
    )
    return Created(
        name,
        {
            "arn": f"arn:aws:apigateway:{context.cloud.region}::/domainnames/{name}",
            "regionalDomainName": made["regionalDomainName"],
            "regionalZoneId": made["regionalHostedZoneId"],
        },
    )


def _delete_domain_name(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_domain_name(domainName=id)


def _create_base_path_mapping(context: Context, inputs: Inputs) -> Created:
    name, api = inputs.need("domainName"), inputs.need("restApi")
    path, stage = inputs.take("basePath") or "", inputs.take("stageName")
    inputs.done()
    context.client("apigateway").create_base_path_mapping(
        domainName=name, restApiId=api, **({"basePath": path} if path else {}), **({"stage": stage} if stage else {})
    )
    return Created(f"{name}/{path}")


def _delete_base_path_mapping(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_base_path_mapping(**_mapping(state))


def _mapping(it: State) -> dict[str, str]:
    return {"domainName": it["domainName"], "basePath": it.get("basePath") or "(none)"}


def _create_api_key(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    enabled = inputs.take("enabled", True)
    request = inputs.rest("apigateway", "CreateApiKey")
    made = context.client("apigateway").create_api_key(name=name, enabled=enabled, **request)
    arn = f"arn:aws:apigateway:{context.cloud.region}::/apikeys/{made['id']}"
    return Created(made["id"], {"name": name, "arn": arn, "value": made["value"]})


def _delete_api_key(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_api_key(apiKey=id)


def _create_usage_plan(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("apigateway", "CreateUsagePlan", {"throttleSettings": "throttle", "quotaSettings": "quota"})
    made = context.client("apigateway").create_usage_plan(name=name, **request)
    arn = f"arn:aws:apigateway:{context.cloud.region}::/usageplans/{made['id']}"
    return Created(made["id"], {"name": name, "arn": arn})


def _delete_usage_plan(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_usage_plan(usagePlanId=id)


def _create_usage_plan_key(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("apigateway", "CreateUsagePlanKey")
    made = context.client("apigateway").create_usage_plan_key(**request)
    return Created(made["id"], {"value": made.get("value"), "name": made.get("name")})


def _delete_usage_plan_key(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_usage_plan_key(usagePlanId=state["usagePlanId"], keyId=state["keyId"])


def _is_set(answer: Any, it: State) -> bool:
    return it["methodPath"] in answer.get("methodSettings", {})


_retag = tagged("apigateway", lambda it: {"resourceArn": it["arn"]})

TYPES = {
    "aws:apigateway/restApi:RestApi": ResourceType(
        _create_rest_api,
        _delete_rest_api,
        _update_rest_api,
        frozenset({*_FIXED, "name"}),
        found_by("apigateway", "GetRestApi", lambda it: {"restApiId": it["id"]}),
        _retag,
    ),
    "aws:apigateway/deployment:Deployment": ResourceType(_create_deployment, _delete_deployment),
    "aws:apigateway/stage:Stage": ResourceType(
        _create_stage,
        _delete_stage,
        _update_stage,
        frozenset({"restApi", "stageName", "description"}),
        found_by("apigateway", "GetStage", lambda it: {"restApiId": it["restApi"], "stageName": it["stageName"]}),
        _retag,
    ),
    "aws:apigateway/methodSettings:MethodSettings": ResourceType(
        _create_method_settings,
        _delete_method_settings,
        _update_method_settings,
        frozenset({"restApi", "stageName", "methodPath"}),
        found_by(
            "apigateway", "GetStage", lambda it: {"restApiId": it["restApi"], "stageName": it["stageName"]}, _is_set
        ),
    ),
    "aws:apigateway/domainName:DomainName": ResourceType(
        _create_domain_name,
        _delete_domain_name,
        exists=found_by("apigateway", "GetDomainName", lambda it: {"domainName": it["domainName"]}),
        retag=_retag,
    ),
    "aws:apigateway/basePathMapping:BasePathMapping": ResourceType(
        _create_base_path_mapping,
        _delete_base_path_mapping,
        exists=found_by("apigateway", "GetBasePathMapping", _mapping),
    ),
    "aws:apigateway/apiKey:ApiKey": ResourceType(
        _create_api_key,
        _delete_api_key,
        exists=found_by("apigateway", "GetApiKey", lambda it: {"apiKey": it["id"]}),
        retag=_retag,
    ),
    "aws:apigateway/usagePlan:UsagePlan": ResourceType(
        _create_usage_plan,
        _delete_usage_plan,
        exists=found_by("apigateway", "GetUsagePlan", lambda it: {"usagePlanId": it["id"]}),
        retag=_retag,
    ),
    "aws:apigateway/usagePlanKey:UsagePlanKey": ResourceType(
        _create_usage_plan_key,
        _delete_usage_plan_key,
        exists=found_by(
            "apigateway", "GetUsagePlanKey", lambda it: {"usagePlanId": it["usagePlanId"], "keyId": it["keyId"]}
        ),
    ),
}
