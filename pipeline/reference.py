"""The reference pages of the components, made of the plugin's schema, so of the components' own docstrings."""

from typing import Any

_SELF = "#/types/aws-eda:index:"


def pages(schema: dict[str, Any]) -> dict[str, str]:
    """Markdown by file name: a page for each component, and an index.

    Args:
        schema: the plugin's, as ``pulumi_aws_eda.plugin.schema`` gives it.
    """
    made = {}
    for token, resource in sorted(schema["resources"].items()):
        name = token.rpartition(":")[2]
        made[f"{name}.md"] = _page(name, resource, schema["types"])
    return {"README.md": _index(schema), **made}


def _index(schema: dict[str, Any]) -> str:
    rows = []
    for token, resource in sorted(schema["resources"].items()):
        name = token.rpartition(":")[2]
        first = resource["description"].split("\n\n")[0].replace("\n", " ").rstrip(":")
        rows.append(f"| [`{name}`]({name}.md) | {first} |")
    return "\n".join(
        [
            "# Reference",
            "",
            f"The components of `pulumi-aws-eda` {schema['version']}, made of their docstrings by",
            "`python -m pipeline.documents`. Names are those of the plugin's schema; in Python they are in snake case:",
            "`memorySize` is `memory_size`.",
            "",
            "| Component | What it is |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _page(name: str, resource: dict[str, Any], types: dict[str, Any]) -> str:
    lines = [f"# {name}", "", resource["description"], ""]
    lines += ["## Arguments", "", *_table(resource["inputProperties"], resource.get("requiredInputs", []))]
    lines += ["", "## Outputs", "", *_table(resource["properties"], None)]
    used: list[str] = []
    _collect(resource["inputProperties"], types, used)
    for type_name in used:
        found = types[f"aws-eda:index:{type_name}"]
        lines += ["", f"## {type_name}", "", found.get("description", "").rstrip(), ""]
        if "enum" in found:
            lines += ["| Value | |", "|---|---|"]
            lines += [f"| `{member['value']}` | {_cell(member.get('description', ''))} |" for member in found["enum"]]
        else:
            lines += _table(found["properties"], found.get("required", []))
    return "\n".join([*lines, ""])


def _table(properties: dict[str, Any], required: list[str] | None) -> list[str]:
    lines = ["| Name | Type | |", "|---|---|---|"]
    for name, property in sorted(properties.items(), key=lambda item: (item[0] not in (required or ()), item[0])):
        mark = " (required)" if name in (required or ()) else ""
        lines.append(f"| `{name}`{mark} | {_type(property)} | {_cell(property.get('description', ''))} |")
    return lines


def _type(property: dict[str, Any]) -> str:
    reference = str(property.get("$ref", ""))
    if reference.startswith(_SELF):
        name = reference.removeprefix(_SELF)
        return f"[{name}](#{name.lower()})"
    if reference:
        return str(reference).rpartition("/")[2].lower()
    if property.get("type") == "array":
        return f"list of {_type(property['items'])}"
    if property.get("type") == "object":
        return f"map of {_type(property.get('additionalProperties', {}))}"
    return str(property.get("type", "any"))


def _cell(description: str) -> str:
    return description.replace("\n", " ").replace("|", "\\|")


def _collect(properties: dict[str, Any], types: dict[str, Any], used: list[str]) -> None:
    """The package's own types that properties use, and those that these use, in the order of their first use."""
    for _, property in sorted(properties.items()):
        inner = property
        while "$ref" not in inner and (nested := inner.get("items") or inner.get("additionalProperties")):
            inner = nested
        name = inner.get("$ref", "").removeprefix(_SELF)
        if inner.get("$ref", "").startswith(_SELF) and name not in used:
            used.append(name)
            _collect(types[f"aws-eda:index:{name}"].get("properties", {}), types, used)
