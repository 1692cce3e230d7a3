"""The grammar of IAM's policies (IAM User Guide, grammar of the IAM JSON policy language), as IAM refuses documents.

The messages are IAM's own where they are recorded.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation.policies.dates import is_date
from eda_sandbox.foundation.policies.operators import is_operator, split
from eda_sandbox.foundation.policies.principals import check_principal

VERSIONS = ("2008-10-17", "2012-10-17")
_SYNTAX = "Syntax errors in policy."
_LEGACY = "The policy failed legacy parsing"
_PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_TOP = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset({"Sid", "Effect", "Condition", *_LISTS, "Principal", "NotPrincipal"})
_IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)


class Malformed(Exception):
    """AWS does not take a document.

    Attributes:
        message: why, as AWS or, where that is not known, the sandbox says it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


Statements = list[dict[str, Any]]
Exists = Callable[[str], bool]
"""Whether there is a user or a role with an ARN; there is each of another account."""


def check_identity(text: str, *, managed: bool) -> None:
    """Check a policy of a role, a user or a group.

    Args:
        text: the document.
        managed: a managed policy has to be of the newest version of the language, an inline policy of any.

    Raises:
        Malformed: it is not one.
    """
    document, statements = _read(text, _SYNTAX)
    for one in statements:
        if {"Principal", "NotPrincipal"} & one.keys():
            raise Malformed("Policy document should not specify a principal.")
    if managed and document.get("Version") != VERSIONS[-1]:
        raise Malformed(f"Policy document must be version {VERSIONS[-1]} or greater.")
    for one in statements:
        _check_legacy(one)
    _check_sids(statements)
    if not all(_has(one, ("Action", "NotAction")) for one in statements):
        raise Malformed("Policy statement must contain actions.")
    if not all(_has(one, ("Resource", "NotResource")) for one in statements):
        for action in (each for one in statements for each in _values(one, "Action", "NotAction")):
            _check_action(action)
        raise Malformed("Policy statement must contain resources.")
    for one in statements:
        for resource in sorted(_values(one, "Resource", "NotResource")):
            _check_resource(resource)
    for one in statements:
        for action in _values(one, "Action", "NotAction"):
            _check_action(action)


def check_trust(text: str, exists: Exists) -> None:
    """Check a role's trust policy.

    Args:
        text: the document.
        exists: tells the users and roles.

    Raises:
        Malformed: it is not one.
    """
    _, statements = _read(text, "This policy contains invalid Json", "The policy must contain a valid version string")
    for one in statements:
        for member in ("Resource", "NotResource"):
            if member in one:
                raise Malformed(f"Has prohibited field {member}")
        if "NotPrincipal" in one:
            if one["Effect"] == "Allow":
                raise Malformed("Allow with NotPrincipal is not allowed.")
            raise Malformed("AssumeRole policy must not contain NotPrincipal field.")
        for member in ("Principal", "Action"):
            if member not in one and not (member == "Action" and "NotAction" in one):
                raise Malformed(f"Missing required field {member}")
        if not _has(one, ("Action", "NotAction")):
            raise Malformed("Missing required field Action")
        _check_legacy(one)
        for action in _values(one, "Action", "NotAction"):
            if not action.lower().startswith("sts:"):
                raise Malformed("AssumeRole policy may only specify STS AssumeRole actions.")
        _check_given_principal(one["Principal"], exists)
    _check_sids(statements)


@dataclass(frozen=True)
class ResourceRules:
    """What the policies of one service's resources hold.

    Attributes:
        vendor: the service's name in actions; an action of another one is not taken.
        wide: whether the action ``*`` is taken.
        needs_resource: whether each statement names resources.
        covers: whether a resource may be named; None where any may.
        actions: the names of actions that may be named, in lower case; None where any may.
        most_actions: how many actions a statement may have; None where any number.
    """

    vendor: str
    wide: bool = True
    needs_resource: bool = True
    covers: Callable[[str], bool] | None = None
    actions: frozenset[str] | None = None
    most_actions: int | None = None

    def takes(self, action: str) -> bool:
        """Whether a statement may name an action."""
        if action == "*":
            return self.wide
        vendor, _, name = action.lower().partition(":")
        return vendor == self.vendor and bool(name) and (self.actions is None or name in self.actions)


def check_resource_policy(text: str, rules: ResourceRules, exists: Exists) -> None:
    """Check a resource's own policy.

    Args:
        text: the document.
        rules: of its service.
        exists: tells the users and roles.

    Raises:
        Malformed: it is not one; services say so in their own words.
    """
    _, statements = _read(text, "Policies must be valid JSON and the first byte must be '{'")
    for one in statements:
        if "NotPrincipal" in one:
            raise Malformed("the sandbox evaluates no statement with NotPrincipal")
        if "Principal" not in one:
            raise Malformed("Missing required field Principal")
        if not _has(one, ("Action", "NotAction")):
            raise Malformed("Missing required field Action")
        if rules.needs_resource and not _has(one, ("Resource", "NotResource")):
            raise Malformed("Missing required field Resource")
        _check_legacy(one)
        actions = list(_values(one, "Action", "NotAction"))
        if not all(map(rules.takes, actions)) or len(actions) > (rules.most_actions or len(actions)):
            raise Malformed("Policy has invalid action")
        for resource in _values(one, "Resource", "NotResource"):
            if rules.covers is not None and not rules.covers(resource):
                raise Malformed("Policy has invalid resource")
        _check_given_principal(one["Principal"], exists)
    _check_sids(statements, plain=False)


def _read(text: str, problem: str, version: str | None = None) -> tuple[Mapping[str, Any], Statements]:
    """A document and its statements, their elements of the types that they may have."""
    if text[:1].isspace():
        raise Malformed("JSON strings must not have leading spaces")
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except ValueError:
        raise Malformed(problem) from None
    if not isinstance(document, dict):
        raise Malformed(problem)
    if not document.keys() <= _TOP or not isinstance(document.get("Id", ""), str):
        raise Malformed(_SYNTAX)
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise Malformed(version or _SYNTAX)
    found = document.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if statements is None:
        raise Malformed("Missing required field Statement" if problem != _SYNTAX else _SYNTAX)
    if not isinstance(statements, list) or not statements or not all(map(_is_statement, statements)):
        raise Malformed(_SYNTAX)
    return document, statements


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed(f"{_SYNTAX} The sandbox takes no document in which a key stands twice.")
    return found


def _is_statement(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and one.keys() <= _STATEMENT
        and not any(first in one and second in one for first, second in _PAIRS)
        and isinstance(one.get("Effect"), str)
        and one["Effect"].lower() in ("allow", "deny")
        and isinstance(one.get("Sid", ""), str)
        and all(_is_texts(one[member]) for member in _LISTS if member in one)
        and _is_condition(one.get("Condition", {}))
    )


def _is_texts(given: Any) -> bool:
    return isinstance(given, str) or (isinstance(given, list) and all(isinstance(one, str) for one in given))


def _is_condition(given: Any) -> bool:
    return isinstance(given, dict) and all(
        isinstance(block, dict)
        and (not block or is_operator(name))
        and all(
            isinstance(one, str | bool | int | float)
            for values in block.values()
            for one in (values if isinstance(values, list) else [values])
        )
        for name, block in given.items()
    )


def _check_legacy(one: Mapping[str, Any]) -> None:
    if one["Effect"] not in ("Allow", "Deny"):
        raise Malformed(_LEGACY)
    for name, block in one.get("Condition", {}).items():
        if split(name)[1].startswith("date"):
            for value in (
                each for values in block.values() for each in (values if isinstance(values, list) else [values])
            ):
                if "${" not in str(value) and not is_date(str(value)):
                    raise Malformed(_LEGACY)
    for resource in _values(one, "Resource", "NotResource"):
        if resource.startswith("arn:aws:") and (
            ("::" in resource and resource.count(":") < 5) or not resource.split(":")[2]
        ):
            raise Malformed(_LEGACY)


def _check_sids(statements: Statements, plain: bool = True) -> None:
    sids = [one["Sid"] for one in statements if one.get("Sid")]
    if plain and not all(re.fullmatch("[0-9A-Za-z]*", sid) for sid in sids):
        problem = "must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
        raise Malformed(f"Statement IDs (SID) {problem}")
    if len(set(sids)) != len(sids):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")


def _has(one: Mapping[str, Any], members: tuple[str, ...]) -> bool:
    return any(member in one and one[member] != [] for member in members)


def _values(one: Mapping[str, Any], *members: str) -> Iterator[str]:
    for member in members:
        given = one.get(member, [])
        yield from [given] if isinstance(given, str) else given


def _check_action(action: str) -> None:
    vendor, _, name = action.partition(":")
    if action != "*" and ":" not in action:
        raise Malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in name:
        raise Malformed("Actions/Condition can contain only one colon.")
    if vendor != "*" and not re.fullmatch(r"[a-zA-Z0-9.-]+", vendor):
        raise Malformed(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    if ":" not in resource:
        raise Malformed(f'Resource {resource} must be in ARN format or "*".')
    _, partition, *rest = resource.split(":", 5)
    if partition not in ("aws", "*"):
        shown = ":".join((["*", "*", "*", "*"] if not any(rest) else [*rest, "*", "*", "*", "*"])[: max(4, len(rest))])
        raise Malformed(f'Partition "{partition}" is not valid for resource "arn:{partition}:{shown}".')
    if not rest or any(character in rest[0] for character in "*?"):
        raise Malformed("Resource vendor must be fully qualified and cannot contain regexes.")
    if len(rest) < 4:
        return
    service, region, _, path = rest
    if service == "iam":
        if region:
            raise Malformed(f"IAM resource {resource} cannot contain region information.")
        if path != "*" and not path.startswith(_IAM_PATHS):
            raise Malformed(f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')
    if service == "s3" and region and not path.startswith(("accesspoint", "*")):
        raise Malformed(f"Resource {resource} can not contain region information.")


def _check_given_principal(given: Any, exists: Exists) -> None:
    problem = check_principal(given, exists)
    if problem is not None:
        raise Malformed(problem)
