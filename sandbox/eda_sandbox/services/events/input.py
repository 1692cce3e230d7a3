"""What a target gets of an event: all of it, a part, a constant, or what a template makes of it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.foundation.jsonpath import PathError, evaluate

_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
_MEMBERS = ("Input", "InputPath", "InputTransformer")
_RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event",
    "aws.events.event.json",
    "aws.events.event.ingestion-time",
)


def compact(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def check(target: Mapping[str, Any]) -> None:
    """Check what a target asks for.

    Raises:
        AwsError: ``ValidationException``.
    """
    name, given = target["Id"], [member for member in _MEMBERS if member in target]
    if len(given) > 1:
        raise _invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if "Input" in target and not _is_json(target["Input"]):
        raise _invalid(f"JSON syntax error in input for target {name}.")
    if "InputPath" in target:
        _check_path(target["InputPath"], f"InputPath for target {name}")
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        paths = transformer.get("InputPathsMap", {})
        for variable, path in paths.items():
            if variable.lower().startswith("aws"):
                raise _invalid(f"InputPathsMap for target {name} has the reserved name {variable}.")
            _check_path(path, f"InputPathsMap for target {name}")
        template = transformer["InputTemplate"]
        unknown = [found for found in _PLACEHOLDER.findall(template) if found not in (*paths, *_RESERVED)]
        if unknown:
            raise _invalid(f"InputTemplate for target {name} contains invalid placeholder {unknown[0]}.")
        if not _is_json_or_lines(_filled(template, lambda _: 0)):
            raise _invalid(f"Invalid InputTemplate for target {name}: it is neither JSON nor quoted text.")


def payload(target: Mapping[str, Any], event: dict[str, Any], rule_arn: str, ingestion_time: str) -> str:
    """What is sent to a target.

    Args:
        target: as ``check`` accepts it.
        event: the event as it came.
        rule_arn: the rule that matched.
        ingestion_time: when the event bus got it, RFC 3339.

    Raises:
        ValueError: a template's result is no JSON.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return compact(evaluate(target["InputPath"], event))
    if "InputTransformer" not in target:
        return compact(event)
    transformer = target["InputTransformer"]
    values = {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event": {
            "detailType" if key == "detail-type" else key: value for key, value in event.items() if key != "detail"
        },
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": ingestion_time,
        **{name: evaluate(path, event) for name, path in transformer.get("InputPathsMap", {}).items()},
    }
    filled = _filled(transformer["InputTemplate"], values.__getitem__)
    if not _is_json_or_lines(filled):
        raise ValueError(f"the input template gives what is no JSON: {filled}")
    return filled


def _filled(template: str, value_of: Callable[[str], Any]) -> str:
    """A template with its placeholders replaced: as JSON, or inside quotes as text; a path that leads nowhere gives an
    empty text."""
    text, quoted, at = "", False, 0
    of_texts = template.lstrip().startswith('"')
    while at < len(template):
        match = _PLACEHOLDER.match(template, at)
        if match:
            value = value_of(match[1])
            if not quoted:
                text += compact("" if value is None else value)
            elif isinstance(value, dict | list):
                # In a text they lose their quotes; in JSON they keep them, and what comes of it is none.
                text += compact(value).replace('"', "") if of_texts else compact(value)
            else:
                text += compact(value if isinstance(value, str) else "" if value is None else compact(value))[1:-1]
            at = match.end()
        elif quoted and template[at] == "\\":
            text += template[at : at + 2]
            at += 2
        else:
            quoted ^= template[at] == '"'
            text += template[at]
            at += 1
    return text


def _is_json_or_lines(text: str) -> bool:
    return _is_json(text) or all(_is_json(line) for line in text.splitlines() if line.strip())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _check_path(path: str, where: str) -> None:
    try:
        evaluate(path, {})
    except PathError:
        path_error = True
    else:
        path_error = not path.startswith("$")
    if path_error:
        raise _invalid(f"{where} is not a valid JSONPath: {path}")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
