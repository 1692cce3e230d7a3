"""The page of the API: what its OpenAPI document says, to be read."""

import json
from collections.abc import Iterator
from typing import Any

INTRODUCTION = """\
# The API

Made of [openapi.json](openapi.json) by `python -m pipeline.documents`; a test compares them. Errors are
`application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). What happens to an order is told in
[the pipeline](pipeline.md).
"""
METHODS = ("get", "post", "put", "patch", "delete")
_LIMITS = {
    "minLength": "length from {}",
    "maxLength": "length to {}",
    "minimum": "from {}",
    "maximum": "to {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "pattern `{}`",
}


def page(document: str) -> str:
    """The page of a document.

    Args:
        document: OpenAPI 3.0 as JSON.
    """
    read: dict[str, Any] = json.loads(document)
    lines = [INTRODUCTION]
    for path, item in read["paths"].items():
        for method in METHODS:
            if method in item:
                lines += [f"## {method.upper()} {path}", "", *_operation(item[method], item.get("parameters", []))]
    lines += ["## Schemas", ""]
    for name, schema in read.get("components", {}).get("schemas", {}).items():
        lines += [f"### {name}", "", *_schema(schema)]
    return "\n".join(lines).rstrip() + "\n"


def _operation(operation: dict[str, Any], shared: list[dict[str, Any]]) -> Iterator[str]:
    if text := operation.get("description") or operation.get("summary"):
        yield from (text, "")
    if parameters := [*shared, *operation.get("parameters", [])]:
        yield from ("| Parameter | In | Type |", "|---|---|---|")
        for parameter in parameters:
            name = f"`{parameter['name']}`" + ("" if parameter.get("required") else ", optional")
            yield f"| {name} | {parameter['in']} | {_type(parameter.get('schema', {}))} |"
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from (f"Body, `{kind}`:", "", *_schema(content.get("schema", {})))
    yield from ("| Answer | Means | Body | Headers |", "|---|---|---|---|")
    for status, answer in sorted(operation["responses"].items()):
        bodies = ", ".join(_type(content.get("schema", {})) for content in answer.get("content", {}).values())
        headers = ", ".join(f"`{name}`" for name in answer.get("headers", {}) if name != "Content-Type")
        yield f"| {status} | {answer.get('description', '')} | {bodies} | {headers} |"
    yield ""


def _schema(schema: dict[str, Any]) -> Iterator[str]:
    if not schema.get("properties"):
        yield from (_type(schema), "")
        return
    required = schema.get("required", [])
    yield from ("| Property | Type |", "|---|---|")
    for name, each in schema["properties"].items():
        yield f"| `{name}`{'' if name in required else ', optional'} | {_type(each)} |"
    yield ""


def _type(schema: dict[str, Any]) -> str:
    """A schema in a cell of a table."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for joined in ("oneOf", "anyOf", "allOf"):
        if joined in schema:
            return (" and " if joined == "allOf" else " or ").join(_type(each) for each in schema[joined])
    kind = schema.get("type", "anything")
    text = f"array of {_type(schema.get('items', {}))}" if kind == "array" else str(kind)
    if schema.get("properties"):
        text += " of " + ", ".join(f"`{name}`" for name in schema["properties"])
    limits = [words.format(schema[key]) for key, words in _LIMITS.items() if key in schema]
    return "; ".join([text, *(limit.replace("|", "\\|") for limit in limits)])
