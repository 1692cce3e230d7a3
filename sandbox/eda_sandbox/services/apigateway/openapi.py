"""OpenAPI 3.0 documents with API Gateway's extensions, imported as ``ImportRestApi`` and ``PutRestApi`` do.

Nothing is ignored in silence: an extension or an integration setting that is not known here is an error that
names it, and what API Gateway itself ignores is a warning of the API.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from eda_sandbox.services.apigateway import json_schema, mapping
from eda_sandbox.services.apigateway.gateway_responses import RESPONSE_TYPES
from eda_sandbox.services.apigateway.java_values import TemplateError, to_json
from eda_sandbox.services.apigateway.model import (
    PART_ID_LENGTH,
    Authorizer,
    Definition,
    GatewayResponse,
    Integration,
    IntegrationResponse,
    Method,
    MethodResponse,
    Model,
    RequestValidator,
    Resource,
    empty_definition,
    new_id,
)
from eda_sandbox.services.apigateway.velocity import compiled

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
_IGNORED_SCHEMA_KEYS = ("example", "xml", "externalDocs", "readOnly", "writeOnly", "deprecated", "discriminator")
_MODEL_NAME = re.compile(r"[a-zA-Z0-9]+")

_ROOT_EXTENSIONS = frozenset(
    {
        "x-amazon-apigateway-api-key-source",
        "x-amazon-apigateway-binary-media-types",
        "x-amazon-apigateway-endpoint-configuration",
        "x-amazon-apigateway-gateway-responses",
        "x-amazon-apigateway-importexport-version",
        "x-amazon-apigateway-minimum-compression-size",
        "x-amazon-apigateway-policy",
        "x-amazon-apigateway-request-validator",
        "x-amazon-apigateway-request-validators",
    }
)
_OPERATION_EXTENSIONS = frozenset(
    {
        "x-amazon-apigateway-auth",
        "x-amazon-apigateway-integration",
        "x-amazon-apigateway-request-validator",
    }
)
_SCHEME_EXTENSIONS = frozenset({"x-amazon-apigateway-authorizer", "x-amazon-apigateway-authtype"})
_SERVER_EXTENSIONS = frozenset({"x-amazon-apigateway-endpoint-configuration"})

_INTEGRATION_KEYS = {
    "cacheKeyParameters": list,
    "cacheNamespace": str,
    "connectionType": str,
    "contentHandling": str,
    "credentials": str,
    "httpMethod": str,
    "passthroughBehavior": str,
    "requestParameters": dict,
    "requestTemplates": dict,
    "responses": dict,
    "timeoutInMillis": int,
    "tlsConfig": dict,
    "type": str,
    "uri": str,
}
_RESPONSE_KEYS = {
    "statusCode": (str, int),
    "responseParameters": dict,
    "responseTemplates": dict,
    "contentHandling": str,
}
_TYPES = ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")
_AWS_URI = re.compile(r"arn:aws(-[a-z-]+)?:apigateway:(?P<region>[a-z0-9-]+):(?P<service>[\w.-]+):(path|action)/.*")
_LAMBDA_URI = re.compile(r".*:lambda:path/+2015-03-31/functions/(?P<function>.+)/invocations")


class ImportFailure(ValueError):
    """A document that API Gateway refuses; its text is the service's error message."""


@dataclass
class ImportedApi:
    name: str
    definition: Definition
    description: str | None = None
    version: str | None = None
    endpoint_configuration: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)


def parse(body: bytes, api_id: str, base_path: str = "ignore") -> ImportedApi:
    """Read a document.

    Args:
        body: JSON or YAML.
        api_id: of the API that it is for.
        base_path: what becomes of the path of the document's server: ``ignore`` it, ``prepend`` it to all paths, or
            ``split`` its first part off and prepend the rest.

    Raises:
        ImportFailure: it is no OpenAPI 3.0 document, or holds something that API Gateway refuses.
    """
    try:
        text = body.decode()
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ImportFailure(f"Invalid OpenAPI input: {error}") from error
    if not isinstance(document, dict):
        raise ImportFailure("Invalid OpenAPI input.")
    version = str(document.get("openapi", ""))
    if not version.startswith("3.0"):
        raise ImportFailure(
            "Unsupported OpenAPI version: the sandbox imports OpenAPI 3.0, "
            f"got {version or document.get('swagger') or 'none'}"
        )
    return _Importer(document, api_id, base_path).run()


class _Importer:
    def __init__(self, document: dict[str, Any], api_id: str, base_path: str) -> None:
        self._document = document
        self._base_path = _base_path(document, base_path)
        self._api_id = api_id
        self._definition = empty_definition()
        self._warnings: list[str] = []
        self._schemes: dict[str, Any] = {}
        self._inline_models: dict[str, str] = {}

    def run(self) -> ImportedApi:
        document, definition = self._document, self._definition
        _known_extensions(document, _ROOT_EXTENSIONS, "the document")
        definition.binary_media_types = _typed(document, "x-amazon-apigateway-binary-media-types", list) or []
        definition.minimum_compression_size = _typed(document, "x-amazon-apigateway-minimum-compression-size", int)
        source = _typed(document, "x-amazon-apigateway-api-key-source", str) or "HEADER"
        if source not in ("HEADER", "AUTHORIZER"):
            raise ImportFailure(f"Invalid API key source {source}. Must be HEADER or AUTHORIZER")
        definition.api_key_source = source
        policy = document.get("x-amazon-apigateway-policy")
        if policy is not None:
            definition.policy = policy if isinstance(policy, str) else to_json(policy)
        endpoint = self._endpoint()
        self._validators()
        self._models()
        self._security_schemes()
        self._gateway_responses()
        for path, item in _map(document, "paths").items():
            self._path(self._base_path + path, item)
        info = _map(document, "info")
        return ImportedApi(
            name=str(info.get("title") or "Created from OpenAPI document"),
            description=info.get("description"),
            version=str(info["version"]) if "version" in info else None,
            definition=definition,
            endpoint_configuration=endpoint,
            warnings=self._warnings,
        )

    def _endpoint(self) -> dict[str, Any] | None:
        holders = [self._document, *(self._document.get("servers") or [])]
        found: dict[str, Any] = {}
        for holder in holders:
            if holder is not self._document:
                _known_extensions(holder, _SERVER_EXTENSIONS, "servers")
            settings = holder.get("x-amazon-apigateway-endpoint-configuration") or {}
            for key, value in settings.items():
                if key == "disableExecuteApiEndpoint":
                    self._definition.disable_execute_api_endpoint = bool(value)
                elif key in ("types", "vpcEndpointIds", "ipAddressType"):
                    found[key] = value
                else:
                    raise ImportFailure(f"x-amazon-apigateway-endpoint-configuration: unknown setting {key}")
        return found or None

    # Parts that methods refer to

    def _validators(self) -> None:
        for name, settings in _map(self._document, "x-amazon-apigateway-request-validators").items():
            unknown = set(settings) - {"validateRequestBody", "validateRequestParameters"}
            if unknown:
                raise ImportFailure(f"request validator {name}: unknown setting {', '.join(sorted(unknown))}")
            validator = RequestValidator(
                new_id(PART_ID_LENGTH),
                name,
                bool(settings.get("validateRequestBody", False)),
                bool(settings.get("validateRequestParameters", False)),
            )
            self._definition.validators[validator.id] = validator

    def _models(self) -> None:
        for name, schema in _map(_map(self._document, "components"), "schemas").items():
            if not _MODEL_NAME.fullmatch(name):
                raise ImportFailure(f"Model name must be alphanumeric: {name}")
            self._add_model(name, schema)

    def _add_model(self, name: str, schema: Any) -> None:
        cleaned = self._model_schema(schema, f"model {name}")
        try:
            json_schema.check(cleaned)
        except json_schema.SchemaError as error:
            raise ImportFailure(
                f"Unable to create model for '{name}': Validation Result: warnings : [], errors : [{error}]"
            ) from error
        self._definition.models[name] = Model(new_id(PART_ID_LENGTH), name, to_json(cleaned))

    def _model_schema(self, schema: Any, where: str) -> Any:
        if isinstance(schema, list):
            return [self._model_schema(item, where) for item in schema]
        if not isinstance(schema, dict):
            return schema
        cleaned: dict[str, Any] = {}
        for key, value in schema.items():
            if key in _IGNORED_SCHEMA_KEYS:
                self._warnings.append(f"Ignoring {key} in {where}")
            elif key == "$ref":
                name = _reference_name(value, "schemas")
                if name not in _map(_map(self._document, "components"), "schemas"):
                    raise ImportFailure(f"Invalid model reference: {value}")
                cleaned[key] = model_url(self._api_id, name)
            elif key in ("properties", "patternProperties", "definitions"):
                cleaned[key] = {name: self._model_schema(item, where) for name, item in value.items()}
            elif key in ("enum", "default", "required"):
                cleaned[key] = value
            else:
                cleaned[key] = self._model_schema(value, where)
        return cleaned

    def _model_for(self, schema: Any) -> str:
        """The name of the model for a media type's schema; an inline schema gets a model of its own."""
        if isinstance(schema, dict) and set(schema) == {"$ref"}:
            name = _reference_name(schema["$ref"], "schemas")
            if name not in self._definition.models:
                raise ImportFailure(f"Invalid model reference: {schema['$ref']}")
            return name
        text = json.dumps(schema, sort_keys=True)
        if text not in self._inline_models:
            name = f"MODEL{new_id(PART_ID_LENGTH)}"
            self._add_model(name, schema)
            self._inline_models[text] = name
        return self._inline_models[text]

    def _security_schemes(self) -> None:
        self._schemes = _map(_map(self._document, "components"), "securitySchemes")
        for name, scheme in self._schemes.items():
            _known_extensions(scheme, _SCHEME_EXTENSIONS, f"security scheme {name}")
            settings = scheme.get("x-amazon-apigateway-authorizer")
            if settings is None:
                continue
            kind = str(settings.get("type", "")).lower()
            if kind in ("token", "request"):
                authorizer = _lambda_authorizer(name, kind, scheme, settings)
                self._definition.authorizers[authorizer.id] = authorizer
                continue
            if kind != "cognito_user_pools":
                raise ImportFailure(
                    f"security scheme {name}: authorizers of type {kind or 'none'} are not offered by the sandbox"
                )
            known = {"type", "providerARNs", "identitySource", "identityValidationExpression"}
            known |= {"authorizerResultTtlInSeconds"}
            unknown = set(settings) - known
            if unknown:
                raise ImportFailure(f"authorizer {name}: unknown setting {', '.join(sorted(unknown))}")
            providers = settings.get("providerARNs")
            if not providers:
                raise ImportFailure(f"Invalid authorizer {name}: providerARNs is required for COGNITO_USER_POOLS")
            header = scheme.get("name", "Authorization")
            authorizer = Authorizer(
                new_id(PART_ID_LENGTH),
                name,
                "COGNITO_USER_POOLS",
                list(providers),
                scheme.get("x-amazon-apigateway-authtype", "cognito_user_pools"),
                settings.get("identitySource", f"method.request.header.{header}"),
                settings.get("identityValidationExpression"),
                int(settings.get("authorizerResultTtlInSeconds", 300)),
            )
            self._definition.authorizers[authorizer.id] = authorizer

    def _gateway_responses(self) -> None:
        for kind, settings in _map(self._document, "x-amazon-apigateway-gateway-responses").items():
            if kind not in RESPONSE_TYPES:
                raise ImportFailure(f"Invalid gateway response type specified: {kind}")
            unknown = set(settings) - {"statusCode", "responseParameters", "responseTemplates"}
            if unknown:
                raise ImportFailure(f"gateway response {kind}: unknown setting {', '.join(sorted(unknown))}")
            status = settings.get("statusCode")
            response = GatewayResponse(
                kind,
                None if status is None else str(status),
                dict(settings.get("responseParameters") or {}),
                dict(settings.get("responseTemplates") or {}),
            )
            try:
                mapping.check_gateway_response(response.response_parameters)
            except mapping.MappingError as error:
                raise ImportFailure(str(error)) from error
            self._definition.gateway_responses[kind] = response

    # Paths and methods

    def _path(self, path: str, item: Any) -> None:
        check_path(path)
        if not isinstance(item, dict):
            raise ImportFailure(f"paths {path}: an object is expected")
        resource = self._definition.ensure_path(path)
        shared = item.get("parameters") or []
        for key, operation in item.items():
            if key in _METHODS or key == _ANY:
                name = "ANY" if key == _ANY else key.upper()
                self._method(resource, name, operation, shared)
            elif key.startswith("x-amazon-apigateway-"):
                raise ImportFailure(f"paths {path}: unknown extension {key}")
            elif key not in ("parameters", "summary", "description", "servers") and not key.startswith("x-"):
                raise ImportFailure(f"paths {path}: unknown key {key}")

    def _method(self, resource: Resource, name: str, operation: dict[str, Any], shared: list[Any]) -> None:
        where = f"{name} {resource.path}"
        _known_extensions(operation, _OPERATION_EXTENSIONS, where)
        method = Method(name, operation_name=operation.get("operationId"))
        method.request_parameters = dict(self._parameters([*shared, *(operation.get("parameters") or [])], where))
        for placeholder in re.findall(r"\{(\w[\w.-]*)\+?\}", resource.path):
            method.request_parameters.setdefault(f"method.request.path.{placeholder}", True)
        body = self._resolve(operation.get("requestBody") or {}, "requestBodies")
        for content_type, media in (body.get("content") or {}).items():
            if "schema" in media:
                method.request_models[content_type] = self._model_for(media["schema"])
        self._authorization(method, operation, where)
        self._validator(method, operation, where)
        for status, response in (operation.get("responses") or {}).items():
            if status == "default":
                self._warnings.append(f"Ignoring response 'default' in {where}")
                continue
            method.method_responses[str(status)] = self._method_response(str(status), response)
        if "x-amazon-apigateway-integration" not in operation:
            raise ImportFailure(f"No integration defined for method {where}")
        try:
            given = self._with_texts(operation["x-amazon-apigateway-integration"], name, resource.path)
            method.method_integration = integration(given, where)
            method.method_integration.cache_namespace = resource.id
            check_integration(method, resource.path)
        except mapping.MappingError as error:
            raise ImportFailure(f"{where}: {error}") from error
        resource.resource_methods[name] = method

    def _with_texts(self, settings: Any, method: str, path: str) -> Any:
        """An integration without the request parameters that are no texts, which the importer warns of."""
        if not isinstance(settings, dict) or not isinstance(settings.get("requestParameters"), dict):
            return settings
        kept = {}
        for target, source in settings["requestParameters"].items():
            if isinstance(source, str):
                kept[target] = source
                continue
            self._warnings.append(
                f"Invalid format for 'requestParameters'. Expected type string for property '{target}' of resource "
                f"'{path}' and method '{method}' but got '{json.dumps(source)}'"
            )
        return {**settings, "requestParameters": kept}

    def _parameters(self, parameters: list[Any], where: str) -> Iterator[tuple[str, bool]]:
        places = {"header": "header", "path": "path", "query": "querystring"}
        for parameter in parameters:
            settings = self._resolve(parameter, "parameters")
            place = places.get(settings.get("in", ""))
            if place is None:
                self._warnings.append(f"Ignoring {settings.get('in')} parameter {settings.get('name')} in {where}")
                continue
            yield f"method.request.{place}.{settings['name']}", bool(settings.get("required", False))

    def _method_response(self, status: str, response: Any) -> MethodResponse:
        settings = self._resolve(response, "responses")
        result = MethodResponse(status)
        for header in settings.get("headers") or {}:
            result.response_parameters[f"method.response.header.{header}"] = False
        for content_type, media in (settings.get("content") or {}).items():
            if "schema" in media:
                result.response_models[content_type] = self._model_for(media["schema"])
        return result

    def _authorization(self, method: Method, operation: dict[str, Any], where: str) -> None:
        declared = operation.get("x-amazon-apigateway-auth")
        if declared is not None:
            kind = str(declared.get("type", "")).upper()
            if set(declared) != {"type"} or kind not in ("AWS_IAM", "NONE"):
                raise ImportFailure(f"{where}: x-amazon-apigateway-auth takes a type, AWS_IAM or NONE")
            method.authorization_type = kind
        requirements = operation.get("security", self._document.get("security"))
        for requirement in requirements or []:
            for name, scopes in requirement.items():
                scheme = self._schemes.get(name)
                if scheme is None:
                    raise ImportFailure(f"{where}: security scheme {name} is not defined")
                self._require(method, name, scheme, scopes, where)

    def _require(self, method: Method, name: str, scheme: dict[str, Any], scopes: list[str], where: str) -> None:
        kind = scheme.get("x-amazon-apigateway-authtype")
        authorizer = next((a for a in self._definition.authorizers.values() if a.name == name), None)
        if kind is not None and kind.lower() == "awssigv4":
            method.authorization_type = "AWS_IAM"
        elif authorizer is not None:
            method.authorization_type = "COGNITO_USER_POOLS" if authorizer.authorizer_uri is None else "CUSTOM"
            method.authorizer_id = authorizer.id
            method.authorization_scopes = list(scopes)
        elif scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            if str(scheme.get("name", "")).lower() != "x-api-key":
                raise ImportFailure(f"{where}: security scheme {name} must use the header x-api-key")
            method.api_key_required = True
        else:
            raise ImportFailure(f"{where}: security scheme {name} of type {scheme.get('type')} is not supported")

    def _validator(self, method: Method, operation: dict[str, Any], where: str) -> None:
        key = "x-amazon-apigateway-request-validator"
        name = operation.get(key, self._document.get(key))
        if name is None:
            return
        found = next((v for v in self._definition.validators.values() if v.name == name), None)
        if found is None:
            raise ImportFailure(f"{where}: Invalid request validator specified: {name}")
        method.request_validator_id = found.id

    def _resolve(self, value: Any, kind: str) -> dict[str, Any]:
        if isinstance(value, dict) and "$ref" in value:
            name = _reference_name(value["$ref"], kind)
            target = _map(_map(self._document, "components"), kind).get(name)
            if target is None:
                raise ImportFailure(f"Invalid reference: {value['$ref']}")
            return self._resolve(target, kind)
        if not isinstance(value, dict):
            raise ImportFailure(f"components {kind}: an object is expected, got {value!r}")
        return value


_LAMBDA_AUTHORIZER = frozenset(
    {
        "authorizerCredentials",
        "authorizerResultTtlInSeconds",
        "authorizerUri",
        "identitySource",
        "identityValidationExpression",
        "type",
    }
)
_IDENTITY = {
    "token": re.compile(r"method\.request\.header\.[A-Za-z0-9._$-]+"),
    "request": re.compile(
        r"method\.request\.(header|querystring)\.[A-Za-z0-9._$-]+|(context|stageVariables)\.[A-Za-z0-9._-]+"
    ),
}


def _lambda_authorizer(name: str, kind: str, scheme: Mapping[str, Any], settings: Mapping[str, Any]) -> Authorizer:
    unknown = set(settings) - _LAMBDA_AUTHORIZER
    if unknown:
        raise ImportFailure(f"authorizer {name}: unknown setting {', '.join(sorted(unknown))}")
    uri = str(settings.get("authorizerUri", ""))
    if not _LAMBDA_URI.fullmatch(uri):
        raise ImportFailure(f"Invalid authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN")
    ttl = int(settings.get("authorizerResultTtlInSeconds", 300))
    if not 0 <= ttl <= 3600:
        raise ImportFailure("Authorizer result TTL must be between 0 and 3600 seconds")
    header = f"method.request.header.{scheme.get('name', 'Authorization')}" if kind == "token" else ""
    source = str(settings.get("identitySource") or header)
    sources = [part.strip() for part in source.split(",") if part.strip()]
    if not sources and ttl > 0:
        raise ImportFailure("Identity source is required for REQUEST authorizer with caching enabled")
    if not all(_IDENTITY[kind].fullmatch(part) for part in sources) or (kind == "token" and len(sources) != 1):
        raise ImportFailure(f"Invalid identity source: {source}")
    pattern = settings.get("identityValidationExpression")
    if pattern is not None and kind != "token":
        raise ImportFailure("Identity validation expression is only supported for TOKEN authorizers")
    return Authorizer(
        new_id(PART_ID_LENGTH),
        name,
        kind.upper(),
        auth_type=scheme.get("x-amazon-apigateway-authtype", "custom"),
        identity_source=",".join(sources),
        identity_validation_expression=pattern,
        authorizer_result_ttl_in_seconds=ttl,
        authorizer_uri=uri,
        authorizer_credentials=settings.get("authorizerCredentials"),
    )


def model_url(api_id: str, name: str) -> str:
    return f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}"


def check_path(path: str) -> None:
    """Check a resource path.

    Raises:
        ImportFailure: a segment has characters that API Gateway refuses, or ``{name+}`` is not the last one.
    """
    if not path.startswith("/"):
        raise ImportFailure(f"Invalid path: {path} must start with /")
    segments = path.strip("/").split("/") if path != "/" else []
    for at, segment in enumerate(segments):
        if not re.fullmatch(r"\{[\w.:-]+\+?\}|[\w.:*~$-]+", segment):
            raise ImportFailure(
                "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces "
                f"at the beginning and the end: {segment}"
            )
        if segment.endswith("+}") and at != len(segments) - 1:
            raise ImportFailure(f"A greedy path variable must be the last part of a path: {path}")


def integration(settings: Any, where: str) -> Integration:
    """Read an ``x-amazon-apigateway-integration``.

    Raises:
        ImportFailure: a setting is unknown or has a wrong value.
        mapping.MappingError: a parameter mapping is malformed.
    """
    if not isinstance(settings, dict):
        raise ImportFailure(f"{where}: x-amazon-apigateway-integration must be an object")
    _checked_keys(settings, _INTEGRATION_KEYS, f"{where}: integration")
    kind = str(settings.get("type", "")).upper()
    result = Integration(
        type=kind,
        http_method=settings.get("httpMethod"),
        uri=settings.get("uri"),
        connection_type=settings.get("connectionType"),
        credentials=settings.get("credentials"),
        request_parameters=dict(settings.get("requestParameters") or {}),
        request_templates=dict(settings.get("requestTemplates") or {}),
        passthrough_behavior=str(settings.get("passthroughBehavior", "WHEN_NO_MATCH")).upper(),
        content_handling=_upper(settings.get("contentHandling")),
        timeout_in_millis=settings.get("timeoutInMillis", 29000),
        cache_key_parameters=list(settings.get("cacheKeyParameters") or []),
        tls_config=settings.get("tlsConfig"),
    )
    for pattern, response in (settings.get("responses") or {}).items():
        _checked_keys(response, _RESPONSE_KEYS, f"{where}: integration response {pattern}")
        if "statusCode" not in response:
            raise ImportFailure(f"{where}: integration response {pattern} has no statusCode")
        status = str(response["statusCode"])
        if status in result.integration_responses:
            raise ImportFailure(
                f"{where}: two integration responses have the status code {status}; API Gateway keeps one per code"
            )
        result.integration_responses[status] = IntegrationResponse(
            status,
            None if pattern == "default" else pattern,
            dict(response.get("responseParameters") or {}),
            {key: value or "" for key, value in (response.get("responseTemplates") or {}).items()},
            _upper(response.get("contentHandling")),
        )
    return result


def check_integration(method: Method, path: str) -> None:
    """Check an integration against its method.

    Raises:
        ImportFailure: a value is out of range, or a response maps to none of the method's responses.
        mapping.MappingError: a parameter mapping names what the method does not declare.
    """
    found = method.method_integration
    if found is None:
        return
    where = f"{method.http_method} {path}"
    if found.type not in _TYPES:
        raise ImportFailure(f"{where}: Invalid integration type {found.type}. Must be one of {', '.join(_TYPES)}")
    if found.passthrough_behavior not in ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"):
        raise ImportFailure(f"{where}: Invalid passthrough behavior {found.passthrough_behavior}")
    if found.content_handling not in (None, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT"):
        raise ImportFailure(f"{where}: Invalid content handling {found.content_handling}")
    if not 50 <= found.timeout_in_millis <= 29000:
        raise ImportFailure(f"{where}: Timeout should be between 50 ms and 29000 ms")
    if found.connection_type not in (None, "INTERNET"):
        raise ImportFailure(f"{where}: connection type {found.connection_type} is not offered by the sandbox")
    _check_uri(found, where)
    mapping.check_request(found.request_parameters, method.request_parameters)
    for response in found.integration_responses.values():
        declared = method.method_responses.get(response.status_code)
        if declared is None:
            raise ImportFailure(f"{where}: Output mapping refers to an invalid method response: {response.status_code}")
        mapping.check_response(response.response_parameters, declared.response_parameters)
        _check_pattern(response.selection_pattern, where)
    for text in [
        *found.request_templates.values(),
        *(text for response in found.integration_responses.values() for text in response.response_templates.values()),
    ]:
        try:
            compiled(text)
        except TemplateError as error:
            raise ImportFailure(f"{where}: Invalid mapping template: {error}") from error


def _check_uri(found: Integration, where: str) -> None:
    if found.type == "MOCK":
        return
    if not found.uri:
        raise ImportFailure(f"{where}: Enumeration value for HttpMethod and a uri must be non-empty")
    if found.type.startswith("HTTP"):
        if not re.match(r"https?://", found.uri) and "${stageVariables." not in found.uri:
            raise ImportFailure(f"{where}: Invalid HTTP endpoint specified for URI")
    else:
        if not _AWS_URI.fullmatch(found.uri):
            raise ImportFailure(f"{where}: Invalid ARN specified in the request: AWS ARN must contain path or action")
        if found.type == "AWS_PROXY" and not _LAMBDA_URI.fullmatch(found.uri):
            raise ImportFailure(
                f"{where}: Integrations of type 'AWS_PROXY' currently only supports Lambda function "
                "and Firehose stream invocations."
            )
        if ":lambda:" not in found.uri and not found.credentials:
            raise ImportFailure(f"{where}: AWS integration: credentials are required")
    if found.type != "MOCK" and not found.http_method:
        raise ImportFailure(f"{where}: Enumeration value for HttpMethod must be non-empty")


def _check_pattern(pattern: str | None, where: str) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ImportFailure(f"{where}: Invalid selection pattern {pattern}: {error}") from error


def _checked_keys(settings: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    for key, value in settings.items():
        if key not in known:
            raise ImportFailure(f"{where}: unknown setting {key}")
        expected = known[key]
        if value is not None and (not isinstance(value, expected) or isinstance(value, bool)):
            raise ImportFailure(f"{where}: {key} has the wrong type, got {value!r}")


def _known_extensions(holder: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in holder:
        if key.startswith("x-amazon-apigateway-") and key not in known:
            raise ImportFailure(f"{where}: unknown extension {key}")


def _map(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    return _typed(holder, key, dict) or {}


def _typed(holder: Mapping[str, Any], key: str, expected: type) -> Any:
    value = holder.get(key)
    if value is not None and not isinstance(value, expected):
        raise ImportFailure(f"{key} must be {expected.__name__}, got {value!r}")
    return value


def _base_path(document: Mapping[str, Any], wanted: str) -> str:
    servers = document.get("servers") or []
    if wanted == "ignore" or not servers:
        return ""
    url, variables = str(servers[0].get("url", "")), servers[0].get("variables") or {}
    for name, variable in variables.items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")).strip("/"))
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return "".join(f"/{part}" for part in (parts[1:] if wanted == "split" else parts))


def _reference_name(reference: str, kind: str) -> str:
    prefix = f"#/components/{kind}/"
    if not reference.startswith(prefix):
        raise ImportFailure(f"Invalid reference: {reference}")
    return reference.removeprefix(prefix)


def _upper(value: str | None) -> str | None:
    return None if value is None else value.upper()
