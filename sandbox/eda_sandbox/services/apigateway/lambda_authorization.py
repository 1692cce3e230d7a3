"""``CUSTOM`` methods: a function that says who the caller is and what the caller may do, and its answers for later."""

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator

from eda_sandbox.services.apigateway import lambda_proxy
from eda_sandbox.services.apigateway.exchange import Exchange
from eda_sandbox.services.apigateway.gateway_responses import GatewayError
from eda_sandbox.services.apigateway.iam_authorization import ACTION
from eda_sandbox.services.apigateway.integrations import Backends, Invoked
from eda_sandbox.services.apigateway.java_values import to_json
from eda_sandbox.services.apigateway.model import Authorizer

TIMEOUT = 29.0
"""Seconds that a function is waited for."""
_FUNCTION = re.compile(r".*:lambda:path/+2015-03-31/functions/(.+)/invocations")
_REQUEST_FIELDS = (
    "resource",
    "path",
    "httpMethod",
    "headers",
    "multiValueHeaders",
    "queryStringParameters",
    "multiValueQueryStringParameters",
    "pathParameters",
    "stageVariables",
    "requestContext",
)


@dataclass(frozen=True)
class Answer:
    """What a function said of a caller.

    Attributes:
        principal: its ``principalId``.
        policy: its ``policyDocument``.
        context: what it passes on, as texts.
    """

    principal: str
    policy: Mapping[str, Any]
    context: Mapping[str, str]


class LambdaAuthorization:
    """Asks functions, and keeps their answers for as long as their authorisers say.

    Args:
        backends: invokes them.
        region: of the API.
    """

    def __init__(self, backends: Backends, region: str) -> None:
        self._backends = backends
        self._region = region
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ...], tuple[float, Answer]] = {}

    def authorize(self, exchange: Exchange, authorizer: Authorizer, method_arn: str) -> None:
        """Let a request in, with ``$context.authorizer``.

        Raises:
            GatewayError: it lacks what callers are told apart by, or the function refuses it, fails or answers with
                something else.
        """
        began = time.monotonic()
        answer = self._answer(exchange, authorizer, method_arn)
        _evaluate(answer, method_arn, self._region, exchange.source_ip)
        passed = {**answer.context, "principalId": answer.principal}
        exchange.context["authorizer"] = dict(passed)
        exchange.authorizer = {**passed, "integrationLatency": round((time.monotonic() - began) * 1000)}

    def _answer(self, exchange: Exchange, authorizer: Authorizer, method_arn: str) -> Answer:
        identity = _identity(exchange, authorizer)
        # A deployment's authoriser is another one's; what is used again is used for all methods of the stage.
        key = (exchange.api.id, exchange.stage.stage_name, exchange.deployment.id, authorizer.id, *identity)
        ttl = authorizer.authorizer_result_ttl_in_seconds
        with self._lock:
            until, known = self._kept.get(key, (0.0, None))
        if known is not None and until > time.time():
            return known
        answer = _read(self._ask(exchange, authorizer, identity, method_arn))
        if ttl > 0:
            with self._lock:
                self._kept[key] = (time.time() + ttl, answer)
        return answer

    def _ask(self, exchange: Exchange, authorizer: Authorizer, identity: list[str], method_arn: str) -> Invoked:
        found = _FUNCTION.fullmatch(authorizer.authorizer_uri or "")
        if found is None:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=f"authorizer URI {authorizer.authorizer_uri}")
        event: dict[str, Any] = {"type": authorizer.type, "methodArn": method_arn}
        if authorizer.type == "TOKEN":
            event["authorizationToken"] = identity[0]
        else:
            request = lambda_proxy.event(exchange)
            # What a request has none of is empty here, and null in an integration's event.
            event |= {name: request[name] if request[name] is not None else {} for name in _REQUEST_FIELDS}
        source = (
            f"arn:aws:execute-api:{exchange.region}:{exchange.account}:{exchange.api.id}/authorizers/{authorizer.id}"
        )
        try:
            return self._backends.invoke(
                found[1], to_json(event).encode(), exchange, authorizer.authorizer_credentials, False, TIMEOUT, source
            )
        except GatewayError as error:
            configured = error.response_type == "API_CONFIGURATION_ERROR"
            kind = "AUTHORIZER_CONFIGURATION_ERROR" if configured else "AUTHORIZER_FAILURE"
            raise GatewayError(kind, detail=error.detail) from error


def _identity(exchange: Exchange, authorizer: Authorizer) -> list[str]:
    """The values of the identity sources.

    Raises:
        GatewayError: one is missing or empty, or is none that the authoriser takes.
    """
    found = [_source(exchange, source) for source in authorizer.identity_source.split(",") if source]
    if not all(found):
        raise GatewayError("UNAUTHORIZED")
    pattern = authorizer.identity_validation_expression
    if pattern is not None and not all(re.fullmatch(pattern, value) for value in found):
        raise GatewayError("UNAUTHORIZED")
    return found


def _source(exchange: Exchange, source: str) -> str:
    place, _, name = source.partition(".")
    if place == "stageVariables":
        return exchange.stage.variables.get(name, "")
    if place == "context":
        node: Any = exchange.context
        for part in name.split("."):
            node = node.get(part) if isinstance(node, Mapping) else None
        return "" if node is None else str(node)
    _, where, name = source.removeprefix("method.").split(".", 2)
    if where == "header":
        return exchange.header(name) or ""
    return (exchange.query.get(name) or [""])[-1]


def _read(invoked: Invoked) -> Answer:
    try:
        said = json.loads(invoked.payload)
    except ValueError as error:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail="the authorizer answered with no JSON") from error
    if invoked.function_error:
        message = said.get("errorMessage") if isinstance(said, dict) else None
        if message == "Unauthorized":
            raise GatewayError("UNAUTHORIZED")
        raise GatewayError("AUTHORIZER_FAILURE", detail=f"authorizer: {message}")
    if not isinstance(said, dict) or not isinstance(said.get("principalId"), str) or not said["principalId"]:
        raise _malformed("no principalId")
    policy, context = said.get("policyDocument"), said.get("context") or {}
    if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
        raise _malformed("no policyDocument with a Statement")
    if not isinstance(context, dict) or not all(isinstance(value, str | int | float) for value in context.values()):
        raise _malformed("a context that is no map of texts, numbers and booleans")
    return Answer(said["principalId"], policy, {name: _text(value) for name, value in context.items()})


def _malformed(why: str) -> GatewayError:
    return GatewayError("AUTHORIZER_CONFIGURATION_ERROR", detail=f"the authorizer's answer has {why}")


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _evaluate(answer: Answer, method_arn: str, region: str, source_ip: str) -> None:
    context = iam_evaluator.EvalContext(
        principal_arn=answer.principal,
        principal_type="Anonymous",
        principal_account="",
        action=ACTION,
        resource_arn=method_arn,
        region=region,
        source_ip=source_ip,
        service_context={},
        principal_keys={},
    )
    decision = iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(dict(answer.policy))]).decision
    if decision == "Deny":
        raise GatewayError("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny")
    if decision != "Allow":
        raise GatewayError("ACCESS_DENIED", "User is not authorized to access this resource")
