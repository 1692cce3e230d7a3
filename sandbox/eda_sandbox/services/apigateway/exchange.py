"""One request on its way through an API: what is known of it, and ``$context``."""

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eda_sandbox.foundation import jsonpath
from eda_sandbox.services.apigateway.java_values import Unprinted, parse_json
from eda_sandbox.services.apigateway.mapping import Sources
from eda_sandbox.services.apigateway.model import Definition, Deployment, RestApi, Stage
from eda_sandbox.services.apigateway.routing import Route

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: the API's, or an integration's before it is mapped."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Exchange:
    """A request to a deployed stage. Header names keep the case they came with; ``headers`` is by lower case name."""

    api: RestApi
    stage: Stage
    deployment: Deployment
    region: str
    account: str
    http_method: str
    path: str
    query: dict[str, list[str]]
    raw_headers: list[tuple[str, str]]
    body: bytes
    source_ip: str
    trace_id: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_request_id: str = field(default_factory=lambda: secrets.token_urlsafe(11)[:15] + "=")
    started: float = field(default_factory=time.time)
    route: Route | None = None
    context: dict[str, Any] = field(default_factory=dict)
    integration_started: float | None = None
    authorizer: dict[str, Any] | None = None
    backend_answered: bool = False

    def __post_init__(self) -> None:
        self.headers: dict[str, list[str]] = {}
        for name, value in self.raw_headers:
            self.headers.setdefault(name.lower(), []).append(value)
        moment = time.gmtime(self.started)
        domain = f"{self.api.id}.execute-api.{self.region}.amazonaws.com"
        self.context = {
            "accountId": self.account,
            "apiId": self.api.id,
            "deploymentId": self.deployment.id,
            "domainName": domain,
            "domainPrefix": self.api.id,
            "extendedRequestId": self.extended_request_id,
            "httpMethod": self.http_method,
            "identity": Unprinted(
                {
                    "accessKey": None,
                    "accountId": None,
                    "caller": None,
                    "cognitoAuthenticationProvider": None,
                    "cognitoAuthenticationType": None,
                    "cognitoIdentityId": None,
                    "cognitoIdentityPoolId": None,
                    "principalOrgId": None,
                    "sourceIp": self.source_ip,
                    "user": None,
                    "userAgent": self.header("user-agent"),
                    "userArn": None,
                }
            ),
            "path": f"/{self.stage.stage_name}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": time.strftime(f"%d/{_MONTHS[moment.tm_mon - 1]}/%Y:%H:%M:%S +0000", moment),
            "requestTimeEpoch": int(self.started * 1000),
            "requestOverride": Unprinted(header=Unprinted(), path=Unprinted(), querystring=Unprinted()),
            "responseOverride": Unprinted(header=Unprinted()),
            "stage": self.stage.stage_name,
            **({"xrayTraceId": self.trace_id} if self.stage.tracing_enabled else {}),
        }

    def came_by(self, domain_name: str, base_path: str) -> None:
        """The request came by a domain of one's own."""
        prefix = f"/{base_path}" if base_path else ""
        self.context |= {
            "customDomain": {"basePathMatched": base_path or "(none)"},
            "domainName": domain_name,
            "domainPrefix": domain_name.partition(".")[0],
            "path": f"{prefix}{self.path}",
        }

    @property
    def definition(self) -> Definition:
        return self.deployment.definition

    @property
    def identity(self) -> dict[str, Any]:
        found: dict[str, Any] = self.context["identity"]
        return found

    def header(self, name: str) -> str | None:
        values = self.headers.get(name.lower())
        return values[-1] if values else None

    @property
    def sent_headers(self) -> dict[str, list[str]]:
        """The headers by their names as they were sent."""
        found: dict[str, list[str]] = {}
        for name, value in self.raw_headers:
            found.setdefault(name, []).append(value)
        return found

    @property
    def content_type(self) -> str:
        """The media type without its parameters; ``application/json`` when the request names none."""
        return (self.header("content-type") or "application/json").split(";")[0].strip().lower()

    @property
    def forwarded_headers(self) -> list[tuple[str, str]]:
        """The request's headers with those that API Gateway sets."""
        forwarded_for = ", ".join([*self.headers.get("x-forwarded-for", []), self.source_ip])
        ours = {
            "host": ("Host", self.context["domainName"]),
            "x-amzn-trace-id": ("X-Amzn-Trace-Id", self.trace_id),
            "x-forwarded-for": ("X-Forwarded-For", forwarded_for),
            "x-forwarded-port": ("X-Forwarded-Port", "443"),
            "x-forwarded-proto": ("X-Forwarded-Proto", "https"),
        }
        kept = [item for item in self.raw_headers if item[0].lower() not in ours]
        return [*kept, *ours.values()]

    @property
    def path_parameters(self) -> dict[str, str]:
        return self.route.path_parameters if self.route else {}

    def routed(self, route: Route) -> None:
        self.route = route
        self.context["resourceId"] = route.resource.id
        self.context["resourcePath"] = route.resource.path

    def sources(self, reply: Reply | None = None) -> Sources:
        """What parameter mappings of this request read from."""
        return Sources(
            path=self.path_parameters,
            query=self.query,
            headers=self.forwarded_headers,
            body=lambda path: _from_body(self.body, path),
            context=self.context,
            stage_variables=self.stage.variables,
            response_headers=reply.headers if reply else (),
            response_body=lambda path: _from_body(reply.body if reply else b"", path),
        )

    def variables(self) -> Mapping[str, Any]:
        """``$context`` and ``$stageVariables``."""
        return {"context": self.context, "stageVariables": self.stage.variables}


def _from_body(body: bytes, path: str) -> Any:
    text = body.decode("utf-8", "replace")
    if path == "$":
        return text
    try:
        return jsonpath.evaluate(path, parse_json(text))
    except (ValueError, RecursionError):
        return None


def trace_header(given: str | None, *, traced: bool) -> str:
    """The X-Ray trace header that a request goes on with: the caller's trace, or a new one.

    A traced stage decides for the trace when the caller has not; the sandbox samples everything.
    """
    fields = dict(part.strip().partition("=")[::2] for part in (given or "").split(";") if "=" in part)
    own = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    fields.setdefault("Root", own)
    if traced:
        fields.setdefault("Sampled", "1")
    return ";".join(f"{name}={fields[name]}" for name in ("Root", "Parent", "Sampled") if name in fields)
