"""Reading OpenAPI documents with API Gateway's extensions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "x-amazon-apigateway-any-method")
DEFAULT_TIMEOUT_MILLISECONDS = 29_000
_START = re.compile(r"states:action/Start(Sync)?Execution$")


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Attributes:
        route: method and path.
        data: its fields.
        document: the whole document.
    """

    route: str
    data: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def integration(self) -> Mapping[str, Any]:
        """What answers."""
        found = self.data.get("x-amazon-apigateway-integration")
        return found if isinstance(found, dict) else {}

    @property
    def timeout_milliseconds(self) -> float:
        """How long the gateway waits."""
        found = self.integration.get("timeoutInMillis")
        return found if isinstance(found, int | float) else DEFAULT_TIMEOUT_MILLISECONDS

    @property
    def starts_workflow(self) -> bool:
        """Whether the gateway itself starts an execution."""
        return bool(_START.search(str(self.integration.get("uri", ""))))

    @property
    def schemes(self) -> list[Mapping[str, Any]]:
        """The security schemes that it demands; a demand that names no scheme of the document is none."""
        components = self.document.get("components")
        holder = components if isinstance(components, dict) else {}
        known = holder.get("securitySchemes") or self.document.get("securityDefinitions")
        names = [name for entry in self._security if isinstance(entry, dict) for name in entry]
        return [known[name] for name in names if isinstance(known, dict) and isinstance(known.get(name), dict)]

    @property
    def _security(self) -> list[Any]:
        demanded = self.data.get("security", self.document.get("security"))
        return demanded if isinstance(demanded, list) else []

    @property
    def open(self) -> bool:
        """Whether everybody may call it: no demand, or one that nothing fulfils to be one."""
        return {} in self._security or not self.schemes

    @property
    def signed(self) -> bool:
        """Whether callers need AWS credentials."""
        return any(scheme.get("x-amazon-apigateway-authtype") == "awsSigv4" for scheme in self.schemes)

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
        """Whether its request has a body with a schema."""
        parameters = self.data.get("parameters")
        listed = parameters if isinstance(parameters, list) else []
        return "requestBody" in self.data or any(isinstance(p, dict) and p.get("in") == "body" for p in listed)

    @property
    def headers(self) -> dict[str, bool]:
        """The headers that it declares, in lower case, and whether each is demanded."""
        parameters = self.data.get("parameters")
        return {
            str(parameter.get("name", "")).lower(): parameter.get("required") is True
            for parameter in (parameters if isinstance(parameters, list) else [])
            if isinstance(parameter, dict) and parameter.get("in") == "header"
        }


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """All operations but those that answer a browser's preflight."""
    paths = document.get("paths")
    for path, methods in paths.items() if isinstance(paths, dict) else ():
        for method, data in methods.items() if isinstance(methods, dict) else ():
            if method.lower() in METHODS and isinstance(data, dict):
                yield Operation(f"{method.upper()} {path}", data, document)
