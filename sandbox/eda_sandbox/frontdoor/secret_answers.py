"""What Secrets Manager answers where the emulator answers otherwise (recorded, LocalStack test_secretsmanager.py)."""

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import secretsmanager as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer, changed, succeeded

_VERSION = "Secrets Manager can't find the specified secret version: "
_emulators = {
    name: getattr(emulated, name)
    for name in ("_create_secret", "_describe_secret", "_list_secrets", "error_response_json")
}


def install() -> None:
    """Answer in the emulator's place; again does nothing."""
    emulated._create_secret = _create
    emulated._describe_secret = lambda given: changed(_emulators["_describe_secret"](given), _without_defaults)
    emulated._list_secrets = lambda given: changed(_emulators["_list_secrets"](given), _listed)
    emulated._filter_secret_names = _chosen
    emulated.error_response_json = _error


def _create(given: dict[str, Any]) -> Answer:
    name = given.get("Name")
    there = emulated._secrets.get(name)
    if there is not None and there.get("DeletedDate"):
        return _error(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    answer: Answer = _emulators["_create_secret"](given)
    if not succeeded(answer):
        return answer
    versions = emulated._secrets[name]["Versions"]
    ((id, version),) = versions.items()
    del versions[id]
    found = {key: value for key, value in json.loads(answer[2]).items() if key != "VersionId"}
    if given.get("SecretString") is not None or given.get("SecretBinary") is not None:
        # The request's token is the version's id.
        found["VersionId"] = given.get("ClientRequestToken") or id
        versions[found["VersionId"]] = version
    return answer[0], answer[1], json.dumps(found).encode()


def _without_defaults(secret: dict[str, Any]) -> dict[str, Any]:
    """A secret without what nobody said of it."""
    hidden = {"Description": "", "RotationEnabled": False, "Tags": [], "LastAccessedDate": None}
    hidden |= {"VersionIdsToStages": {}, "SecretVersionsToStages": {}}
    return {name: value for name, value in secret.items() if name not in hidden or value != hidden[name]}


def _listed(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "SecretList": [_without_defaults(secret) for secret in found["SecretList"]]}


def _chosen(names: list[str], filters: list[dict[str, Any]]) -> list[str]:
    """The secrets that fit all filters: one of its values begins what is filtered by, or none does, with ``!`` (API
    reference, Filter)."""
    return [
        name
        for name in names
        if all(_fits(emulated._secrets[name], one.get("Key", ""), one.get("Values", [])) for one in filters)
    ]


def _fits(secret: Mapping[str, Any], key: str, values: list[str]) -> bool:
    tags = secret.get("Tags", [])
    texts = {
        "name": [secret["Name"]],
        "description": [secret.get("Description", "").lower()],
        "tag-key": [tag.get("Key", "") for tag in tags],
        "tag-value": [tag.get("Value", "") for tag in tags],
    }
    known = texts.get(key, [text for found in texts.values() for text in found])
    for value in values:
        sought = value.removeprefix("!")
        begins = any(text.startswith(sought.lower() if key == "description" else sought) for text in known)
        if begins != value.startswith("!"):
            return True
    return not values


def _error(code: str, message: str, status: int = 400, *_more: Any) -> Answer:
    if message.startswith(_VERSION):
        message = f"Secrets Manager can't find the specified secret value for VersionId: {message[len(_VERSION) :]}"
    if "specified secret value" in message:
        message = message.removesuffix(".")
    answer: Answer = _emulators["error_response_json"](code, message, status)
    if code in ("ValidationException", "SerializationException"):
        return answer
    # Its own errors have their message under another name, too.
    return answer[0], answer[1], json.dumps({**json.loads(answer[2]), "Message": message}).encode()
