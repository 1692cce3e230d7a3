"""Answers of services with Amazon's query protocol, which are JSON for who accepts JSON, as API Gateway does."""

import json
from typing import Any
from xml.etree import ElementTree

from eda_sandbox.foundation.cloud import service_model

_MODELS = {"states": "stepfunctions"}
_WITH_QUERY = frozenset({"sqs"})
"""Services whose model names another protocol first."""


def speaks_query(service: str) -> bool:
    """Whether a service answers requests of forms with XML, or with JSON where that is accepted."""
    return service in _WITH_QUERY or service_model(_MODELS.get(service, service)).metadata["protocol"] == "query"


def as_json(body: bytes) -> bytes:
    """An answer in XML as the service writes it in JSON; what is no XML stays."""
    try:
        # The emulator's own answer.
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError:
        return body
    name = _name(root)
    content = _value(root)
    return json.dumps(content if name == "ErrorResponse" else {name: content}).encode()


def _value(element: ElementTree.Element) -> Any:
    children = list(element)
    if not children:
        return (element.text or "").strip() or None
    if {_name(child) for child in children} == {"member"}:
        return [_value(child) for child in children]
    found: dict[str, Any] = {}
    for child in children:
        name, value = _name(child), _value(child)
        if name in found:
            # A flattened list.
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
