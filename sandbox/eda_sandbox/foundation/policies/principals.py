"""Who policies name: accounts, users, roles and services."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session

_SERVICE = re.compile(r"([a-z0-9-]+(\.[a-z0-9-]+)*)\.(amazonaws\.com(\.cn)?|amazon\.com)")
_AWS = re.compile(
    r"(?P<account>\d{12})|arn:aws:iam::(?P<of>\d{12}):(root|(user|role)/[\w+=,.@/-]+)"
    r"|arn:aws:sts::\d{12}:(assumed-role|federated-user)/[\w+=,.@/-]+|(AIDA|AROA)[A-Z0-9]{16,}",
    re.ASCII,
)
_FEDERATED = re.compile(
    r"arn:aws:iam::\d{12}:(saml-provider|oidc-provider)/\S+|cognito-identity\.amazonaws\.com|www\.amazon\.com"
    r"|graph\.facebook\.com|accounts\.google\.com"
)
_MORE_SERVICES = frozenset(
    {
        "backup",
        "delivery",
        "ecs-tasks",
        "edgelambda",
        "eks-fargate-pods",
        "eks-nodegroup",
        "elasticloadbalancing",
        "email",
        "internal",
        "monitoring",
        "pods",
        "spotfleet",
        "states",
        "transitgateway",
        "vpc-flow-logs",
    }
)
"""Labels of services' principals that are no name of an API."""
_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")


@cache
def _services() -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_available_services()) | _MORE_SERVICES


def check_principal(given: Any, exists: Callable[[str], bool]) -> str | None:
    """Why AWS does not take an element Principal; None when it does.

    Args:
        given: the element.
        exists: whether there is a user or a role with an ARN; there is each of another account.
    """
    if given == "*":
        return None
    if not isinstance(given, dict) or not given:
        return "Invalid principal in policy"
    for kind, named in given.items():
        texts = [named] if isinstance(named, str) else named
        if kind not in _KINDS or not isinstance(texts, list) or not texts:
            return "Invalid principal in policy"
        for text in texts:
            if not isinstance(text, str) or not _is_valid(kind, text, exists):
                return f'Invalid principal in policy: "{kind.upper()}":"{text}"'
    return None


def _is_valid(kind: str, text: str, exists: Callable[[str], bool]) -> bool:
    match kind:
        case "AWS":
            found = _AWS.fullmatch(text)
            if text == "*" or found is None:
                return text == "*"
            return found["of"] is None or text.endswith(":root") or exists(text)
        case "Service":
            named = _SERVICE.fullmatch(text)
            return named is not None and any(label in _services() for label in named[1].split("."))
        case "Federated":
            return _FEDERATED.fullmatch(text) is not None
        case _:
            return bool(text)
