"""Who sends a request, and whether the embedded IAM lets them.

The evaluator is ministack's; it is the one that decides for the services that ministack serves, so that a role means
the same everywhere. ``tests/integration/test_sandbox_services.py`` fails when an upgrade changes what is used of it.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator, responses, router

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest

_parse = iam_evaluator.parse_policy_document
_parse_text = lru_cache(4096)(_parse)


def _parse_once(document: str | dict[str, Any]) -> Any:
    return _parse_text(document) if isinstance(document, str) else _parse(document)


# Every request is evaluated with all policies of its caller; the same texts come again each time.
iam_evaluator.parse_policy_document = _parse_once


def region_and_service(request: HttpRequest) -> tuple[str, str] | None:
    """Region and service of a request's credential scope, or None when it is not signed."""
    authorization = request.header("authorization") or ""
    credential = next((value for key, value in request.query if key == "X-Amz-Credential"), "")
    if authorization.startswith("AWS4-HMAC-SHA256"):
        credential = authorization.partition("Credential=")[2].partition(",")[0]
    scope = credential.split("/")
    return (scope[-3], scope[-2]) if len(scope) >= 5 else None


def access_key(request: HttpRequest) -> str:
    """The access key a request names, empty when it names none."""
    return str(router.extract_access_key_id(dict(request.headers), _query(request)) or "")


def authorize(request: HttpRequest, service: str, action: str | None, region: str, resource_arn: str) -> Caller:
    """Check a request's signature and the caller's policies.

    Args:
        request: the request as it came.
        service: the service's signing name.
        action: the IAM action; None asks for valid credentials only.
        region: the region of the resource.
        resource_arn: the resource the action is checked on.

    Raises:
        AwsError: the credentials are missing or wrong, or no policy allows the action.
    """
    query, headers = _query(request), dict(request.headers)
    key = access_key(request)
    raw_headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers]
    responses.set_request_account_id(key)
    responses.set_request_region(region)
    iam_evaluator.pin_request_origin(request.source_ip, True)
    iam_evaluator.pin_signed_request(request.method, request.raw_path, query, raw_headers)
    iam_evaluator.pin_signed_body(request.body)
    iam_evaluator.pin_request_caller(headers, query)
    account = responses.get_account_id()
    if not key:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    denied = iam_evaluator.enforce(
        key, action or "sts:GetCallerIdentity", service if action else "sts", region, resource_arn=resource_arn
    )
    if isinstance(denied, iam_evaluator.AuthError):
        raise AwsError(denied.code, denied.message, 403)
    arn = iam_evaluator.caller_arn()
    if denied is not None:
        raise AwsError(
            "AccessDeniedException",
            f"User: {denied.principal_arn or arn} is not authorized to perform: {action} on resource: {resource_arn}",
            403 if service != "states" else 400,
        )
    return Caller(key, arn, account)


def _query(request: HttpRequest) -> dict[str, list[str]]:
    return parse_qs("&".join(f"{key}={value}" for key, value in request.query), keep_blank_values=True)
