"""What a definition has to hold before a state machine is made of it."""

import json
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.stepfunctions import choice, paths

_TYPES = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
_PATHS = ("InputPath", "OutputPath", "ResultPath", "SecondsPath", "TimestampPath", "ItemsPath", "TimeoutSecondsPath")
_COMMON = {"Type", "Comment", "InputPath", "OutputPath", "QueryLanguage"}
_FLOW = {"Next", "End"}
_RESULT = {"Parameters", "ResultSelector", "ResultPath"}
_ERRORS = {"Retry", "Catch"}
_FIELDS: dict[str, set[str]] = {
    "Task": _COMMON
    | _FLOW
    | _RESULT
    | _ERRORS
    | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials"},
    "Pass": _COMMON | _FLOW | {"Parameters", "Result", "ResultPath"},
    "Choice": _COMMON | {"Choices", "Default"},
    "Wait": _COMMON | _FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _COMMON,
    "Fail": {"Type", "Comment", "Error", "Cause", "ErrorPath", "CausePath", "QueryLanguage"},
    "Parallel": _COMMON | _FLOW | _RESULT | _ERRORS | {"Branches"},
    "Map": _COMMON
    | _FLOW
    | _RESULT
    | _ERRORS
    | {"Iterator", "ItemProcessor", "ItemsPath", "ItemSelector", "MaxConcurrency"},
}


def parse(text: str) -> dict[str, Any]:
    """Read and check a definition.

    Raises:
        AwsError: ``InvalidDefinition``, naming the state and what is wrong with it.
    """
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise _invalid(f"INVALID_JSON_DESCRIPTION: {error}") from error
    if not isinstance(definition, dict):
        raise _invalid("INVALID_JSON_DESCRIPTION: the definition is no object")
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise _invalid("the sandbox interprets QueryLanguage JSONPath only")
    problems = _machine(definition, "")
    if problems:
        raise _invalid("SCHEMA_VALIDATION_FAILED: " + ", ".join(problems))
    return definition


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{message}'")


def _machine(machine: dict[str, Any], where: str) -> list[str]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        return [f"States is missing or empty at /{where}"]
    problems = []
    if machine.get("StartAt") not in states:
        problems.append(f"StartAt names no state at /{where}StartAt")
    reached = {machine.get("StartAt")}
    for name, state in states.items():
        problems += _state(state, f"{where}States/{name}", states)
        reached |= set(_targets(state))
    problems += [f"State is not reachable at /{where}States/{name}" for name in states if name not in reached]
    return problems


def _state(state: dict[str, Any], where: str, states: dict[str, Any]) -> list[str]:
    kind = state.get("Type")
    if kind not in _TYPES:
        return [f"Type is not one of {', '.join(_TYPES)} at /{where}/Type"]
    problems = [f"Field {key!r} is not supported at /{where}" for key in state if key not in _FIELDS[kind]]
    if kind not in ("Choice", "Succeed", "Fail") and ("Next" in state) == ("End" in state):
        problems.append(f"one of Next and End is needed at /{where}")
    problems += [f"{target!r} is no state at /{where}" for target in _targets(state) if target not in states]
    if kind == "Task" and not isinstance(state.get("Resource"), str):
        problems.append(f"Resource is missing at /{where}")
    if kind == "Wait" and len({"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} & set(state)) != 1:
        problems.append(f"one of Seconds, SecondsPath, Timestamp, TimestampPath is needed at /{where}")
    for key in _PATHS:
        value = state.get(key)
        if isinstance(value, str) and not _is_path(value):
            problems.append(f"{value!r} is no path at /{where}/{key}")
    for rule in state.get("Choices", []):
        problems += _rule(rule, where)
    for branch in state.get("Branches", []):
        problems += _machine(branch, f"{where}/Branches/")
    if kind == "Map":
        problems += _machine(state.get("ItemProcessor") or state.get("Iterator") or {}, f"{where}/ItemProcessor/")
    return problems


def _rule(rule: dict[str, Any], where: str) -> list[str]:
    parts = [*rule.get("And", []), *rule.get("Or", []), *([rule["Not"]] if "Not" in rule else [])]
    if parts:
        return [problem for part in parts for problem in _rule(part, where)]
    operators = [key for key in rule if key in choice.OPERATORS]
    if len(operators) != 1 or not _is_path(rule.get("Variable", "")):
        return [f"a choice rule needs a Variable and one comparison at /{where}/Choices"]
    return []


def _targets(state: dict[str, Any]) -> list[str]:
    rules = [*state.get("Choices", []), *state.get("Catch", [])]
    found = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [target for target in found if target is not None]


def _is_path(value: str) -> bool:
    try:
        paths.steps(value)
    except ValueError:
        return False
    return True
