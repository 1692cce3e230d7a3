"""The input of a request for the emulator, as boto3 takes it: enough of it to say what is given."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from eda_sandbox.foundation.http import HttpRequest


def given(model: OperationModel, request: HttpRequest) -> Any:
    """What a request gives of an operation's input; what cannot be read gives nothing, and is the service's to refuse.

    Args:
        model: the operation.
        request: in AWS's JSON, query or XML protocol.
    """
    shape = model.input_shape
    if shape is None:
        return {}
    if request.header("x-amz-target") is not None:
        return _from_json(shape, request.parameters())
    if (request.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
        form = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return _from_form(shape, {tuple(key.split(".")): value for key, value in form})
    return _from_rest(shape, request)


def _from_json(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {name: _from_json(member, value[name]) for name, member in shape.members.items() if name in value}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_json(shape.member, one) for one in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _from_json(shape.value, one) for key, one in value.items()}
    return value


Form = Mapping[tuple[str, ...], str]


def _from_form(shape: Shape, form: Form) -> Any:
    if isinstance(shape, StructureShape):
        found = {}
        for name, member in shape.members.items():
            below = _below(form, _serialized(member, name)) or _below(form, name)
            if below:
                found[name] = _from_form(member, below)
        return found
    if isinstance(shape, ListShape):
        name = "" if shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")
        return [_from_form(shape.member, one) for one in _numbered(form, name)]
    if isinstance(shape, MapShape):
        pairs = _numbered(form, "" if shape.serialization.get("flattened") else "entry")
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        return {one.get((key,), ""): _from_form(shape.value, _below(one, value)) for one in pairs}
    return form.get((), "")


def _below(form: Form, name: str) -> dict[tuple[str, ...], str]:
    return {key[1:]: value for key, value in form.items() if key and key[0] == name}


def _numbered(form: Form, name: str) -> list[Form]:
    inside = _below(form, name) if name else form
    return [_below(inside, number) for number in dict.fromkeys(key[0] for key in inside if key and key[0].isdigit())]


def _serialized(member: Shape, name: str) -> str:
    found = member.serialization.get("name", name)
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        found = member.member.serialization.get("name", found)
    return str(found)


def _from_rest(shape: StructureShape, request: HttpRequest) -> dict[str, Any]:
    query, headers = dict(request.query), dict(request.headers)
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "querystring" and key in query:
            found[name] = query[key]
        elif location == "header" and key.lower() in headers:
            found[name] = headers[key.lower()]
        elif location == "headers":
            named = {sent[len(key) :]: value for sent, value in headers.items() if sent.startswith(key.lower())}
            found |= {name: named} if named else {}
    payload = shape.serialization.get("payload")
    if payload and request.body:
        member = shape.members[payload]
        found[payload] = _from_xml(member, _root(request.body)) if isinstance(member, StructureShape) else "given"
    return found


def _root(body: bytes) -> ElementTree.Element:
    if b"<!" in body:
        # No client of AWS sends a document type, and what it defines could grow without end.
        return ElementTree.Element("nothing")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - it defines nothing
    except (ElementTree.ParseError, ValueError):
        return ElementTree.Element("nothing")


def _from_xml(shape: Shape, element: ElementTree.Element) -> Any:
    if isinstance(shape, StructureShape):
        found: dict[str, Any] = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            inside = [one for one in element if _local(one.tag) == key]
            if not inside:
                continue
            if isinstance(member, ListShape):
                elements = inside if member.serialization.get("flattened") else list(inside[0])
                found[name] = [_from_xml(member.member, one) for one in elements]
            else:
                found[name] = _from_xml(member, inside[0])
        return found
    return element.text or ""


def _local(tag: str) -> str:
    return re.sub(r"^\{.*\}", "", tag)
