"""Who may do what: requests to the sandbox's own services, checked by the embedded IAM.

The evaluator is ministack's; it is the one that decides for the services that ministack serves, so that a role means
the same everywhere. ``tests/integration/test_authorization.py`` fails when an upgrade changes what is used of it.
"""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.http import HttpRequest
from eda_sandbox.foundation.service import Caller
from ministack.core import iam_evaluator, responses, router
from ministack.services import sts

SESSION_DURATION = timedelta(hours=1)


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


def trusts(
    trust_policy: str | dict[str, Any], principal: str, account: str, region: str, source_arn: str | None
) -> bool:
    """Whether a role's trust policy lets a service assume it, with the conditions on the source that it names."""
    document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    keys: dict[str, Any] = {"aws:sourceaccount": account}
    if source_arn is not None:
        keys["aws:sourcearn"] = source_arn
    return resource_policy_allows(document, principal, "sts:AssumeRole", "*", region, keys)


def issue_session(role: dict[str, Any], name: str) -> dict[str, str]:
    """Temporary credentials of a role for the service that assumes it.

    STS itself is not asked, because the emulator's takes every service for the account's root and so refuses a trust
    policy with conditions on the source.

    Args:
        role: the role as ``GetRole`` returns it.
        name: the session's name.

    Returns:
        ``access_key``, ``secret_key``, ``token`` and ``expiry_time`` (RFC 3339), valid for an hour.
    """
    account = role["Arn"].split(":")[4]
    key, secret, token = "ASIA" + secrets.token_hex(8).upper(), secrets.token_hex(20), secrets.token_hex(64)
    expires = datetime.now(UTC) + SESSION_DURATION
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role['RoleName']}/{name}",
            "UserId": f"{role['RoleId']}:{name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires.timestamp(),
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SourceAccessKeyId": "",
            "SourcePrincipalArn": f"arn:aws:iam::{account}:root",
            "SessionTags": [],
            "SessionPolicies": None,
        },
    )
    return {"access_key": key, "secret_key": secret, "token": token, "expiry_time": expires.isoformat()}


def resource_policy_allows(
    policy: dict[str, Any], principal: str, action: str, resource_arn: str, region: str, keys: dict[str, Any]
) -> bool:
    """Whether a resource's own policy lets a service do something.

    Args:
        policy: the policy document.
        principal: the calling service, for example ``events.amazonaws.com``.
        action: the IAM action.
        resource_arn: the resource; a statement without ``Resource`` (a trust policy's) holds for it.
        region: the request's region.
        keys: the request's condition keys, lower case, for example ``aws:sourcearn``.
    """
    context = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AWSService",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=region,
        # Between services everything counts as TLS, as at the front door.
        secure_transport=True,
        service_context=keys,
    )
    statements = policy.get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        services = statement.get("Principal")
        services = services.get("Service", []) if isinstance(services, dict) else []
        named = statement.get("Principal") == "*" or principal in (
            [services] if isinstance(services, str) else services
        )
        actions, resources = statement.get("Action", []), statement.get("Resource", "*")
        matches = (
            named
            and _any_matches(action, actions)
            and _any_matches(resource_arn, resources)
            and iam_evaluator._conditions_met(statement.get("Condition", {}), context)
        )
        if matches and statement.get("Effect") == "Deny":
            return False
        allowed = allowed or matches
    return allowed


def _any_matches(value: str, patterns: str | list[str]) -> bool:
    return any(
        pattern == "*" or value == "*" or iam_evaluator.fnmatch_iam(value, pattern)
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    )


def _query(request: HttpRequest) -> dict[str, list[str]]:
    return parse_qs("&".join(f"{key}={value}" for key, value in request.query), keep_blank_values=True)
