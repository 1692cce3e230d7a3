"""What IAM refuses when policies are written and attached, and the emulator takes.

The grammar is in ``foundation.policies.grammar``; sizes are of IAM's quotas, white space not counted.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import iam as emulated

from eda_sandbox.foundation.cloud import ACCOUNT, REGION
from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.policies.grammar import Malformed, check_identity, check_trust

MANAGED_POLICY_SIZE = 6_144
TRUST_POLICY_SIZE = 2_048
INLINE_POLICIES_SIZE: Mapping[str, int] = {"role": 10_240, "user": 2_048, "group": 5_120}
"""Characters of all inline policies of one."""
_INLINE = {"PutRolePolicy": "role", "PutUserPolicy": "user", "PutGroupPolicy": "group"}
_MANAGED = ("CreatePolicy", "CreatePolicyVersion")
_TRUST = {"CreateRole": "AssumeRolePolicyDocument", "UpdateAssumeRolePolicy": "PolicyDocument"}
_ATTACH = ("AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy")
_POLICY_ARN = re.compile(r"arn:[\w-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", re.ASCII)


def check(operation: str, given: Mapping[str, Any]) -> None:
    """Check a request that writes or attaches a policy; others pass.

    Args:
        operation: as the API model spells it.
        given: its parameters.

    Raises:
        AwsError: ``MalformedPolicyDocument``, ``LimitExceeded``, ``NoSuchEntity`` or ``ValidationError``.
    """
    if operation in _ATTACH:
        _check_attachable(str(given.get("PolicyArn", "")))
        return
    try:
        with request_scope(ACCOUNT, REGION):
            if operation in _INLINE:
                _check_inline(_INLINE[operation], given)
            elif operation in _MANAGED:
                check_identity(given.get("PolicyDocument", ""), managed=True)
                _check_size("PolicySize", MANAGED_POLICY_SIZE, [given.get("PolicyDocument", "")])
            elif operation in _TRUST:
                check_trust(given.get(_TRUST[operation], ""), exists)
                _check_size("ACLSizePerRole", TRUST_POLICY_SIZE, [given.get(_TRUST[operation], "")])
    except Malformed as error:
        raise AwsError("MalformedPolicyDocument", error.message, 400) from None


def check_session(given: Mapping[str, Any]) -> None:
    """Check the policy that a session is given (``sts:AssumeRole`` and its siblings).

    Args:
        given: the request's parameters.

    Raises:
        AwsError: ``MalformedPolicyDocument``.
    """
    if not given.get("Policy"):
        return
    try:
        check_identity(str(given["Policy"]), managed=False)
    except Malformed as error:
        raise AwsError("MalformedPolicyDocument", error.message, 400) from None


def exists(arn: str) -> bool:
    """Whether there is a user or a role with an ARN; there is each of another account."""
    kind, _, path = arn.partition(f"arn:aws:iam::{ACCOUNT}:")[2].partition("/")
    if kind not in ("role", "user"):
        return True
    with request_scope(ACCOUNT, REGION):
        found = (emulated._roles if kind == "role" else emulated._users).get(path.rpartition("/")[2])
    return found is not None and found["Arn"] == arn


def _check_inline(kind: str, given: Mapping[str, Any]) -> None:
    name = str(given.get(f"{kind.title()}Name", ""))
    entity = {"role": emulated._roles, "user": emulated._users, "group": emulated._groups}[kind].get(name)
    if entity is None:
        # IAM looks for it before it reads the document; the emulator says so itself.
        return
    document = given.get("PolicyDocument", "")
    check_identity(document, managed=False)
    if kind == "role":
        policies = entity["InlinePolicies"]
    else:
        stores = {"user": emulated._user_inline_policies, "group": emulated._group_inline_policies}
        policies = stores[kind].get(name) or {}
    others = [policy for other, policy in policies.items() if other != given.get("PolicyName")]
    limit = INLINE_POLICIES_SIZE[kind]
    if _size([*others, document]) > limit:
        raise AwsError("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}", 409)


def _check_size(quota: str, limit: int, documents: Iterable[Any]) -> None:
    if _size(documents) > limit:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}", 409)


def _size(documents: Iterable[Any]) -> int:
    texts = (one if isinstance(one, str) else json.dumps(one) for one in documents)
    return sum(len(re.sub(r"\s", "", text)) for text in texts)


def _check_attachable(arn: str) -> None:
    found = _POLICY_ARN.fullmatch(arn)
    if found is None:
        raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)
    with request_scope(ACCOUNT, REGION):
        if emulated._lookup_policy(arn) is not None:
            return
    problem = f"Policy {arn} does not exist or is not attachable."
    if found[1] == "aws":
        problem += " If AWS has it, the sandbox does not: it knows those that ListPolicies lists with the scope AWS."
    raise AwsError("NoSuchEntity", problem, 404)
