"""The control plane of REST APIs, and the door to the data plane."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import EXECUTE_API, Cloud
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest, HttpResponse
from eda_sandbox.foundation.service import Service
from eda_sandbox.services.apigateway import gateway_responses, openapi
from eda_sandbox.services.apigateway.access_log import AccessLog
from eda_sandbox.services.apigateway.backends import PRINCIPAL, FrontDoorBackends, user_pool_keys
from eda_sandbox.services.apigateway.gateway import Gateway, utc_now
from eda_sandbox.services.apigateway.iam_authorization import SignedRequest
from eda_sandbox.services.apigateway.model import (
    API_ID_LENGTH,
    KEY_ID_LENGTH,
    PART_ID_LENGTH,
    ApiKey,
    BasePathMapping,
    Definition,
    Deployment,
    DomainName,
    MethodSetting,
    RestApi,
    Stage,
    UsagePlan,
    new_id,
    now,
)
from eda_sandbox.services.apigateway.offered import OFFERED
from eda_sandbox.services.apigateway.store import Store
from eda_sandbox.services.apigateway.throttling import Throttle

_SETTINGS = {
    "metrics/enabled": "metrics_enabled",
    "logging/loglevel": "logging_level",
    "logging/dataTrace": "data_trace_enabled",
    "throttling/burstLimit": "throttling_burst_limit",
    "throttling/rateLimit": "throttling_rate_limit",
    "caching/enabled": "caching_enabled",
    "caching/ttlInSeconds": "cache_ttl_in_seconds",
    "caching/dataEncrypted": "cache_data_encrypted",
}
PAGE, MOST_ITEMS = 25, 500
"""Items of a list that are answered at a time where nothing is said, and at most (API Gateway API, ``limit``)."""
_OF_OTHER_DOMAINS = (
    "certificateArn",
    "certificateBody",
    "certificateChain",
    "certificateName",
    "certificatePrivateKey",
    "endpointAccessMode",
    "mutualTlsAuthentication",
    "ownershipVerificationCertificateArn",
    "policy",
    "regionalCertificateName",
    "routingMode",
)

_CREDENTIALS = re.compile(rb"[cC]redentials\"?\s*:\s*[\"']?(arn:aws:iam::\d{12}:role/[\w+=,.@/-]+)")
"""The roles that an OpenAPI document names; ``arn:aws:iam::*:user/*`` is the caller, not a role."""


class ApiGateway(Service):
    """REST APIs (v1) from OpenAPI documents."""

    name = "apigateway"
    principal = PRINCIPAL
    offered = OFFERED

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._store = Store(Throttle(lambda: cloud.clock.speed))
        self._access_log = AccessLog(self._write_access_log, cloud.stopping)
        self._gateway = Gateway(
            self._store,
            FrontDoorBackends(cloud),
            region=cloud.region,
            account=cloud.account,
            fetch_keys=lambda pool: user_pool_keys(cloud, pool),
            now=utc_now,
            log=self._access_log.put,
            doubts=cloud.doubts,
            record=lambda segment: cloud.segments.record(segment, PRINCIPAL),
        )

    def start(self) -> None:
        """Start the thread that writes access logs."""
        self.cloud.spawn(self._access_log.run, "apigateway-access-log")

    def has_domain(self, host: str | None) -> bool:
        """Whether a host is a domain of an API's own."""
        return (host or "").partition(":")[0].lower() in self._store.domains

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request to a stage, or to a domain of an API's own."""
        signed = SignedRequest(
            method=request.method,
            raw_path=request.raw_path,
            query=parse_qs("&".join(f"{key}={value}" for key, value in request.query), keep_blank_values=True),
            headers=request.sent_headers or request.headers,
            body=request.body,
            source_ip=request.source_ip,
        )
        domain = self._store.domains.get((request.header("host") or "").partition(":")[0].lower())
        if domain is not None and not request.raw_path.startswith(EXECUTE_API):
            reply = self._gateway.handle_domain(domain, request.raw_path, signed)
        else:
            api_id, _, rest = request.raw_path.removeprefix(EXECUTE_API).partition("/")
            stage, slash, path = rest.partition("/")
            reply = self._gateway.handle(api_id, stage, slash + path, signed)
        return HttpResponse(reply.status, reply.headers, reply.body)

    def iam_action(self, operation: str) -> str:
        """Management of APIs is authorized by HTTP method."""
        verbs = {"Get": "GET", "Create": "POST", "Put": "PUT", "Update": "PATCH", "Delete": "DELETE"}
        return "apigateway:" + next((verb for name, verb in verbs.items() if operation.startswith(name)), "POST")

    def passed_roles(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """Those of an imported document's integrations and authorizers, and the account's for logs."""
        if operation == "UpdateAccount":
            patches = request.get("patchOperations", [])
            return [
                patch["value"] for patch in patches if patch.get("path") == "/cloudwatchRoleArn" and patch.get("value")
            ]
        body = request.get("body", b"") if operation in ("ImportRestApi", "PutRestApi") else b""
        return sorted({found.decode() for found in _CREDENTIALS.findall(bytes(body))})

    def create_rest_api(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateRestApi."""
        _refuse(request, "cloneFrom", "endpointAccessMode", "securityPolicy")
        api = RestApi(new_id(API_ID_LENGTH), request["name"], now(), request.get("description"), request.get("version"))
        api.tags = request.get("tags", {})
        if "endpointConfiguration" in request:
            api.endpoint_configuration = request["endpointConfiguration"]
        definition = api.definition
        definition.binary_media_types = request.get("binaryMediaTypes", [])
        definition.minimum_compression_size = request.get("minimumCompressionSize")
        definition.api_key_source = request.get("apiKeySource", "HEADER")
        definition.policy = request.get("policy")
        definition.disable_execute_api_endpoint = request.get("disableExecuteApiEndpoint", False)
        with self._store.lock:
            self._store.apis[api.id] = api
        return api.describe()

    def put_rest_api(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """PutRestApi with ``mode=overwrite``."""
        if request.get("mode", "merge") != "overwrite":
            raise AwsError("BadRequestException", "the sandbox imports documents with mode=overwrite only")
        api = self._api(request["restApiId"])
        try:
            imported = openapi.parse(request["body"], api.id, _import_base_path(request.get("parameters") or {}))
        except openapi.ImportFailure as failure:
            raise AwsError("BadRequestException", str(failure)) from failure
        if imported.warnings and request.get("failOnWarnings"):
            raise AwsError("BadRequestException", "Warnings found during import:\n\t" + "\n\t".join(imported.warnings))
        with self._store.lock:
            if imported.definition.policy is None:
                imported.definition.policy = api.definition.policy
            api.definition = imported.definition
            api.warnings = imported.warnings
            api.name, api.version = imported.name, imported.version
            api.description = imported.description or api.description
        return api.describe()

    def get_rest_api(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetRestApi."""
        return self._api(request["restApiId"]).describe()

    def get_rest_apis(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetRestApis."""
        return _page([api.describe() for api in self._store.apis.values()], request)

    def delete_rest_api(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteRestApi."""
        with self._store.lock:
            self._api(request["restApiId"])
            del self._store.apis[request["restApiId"]]
        return {}

    def get_resources(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetResources."""
        embed = "methods" in request.get("embed", [])
        resources = self._api(request["restApiId"]).definition.resources.values()
        return _page([resource.describe(embed_methods=embed) for resource in resources], request)

    def get_gateway_responses(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetGatewayResponses."""
        found = self._api(request["restApiId"]).definition.gateway_responses
        return _page([gateway_responses.describe(found, kind) for kind in found], request)

    def create_deployment(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateDeployment: a copy of the API as it is now; stages are made by CreateStage alone."""
        _refuse(request, "canarySettings")
        made_here = ("stageName", "stageDescription", "cacheClusterEnabled", "cacheClusterSize", "variables")
        for name in (*made_here, "tracingEnabled"):
            if request.get(name):
                raise AwsError(
                    "BadRequestException", f"the sandbox's CreateDeployment takes no {name}: use CreateStage"
                )
        api = self._api(request["restApiId"])
        definition: Definition = api.definition.snapshot()
        if not any(resource.resource_methods for resource in definition.resources.values()):
            raise AwsError("BadRequestException", "The REST API doesn't contain any methods")
        deployment = Deployment(new_id(PART_ID_LENGTH), now(), definition, request.get("description"))
        with self._store.lock:
            api.deployments[deployment.id] = deployment
        return deployment.describe()

    def get_deployment(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetDeployment."""
        found = self._api(request["restApiId"]).deployments.get(request["deploymentId"])
        if found is None:
            raise AwsError("NotFoundException", "Invalid Deployment identifier specified")
        return found.describe()

    def delete_deployment(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDeployment."""
        api, id = self._api(request["restApiId"]), request["deploymentId"]
        with self._store.lock:
            if any(stage.deployment_id == id for stage in api.stages.values()):
                raise AwsError(
                    "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"
                )
            if api.deployments.pop(id, None) is None:
                raise AwsError("NotFoundException", "Invalid Deployment identifier specified")
        return {}

    def create_stage(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateStage."""
        _refuse(request, "cacheClusterEnabled", "cacheClusterSize", "canarySettings", "documentationVersion")
        api, name = self._api(request["restApiId"]), request["stageName"]
        with self._store.lock:
            if name in api.stages:
                raise AwsError("ConflictException", "Stage already exists")
            if request["deploymentId"] not in api.deployments:
                raise AwsError("BadRequestException", "Invalid Deployment identifier specified")
            stage = Stage(name, request["deploymentId"], now(), now(), request.get("description"))
            stage.variables, stage.tags = request.get("variables", {}), request.get("tags", {})
            stage.tracing_enabled = request.get("tracingEnabled", False)
            api.stages[name] = stage
        return stage.describe()

    def get_stage(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetStage."""
        return self._stage(request).describe()

    def update_stage(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateStage by JSON patch: deployment, access log, tracing, variables and method settings."""
        with self._store.lock:
            stage = self._stage(request)
            for patch in request.get("patchOperations", []):
                self._patch_stage(request["restApiId"], stage, patch)
            stage.last_updated_date = now()
        return stage.describe()

    def delete_stage(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteStage."""
        with self._store.lock:
            self._stage(request)
            del self._api(request["restApiId"]).stages[request["stageName"]]
        return {}

    def create_domain_name(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateDomainName: regional ones. The sandbox has no certificates, and takes any of its region."""
        _refuse(request, *_OF_OTHER_DOMAINS)
        name, region = request["domainName"].lower(), self.cloud.region
        types = request.get("endpointConfiguration", {}).get("types", ["EDGE"])
        if types != ["REGIONAL"]:
            raise AwsError("BadRequestException", "the sandbox has domain names of the type REGIONAL only")
        certificate = request.get("regionalCertificateArn") or ""
        if not re.fullmatch(rf"arn:aws:acm:{region}:[0-9]{{12}}:certificate/.+", certificate):
            raise AwsError("BadRequestException", f"Invalid certificate ARN: {certificate}. It should be in {region}.")
        with self._store.lock:
            if name in self._store.domains:
                raise AwsError("ConflictException", "The domain name you provided already exists.")
            target = f"d-{new_id(API_ID_LENGTH)}.execute-api.{region}.amazonaws.com"
            made = DomainName(name, target, f"Z{new_id(13).upper()}", certificate, {"types": types})
            made.security_policy, made.tags = request.get("securityPolicy", "TLS_1_2"), request.get("tags", {})
            self._store.domains[name] = made
        return made.describe()

    def get_domain_name(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetDomainName."""
        return self._domain(request["domainName"]).describe()

    def delete_domain_name(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteDomainName."""
        with self._store.lock:
            del self._store.domains[self._domain(request["domainName"]).domain_name]
        return {}

    def create_base_path_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateBasePathMapping."""
        domain, path = self._domain(request["domainName"]), _base_path(request)
        if request.get("stage"):
            self._stage({"restApiId": request["restApiId"], "stageName": request["stage"]})
        if "/" in path:
            raise AwsError("BadRequestException", "Base path must be one part of a path")
        with self._store.lock:
            if path in domain.mappings:
                raise AwsError("ConflictException", "Base path already exists for this domain name")
            made = BasePathMapping(path or "(none)", self._api(request["restApiId"]).id, request.get("stage"))
            domain.mappings[path] = made
        return made.describe()

    def get_base_path_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetBasePathMapping."""
        found = self._domain(request["domainName"]).mappings.get(_base_path(request))
        if found is None:
            raise AwsError("NotFoundException", "Invalid base path mapping identifier specified")
        return found.describe()

    def delete_base_path_mapping(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteBasePathMapping."""
        with self._store.lock:
            self.get_base_path_mapping(request, caller)
            del self._domain(request["domainName"]).mappings[_base_path(request)]
        return {}

    def create_api_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateApiKey."""
        _refuse(request, "customerId", "stageKeys")
        value = request.get("value") or new_id(40)
        if len(value) < 20:
            raise AwsError("BadRequestException", "API Key value should be at least 20 characters")
        key = ApiKey(new_id(KEY_ID_LENGTH), request.get("name", ""), value, now(), now(), request.get("enabled", False))
        key.description, key.tags = request.get("description"), request.get("tags", {})
        with self._store.lock:
            if any(known.value == value for known in self._store.keys.values()):
                raise AwsError("ConflictException", "API Key already exists")
            self._store.keys[key.id] = key
        return key.describe(include_value=True)

    def get_api_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetApiKey."""
        key = self._store.keys.get(request["apiKey"])
        if key is None:
            raise AwsError("NotFoundException", "Invalid API Key identifier specified")
        return key.describe(include_value=request.get("includeValue", False))

    def delete_api_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteApiKey."""
        with self._store.lock:
            if self._store.keys.pop(request["apiKey"], None) is None:
                raise AwsError("NotFoundException", "Invalid API Key identifier specified")
        return {}

    def create_usage_plan(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateUsagePlan."""
        plan = UsagePlan(new_id(PART_ID_LENGTH), request["name"], request.get("description"))
        plan.api_stages, plan.tags = request.get("apiStages", []), request.get("tags", {})
        plan.throttle, plan.quota = request.get("throttle"), request.get("quota")
        for stage in plan.api_stages:
            self._stage({"restApiId": stage.get("apiId", ""), "stageName": stage.get("stage", "")})
        with self._store.lock:
            self._store.plans[plan.id] = plan
        return plan.describe()

    def get_usage_plan(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetUsagePlan."""
        return self._plan(request["usagePlanId"]).describe()

    def delete_usage_plan(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteUsagePlan."""
        with self._store.lock:
            self._plan(request["usagePlanId"])
            del self._store.plans[request["usagePlanId"]]
        return {}

    def create_usage_plan_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """CreateUsagePlanKey."""
        if request["keyType"] != "API_KEY":
            raise AwsError("BadRequestException", "Invalid usage plan key type specified. Must be API_KEY")
        plan, key = self._plan(request["usagePlanId"]), self._store.keys.get(request["keyId"])
        if key is None:
            raise AwsError("NotFoundException", "Invalid API Key identifier specified")
        with self._store.lock:
            plan.keys.append(key.id)
        return {"id": key.id, "type": request["keyType"], "name": key.name, "value": key.value}

    def get_usage_plan_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetUsagePlanKey."""
        plan, key = self._plan(request["usagePlanId"]), self._store.keys.get(request["keyId"])
        if key is None or key.id not in plan.keys:
            raise AwsError("NotFoundException", "Invalid API Key identifier specified")
        return {"id": key.id, "type": "API_KEY", "name": key.name, "value": key.value}

    def delete_usage_plan_key(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """DeleteUsagePlanKey."""
        with self._store.lock:
            self.get_usage_plan_key(request, caller)
            self._plan(request["usagePlanId"]).keys.remove(request["keyId"])
        return {}

    def tag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """TagResource."""
        with self._store.lock:
            tagged = self._tagged(request["resourceArn"])
            tagged.tags = {**tagged.tags, **request["tags"]}
        return {}

    def untag_resource(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UntagResource."""
        with self._store.lock:
            tagged = self._tagged(request["resourceArn"])
            tagged.tags = {key: value for key, value in tagged.tags.items() if key not in request["tagKeys"]}
        return {}

    def get_tags(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetTags."""
        return {"tags": self._tagged(request["resourceArn"]).tags}

    def get_account(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """GetAccount: the role that API Gateway logs with, once in an account."""
        role = self._store.cloudwatch_role_arn
        limits = {"burstLimit": 5000, "rateLimit": 10000.0}
        return {**({"cloudwatchRoleArn": role} if role else {}), "throttleSettings": limits}

    def update_account(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """UpdateAccount."""
        for patch in request.get("patchOperations", []):
            path = _patched(patch)
            if path != "/cloudwatchRoleArn":
                raise AwsError("BadRequestException", f"Invalid patch path {path}")
            if patch.get("value"):
                self._check_role(patch["value"])
            self._store.cloudwatch_role_arn = patch.get("value") or None
        return self.get_account(request, caller)

    def _check_role(self, role_arn: str) -> None:
        try:
            self.cloud.credentials(role_arn, PRINCIPAL)
        except AwsError:
            raise AwsError(
                "BadRequestException",
                "The role ARN does not have required permissions configured. Please grant trust permission for API "
                "Gateway and add the required role policy.",
            ) from None

    def _patch_stage(self, api_id: str, stage: Stage, patch: dict[str, Any]) -> None:
        path, value = _patched(patch), patch.get("value") or ""
        parts = path.strip("/").split("/")
        if patch["op"] == "remove":
            self._remove_of_stage(stage, path, parts)
        elif path == "/deploymentId":
            if value not in self._api(api_id).deployments:
                raise AwsError("BadRequestException", "Invalid Deployment identifier specified")
            stage.deployment_id = value
        elif path in ("/accessLogSettings/destinationArn", "/accessLogSettings/format"):
            stage.access_log_settings = {**(stage.access_log_settings or {}), parts[1]: value}
        elif path == "/tracingEnabled":
            stage.tracing_enabled = value == "true"
        elif parts[0] == "variables" and len(parts) == 2:
            stage.variables = {**stage.variables, parts[1]: value}
        elif "/".join(parts[-2:]) in _SETTINGS:
            # The path names a method by a resource with encoded slashes; of others public reports tell a refusal, and
            # settings that are stored and have no effect (terraform-provider-aws#15855, #9738).
            if len(parts) != 4 or not self._has_method(api_id, stage, *parts[:2]):
                raise AwsError("BadRequestException", f"Invalid method setting path: {path}")
            key = f"{parts[0]}/{parts[1]}"
            setting = stage.method_settings.get(key, MethodSetting())
            name = _SETTINGS["/".join(parts[2:])]
            kind = type(getattr(setting, name))
            try:
                read: Any = value if kind is str else kind(json.loads(value))
            except (ValueError, TypeError):
                raise AwsError("BadRequestException", f"Invalid value for {path}: {value}") from None
            stage.method_settings = {**stage.method_settings, key: dataclasses.replace(setting, **{name: read})}
        else:
            raise AwsError("BadRequestException", f"Invalid patch path {path}")

    def _has_method(self, api_id: str, stage: Stage, resource: str, method: str) -> bool:
        if (resource, method) == ("*", "*"):
            return True
        definition = self._api(api_id).deployments[stage.deployment_id].definition
        path = "/" + resource.replace("~1", "/").strip("/")
        return any(found.path == path and method in found.resource_methods for found in definition.resources.values())

    def _remove_of_stage(self, stage: Stage, path: str, parts: list[str]) -> None:
        if path == "/accessLogSettings":
            stage.access_log_settings = None
        elif parts[0] == "variables" and len(parts) == 2:
            stage.variables = {name: value for name, value in stage.variables.items() if name != parts[1]}
        elif len(parts) == 2:
            stage.method_settings = {
                key: kept for key, kept in stage.method_settings.items() if key != f"{parts[0]}/{parts[1]}"
            }
        else:
            raise AwsError("BadRequestException", f"Invalid patch path {path}")

    def _tagged(self, arn: str) -> RestApi | Stage | ApiKey | UsagePlan | DomainName:
        kind, _, path = arn.partition("::/")[2].partition("/")
        id, _, stage = path.partition("/stages/")
        if stage:
            return self._stage({"restApiId": id, "stageName": stage})
        found: RestApi | ApiKey | UsagePlan | DomainName | None = {
            "restapis": self._store.apis,
            "apikeys": self._store.keys,
            "usageplans": self._store.plans,
            "domainnames": self._store.domains,
        }.get(kind, {}).get(id)  # type: ignore[attr-defined]  # four stores of four types
        if found is None:
            raise AwsError("NotFoundException", "Invalid Resource identifier specified")
        return found

    def _api(self, api_id: str) -> RestApi:
        api = self._store.apis.get(api_id)
        if api is None:
            raise AwsError("NotFoundException", f"Invalid API identifier specified {self.cloud.account}:{api_id}")
        return api

    def _stage(self, request: dict[str, Any]) -> Stage:
        stage = self._api(request["restApiId"]).stages.get(request["stageName"])
        if stage is None:
            raise AwsError("NotFoundException", "Invalid stage identifier specified")
        return stage

    def _domain(self, name: str) -> DomainName:
        found = self._store.domains.get(name.lower())
        if found is None:
            raise AwsError("NotFoundException", "Invalid domain name identifier specified")
        return found

    def _plan(self, plan_id: str) -> UsagePlan:
        plan = self._store.plans.get(plan_id)
        if plan is None:
            raise AwsError("NotFoundException", "Invalid Usage Plan ID specified")
        return plan

    def _write_access_log(self, destination_arn: str, lines: list[str], times: list[int]) -> None:
        group = destination_arn.split(":log-group:")[-1].removesuffix(":*")
        self.cloud.log_events(group, "apigateway-access", lines, times=times)


def _base_path(request: dict[str, Any]) -> str:
    """The base path of a request to the control plane; empty for the whole domain."""
    path = request.get("basePath") or ""
    return "" if path == "(none)" else path


def _patched(patch: dict[str, Any]) -> str:
    """The path that a patch operation changes.

    Raises:
        AwsError: it names none, or is an operation that changes nothing here.
    """
    if patch.get("op") not in ("add", "remove", "replace"):
        raise AwsError(
            "BadRequestException", "Invalid patch operation specified. Must be one of: [add, remove, replace]"
        )
    if patch.get("path") is None:
        raise AwsError("BadRequestException", "Invalid patch path null")
    if "from" in patch:
        # It says where a copy or a move begins, and those are none of the operations above.
        raise AwsError("BadRequestException", "patchOperations.from is not offered by the sandbox")
    return str(patch["path"])


def _refuse(request: dict[str, Any], *members: str) -> None:
    """Refuse members that would have no effect here.

    Raises:
        AwsError: the request has one.
    """
    for member in members:
        if request.get(member):
            raise AwsError("BadRequestException", f"the sandbox has no {member}")


def _page(found: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """A page of a list; its position says where the next one begins."""
    try:
        first = int(request.get("position") or 0)
    except ValueError:
        raise AwsError("BadRequestException", "Invalid position specified") from None
    end = first + min(request.get("limit") or PAGE, MOST_ITEMS)
    return {"items": found[first:end], **({"position": str(end)} if end < len(found) else {})}


def _import_base_path(parameters: dict[str, str]) -> str:
    """What an import does with the path of the document's server."""
    unknown = parameters.keys() - {"basepath"}
    if unknown:
        raise AwsError("BadRequestException", f"the sandbox imports without {', '.join(sorted(unknown))}")
    wanted = parameters.get("basepath", "ignore")
    if wanted not in ("ignore", "prepend", "split"):
        raise AwsError("BadRequestException", f"basepath is {wanted}, not ignore, prepend or split")
    return wanted
