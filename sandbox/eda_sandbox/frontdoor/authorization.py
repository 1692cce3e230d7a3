"""Who sends a request, and whether the embedded IAM lets them.

The evaluator is ministack's; it is the one that decides for the services that ministack serves, so that a role means
the same everywhere. ``tests/integration/test_sandbox_services.py`` fails when an upgrade changes what is used of it.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator, responses, router

from eda_sandbox.foundation.caller import Caller
from eda_sandbox.foundation.cloud import ROOT_KEY
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.frontdoor.asked import Asked

_SIGNED = "AWS4-HMAC-SHA256 Credential="

_enforce = iam_evaluator.enforce


def _of_all_but_root(access_key_id: str, *asked: Any, **more: Any) -> Any:
    return None if access_key_id == ROOT_KEY else _enforce(access_key_id, *asked, **more)


# The account's root may do everything, however it signs: what was checked here goes on in its name.
iam_evaluator.enforce = _of_all_but_root


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
    authorization = request.header("authorization") or ""
    if authorization.startswith(_SIGNED):
        # Asked for many times for each request; the emulator's own way looks at all headers and the query.
        return authorization[len(_SIGNED) :].partition("/")[0]
    return str(router.extract_access_key_id(dict(request.headers), _query(request)) or "")


def authorize(request: HttpRequest, service: str, asked: Sequence[Asked], region: str) -> Caller:
    """Check a request's signature and the caller's policies, as ``check`` does.

    Returns:
        The caller.
    """
    check(request, service, asked, region)
    key, account = access_key(request), responses.get_account_id()
    return Caller(key, getattr(iam_evaluator.resolve_credential(key, account), "principal_arn", ""), account)


def check(request: HttpRequest, service: str, asked: Sequence[Asked], region: str) -> None:
    """Check a request's signature and the caller's policies.

    Args:
        request: the request as it came.
        service: the service's signing name.
        asked: what the caller needs, all of it.
        region: the region of the resources.

    Raises:
        AwsError: the credentials are missing or wrong, or no policy allows one of the actions.
    """
    key = access_key(request)
    raw_headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in request.headers]
    responses.set_request_account_id(key)
    responses.set_request_region(region)
    iam_evaluator.pin_request_origin(request.source_ip, True)
    iam_evaluator.pin_signed_request(request.method, request.raw_path, _query(request), raw_headers)
    iam_evaluator.pin_signed_body(request.body)
    if not key:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    for action, resource, keys in asked:
        denied = iam_evaluator.enforce(
            key,
            action or "sts:GetCallerIdentity",
            service if action else "sts",
            region,
            resource_arn=resource,
            service_context=dict(keys),
        )
        if isinstance(denied, iam_evaluator.AuthError):
            raise AwsError(denied.code, denied.message, 403)
        if denied is not None:
            explicit = denied.decision == "Deny"
            message = iam_actions.identity_denial_message(str(action), denied.principal_arn, resource, explicit)
            raise AwsError("AccessDeniedException", message, 403 if service != "states" else 400)


def _query(request: HttpRequest) -> dict[str, list[str]]:
    if not request.query:
        return {}
    return parse_qs("&".join(f"{key}={value}" for key, value in request.query), keep_blank_values=True)
