"""Reading IAM policy documents: statements with their lists made lists, and what a role of the stack may do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eda_policies.graph import Graph
from eda_policies.iam_patterns import matches
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
EVERYBODY = "*"


@dataclass(frozen=True)
class Principal:
    """Who a statement names, or who sends a request.

    Attributes:
        kind: ``AWS``, ``Service``, ``Federated`` or ``CanonicalUser``.
        name: an account, an ARN, a service, an identity provider, or ``*``.
    """

    kind: str
    name: str

    @property
    def account(self) -> str:
        """The account it belongs to; empty for services and those who are nobody."""
        return self.name.split(":")[4] if self.name.startswith("arn:") and self.name.count(":") > 4 else self.name

    def covers(self, other: "Principal") -> bool:
        """Whether naming it names another: everybody names all, an account whoever belongs to it."""
        if self.name == EVERYBODY and self.kind in ("AWS", other.kind):
            return True
        if self.kind != other.kind:
            return False
        whole = self.name == self.account or self.name.endswith(":root")
        return self.name == other.name or (self.kind == "AWS" and whole and self.account == other.account)


@dataclass(frozen=True)
class Condition:
    """A condition: an operator over one key of the request.

    Attributes:
        operator: in lower case, with its set prefix and ``ifexists``.
        key: in lower case.
        values: what the key is compared with.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """A statement of a document, with its lists made lists.

    Attributes:
        sid: its name, or its number.
        allows: its effect is Allow; any other but Deny is no statement.
        actions: of ``Action``.
        excepted_actions: of ``NotAction``.
        resources: of ``Resource``.
        excepted_resources: of ``NotResource``.
        principals: of ``Principal``.
        excepted_principals: of ``NotPrincipal``.
        conditions: all of which have to hold.
    """

    sid: str
    allows: bool
    actions: tuple[str, ...]
    excepted_actions: tuple[str, ...]
    resources: tuple[str, ...]
    excepted_resources: tuple[str, ...]
    principals: tuple[Principal, ...]
    excepted_principals: tuple[Principal, ...]
    conditions: tuple[Condition, ...]

    def concerns_action(self, action: str) -> bool:
        """Whether it is about an action, whose case does not matter."""
        if self.excepted_actions:
            return not any(matches(action.lower(), pattern.lower()) for pattern in self.excepted_actions)
        return any(matches(action.lower(), pattern.lower()) for pattern in self.actions)

    def concerns_resource(self, resource: str) -> bool:
        """Whether it is about a resource; a statement that names none, as a trust policy's, is about its holder."""
        if self.excepted_resources:
            return not any(matches(resource, pattern) for pattern in self.excepted_resources)
        return not self.resources or any(matches(resource, pattern) for pattern in self.resources)

    def concerns_principal(self, principal: Principal) -> bool:
        """Whether it is about who asks; one that names nobody, as a role's own policy, is about its holder."""
        if self.excepted_principals:
            return not any(found.covers(principal) for found in self.excepted_principals)
        return not self.principals or any(found.covers(principal) for found in self.principals)


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of a document."""
    found = document.get("Statement")
    for number, statement in enumerate(found if isinstance(found, list) else [found], 1):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            continue
        yield Statement(
            str(statement.get("Sid") or number),
            statement["Effect"] == "Allow",
            _list(statement.get("Action")),
            _list(statement.get("NotAction")),
            _list(statement.get("Resource")),
            _list(statement.get("NotResource")),
            _principals(statement.get("Principal")),
            _principals(statement.get("NotPrincipal")),
            tuple(_conditions(statement.get("Condition"))),
        )


def _list(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    return tuple(_text(item) for item in (value if isinstance(value, list) else [value]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _principals(value: Any) -> tuple[Principal, ...]:
    if value is None:
        return ()
    by_kind = value if isinstance(value, dict) else {"AWS": value}
    return tuple(Principal(str(kind), name) for kind, names in by_kind.items() for name in _list(names))


def _conditions(blocks: Any) -> Iterator[Condition]:
    for operator, block in blocks.items() if isinstance(blocks, dict) else ():
        for key, values in block.items() if isinstance(block, dict) else ():
            yield Condition(str(operator).lower(), str(key).lower(), _list(values))


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
        self._statements: list[Statement] = []
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
                    self._statements.extend(statements(document.value))

    def allows(self, action: str) -> bool:
        """Whether the statements that are known allow an action on something, and none denies it on everything."""
        about = [statement for statement in self._statements if statement.concerns_action(action)]
        denied = any(
            not s.allows and not s.conditions and EVERYBODY in s.resources and not s.excepted_resources for s in about
        )
        return any(statement.allows for statement in about) and not denied
