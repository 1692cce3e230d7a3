"""Roles and their policies."""

import json
from typing import Any

from eda_sandbox.provider.convert import Inputs, pairs
from eda_sandbox.provider.resource import Context, Created, Found, ResourceType, State, found_by
from eda_sandbox.provider.tags import tagged, tags_of


def _create_role(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    inputs.take("forceDetachPolicies")
    tags, managed = inputs.tags(), inputs.take("managedPolicyArns", [])
    policy = inputs.need("assumeRolePolicy")
    request = inputs.rest("iam", "CreateRole")
    iam = context.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy, Tags=pairs(tags), **request)["Role"]
    for arn in managed:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return Created(name, {"name": name, "arn": role["Arn"], "uniqueId": role["RoleId"]})


def _update_role(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "namePrefix", "path", "tags", "tagsAll", "forceDetachPolicies"):
        inputs.take(untouched)
    policy, boundary = inputs.need("assumeRolePolicy"), inputs.take("permissionsBoundary")
    # The provider's own defaults.
    description, duration = inputs.take("description", ""), inputs.take("maxSessionDuration", 3600)
    managed, before = set(inputs.take("managedPolicyArns", [])), set(state.get("managedPolicyArns") or [])
    inputs.done()
    iam = context.client("iam")
    iam.update_assume_role_policy(RoleName=id, PolicyDocument=policy)
    iam.update_role(RoleName=id, Description=description, MaxSessionDuration=int(duration))
    if boundary:
        iam.put_role_permissions_boundary(RoleName=id, PermissionsBoundary=boundary)
    elif state.get("permissionsBoundary"):
        iam.delete_role_permissions_boundary(RoleName=id)
    for arn in managed - before:
        iam.attach_role_policy(RoleName=id, PolicyArn=arn)
    for arn in before - managed:
        iam.detach_role_policy(RoleName=id, PolicyArn=arn)
    return {}


def _read_role(context: Context, id: str, state: State) -> Found:
    iam = context.client("iam")
    role = iam.get_role(RoleName=id)["Role"]
    attached = iam.list_attached_role_policies(RoleName=id)["AttachedPolicies"]
    found = {
        "name": id,
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description"),
        "managedPolicyArns": [policy["PolicyArn"] for policy in attached],
        "maxSessionDuration": role.get("MaxSessionDuration"),
        "path": role["Path"],
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": tags_of(role.get("Tags")),
    }
    return Found(found, {"arn": role["Arn"], "uniqueId": role["RoleId"]})


def _delete_role(context: Context, id: str, state: State) -> None:
    iam = context.client("iam")
    for arn in state.get("managedPolicyArns") or []:
        iam.detach_role_policy(RoleName=id, PolicyArn=arn)
    for name in iam.list_role_policies(RoleName=id)["PolicyNames"]:
        iam.delete_role_policy(RoleName=id, PolicyName=name)
    iam.delete_role(RoleName=id)


def _create_role_policy(context: Context, inputs: Inputs) -> Created:
    name = context.auto_name(inputs.take("name"), inputs.take("namePrefix"))
    role, policy = inputs.need("role"), inputs.need("policy")
    inputs.done()
    context.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return Created(f"{role}:{name}", {"name": name})


def _update_role_policy(context: Context, id: str, state: State, inputs: Inputs) -> State:
    for untouched in ("name", "namePrefix", "role"):
        inputs.take(untouched)
    policy = inputs.need("policy")
    inputs.done()
    role, _, name = id.partition(":")
    context.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return {}


def _read_role_policy(context: Context, id: str, state: State) -> Found:
    role, _, name = id.partition(":")
    policy = context.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    return Found({"role": role, "name": name, "policy": json.dumps(policy)})


def _delete_role_policy(context: Context, id: str, state: State) -> None:
    role, _, name = id.partition(":")
    context.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _create_attachment(context: Context, inputs: Inputs) -> Created:
    role, arn = inputs.need("role"), inputs.need("policyArn")
    inputs.done()
    context.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return Created(f"{role}/{arn}")


def _delete_attachment(context: Context, id: str, state: State) -> None:
    role, _, arn = id.partition("/")
    context.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


def _read_attachment(context: Context, id: str, state: State) -> Found:
    """It is there or not: nothing of it can be changed."""
    role, _, arn = id.partition("/")
    return Found({"role": role, "policyArn": arn})


def _is_attached(answer: Any, it: State) -> bool:
    return any(found["PolicyArn"] == it["policyArn"] for found in answer["AttachedPolicies"])


TYPES = {
    "aws:iam/role:Role": ResourceType(
        _create_role,
        _delete_role,
        _update_role,
        frozenset({"name", "namePrefix", "path"}),
        found_by("iam", "GetRole", lambda it: {"RoleName": it["id"]}),
        tagged("iam", lambda it: {"RoleName": it["id"]}, "TagRole", "UntagRole"),
        _read_role,
        defaults={"description": "", "maxSessionDuration": 3600, "path": "/"},
        documents=frozenset({"assumeRolePolicy"}),
        unordered=frozenset({"managedPolicyArns"}),
        unread=frozenset({"forceDetachPolicies"}),
        # Attachments are resources of their own.
        shared=frozenset({"managedPolicyArns"}),
    ),
    "aws:iam/rolePolicy:RolePolicy": ResourceType(
        _create_role_policy,
        _delete_role_policy,
        _update_role_policy,
        frozenset({"name", "namePrefix", "role"}),
        found_by("iam", "GetRolePolicy", lambda it: {"RoleName": it["role"], "PolicyName": it["name"]}),
        read=_read_role_policy,
        imported=lambda _, id: dict(zip(("role", "name"), id.split(":", 1), strict=False)),
        documents=frozenset({"policy"}),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ResourceType(
        _create_attachment,
        _delete_attachment,
        exists=found_by("iam", "ListAttachedRolePolicies", lambda it: {"RoleName": it["role"]}, _is_attached),
        read=_read_attachment,
        fixed="a policy is attached or it is not",
        imported=lambda _, id: dict(zip(("role", "policyArn"), id.split("/", 1), strict=False)),
    ),
}
