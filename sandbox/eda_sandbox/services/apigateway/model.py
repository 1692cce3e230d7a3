"""What API Gateway keeps: APIs, their deployed snapshots, stages, plans and keys.

``describe()`` gives a part in the shape of the service's API. Everything a deployment freezes hangs off
``Definition``, so that a deployment is a copy of it.
"""

import copy
import secrets
import string
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

_ALPHABET = string.ascii_lowercase + string.digits

API_ID_LENGTH = 10
KEY_ID_LENGTH = 10
PART_ID_LENGTH = 6


def new_id(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def now() -> datetime:
    return datetime.now(UTC)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


class Part:
    """A dataclass that prints itself in the API's shape: camel case, without what is not set or empty."""

    def describe(self) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for item in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, item.name)
            if value is None or "hidden" in item.metadata:
                continue
            if value in ({}, []) and "always" not in item.metadata:
                continue
            shown[item.metadata.get("name", _camel(item.name))] = _shape(value)
        return shown


def _shape(value: Any) -> Any:
    if isinstance(value, Part):
        return value.describe()
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return value


_ALWAYS = {"always": True}


@dataclass
class IntegrationResponse(Part):
    status_code: str
    selection_pattern: str | None = None
    response_parameters: dict[str, str] = field(default_factory=dict)
    response_templates: dict[str, str] = field(default_factory=dict)
    content_handling: str | None = None


@dataclass
class Integration(Part):
    type: str
    http_method: str | None = None
    uri: str | None = None
    connection_type: str | None = None
    credentials: str | None = None
    request_parameters: dict[str, str] = field(default_factory=dict)
    request_templates: dict[str, str] = field(default_factory=dict)
    passthrough_behavior: str = "WHEN_NO_MATCH"
    content_handling: str | None = None
    timeout_in_millis: int = 29000
    cache_namespace: str = ""
    cache_key_parameters: list[str] = field(default_factory=list, metadata=_ALWAYS)
    tls_config: dict[str, Any] | None = None
    integration_responses: dict[str, IntegrationResponse] = field(default_factory=dict)


@dataclass
class MethodResponse(Part):
    status_code: str
    response_parameters: dict[str, bool] = field(default_factory=dict)
    response_models: dict[str, str] = field(default_factory=dict)


@dataclass
class Method(Part):
    http_method: str
    authorization_type: str = "NONE"
    authorizer_id: str | None = None
    authorization_scopes: list[str] = field(default_factory=list)
    api_key_required: bool = False
    request_validator_id: str | None = None
    operation_name: str | None = None
    request_parameters: dict[str, bool] = field(default_factory=dict)
    request_models: dict[str, str] = field(default_factory=dict)
    method_responses: dict[str, MethodResponse] = field(default_factory=dict)
    method_integration: Integration | None = None


@dataclass
class Resource(Part):
    id: str
    path: str
    parent_id: str | None = None
    path_part: str | None = None
    resource_methods: dict[str, Method] = field(default_factory=dict)

    def describe(self, *, embed_methods: bool = False) -> dict[str, Any]:
        shown = super().describe()
        if "resourceMethods" in shown and not embed_methods:
            shown["resourceMethods"] = {name: {} for name in self.resource_methods}
        return shown


@dataclass
class RequestValidator(Part):
    id: str
    name: str
    validate_request_body: bool = False
    validate_request_parameters: bool = False


@dataclass
class Model(Part):
    id: str
    name: str
    schema: str
    content_type: str = "application/json"
    description: str | None = None


@dataclass
class Authorizer(Part):
    id: str
    name: str
    type: str
    provider_arns: list[str] = field(default_factory=list, metadata={"name": "providerARNs"})
    auth_type: str | None = None
    identity_source: str = "method.request.header.Authorization"
    identity_validation_expression: str | None = None
    authorizer_result_ttl_in_seconds: int = 300
    authorizer_uri: str | None = None
    authorizer_credentials: str | None = None


@dataclass
class GatewayResponse(Part):
    response_type: str
    status_code: str | None = None
    response_parameters: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)
    response_templates: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)
    default_response: bool = False


@dataclass
class Definition:
    """All that a deployment freezes."""

    resources: dict[str, Resource] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    validators: dict[str, RequestValidator] = field(default_factory=dict)
    authorizers: dict[str, Authorizer] = field(default_factory=dict)
    gateway_responses: dict[str, GatewayResponse] = field(default_factory=dict)
    binary_media_types: list[str] = field(default_factory=list)
    minimum_compression_size: int | None = None
    api_key_source: str = "HEADER"
    policy: str | None = None
    disable_execute_api_endpoint: bool = False

    @property
    def root(self) -> Resource:
        return next(resource for resource in self.resources.values() if resource.parent_id is None)

    def resource_at(self, path: str) -> Resource | None:
        return next((resource for resource in self.resources.values() if resource.path == path), None)

    def add_resource(self, parent: Resource, part: str) -> Resource:
        path = f"{parent.path.rstrip('/')}/{part}"
        resource = Resource(new_id(PART_ID_LENGTH), path, parent.id, part)
        self.resources[resource.id] = resource
        return resource

    def ensure_path(self, path: str) -> Resource:
        resource = self.root
        for part in [segment for segment in path.split("/") if segment]:
            child = self.resource_at(f"{resource.path.rstrip('/')}/{part}")
            resource = child or self.add_resource(resource, part)
        return resource

    def snapshot(self) -> "Definition":
        return copy.deepcopy(self)


def empty_definition() -> Definition:
    root = Resource(new_id(API_ID_LENGTH), "/")
    return Definition(resources={root.id: root})


@dataclass
class Deployment(Part):
    id: str
    created_date: datetime
    definition: Definition = field(metadata={"hidden": True})
    description: str | None = None

    def summary(self) -> dict[str, Any]:
        return {
            resource.path: {
                name: {"authorizationType": method.authorization_type, "apiKeyRequired": method.api_key_required}
                for name, method in resource.resource_methods.items()
            }
            for resource in self.definition.resources.values()
            if resource.resource_methods
        }


@dataclass
class MethodSetting(Part):
    metrics_enabled: bool = False
    logging_level: str = "OFF"
    data_trace_enabled: bool = False
    throttling_burst_limit: int = 5000
    throttling_rate_limit: float = 10000.0
    caching_enabled: bool = False
    cache_ttl_in_seconds: int = 300
    cache_data_encrypted: bool = False
    require_authorization_for_cache_control: bool = True
    unauthorized_cache_control_header_strategy: str = "SUCCEED_WITH_RESPONSE_HEADER"


@dataclass
class Stage(Part):
    stage_name: str
    deployment_id: str
    created_date: datetime
    last_updated_date: datetime
    description: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    access_log_settings: dict[str, str] | None = None
    method_settings: dict[str, MethodSetting] = field(default_factory=dict, metadata=_ALWAYS)
    tracing_enabled: bool = False
    cache_cluster_enabled: bool = False
    cache_cluster_status: str = "NOT_AVAILABLE"
    documentation_version: str | None = None
    client_certificate_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def setting(self, resource_path: str, http_method: str) -> MethodSetting:
        """The settings that hold for a method: its own, or the stage's, or the service's defaults."""
        encoded = resource_path.replace("/", "~1")
        # A resource right below the root is known without its slash, too.
        own = [self.method_settings.get(f"{path}/{http_method}") for path in (encoded, encoded.removeprefix("~1"))]
        return own[0] or own[1] or self.method_settings.get("*/*") or MethodSetting()


@dataclass
class RestApi(Part):
    id: str
    name: str
    created_date: datetime
    description: str | None = None
    version: str | None = None
    endpoint_configuration: dict[str, Any] = field(default_factory=lambda: {"types": ["EDGE"]})
    tags: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)
    warnings: list[str] = field(default_factory=list)
    definition: Definition = field(default_factory=empty_definition, metadata={"hidden": True})
    deployments: dict[str, Deployment] = field(default_factory=dict, metadata={"hidden": True})
    stages: dict[str, Stage] = field(default_factory=dict, metadata={"hidden": True})

    def describe(self) -> dict[str, Any]:
        definition = self.definition
        shown = super().describe() | {
            "apiKeySource": definition.api_key_source,
            "disableExecuteApiEndpoint": definition.disable_execute_api_endpoint,
            "rootResourceId": definition.root.id,
        }
        if definition.binary_media_types:
            shown["binaryMediaTypes"] = list(definition.binary_media_types)
        if definition.minimum_compression_size is not None:
            shown["minimumCompressionSize"] = definition.minimum_compression_size
        if definition.policy is not None:
            # The service gives the policy back with its quotes escaped, as clients know.
            shown["policy"] = definition.policy.replace("\\", "\\\\").replace('"', '\\"')
        return shown


@dataclass
class BasePathMapping(Part):
    base_path: str
    rest_api_id: str
    stage: str | None = None


@dataclass
class DomainName(Part):
    domain_name: str
    regional_domain_name: str
    regional_hosted_zone_id: str
    regional_certificate_arn: str
    endpoint_configuration: dict[str, Any]
    security_policy: str = "TLS_1_2"
    domain_name_status: str = "AVAILABLE"
    tags: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)
    mappings: dict[str, BasePathMapping] = field(default_factory=dict, metadata={"hidden": True})


@dataclass
class ApiKey(Part):
    id: str
    name: str
    value: str
    created_date: datetime
    last_updated_date: datetime
    enabled: bool = True
    description: str | None = None
    customer_id: str | None = None
    stage_keys: list[str] = field(default_factory=list, metadata=_ALWAYS)
    tags: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)

    def describe(self, *, include_value: bool = False) -> dict[str, Any]:
        shown = super().describe()
        if not include_value:
            del shown["value"]
        return shown


@dataclass
class UsagePlan(Part):
    id: str
    name: str
    description: str | None = None
    api_stages: list[dict[str, Any]] = field(default_factory=list, metadata=_ALWAYS)
    throttle: dict[str, Any] | None = None
    quota: dict[str, Any] | None = None
    product_code: str | None = None
    tags: dict[str, str] = field(default_factory=dict, metadata=_ALWAYS)
    keys: list[str] = field(default_factory=list, metadata={"hidden": True})

    def stage(self, api_id: str, stage_name: str) -> dict[str, Any] | None:
        return next((s for s in self.api_stages if s["apiId"] == api_id and s["stage"] == stage_name), None)
