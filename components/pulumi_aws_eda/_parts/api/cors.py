"""Which web pages of other origins may use an API, as the Fetch standard's CORS protocol asks.

The gateway answers the preflight itself and adds the headers to its own errors and to the answers of workflow routes.
A function's answer goes out as it is (proxy integration), so the stage tells functions, in its variables, what
``eda_runtime`` adds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from eda_runtime.stage_variables import ANY_ORIGIN, CORS_EXPOSED, CORS_ORIGINS

from pulumi_aws_eda._parts.args import ArgumentError, check, number

LONGEST_VARIABLE = 512
"""Characters of a stage variable's value (API Gateway's quotas)."""
ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Api-Key",
    "X-Correlation-Id",
    "traceparent",
)
EXPOSED_HEADERS = ("Location", "Retry-After", "X-Correlation-Id")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_TOKEN = re.compile("[A-Za-z0-9_-]+")
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_ALLOW_ORIGIN = "Access-Control-Allow-Origin"


class CorsArgs(TypedDict):
    """Which web pages of other origins may use the API. Cookies are not asked for: callers send a token or a key."""

    allow_origins: Sequence[str]
    """Origins such as ``https://shop.example.com``, without a path, or ``*`` alone for all. All together take 512
    characters (API Gateway's quota of a stage variable)."""
    allow_headers: NotRequired[Sequence[str]]
    """Headers that a page may send; default: ``Authorization``, ``Content-Type``, ``X-Api-Key``, those of a signature
    and those of a workflow route."""
    allow_methods: NotRequired[Sequence[str]]
    """Methods that a page may use; default: those that the path has."""
    expose_headers: NotRequired[Sequence[str]]
    """Headers of an answer that a page may read; default ``Location``, ``Retry-After``, ``X-Correlation-Id``."""
    max_age: NotRequired[int]
    """Seconds that a browser may remember a preflight, 0 to 86400 (no browser takes more); default 600."""


@dataclass(frozen=True)
class Cors:
    """What is allowed, checked; see ``CorsArgs``."""

    origins: Sequence[str]
    headers: Sequence[str]
    methods: Sequence[str] | None
    exposed: Sequence[str]
    max_age: int

    @property
    def variables(self) -> dict[str, str]:
        """Variables of the stage, from which functions know it."""
        # A stage variable has no asterisk (API Gateway's API reference).
        origins = ANY_ORIGIN if self.origins == ["*"] else ",".join(self.origins)
        return {CORS_ORIGINS: origins, CORS_EXPOSED: ",".join(self.exposed)}

    @property
    def gateway_headers(self) -> dict[str, str]:
        """Parameters of the gateway's own errors, which can be no choice: of several origins all may read them."""
        origin = self.origins[0] if len(self.origins) == 1 else "*"
        return {
            f"gatewayresponse.header.{_ALLOW_ORIGIN}": f"'{origin}'",
            "gatewayresponse.header.Access-Control-Expose-Headers": f"'{','.join(self.exposed)}'",
        }

    @property
    def template(self) -> str:
        """VTL at the beginning of a response template, which renders nothing and sets the headers."""
        exposed = _header("Access-Control-Expose-Headers", f"'{','.join(self.exposed)}'")
        return exposed + self._allowed_origin

    @property
    def _allowed_origin(self) -> str:
        if len(self.origins) == 1:
            return _header(_ALLOW_ORIGIN, f"'{self.origins[0]}'")
        allowed = " || ".join(f"$origin == '{origin}'" for origin in self.origins)
        return (
            # By its name in any case: HTTP/2 clients send lower case.
            "#set($origin = '')#set($sent = $input.params().header)#foreach($name in $sent.keySet())"
            "#if($name.equalsIgnoreCase('origin'))#set($origin = $sent.get($name))#end#end"
            f"#if({allowed}){_header(_ALLOW_ORIGIN, '$origin')}#end" + _header("Vary", "'Origin'")
        )

    def preflight(self, operation_id: str, parameters: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> Any:
        """The operation ``OPTIONS`` of a path, which the gateway answers alone and everybody may ask.

        Args:
            operation_id: its name.
            parameters: of the path.
            methods: that the path has.
        """
        headers = {
            "Access-Control-Allow-Headers": ",".join(self.headers),
            "Access-Control-Allow-Methods": ",".join(self.methods or methods),
            "Access-Control-Max-Age": str(self.max_age),
        }
        answer = {
            "statusCode": "204",
            "responseParameters": {f"method.response.header.{name}": f"'{value}'" for name, value in headers.items()},
            "responseTemplates": {"application/json": self._allowed_origin},
        }
        declared = {name: {"schema": {"type": "string"}} for name in (*headers, _ALLOW_ORIGIN, "Vary")}
        return {
            "operationId": operation_id,
            "parameters": list(parameters),
            "security": [],
            "responses": {"204": {"description": "No Content", "headers": declared}},
            "x-amazon-apigateway-integration": {
                "type": "mock",
                "passthroughBehavior": "when_no_match",
                "requestTemplates": {"application/json": '{"statusCode":204}'},
                "responses": {"default": answer},
            },
        }


def cors(component: str, given: CorsArgs | None) -> Cors | None:
    """The argument, checked; None: there is none.

    Raises:
        ArgumentError: an origin, header or method is none, or there are too many.
    """
    if given is None:
        return None
    where = f"{component}, cors"
    check(where, given, CorsArgs)
    origins = list(dict.fromkeys(given["allow_origins"]))
    if not origins:
        raise ArgumentError(where, "allow_origins", "is empty")
    for origin in origins if origins != ["*"] else []:
        if not _ORIGIN.fullmatch(origin):
            problem = f"has {origin!r}; it must be a scheme and a host such as 'https://example.com', or '*' alone"
            raise ArgumentError(where, "allow_origins", problem)
    headers = _tokens(where, "allow_headers", given.get("allow_headers", ALLOWED_HEADERS))
    exposed = _tokens(where, "expose_headers", given.get("expose_headers", EXPOSED_HEADERS))
    methods = given.get("allow_methods")
    for method in methods or ():
        if method not in _METHODS:
            raise ArgumentError(where, "allow_methods", f"has {method!r}; allowed are {', '.join(_METHODS)}")
    age = number(where, given, "max_age", 600, 0, 86400)
    made = Cors(origins, headers, methods, exposed, age)
    for argument, value in zip(("allow_origins", "expose_headers"), made.variables.values(), strict=True):
        if len(value) > LONGEST_VARIABLE:
            raise ArgumentError(where, argument, f"has {len(value)} characters; allowed are {LONGEST_VARIABLE}")
    return made


def _tokens(where: str, argument: str, given: Sequence[str]) -> list[str]:
    for name in given:
        # A comma between them is the only character that a variable takes beside those of a name.
        if not _TOKEN.fullmatch(name):
            raise ArgumentError(where, argument, f"has {name!r}, which is no header's name")
    return list(given)


def _header(name: str, value: str) -> str:
    return f"#set($context.responseOverride.header.{name} = {value})"
