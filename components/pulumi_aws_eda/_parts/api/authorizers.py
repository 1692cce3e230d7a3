"""Who may call an API: its security scheme, and where a function decides it, that function."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NotRequired, TypedDict

import pulumi

from pulumi_aws_eda._parts.args import ArgumentError, check, number, one_of

_HEADER_SOURCE = re.compile(r"method\.request\.header\.([A-Za-z0-9_-]+)")
_SOURCE = re.compile(
    r"method\.request\.(?:header|querystring)\.[A-Za-z0-9._$-]+|(?:context|stageVariables)\.[A-Za-z0-9._-]+"
)
_BEARER = "method.request.header.Authorization"


class Authorization(Enum):
    """Who may call the API."""

    AWS_IAM = "AWS_IAM"
    """Callers with AWS credentials whose policies allow ``execute-api:Invoke``."""
    COGNITO = "COGNITO"
    """Users of Cognito user pools, by their ID token."""
    JWT = "JWT"
    """Whoever has a token of an OpenID Connect issuer, by ``jwt_authorizer``."""
    LAMBDA = "LAMBDA"
    """Whom a function lets in, by ``lambda_authorizer``."""
    API_KEY = "API_KEY"
    """Callers with an API key of the usage plan."""
    NONE = "NONE"
    """Everybody."""


class AuthorizerType(Enum):
    """What a Lambda authoriser is given."""

    REQUEST = "REQUEST"
    """The request without its body."""
    TOKEN = "TOKEN"  # noqa: S105
    """The value of one header."""


class LambdaAuthorizerArgs(TypedDict):
    """A function that decides who may call. It answers with ``principalId``, ``policyDocument`` and, where it likes,
    ``context``; it raises ``Exception("Unauthorized")`` for 401. The principal is the tenant that rows and idempotency
    keys belong to: one for each caller, and never empty. An answer is used again for all routes, so a policy that
    names one method alone shuts out the next."""

    function_name: pulumi.Input[str]
    """The function's name; the API gets the permission to invoke it."""
    invoke_arn: pulumi.Input[str]
    """The function's invoke ARN."""
    type: NotRequired[AuthorizerType]
    """What it is given; default ``REQUEST``."""
    identity_sources: NotRequired[Sequence[str]]
    """What callers are told apart by: ``method.request.header.NAME`` and, of ``REQUEST``,
    ``method.request.querystring.NAME``, ``context.NAME``, ``stageVariables.NAME``. A request that lacks one is
    refused with 401 before the function is asked. Default: the header ``Authorization``."""
    validation_expression: NotRequired[str]
    """Of ``TOKEN``: a regular expression for the header; what does not match is refused with 401 at once."""
    cache_seconds: NotRequired[int]
    """How long an answer is used again for the same identity sources, 0 to 3600 (API Gateway's quota); default 300."""


class JwtAuthorizerArgs(TypedDict):
    """Tokens (RFC 7519) of an OpenID Connect issuer, in the header ``Authorization``, with or without ``Bearer``,
    signed with RS256, RS384 or RS512. The caller is issuer and subject."""

    issuer: str
    """The token's ``iss``, an ``https`` URL, such as ``https://login.example.com/``."""
    audience: Sequence[str]
    """The token's ``aud``, or else its ``client_id``, is one of them."""
    jwks_uri: NotRequired[str]
    """Where the issuer publishes its keys; default: what its ``.well-known/openid-configuration`` says."""
    reserved_concurrent_executions: NotRequired[int]
    """Instances of the function that verifies them that run at once at most, 1 or more; default: the account's."""
    cache_seconds: NotRequired[int]
    """How long an answer is used again for the same token, 0 to 3600 (API Gateway's quota), and at most so much longer
    than the token itself holds; default 300."""


SCHEMES = {
    Authorization.AWS_IAM: "sigv4",
    Authorization.COGNITO: "cognito",
    Authorization.JWT: "jwt",
    Authorization.LAMBDA: "authorizer",
    Authorization.API_KEY: "api_key",
}
"""The name of the document's security scheme."""


def check_authorization(component: str, args: Mapping[str, Any]) -> Authorization:
    """The authorisation, with what it needs checked.

    Args:
        component: for messages.
        args: of the API.

    Raises:
        ArgumentError: something is missing, not allowed, or of another authorisation.
    """
    kind: Authorization = one_of(component, args, "authorization", Authorization, Authorization.AWS_IAM)
    needs = {
        Authorization.COGNITO: "user_pool_arns",
        Authorization.JWT: "jwt_authorizer",
        Authorization.LAMBDA: "lambda_authorizer",
    }
    if kind in needs and not args.get(needs[kind]):
        raise ArgumentError(component, needs[kind], f"is missing; {kind.value} needs it")
    for other, argument in needs.items():
        if other is not Authorization.COGNITO and other is not kind and args.get(argument):
            raise ArgumentError(component, argument, f"is of the authorization {other.value}, not of {kind.value}")
    if kind is Authorization.LAMBDA:
        _check_lambda(f"{component}, lambda_authorizer", args["lambda_authorizer"])
    if kind is Authorization.JWT:
        _check_jwt(f"{component}, jwt_authorizer", args["jwt_authorizer"])
    return kind


def _check_lambda(where: str, given: Mapping[str, Any]) -> None:
    check(where, given, LambdaAuthorizerArgs)
    kind = one_of(where, given, "type", AuthorizerType, AuthorizerType.REQUEST)
    number(where, given, "cache_seconds", 300, 0, 3600)
    sources = given.get("identity_sources", [_BEARER])
    if not sources:
        raise ArgumentError(where, "identity_sources", "is empty; leave it out for the header Authorization")
    for source in sources:
        if not _SOURCE.fullmatch(source):
            raise ArgumentError(where, "identity_sources", f"has {source!r}; one is {_BEARER!r}, for example")
    if kind is AuthorizerType.TOKEN and (len(sources) > 1 or not _HEADER_SOURCE.fullmatch(sources[0])):
        raise ArgumentError(where, "identity_sources", "must be one header for a TOKEN")
    if kind is AuthorizerType.REQUEST and given.get("validation_expression") is not None:
        raise ArgumentError(where, "validation_expression", "is of a TOKEN")


def _check_jwt(where: str, given: Mapping[str, Any]) -> None:
    check(where, given, JwtAuthorizerArgs)
    number(where, given, "cache_seconds", 300, 0, 3600)
    number(where, given, "reserved_concurrent_executions", 1, 1, 100_000)
    for argument in ("issuer", "jwks_uri"):
        if given.get(argument) is not None and not given[argument].startswith("https://"):
            raise ArgumentError(where, argument, f"is {given[argument]!r}; it must be an https URL")
    if not given["audience"] or isinstance(given["audience"], str):
        raise ArgumentError(where, "audience", "must be a list of one or more")


def security_schemes(
    authorization: Authorization, args: Mapping[str, Any], jwt_invoke_arn: pulumi.Input[str] | None
) -> dict[str, Any]:
    """The document's security schemes.

    Args:
        authorization: of the API.
        args: of the API, checked.
        jwt_invoke_arn: of the function that verifies tokens.
    """
    header = "Authorization"
    match authorization:
        case Authorization.AWS_IAM:
            scheme: dict[str, Any] = {"x-amazon-apigateway-authtype": "awsSigv4"}
        case Authorization.COGNITO:
            providers = list(args["user_pool_arns"])
            scheme = {
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": providers},
            }
        case Authorization.JWT:
            jwt = {"type": AuthorizerType.TOKEN, **args["jwt_authorizer"], "invoke_arn": jwt_invoke_arn}
            scheme = _custom(jwt)
        case Authorization.LAMBDA:
            given = args["lambda_authorizer"]
            sources = given.get("identity_sources", [_BEARER])
            named = [found[1] for source in sources if (found := _HEADER_SOURCE.fullmatch(source))]
            # The scheme wants a header; what counts are the sources.
            header, scheme = (named or [header])[0], _custom(given)
        case Authorization.API_KEY:
            header, scheme = "x-api-key", {}
        case Authorization.NONE:
            return {}
    return {SCHEMES[authorization]: {"type": "apiKey", "in": "header", "name": header, **scheme}}


def _custom(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = AuthorizerType(given.get("type", AuthorizerType.REQUEST))
    authorizer = {
        "type": kind.value.lower(),
        "authorizerUri": given["invoke_arn"],
        # Numbers that came over the plugin boundary are floats.
        "authorizerResultTtlInSeconds": int(given.get("cache_seconds", 300)),
        "identitySource": ", ".join(given.get("identity_sources", [_BEARER])),
    }
    if given.get("validation_expression") is not None:
        authorizer["identityValidationExpression"] = given["validation_expression"]
    return {"x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": authorizer}
