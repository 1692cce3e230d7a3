"""What a definition has to hold before a state machine is made of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation.errors import AwsError
from eda_sandbox.services.stepfunctions import choice, fields, intrinsics, paths, resources
from eda_sandbox.services.stepfunctions.failure import IntrinsicFailure
from eda_sandbox.services.stepfunctions.moments import moment

LANGUAGES = ("JSONPath", "JSONata")
_SCHEMA, _TARGET = "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"
_TRANSITIONS = ("Choice", "Succeed", "Fail")
_JITTER = ("FULL", "NONE")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a definition.

    Attributes:
        message: in words.
        location: where, ``/States/A/Next``; None for the text as a whole.
        code: as ``ValidateStateMachineDefinition`` has it.
    """

    message: str
    location: str | None
    code: str = _SCHEMA

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" at {self.location}" if self.location else "")


def parse(text: str, kind: str = "STANDARD") -> dict[str, Any]:
    """Read and check a definition.

    Args:
        text: the definition, JSON.
        kind: of the machine, ``STANDARD`` or ``EXPRESS``.

    Raises:
        AwsError: ``InvalidDefinition``, naming the state and what is wrong with it.
    """
    definition, problems = examine(text, kind)
    if problems:
        said = ", ".join(map(str, problems))
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{said}'")
    return definition


def examine(text: str, kind: str) -> tuple[dict[str, Any], list[Problem]]:
    """A definition, and all that is wrong with it."""
    try:
        definition = json.loads(text) if text.strip() else None
    except ValueError as error:
        return {}, [Problem(str(error), None, "INVALID_JSON_DESCRIPTION")]
    if not isinstance(definition, dict):
        return {}, [Problem("Definition must be a valid JSON object", None)]
    language = definition.get("QueryLanguage", "JSONPath")
    if language not in LANGUAGES:
        return definition, [_one_of("QueryLanguage", LANGUAGES, "/QueryLanguage")]
    if "TimeoutSecondsPath" in definition:
        return definition, [Problem("Field 'TimeoutSecondsPath' is not supported", "/")]
    return definition, list(_Checker(language, kind == "EXPRESS").machine(definition, ""))


def _one_of(field: str, values: tuple[str, ...], where: str) -> Problem:
    return Problem(f"The field '{field}' should have one of these values: [{', '.join(values)}]", where)


class _Checker:
    def __init__(self, language: str, is_express: bool) -> None:
        self._language = language
        self._is_express = is_express

    def machine(self, machine: Any, where: str) -> Iterator[Problem]:
        if not isinstance(machine, dict):
            yield Problem("Value must be an object", where or "/")
            return
        if absent := [name for name in ("States", "StartAt") if name not in machine]:
            yield Problem(f"These fields are required: [{', '.join(absent)}]", where or "/")
            return
        states = machine["States"]
        if not isinstance(states, dict) or not states:
            yield Problem("Value cannot be empty", f"{where}/States")
            return
        start = machine["StartAt"]
        if start not in states:
            yield Problem(f"Missing 'StartAt' target: {start}", f"{where}/StartAt", _TARGET)
        reached = {start}
        for name, state in states.items():
            at = f"{where}/States/{name}"
            if not isinstance(state, dict):
                yield Problem("Value must be an object", at)
                continue
            yield from self._state(state, at)
            for field, target in _targets(state):
                reached.add(target)
                if target not in states:
                    yield Problem(f"Missing '{field.rpartition('/')[2]}' target: {target}", f"{at}/{field}", _TARGET)
        if start in states:
            for name in states:
                if name not in reached:
                    yield Problem(f'State "{name}" is not reachable.', f"{where}/States/{name}", _TARGET)

    def _state(self, state: dict[str, Any], at: str) -> Iterator[Problem]:
        kind = state.get("Type")
        if kind not in fields.TYPES:
            yield _one_of("Type", fields.TYPES, f"{at}/Type")
            return
        language = state.get("QueryLanguage", self._language)
        if language not in LANGUAGES:
            yield _one_of("QueryLanguage", LANGUAGES, f"{at}/QueryLanguage")
            return
        if language == "JSONPath" and self._language == "JSONata":
            yield Problem("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", at)
            return
        allowed = fields.allowed(kind, language)
        for key in state:
            if key in fields.DISTRIBUTED and kind == "Map":
                yield Problem(f"the sandbox does not offer distributed Map, and with it {key}", at)
            elif key not in allowed:
                yield Problem(f"Field '{key}' is not supported", at)
        if kind not in _TRANSITIONS and ("Next" in state) == ("End" in state):
            yield Problem("One of these fields is required: [Next, End]", at)
        yield from self._own(kind, language, state, at)
        yield from _retriers(state, at)
        if language == "JSONata":
            yield from _expressions(state, at)
        else:
            yield from _paths(state, at)
            yield from _templates(state, at)
        yield from self._inner(kind, state, at)

    def _own(self, kind: str, language: str, state: dict[str, Any], at: str) -> Iterator[Problem]:
        if kind == "Task":
            yield from self._resource(state, at)
        if kind == "Wait":
            given = [name for name in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if name in state]
            if len(given) != 1:
                wanted = "Seconds, SecondsPath, Timestamp, TimestampPath"
                yield Problem(f"One of these fields is required: [{wanted}]", at)
            timestamp = state.get("Timestamp")
            is_read_later = language == "JSONata" and _is_expression(timestamp)
            if timestamp is not None and not is_read_later and moment(timestamp) is None:
                yield Problem("String does not match RFC3339 timestamp", f"{at}/Timestamp")
            seconds = state.get("Seconds")
            if isinstance(seconds, int) and not 0 <= seconds <= 99_999_999:
                yield Problem("Value is not between 0 and 99999999", f"{at}/Seconds")
        if kind == "Choice" and not state.get("Choices"):
            yield Problem("Value cannot be empty", f"{at}/Choices")

    def _resource(self, state: dict[str, Any], at: str) -> Iterator[Problem]:
        arn = state.get("Resource")
        if not isinstance(arn, str):
            yield Problem("These fields are required: [Resource]", at)
            return
        if "Credentials" in state:
            credentials = state["Credentials"]
            names = credentials if isinstance(credentials, dict) else {}
            if {"RoleArn", "RoleArn.$"} & names.keys() or _is_expression(credentials):
                yield Problem("the sandbox has one account and takes no Credentials for a task", f"{at}/Credentials")
            else:
                yield Problem("The field 'RoleArn' is required but was missing", f"{at}/Credentials")
        where = f"{at}/Resource"
        if self._is_express:
            if ":activity:" in arn:
                yield Problem("Express state machine does not support Activity ARN", where)
                return
            if arn.endswith(resources.CALLBACK):
                # AWS has this blank.
                yield Problem(
                    f"Express state machine does not support '{resources.CALLBACK}' service integration ", where
                )
                return
            if ".sync" in arn:
                yield Problem("Express state machine does not support '.sync' service integration", where)
                return
        try:
            resources.parse(arn)
        except resources.NotRecognised as error:
            yield Problem(str(error), where)

    def _inner(self, kind: str, state: dict[str, Any], at: str) -> Iterator[Problem]:
        if kind == "Parallel":
            if not state.get("Branches"):
                yield Problem("Value cannot be empty", f"{at}/Branches")
            for number, branch in enumerate(state.get("Branches") or []):
                yield from self.machine(branch, f"{at}/Branches[{number}]")
        if kind == "Map":
            name = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
            processor = state.get(name)
            if processor is None:
                yield Problem("These fields are required: [ItemProcessor]", at)
                return
            config = processor.get("ProcessorConfig", {}) if isinstance(processor, dict) else {}
            if config.get("Mode", "INLINE") != "INLINE":
                yield Problem("the sandbox does not offer distributed Map", f"{at}/{name}/ProcessorConfig/Mode")
                return
            yield from self.machine(processor, f"{at}/{name}")


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a state may go on: the field, and the name of the state."""
    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield field, state[field]
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for number, rule in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                yield f"{field}[{number}]/Next", rule["Next"]


def _retriers(state: Mapping[str, Any], at: str) -> Iterator[Problem]:
    for field in ("Retry", "Catch"):
        for number, one in enumerate(state.get(field, [])):
            where, names = f"{at}/{field}[{number}]", one.get("ErrorEquals")
            if not isinstance(names, list) or not names:
                yield Problem("Value cannot be empty", f"{where}/ErrorEquals")
            elif "States.ALL" in names and (len(names) > 1 or number + 1 < len(state[field])):
                yield Problem("States.ALL must appear alone and at the end of list", f"{where}/ErrorEquals")
            if field == "Catch" and "Next" not in one:
                yield Problem("These fields are required: [Next]", where)
            if one.get("JitterStrategy", "NONE") not in _JITTER:
                yield _one_of("JitterStrategy", _JITTER, f"{where}/JitterStrategy")


def _paths(state: Mapping[str, Any], at: str) -> Iterator[Problem]:
    for key in fields.PATHS:
        value = state.get(key)
        if value is not None and not _is_path(value):
            yield Problem("Value is not a valid JSONPath", f"{at}/{key}")
    for where, holder in [(at, state), *((f"{at}/Catch[{n}]", one) for n, one in enumerate(state.get("Catch", [])))]:
        reference = holder.get("ResultPath")
        if reference is not None and not _is_path(reference, reference=True):
            yield Problem("Value is not a valid Reference Path", f"{where}/ResultPath")
    for key in ("ErrorPath", "CausePath"):
        if key in state and not _is_path(state[key]) and not _is_intrinsic(state[key]):
            yield Problem("Value is not a valid JSONPath or a valid intrinsic function call", f"{at}/{key}")
    for number, rule in enumerate(state.get("Choices", [])):
        yield from _rule(rule, f"{at}/Choices[{number}]", top=True)


def _rule(rule: Any, where: str, *, top: bool = False) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        yield Problem("Value must be an object", where)
        return
    if top and "Next" not in rule:
        yield Problem("These fields are required: [Next]", where)
    for name in ("And", "Or"):
        if name in rule:
            if not rule[name]:
                yield Problem("Value cannot be empty", f"{where}/{name}")
            for number, part in enumerate(rule[name]):
                yield from _rule(part, f"{where}/{name}[{number}]")
            return
    if "Not" in rule:
        yield from _rule(rule["Not"], f"{where}/Not")
        return
    operators = [key for key in rule if key in choice.OPERATORS]
    if len(operators) != 1:
        yield Problem("A choice rule needs one comparison", where)
    elif not _is_path(rule.get("Variable")):
        yield Problem("Value is not a valid JSONPath", f"{where}/Variable")
    elif operators[0].endswith("Path") and not _is_path(rule[operators[0]]):
        yield Problem("Value is not a valid JSONPath", f"{where}/{operators[0]}")


def _templates(state: Mapping[str, Any], at: str) -> Iterator[Problem]:
    holders = [(at, state)]
    for field in ("Catch", "Choices"):
        holders += [(f"{at}/{field}[{number}]", one) for number, one in enumerate(state.get(field, []))]
    for where, holder in holders:
        for key in fields.TEMPLATES:
            if isinstance(holder, dict) and key in holder:
                yield from _template(holder[key], f"{where}/{key}")


def _template(value: Any, where: str) -> Iterator[Problem]:
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _template(one, f"{where}[{number}]")
    if not isinstance(value, dict):
        return
    for key, one in value.items():
        if not key.endswith(".$"):
            yield from _template(one, f"{where}/{key}")
        elif not isinstance(one, str) or not (_is_path(one) or _is_intrinsic(one)):
            yield Problem(
                f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call", where
            )


def _expressions(value: Any, at: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, one in value.items():
            # What lies inside is a machine of its own.
            if key not in ("ItemProcessor", "Iterator", "Branches"):
                yield from _expressions(one, f"{at}/{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _expressions(one, f"{at}[{number}]")
    elif _is_expression(value):
        from eda_sandbox.services.stepfunctions import jsonata

        expression = jsonata.inner(value)
        if expression is None:
            yield Problem("A JSONata expression ends with %}", at)
            return
        try:
            jsonata.check(expression)
        except jsonata.NoExpression as error:
            yield Problem(f"The JSONata expression '{expression}' cannot be read: {error}", at)


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{%")


def _is_path(value: Any, *, reference: bool = False) -> bool:
    try:
        (paths.check_reference if reference else paths.check)(value)
    except (paths.NoPath, TypeError):
        return False
    return True


def _is_intrinsic(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith("States."):
        return False
    try:
        intrinsics.check(value)
    except IntrinsicFailure:
        return False
    return True
