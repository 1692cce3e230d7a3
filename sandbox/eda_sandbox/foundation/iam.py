"""What services are trusted with: who may assume a role, and what a resource's own policy lets a service do.

The evaluator is ministack's, as in ``frontdoor.authorization``.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import sts

from eda_sandbox.foundation.policies import statements
from eda_sandbox.foundation.policies.keys import AWS_SERVICE

SESSION_DURATION = timedelta(hours=1)


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
        principal_type=AWS_SERVICE,
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=region,
        # Between services everything counts as TLS, as at the front door.
        secure_transport=True,
        service_context=keys,
    )
    allowed = False
    for statement, given in zip(statements.parsed(policy), _elements(policy), strict=True):
        if _names(given.get("Principal"), principal) and statement.says(context):
            if statement.effect == "Deny":
                return False
            allowed = True
    return allowed


def _elements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    return [one for one in ([found] if isinstance(found, dict) else found) if one.get("Effect") in ("Allow", "Deny")]


def _names(given: Any, principal: str) -> bool:
    services = given.get("Service", []) if isinstance(given, dict) else []
    return given == "*" or principal in ([services] if isinstance(services, str) else services)


def refused(
    access_key: str, account: str, action: str, resource_arn: str, region: str, keys: dict[str, Any], policy: str | None
) -> tuple[str, str] | None:
    """Who may not do something with a resource whose own policy has to allow it too, as a key's has.

    Args:
        access_key: of a role's session, an IAM user or the account.
        account: the account.
        action: the IAM action.
        resource_arn: the resource.
        region: the request's region.
        keys: the request's condition keys, lower case, for example ``kms:viaservice``.
        policy: the resource's own policy.

    Returns:
        The principal's ARN and the kind of policy that refuses, ``identity`` or ``resource``; None when it may, and for
        an access key that nobody has, which is refused elsewhere.
    """
    principal = iam_evaluator.resolve_principal(access_key, account)
    if isinstance(principal, iam_evaluator.AuthError) or principal.policies is None:
        return None
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=action,
        resource_arn=resource_arn,
        region=region,
        secure_transport=True,
        service_context=keys,
        principal_keys=principal.keys,
    )
    identity = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    decided = iam_evaluator.combine_resource_policy(
        identity, context, policy, account, required=True, limits=principal.limits
    )
    if decided.decision == "Allow":
        return None
    return principal.arn, "resource" if identity.decision == "Allow" else "identity"
