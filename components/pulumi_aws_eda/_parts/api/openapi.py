"""The OpenAPI document of an EventApi, with API Gateway's extensions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eda_runtime.statuses import title_of

from pulumi_aws_eda._parts.api.admission import UNKNOWN

PROBLEM = "application/problem+json"
RETRY_AFTER_SECONDS = 2
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_GATEWAY_RESPONSES: dict[str, tuple[int, str]] = {
    "ACCESS_DENIED": (403, "the caller may not do this"),
    "API_CONFIGURATION_ERROR": (500, "the service is not set up correctly"),
    "BAD_REQUEST_BODY": (400, "the body is not valid; see the API's document for its form"),
    "BAD_REQUEST_PARAMETERS": (400, "a required header or parameter is missing; see the API's document"),
    "DEFAULT_4XX": (400, "the request is not valid"),
    "DEFAULT_5XX": (503, "the service is not available; try again"),
    "EXPIRED_TOKEN": (403, "the credentials have expired"),
    # 503 says that nothing was done; of a call that broke, or took too long, nobody here knows (RFC 9110, 15.6.5).
    "INTEGRATION_FAILURE": (504, "the service gave no answer; try again, with the same key"),
    "INTEGRATION_TIMEOUT": (504, "the service did not answer in time; try again, with the same key"),
    "INVALID_API_KEY": (403, "a valid API key is needed"),
    "INVALID_SIGNATURE": (403, "the signature of the request is not valid"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "there is no such resource, or the request is not signed"),
    "QUOTA_EXCEEDED": (429, "the quota of the API key is used up"),
    "RESOURCE_NOT_FOUND": (404, "there is no such resource"),
    "THROTTLED": (429, "too many requests; try again later"),
    "UNAUTHORIZED": (401, "valid credentials are needed"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "send the body as application/json"),
}


def gateway_responses(more: Mapping[str, str] | None = None, *, denies_tokens: bool = False) -> dict[str, Any]:
    """The gateway's own errors as problem+json, with ``Retry-After`` where waiting helps: all but
    ``REQUEST_TOO_LARGE`` (over 10 MB), which cannot be customised (Developer Guide, important notes for REST APIs).

    Args:
        more: parameters that each has.
        denies_tokens: the authoriser denies access to whoever has no token that is valid, which is 401.
    """
    responses = {}
    for kind, usual in _GATEWAY_RESPONSES.items():
        status, detail = _GATEWAY_RESPONSES["UNAUTHORIZED"] if denies_tokens and kind == "ACCESS_DENIED" else usual
        headers = {"gatewayresponse.header.Content-Type": f"'{PROBLEM}'", **(more or {})}
        if status in (429, 503, 504):
            headers["gatewayresponse.header.Retry-After"] = f"'{RETRY_AFTER_SECONDS}'"
        responses[kind] = {
            "statusCode": str(status),
            "responseParameters": headers,
            "responseTemplates": {"application/json": problem(status, detail)},
        }
    return responses


def problem(status: int, detail: str) -> str:
    """A problem document."""
    return json.dumps({"type": "about:blank", "title": title_of(status), "status": status, "detail": detail})


def lambda_integration(invoke_arn: str) -> dict[str, Any]:
    """A function answers."""
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": invoke_arn, "passthroughBehavior": "when_no_match"}


def workflow_integration(
    action_arn: str,
    role_arn: str,
    template: str,
    location: str | None,
    answering: str = "",
) -> dict[str, Any]:
    """API Gateway calls the admission machine itself.

    Args:
        action_arn: what API Gateway does: ``StartSyncExecution`` in its own form of an ARN.
        role_arn: the role API Gateway calls it as.
        template: of the request to the machine.
        location: reference to the resource that is made, relative to the route's path, with ``{id}``; None: the request
            is stored, and there is nothing to look at.
        answering: VTL at the beginning of each answer's template.
    """
    unavailable = {
        "statusCode": "503",
        "responseParameters": {
            "method.response.header.Content-Type": f"'{PROBLEM}'",
            "method.response.header.Retry-After": f"'{RETRY_AFTER_SECONDS}'",
        },
        "responseTemplates": {"application/json": answering + problem(503, "the service is not available; try again")},
    }
    return {
        "type": "aws",
        "httpMethod": "POST",
        "uri": action_arn,
        "credentials": role_arn,
        "passthroughBehavior": "never",
        "requestTemplates": {"application/json": template},
        "responses": {
            "default": unavailable,
            "200": {
                "statusCode": "202",
                "responseTemplates": {"application/json": answering + _response_template(location)},
            },
        },
    }


def _response_template(location: str | None) -> str:
    # StartSyncExecution answers 200 for a machine that failed, too.
    return (
        "#if($input.path('$.status') == 'SUCCEEDED')"
        "#set($out = $util.parseJson($input.path('$.output')))"
        "#set($context.responseOverride.status = $out.status)"
        "#if($out.status == 202)"
        f"{_accepted(location)}"
        "#else"
        f"#set($context.responseOverride.header.Content-Type = '{PROBLEM}')"
        "#if($out.status == 400)#set($title = 'Bad Request')"
        f"#elseif($out.status == 413)#set($title = '{title_of(413)}')"
        f"#else#set($title = '{title_of(422)}')#end"
        '{"type":"about:blank","title":"$title","status":$out.status,"detail":"$out.detail"}'
        "#end"
        "#else"
        f"#set($context.responseOverride.header.Content-Type = '{PROBLEM}')"
        f"#set($context.responseOverride.header.Retry-After = '{RETRY_AFTER_SECONDS}')"
        # Whether it was accepted is not known where the machine ran out of time, or says so itself.
        f"#if($input.path('$.status') == 'TIMED_OUT' || $input.path('$.error') == '{UNKNOWN}')"
        "#set($context.responseOverride.status = 504)"
        f"{problem(504, _GATEWAY_RESPONSES['INTEGRATION_FAILURE'][1])}"
        "#else"
        "#set($context.responseOverride.status = 503)"
        f"{problem(503, 'the service is not available; try again')}"
        "#end"
        "#end"
    )


def _accepted(location: str | None) -> str:
    if location is None:
        return '{"id":"$out.id"}'
    reference = "${up}" + location.replace("{id}", "$out.id")
    return (
        # The same resource with a slash at its end is a folder deeper for whoever resolves the reference.
        "#set($up = '')#if($context.path.endsWith('/'))#set($up = '../')#end"
        f'#set($location = "{reference}")'
        "#set($context.responseOverride.header.Location = $location)"
        '{"order_id":"$out.id","links":{"self":"$location"}}'
    )


def operation(
    operation_id: str,
    integration: Mapping[str, Any],
    parameters: list[Mapping[str, Any]],
    security: Sequence[Mapping[str, list[str]]],
    request_schema: Mapping[str, Any] | None,
    statuses: list[int],
    validator: str,
) -> dict[str, Any]:
    """One operation of the document."""
    described: dict[str, Any] = {
        "operationId": operation_id,
        "parameters": parameters,
        "security": security,
        "responses": {str(status): _response(status) for status in statuses},
        "x-amazon-apigateway-request-validator": validator,
        "x-amazon-apigateway-integration": integration,
    }
    if request_schema is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": request_schema}}}
    return described


def _response(status: int) -> dict[str, Any]:
    headers = {"Content-Type": {"schema": {"type": "string"}}}
    if status == 202:
        headers["Location"] = {"schema": {"type": "string"}}
    if status in (429, 503, 504):
        headers["Retry-After"] = {"schema": {"type": "integer"}}
    answer: dict[str, Any] = {"description": title_of(status), "headers": headers}
    if status >= 400:
        answer["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return answer
