"""What rules ask of policy documents: who gets in from outside, and whether anything gets through without TLS."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

from eda_policies.iam_document import EVERYBODY, Condition, Principal, Statement, statements
from eda_policies.iam_evaluator import ADDRESSES, Key, Known, Request, anything, passes
from eda_policies.iam_patterns import NAMES, WILDCARDS, instances, matches

T = TypeVar("T")
_REGION = "eu-central-1"
_ACCOUNT_KEYS = frozenset(
    (
        "aws:sourceaccount",
        "aws:sourceowner",
        "aws:principalaccount",
        "aws:vpceaccount",
        "kms:calleraccount",
        "lambda:sourceaccount",
        "s3:dataaccesspointaccount",
    )
)
_ARN_KEYS = frozenset(("aws:sourcearn", "aws:principalarn", "aws:sourcevpcarn", "s3:dataaccesspointarn"))
_NAME_KEYS: Mapping[str, tuple[str, ...]] = {
    "aws:principalorgid": ("o-zzzzzzzzzz",),
    "aws:sourceorgid": ("o-zzzzzzzzzz",),
    "aws:vpceorgid": ("o-zzzzzzzzzz",),
    "aws:principalorgpaths": ("o-zzzzzzzzzz/r-zzzz/ou-zzzz-zzzzzzzz/",),
    "aws:sourceorgpaths": ("o-zzzzzzzzzz/r-zzzz/ou-zzzz-zzzzzzzz/",),
    "aws:userid": ("AIDAZZZZZZZZZZZZZZZZZ", "AROAZZZZZZZZZZZZZZZZZ:zq7"),
}
_NETWORK_KEYS: Mapping[str, tuple[str, ...]] = {
    "aws:sourceip": ADDRESSES,
    "aws:sourcevpc": ("vpc-0zzzzzzzzzzzzzzzz",),
    "aws:sourcevpce": ("vpce-0zzzzzzzzzzzzzzzz",),
    "aws:vpcsourceip": ADDRESSES,
}
"""Keys that say where a request comes from (IAM User Guide, global condition context keys); all other keys are
whatever the sender wants."""
_ENCRYPTION_CONTEXT = "kms:encryptioncontext:"
_SHARED_PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": ("repo:zq7-q_z/zq7-q_z:ref:refs/heads/main",),
    "gitlab.com": ("project_path:zq7-q_z/zq7-q_z:ref_type:branch:ref:main",),
    "app.terraform.io": ("organization:zq7-q_z:project:zq7-q_z:workspace:zq7-q_z:run_phase:apply",),
    "cognito-identity.amazonaws.com": ("eu-central-1:00000000-0000-7000-8000-000000000000",),
    "accounts.google.com": ("000000000000000000000",),
    "graph.facebook.com": ("000000000000000000000",),
    "www.amazon.com": ("amzn1.account.zq7",),
}
"""Identity providers whose tokens anybody can have, and the subject of somebody else's."""
_AUDIENCE_IS_PUBLIC = frozenset(("token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"))
"""Whose tokens can be asked for with any audience."""


class Outside:
    """Somebody else's account, as far as a document does not name it.

    Args:
        found: the document's statements.
        network: where a request comes from counts, too.
    """

    def __init__(self, found: Sequence[Statement], network: bool) -> None:
        named = " ".join(value for s in found for c in s.conditions for value in c.values)
        named += " " + " ".join(p.name for s in found for p in (*s.principals, *s.excepted_principals))
        literal = set(re.findall(r"(?<![\d*?])\d{12}(?![\d*?])", named))
        self._literal = literal
        self.accounts = [digit * 12 for digit in "0123456789" if digit * 12 not in literal]
        self._network = network

    def key(self, service: str = "") -> Known:
        """The values that keys have in requests from outside.

        Args:
            service: the service that acts for somebody, whose ARN the source has; empty for a caller himself.
        """

        def known(key: str, conditions: Sequence[Condition]) -> Sequence[Key]:
            patterns = [value for condition in conditions for value in condition.values]
            if key in _ACCOUNT_KEYS:
                return [None, *((found,) for found in self._accounts(patterns))]
            if key in _ARN_KEYS or (service and key.startswith(_ENCRYPTION_CONTEXT)):
                return [None, *((found,) for found in self._arns(patterns, service))]
            for keys in (_NAME_KEYS, _NETWORK_KEYS if self._network else {}):
                if key in keys:
                    return [None, *((found,) for found in keys[key])]
            provider, _, claim = key.rpartition(":")
            if provider in _SHARED_PROVIDERS and (claim == "sub" or provider not in _AUDIENCE_IS_PUBLIC):
                return [None, *((found,) for found in (*_SHARED_PROVIDERS[provider], *NAMES))]
            return anything(key, conditions)

        return known

    def _accounts(self, patterns: Sequence[str]) -> list[str]:
        filled = (
            p.replace("*", digit * (12 - len(p.replace("*", ""))), 1).replace("*", "").replace("?", digit)
            for p in patterns
            for digit in "0123456789"
        )
        return [*self.accounts, *(p for p in filled if re.fullmatch(r"\d{12}", p) and p not in self._literal)]

    def _arns(self, patterns: Sequence[str], service: str) -> list[str]:
        services = {service or "iam", "iam", "sts", "events", "lambda", "s3", "sns"}
        found = [
            f"arn:aws:{name}:{_REGION}:{account}:{kind}{NAMES[0]}"
            for name in sorted(services)
            for account in self.accounts
            for kind in ("", "role/", "rule/")
        ]
        for pattern in patterns:
            fields = pattern.split(":", 5)
            if len(fields) < 6 or (fields[4] and not WILDCARDS.search(fields[4])):
                continue
            if not fields[4] and not WILDCARDS.match(fields[5]):
                # The name of a bucket stands for its owner.
                continue
            partition, name, region, account = (
                "aws" if matches("aws", fields[1]) else fields[1],
                service if matches(service, fields[2]) else next(instances(fields[2])),
                _REGION if matches(_REGION, fields[3]) else next(instances(fields[3])),
                next((a for a in self._accounts([fields[4]]) if matches(a, fields[4])), "") if fields[4] else "",
            )
            found += [f"arn:{partition}:{name}:{region}:{account}:{last}" for last in instances(fields[5])]
        return found


def from_outside(document: Mapping[str, Any], network: bool = False) -> Iterator[Statement]:
    """The statements by which somebody of another account, or nobody in particular, gets in.

    Args:
        document: a resource's policy, or a role's trust policy.
        network: a condition on the network that a request comes from keeps others out; it does not say who they are.
    """
    found = list(statements(document))
    outside = Outside(found, network)
    foreign = Principal("AWS", f"arn:aws:iam::{outside.accounts[0]}:role/{NAMES[0]}")
    for statement in found:
        callers = [(foreign, {"aws:principalisawsservice": ("false",)}), (Principal("AWS", "nobody"), _ANONYMOUS)]
        callers += [(p, {}) for p in statement.principals if p.kind == "Federated" and _shared(p)]
        if statement.allows and any(
            passes(_with_denials(statement, found), Request(caller, action, resource, keys), outside.key())
            for caller, keys in callers
            for action, resource in _asked(statement)
        ):
            yield statement


_ANONYMOUS: Mapping[str, Key] = dict.fromkeys(
    ("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:userid", "aws:principalorgpaths")
)


def _shared(principal: Principal) -> bool:
    provider = principal.name.partition("oidc-provider/")[2] or principal.name
    return provider in _SHARED_PROVIDERS or principal.name == EVERYBODY


def services_for_all(document: Mapping[str, Any]) -> Iterator[tuple[Statement, str]]:
    """The statements by which a service gets in for whatever account it acts, with the service."""
    found = list(statements(document))
    outside = Outside(found, network=True)
    for statement in found:
        for principal in statement.principals if statement.allows else ():
            if principal.kind != "Service":
                continue
            keys: Mapping[str, Key] = {"aws:principalisawsservice": ("true",)}
            known = outside.key(principal.name.partition(".")[0])
            if any(
                passes(_with_denials(statement, found), Request(principal, action, resource, keys), known)
                for action, resource in _asked(statement)
            ):
                yield statement, principal.name


def _with_denials(statement: Statement, found: Sequence[Statement]) -> list[Statement]:
    return [statement, *(other for other in found if not other.allows)]


def _asked(statement: Statement) -> Iterator[tuple[str, str]]:
    """Requests that a statement is about."""
    actions = [next(instances(action)) for action in statement.actions] or [f"zq7:{NAMES[0]}"]
    resources = [found for pattern in statement.resources for found in list(instances(pattern))[-1:]]
    yield from product(actions, resources or [f"arn:aws:zq7:{_REGION}:000000000000:{NAMES[0]}"])


_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": ("GetObject", "PutObject", "DeleteObject", "ListBucket", "GetBucketAcl"),
    "sqs": ("SendMessage", "ReceiveMessage", "DeleteMessage", "PurgeQueue"),
    "sns": ("Publish", "Subscribe"),
}
_WITHOUT_TLS: Mapping[str, Key] = {"aws:securetransport": ("false",), "s3:tlsversion": None}


def lets_plain_http_pass(documents: Sequence[Mapping[str, Any]], service: str, arn: str, inner: bool) -> bool:
    """Whether a request without TLS gets through to a resource, if anything at all allows it.

    Args:
        documents: the policies of the resource.
        service: the prefix of its actions.
        arn: the resource's.
        inner: it holds objects, whose ARNs begin with its own.
    """
    found = [statement for document in documents for statement in statements(document) if not statement.allows]
    outside = Outside(found, network=False)
    callers = {
        Principal("AWS", "nobody"),
        Principal("AWS", f"arn:aws:iam::{outside.accounts[0]}:role/{NAMES[0]}"),
        Principal("Service", f"{NAMES[0]}.amazonaws.com"),
        *(p for s in found for p in (*s.principals, *s.excepted_principals) if p.name != EVERYBODY),
    }
    own = re.compile(rf"(?i){service}:")
    patterns = [p for s in found for p in (*s.actions, *s.excepted_actions)]
    actions = {f"{service}:{name}" for name in (*_ACTIONS[service], "Zq7")}
    actions |= {a for pattern in patterns for a in instances(pattern) if own.match(a) and not a.endswith(":")}
    resources = {arn, *({f"{arn}/{name}" for name in NAMES} if inner else ())}
    resources |= {
        r
        for s in found
        for pattern in (*s.resources, *s.excepted_resources)
        for r in instances(pattern)
        if inner and r.startswith(f"{arn}/")
    }
    return any(
        passes(found, Request(caller, action, resource, _WITHOUT_TLS), anything, undenied=True)
        for caller in _told_apart(callers, [statement.concerns_principal for statement in found])
        for action in _told_apart(actions, [statement.concerns_action for statement in found])
        for resource in _told_apart(resources, [statement.concerns_resource for statement in found])
    )


def _told_apart(values: Iterable[T], tests: Sequence[Callable[[T], bool]]) -> list[T]:
    """One of all values that no statement tells apart."""
    return list({tuple(test(value) for test in tests): value for value in values}.values())
