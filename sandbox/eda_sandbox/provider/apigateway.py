"""REST APIs, their stages and usage plans."""

import json
from collections.abc import Sequence
from typing import Any

from eda_sandbox.provider.convert import Inputs, properties
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of

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
        # A document brings a root of its own.
        api = client.put_rest_api(
            restApiId=api["id"], mode=mode, failOnWarnings=fail_on_warnings, parameters=parameters, body=body.encode()
        )
    return Created(api["id"], {"name": name, **_rest_api_outputs(context, api)})


def _rest_api_outputs(context: Context, api: Any) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:apigateway:{context.cloud.region}::/restapis/{api['id']}",
        "executionArn": context.cloud.arn("execute-api", api["id"]),
        "rootResourceId": api.get("rootResourceId"),
    }


def _read_rest_api(context: Context, id: str, state: State) -> Found:
    api = context.client("apigateway").get_rest_api(restApiId=id)
    found = properties("apigateway", "CreateRestApi", api)
    del found["version"]
    if endpoint := found["endpointConfiguration"]:
        found["endpointConfiguration"] = {
            "types": endpoint["types"][0],
            "vpcEndpointIds": endpoint.get("vpcEndpointIds"),
        }
    if found["policy"]:
        # The policy comes as a string within a string's quotes.
        found["policy"] = found["policy"].replace('\\"', '"')
    # A document has a title, which takes the name's place.
    found["name"] = state.get("name", api["name"])
    return Found({**found, "tags": tags_of(api.get("tags"))}, _rest_api_outputs(context, api))


def _update_rest_api(context: Context, id: str, state: State, inputs: Inputs) -> dict[str, Any]:
    for untouched in ("name", "tags", "tagsAll", "putRestApiMode", *_FIXED):
        inputs.take(untouched)
    body, fail_on_warnings = inputs.need("body"), inputs.take("failOnWarnings", False)
    parameters = inputs.take("parameters") or {}
    inputs.done()
    api = context.client("apigateway").put_rest_api(
        restApiId=id, mode="overwrite", failOnWarnings=fail_on_warnings, parameters=parameters, body=body.encode()
    )
    return {"rootResourceId": api.get("rootResourceId")}


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


def _read_deployment(context: Context, id: str, state: State) -> Found:
    deployment = context.client("apigateway").get_deployment(restApiId=state["restApi"], deploymentId=id)
    return Found({"restApi": state["restApi"], "description": deployment.get("description")})


def _create_stage(context: Context, inputs: Inputs) -> Created:
    api, name = inputs.need("restApi"), inputs.need("stageName")
    deployment, access_log = inputs.need("deployment"), inputs.take("accessLogSettings")
    request = inputs.rest("apigateway", "CreateStage", {"xrayTracingEnabled": "tracingEnabled"})
    client = context.client("apigateway")
    client.create_stage(restApiId=api, stageName=name, deploymentId=deployment, **request)
    if access_log:
        _patch(client, api, name, {f"/accessLogSettings/{key}": value for key, value in access_log.items()})
    return Created(f"ags-{api}-{name}", _stage_outputs(context, api, name))


def _stage_outputs(context: Context, api: str, name: str) -> dict[str, Any]:
    return {
        "arn": f"arn:aws:apigateway:{context.cloud.region}::/restapis/{api}/stages/{name}",
        "executionArn": context.cloud.arn("execute-api", f"{api}/{name}"),
        "invokeUrl": f"{context.cloud.endpoint}/_aws/execute-api/{api}/{name}",
    }


def _read_stage(context: Context, id: str, state: State) -> Found:
    api, name = state["restApi"], state["stageName"]
    stage = context.client("apigateway").get_stage(restApiId=api, stageName=name)
    found = {
        "restApi": api,
        "stageName": name,
        "deployment": stage.get("deploymentId"),
        "description": stage.get("description"),
        "variables": stage.get("variables"),
        "xrayTracingEnabled": stage.get("tracingEnabled"),
        "accessLogSettings": stage.get("accessLogSettings"),
        "tags": tags_of(stage.get("tags")),
    }
    return Found(found, _stage_outputs(context, api, name))


def _of_stage(context: Context, id: str) -> State:
    api, _, name = id.partition("/")
    return {"restApi": api, "stageName": name, "id": f"ags-{api}-{name}"}


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


def _read_method_settings(context: Context, id: str, state: State) -> Found:
    named = {name: state[name] for name in ("restApi", "stageName", "methodPath")}
    stage = context.client("apigateway").get_stage(restApiId=named["restApi"], stageName=named["stageName"])
    settings = stage["methodSettings"][named["methodPath"]]
    return Found({**named, "settings": {name: settings[name] for name in _METHOD_SETTINGS if name in settings}})


def _of_method(context: Context, id: str) -> State:
    api, stage, path = id.split("/", 2)
    return {"restApi": api, "stageName": stage, "methodPath": path, "id": f"{api}-{stage}-{path}"}


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


def _read_domain_name(context: Context, id: str, state: State) -> Found:
    domain = context.client("apigateway").get_domain_name(domainName=id)
    found = properties("apigateway", "CreateDomainName", domain)
    if endpoint := found["endpointConfiguration"]:
        found["endpointConfiguration"] = {"types": endpoint["types"][0]}
    outputs = {
        "arn": f"arn:aws:apigateway:{context.cloud.region}::/domainnames/{id}",
        "regionalDomainName": domain["regionalDomainName"],
        "regionalZoneId": domain["regionalHostedZoneId"],
    }
    return Found({**found, "tags": tags_of(domain.get("tags"))}, outputs)


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


def _read_base_path_mapping(context: Context, id: str, state: State) -> Found:
    mapping = context.client("apigateway").get_base_path_mapping(**_mapping(state))
    path = mapping["basePath"]
    found = {"restApi": mapping["restApiId"], "stageName": mapping.get("stage")}
    return Found({**found, "domainName": state["domainName"], "basePath": None if path == "(none)" else path})


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


def _read_api_key(context: Context, id: str, state: State) -> Found:
    key = context.client("apigateway").get_api_key(apiKey=id, includeValue=True)
    found = {name: key.get(name) for name in ("name", "description", "enabled", "customerId", "value")}
    arn = f"arn:aws:apigateway:{context.cloud.region}::/apikeys/{id}"
    return Found({**found, "tags": tags_of(key.get("tags"))}, {"arn": arn})


def _delete_api_key(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_api_key(apiKey=id)


def _create_usage_plan(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"))
    request = inputs.rest("apigateway", "CreateUsagePlan", _PLAN)
    made = context.client("apigateway").create_usage_plan(name=name, **request)
    arn = f"arn:aws:apigateway:{context.cloud.region}::/usageplans/{made['id']}"
    return Created(made["id"], {"name": name, "arn": arn})


def _read_usage_plan(context: Context, id: str, state: State) -> Found:
    plan = context.client("apigateway").get_usage_plan(usagePlanId=id)
    found = properties("apigateway", "CreateUsagePlan", plan, _PLAN)
    arn = f"arn:aws:apigateway:{context.cloud.region}::/usageplans/{id}"
    return Found({**found, "tags": tags_of(plan.get("tags"))}, {"arn": arn})


_PLAN = {"throttleSettings": "throttle", "quotaSettings": "quota"}


def _delete_usage_plan(context: Context, id: str, state: State) -> None:
    context.client("apigateway").delete_usage_plan(usagePlanId=id)


def _create_usage_plan_key(context: Context, inputs: Inputs) -> Created:
    request = inputs.rest("apigateway", "CreateUsagePlanKey")
    made = context.client("apigateway").create_usage_plan_key(**request)
    return Created(made["id"], {"value": made.get("value"), "name": made.get("name")})


def _read_usage_plan_key(context: Context, id: str, state: State) -> Found:
    named = {"usagePlanId": state["usagePlanId"], "keyId": state["keyId"]}
    key = context.client("apigateway").get_usage_plan_key(**named)
    return Found({**named, "keyType": key["type"]}, {"value": key.get("value"), "name": key.get("name")})


def _of_plan(context: Context, id: str) -> State:
    plan, _, key = id.partition("/")
    return {"usagePlanId": plan, "keyId": key, "id": key}


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
        _read_rest_api,
        defaults={"apiKeySource": "HEADER", "description": "", "endpointConfiguration": {"types": "EDGE"}},
        documents=frozenset({"policy"}),
        # As with the AWS provider: the routes in a document are compared with the document before it.
        unread=frozenset({"body", "failOnWarnings", "parameters", "putRestApiMode"}),
    ),
    "aws:apigateway/deployment:Deployment": ResourceType(
        _create_deployment,
        _delete_deployment,
        exists=found_by(
            "apigateway", "GetDeployment", lambda it: {"restApiId": it["restApi"], "deploymentId": it["id"]}
        ),
        read=_read_deployment,
        imported=lambda _, id: dict(zip(("restApi", "id"), id.split("/", 1), strict=False)),
        unread=frozenset({"triggers", "variables"}),
        fixed="a deployment is never changed",
    ),
    "aws:apigateway/stage:Stage": ResourceType(
        _create_stage,
        _delete_stage,
        _update_stage,
        frozenset({"restApi", "stageName", "description"}),
        found_by("apigateway", "GetStage", lambda it: {"restApiId": it["restApi"], "stageName": it["stageName"]}),
        _retag,
        _read_stage,
        _of_stage,
    ),
    "aws:apigateway/methodSettings:MethodSettings": ResourceType(
        _create_method_settings,
        _delete_method_settings,
        _update_method_settings,
        frozenset({"restApi", "stageName", "methodPath"}),
        found_by(
            "apigateway", "GetStage", lambda it: {"restApiId": it["restApi"], "stageName": it["stageName"]}, _is_set
        ),
        read=_read_method_settings,
        imported=_of_method,
        defaults={
            "settings": {
                "cacheTtlInSeconds": 300,
                "loggingLevel": "OFF",
                "requireAuthorizationForCacheControl": True,
                "throttlingBurstLimit": 5000,
                "throttlingRateLimit": 10000,
                "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
            }
        },
    ),
    "aws:apigateway/domainName:DomainName": ResourceType(
        _create_domain_name,
        _delete_domain_name,
        exists=found_by("apigateway", "GetDomainName", lambda it: {"domainName": it.get("domainName", it["id"])}),
        retag=_retag,
        read=_read_domain_name,
        defaults={
            "endpointConfiguration": {"types": "EDGE"},
            "securityPolicy": "TLS_1_2",
            "routingMode": "BASE_PATH_MAPPING_ONLY",
        },
    ),
    "aws:apigateway/basePathMapping:BasePathMapping": ResourceType(
        _create_base_path_mapping,
        _delete_base_path_mapping,
        exists=found_by("apigateway", "GetBasePathMapping", _mapping),
        read=_read_base_path_mapping,
        fixed="the sandbox offers no call that changes one",
        imported=lambda _, id: dict(zip(("domainName", "basePath"), id.split("/", 1), strict=False)),
    ),
    "aws:apigateway/apiKey:ApiKey": ResourceType(
        _create_api_key,
        _delete_api_key,
        exists=found_by("apigateway", "GetApiKey", lambda it: {"apiKey": it["id"]}),
        retag=_retag,
        read=_read_api_key,
        defaults={"description": "", "enabled": True},
        assigned=frozenset({"value"}),
    ),
    "aws:apigateway/usagePlan:UsagePlan": ResourceType(
        _create_usage_plan,
        _delete_usage_plan,
        exists=found_by("apigateway", "GetUsagePlan", lambda it: {"usagePlanId": it["id"]}),
        retag=_retag,
        read=_read_usage_plan,
        defaults={"description": ""},
    ),
    "aws:apigateway/usagePlanKey:UsagePlanKey": ResourceType(
        _create_usage_plan_key,
        _delete_usage_plan_key,
        exists=found_by(
            "apigateway", "GetUsagePlanKey", lambda it: {"usagePlanId": it["usagePlanId"], "keyId": it["keyId"]}
        ),
        read=_read_usage_plan_key,
        imported=_of_plan,
        fixed="a key is in a plan or it is not",
    ),
}
