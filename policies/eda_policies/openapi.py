"""Reading OpenAPI documents with API Gateway's extensions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "x-amazon-apigateway-any-method")
DEFAULT_TIMEOUT_MILLISECONDS = 29_000
HTTP_TIMEOUT_MILLISECONDS = 30_000
_START = re.compile(r"states:action/Start(Sync)?Execution$")


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Attributes:
        route: method and path.
        data: its fields.
        document: the whole document.
        http_api: it is of an HTTP API, which knows no API keys.
    """

    route: str
    data: Mapping[str, Any]
    document: Mapping[str, Any]
    http_api: bool = False

    @property
    def integration(self) -> Mapping[str, Any]:
        """What answers."""
        found = self.data.get("x-amazon-apigateway-integration")
        return found if isinstance(found, dict) else {}

    @property
    def timeout_milliseconds(self) -> float:
        """How long the gateway waits."""
        found = self.integration.get("timeoutInMillis")
        default = HTTP_TIMEOUT_MILLISECONDS if self.http_api else DEFAULT_TIMEOUT_MILLISECONDS
        return found if isinstance(found, int | float) else default

    @property
    def starts_workflow(self) -> bool:
        """Whether the gateway itself starts an execution."""
        return bool(_START.search(str(self.integration.get("uri", ""))))

    @property
    def schemes(self) -> list[Mapping[str, Any]]:
        """The security schemes that it demands and API Gateway knows; it ignores all others of a document."""
        components = self.document.get("components")
        holder = components if isinstance(components, dict) else {}
        known = holder.get("securitySchemes") or self.document.get("securityDefinitions")
        names = [name for entry in self._security if isinstance(entry, dict) for name in entry]
        schemes = [known[name] for name in names if isinstance(known, dict) and isinstance(known.get(name), dict)]
        return [scheme for scheme in schemes if self._authorises(scheme)]

    def _authorises(self, scheme: Mapping[str, Any]) -> bool:
        kind = str(scheme.get("x-amazon-apigateway-authtype") or "").lower()
        authorizer = bool(scheme.get("x-amazon-apigateway-authorizer"))
        key = scheme.get("type") == "apiKey" and scheme.get("in") == "header" and not self.http_api
        return (
            kind == "awssigv4"
            or (authorizer and (bool(kind) or self.http_api))
            or (key and str(scheme.get("name")).lower() == "x-api-key")
        )

    @property
    def _by_iam(self) -> bool:
        declared = self.data.get("x-amazon-apigateway-auth")
        return isinstance(declared, dict) and str(declared.get("type")).upper() == "AWS_IAM"

    @property
    def _security(self) -> list[Any]:
        demanded = self.data.get("security", self.document.get("security"))
        return demanded if isinstance(demanded, list) else []

    @property
    def open(self) -> bool:
        """Whether everybody may call it: no demand, or one that nothing fulfils to be one."""
        return not self._by_iam and ({} in self._security or not self.schemes)

    @property
    def signed(self) -> bool:
        """Whether callers need AWS credentials."""
        kinds = [str(scheme.get("x-amazon-apigateway-authtype")).lower() for scheme in self.schemes]
        return self._by_iam or "awssigv4" in kinds

    @property
    def validator(self) -> Mapping[str, Any]:
        """The request validator that it has."""
        name = self.data.get("x-amazon-apigateway-request-validator") or self.document.get(
            "x-amazon-apigateway-request-validator"
        )
        known = self.document.get("x-amazon-apigateway-request-validators")
        found = known.get(str(name)) if isinstance(known, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def takes_body(self) -> bool:
        """Whether a body comes with its request: it says so, or its method does."""
        parameters = self.data.get("parameters")
        listed = parameters if isinstance(parameters, list) else []
        given = "requestBody" in self.data or any(isinstance(p, dict) and p.get("in") == "body" for p in listed)
        return given or self.route.split(" ")[0] in ("POST", "PUT", "PATCH")

    @property
    def has_schema(self) -> bool:
        """Whether its body has a schema that says anything."""
        parameters = self.data.get("parameters")
        schemas = [
            parameter.get("schema")
            for parameter in (parameters if isinstance(parameters, list) else [])
            if isinstance(parameter, dict) and parameter.get("in") == "body"
        ]
        body = self._resolved(self.data.get("requestBody"))
        content = body.get("content")
        media = content.values() if isinstance(content, dict) else ()
        schemas += [found.get("schema") if isinstance(found, dict) else None for found in media]
        return bool(schemas) and all(map(self._resolved, schemas))

    def _resolved(self, part: Any) -> Mapping[str, Any]:
        """A part of the document, or what it refers to there."""
        for _ in range(10):
            reference = part.get("$ref") if isinstance(part, dict) else None
            if not isinstance(reference, str):
                break
            part = self.document
            for name in reference.removeprefix("#/").split("/"):
                part = part.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(part, dict) else None
        return part if isinstance(part, dict) else {}

    @property
    def headers(self) -> dict[str, bool]:
        """The headers that it declares, in lower case, and whether each is demanded."""
        parameters = self.data.get("parameters")
        return {
            str(parameter.get("name", "")).lower(): parameter.get("required") is True
            for parameter in (parameters if isinstance(parameters, list) else [])
            if isinstance(parameter, dict) and parameter.get("in") == "header"
        }


def authorizers(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The security schemes of a document whose function decides, and its URI."""
    components = document.get("components")
    holder = components if isinstance(components, dict) else {}
    known = holder.get("securitySchemes") or document.get("securityDefinitions")
    for name, scheme in known.items() if isinstance(known, dict) else ():
        settings = scheme.get("x-amazon-apigateway-authorizer") if isinstance(scheme, dict) else None
        if isinstance(settings, dict) and settings.get("authorizerUri"):
            yield name, str(settings["authorizerUri"])


def operations(document: Mapping[str, Any], http_api: bool = False) -> Iterator[Operation]:
    """All operations but those that answer a browser's preflight."""
    paths = document.get("paths")
    for path, methods in paths.items() if isinstance(paths, dict) else ():
        for method, data in methods.items() if isinstance(methods, dict) else ():
            if method.lower() in METHODS and isinstance(data, dict):
                yield Operation(f"{method.upper()} {path}", data, document, http_api)
