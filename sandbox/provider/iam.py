"""Roles and their policies."""

from typing import Any

from sandbox.provider.convert import Inputs, pairs
from sandbox.provider.resource import Context, Created, ResourceType


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


def _delete_role(context: Context, id: str, state: dict[str, Any]) -> None:
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


def _delete_role_policy(context: Context, id: str, state: dict[str, Any]) -> None:
    role, _, name = id.partition(":")
    context.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


def _create_attachment(context: Context, inputs: Inputs) -> Created:
    role, arn = inputs.need("role"), inputs.need("policyArn")
    inputs.done()
    context.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
    return Created(f"{role}/{arn}")


def _delete_attachment(context: Context, id: str, state: dict[str, Any]) -> None:
    role, _, arn = id.partition("/")
    context.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)


TYPES = {
    "aws:iam/role:Role": ResourceType(_create_role, _delete_role, replaces=frozenset({"name", "path"})),
    "aws:iam/rolePolicy:RolePolicy": ResourceType(_create_role_policy, _delete_role_policy),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ResourceType(_create_attachment, _delete_attachment),
}
