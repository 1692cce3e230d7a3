"""Policy documents as the provider makes them: of a map, and of the arguments of ``aws.iam.get_policy_document``."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def as_text(value: Any) -> Any:
    """A value in which documents that are maps are JSON texts, as the provider returns them."""
    if isinstance(value, Mapping):
        if "Statement" in value and not set(value) - {"Statement", "Version", "Id"}:
            return json.dumps(value)
        return {key: as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value] if isinstance(value, list) else value


def of_arguments(arguments: Mapping[str, Any]) -> str:
    """The document that ``getPolicyDocument`` makes of its arguments; a statement replaces those of its Sid before."""
    made: list[dict[str, Any]] = []
    for text in arguments.get("sourcePolicyDocuments") or ():
        made += _statements(text)
    for statement in [_statement(found) for found in arguments.get("statements") or ()]:
        made = _replaced(made, statement)
    for text in arguments.get("overridePolicyDocuments") or ():
        for statement in _statements(text):
            made = _replaced(made, statement)
    return json.dumps({"Version": arguments.get("version") or "2012-10-17", "Statement": made})


def _statements(text: str) -> list[dict[str, Any]]:
    found = json.loads(text).get("Statement", []) if text else []
    return found if isinstance(found, list) else [found]


def _replaced(made: Sequence[dict[str, Any]], statement: dict[str, Any]) -> list[dict[str, Any]]:
    sid = statement.get("Sid")
    return [*(found for found in made if not sid or found.get("Sid") != sid), statement]


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Sid": given.get("sid"), "Effect": given.get("effect") or "Allow"}
    for name in ("Actions", "NotActions", "Resources", "NotResources"):
        made[name.removesuffix("s")] = given.get(name[0].lower() + name[1:])
    for name in ("Principal", "NotPrincipal"):
        kinds: dict[str, list[str]] = {}
        for principal in given.get(f"{name[0].lower()}{name[1:]}s") or ():
            kinds.setdefault(principal["type"], []).extend(principal["identifiers"])
        made[name] = "*" if "*" in kinds else kinds
    conditions: dict[str, dict[str, Any]] = {}
    for condition in given.get("conditions") or ():
        conditions.setdefault(condition["test"], {})[condition["variable"]] = condition["values"]
    made["Condition"] = conditions
    return {key: value for key, value in made.items() if value}
