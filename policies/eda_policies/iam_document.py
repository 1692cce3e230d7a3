"""Reading IAM policy documents, and what a role of the stack may do."""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eda_policies.graph import Graph
from eda_policies.resource import Property, Resource

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
MANAGED_POLICY = "aws:iam/policy:Policy"
POLICY_TYPES = (
    ROLE_POLICY,
    MANAGED_POLICY,
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)


@dataclass(frozen=True)
class Statement:
    """A statement of a document, with its lists made lists.

    Attributes:
        sid: its name, or its number.
        allows: its effect is Allow.
        actions: of ``Action``.
        excepted_actions: of ``NotAction``.
        resources: of ``Resource``.
        excepted_resources: of ``NotResource``.
        services: service principals.
        principals: all principals.
        conditions: condition keys, in lower case, with their values.
    """

    sid: str
    allows: bool
    actions: tuple[str, ...]
    excepted_actions: tuple[str, ...]
    resources: tuple[str, ...]
    excepted_resources: tuple[str, ...]
    services: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: Mapping[str, tuple[str, ...]]


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of a document."""
    found = document.get("Statement")
    for number, statement in enumerate(found if isinstance(found, list) else [found], 1):
        if not isinstance(statement, dict):
            continue
        principal = statement.get("Principal")
        by_kind = principal if isinstance(principal, dict) else {}
        blocks = statement.get("Condition")
        conditions: dict[str, tuple[str, ...]] = {}
        for block in blocks.values() if isinstance(blocks, dict) else ():
            if isinstance(block, dict):
                conditions.update({key.lower(): _list(value) for key, value in block.items()})
        yield Statement(
            str(statement.get("Sid") or number),
            statement.get("Effect") == "Allow",
            _list(statement.get("Action")),
            _list(statement.get("NotAction")),
            _list(statement.get("Resource")),
            _list(statement.get("NotResource")),
            _list(by_kind.get("Service")),
            _list(principal) if isinstance(principal, str) else sum(map(_list, by_kind.values()), ()),
            conditions,
        )


def _list(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]))


def denies_plain_http(document: Mapping[str, Any]) -> bool:
    """Whether a resource's policy refuses every request that does not come by TLS."""
    return any(
        not statement.allows
        and "*" in statement.principals
        and any(action.endswith("*") for action in statement.actions)
        and statement.conditions.get("aws:securetransport") == ("false",)
        for statement in statements(document)
    )


def documents(resource: Resource) -> Iterator[Property[Mapping[str, Any]]]:
    """The permission documents of a policy or a role's inline policies."""
    if resource.type in POLICY_TYPES:
        yield resource.document("policy")
    if resource.type == ROLE:
        for inline in resource.each("inlinePolicies"):
            yield inline.document("policy")


class Permissions:
    """What a role may do, as far as the stack knows.

    Args:
        graph: the stack.
        role: the role.
    """

    def __init__(self, graph: Graph, role: Resource) -> None:
        self.managed: list[str] = []
        self.unknown: list[str] = []
        self._allowed: list[Statement] = []
        holders = [role, *(other for other, name in graph.naming(role, ROLE_POLICY) if name == "role")]
        for attachment, name in graph.naming(role, ROLE_ATTACHMENT):
            if name == "role":
                own = graph.linked(attachment, "policyArn", MANAGED_POLICY)
                holders.extend(own)
                if not own:
                    self.managed.append(attachment.text("policyArn").value or "")
        arns = role.items("managedPolicyArns")
        self.managed.extend(arn for arn in arns.value or () if isinstance(arn, str))
        for holder in holders:
            for document in documents(holder):
                if document.unknown:
                    self.unknown.append(holder.name)
                elif document.value is not None:
                    self._allowed.extend(s for s in statements(document.value) if s.allows)

    def allows(self, action: str) -> bool:
        """Whether a statement that is known allows an action, on whatever."""
        return any(_matches(action, pattern) for s in self._allowed for pattern in s.actions) or any(
            s.excepted_actions and not any(_matches(action, pattern) for pattern in s.excepted_actions)
            for s in self._allowed
        )


def _matches(action: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())
