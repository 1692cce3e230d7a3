"""What CreateStateMachine refuses in a definition (Amazon States Language specification)."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eda_policies.states_language import HTTP_STATUS, TERMINAL, TYPES, inner, targets

LONGEST_NAME = 80
_COMMON = ("Type", "Comment", "QueryLanguage")
_GOES_ON = ("Next", "End")
_PATHS = ("InputPath", "OutputPath")
_RESULT = ("Parameters", "Arguments", "ResultPath", "ResultSelector", "Output", "Assign")
_ERRORS = ("Retry", "Catch")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "Task": (
        *(*_COMMON, *_GOES_ON, *_PATHS, *_RESULT, *_ERRORS, "Resource", "Credentials"),
        *("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"),
    ),
    "Pass": (*_COMMON, *_GOES_ON, *_PATHS, "Result", "ResultPath", "Parameters", "Output", "Assign"),
    "Choice": (*_COMMON, *_PATHS, "Choices", "Default", "Output", "Assign"),
    "Wait": (
        *(*_COMMON, *_GOES_ON, *_PATHS, "Output", "Assign"),
        *("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    ),
    "Succeed": (*_COMMON, *_PATHS, "Output"),
    "Fail": (*_COMMON, "Error", "Cause", "ErrorPath", "CausePath"),
    "Parallel": (*_COMMON, *_GOES_ON, *_PATHS, *_RESULT, *_ERRORS, "Branches"),
    "Map": (
        *(*_COMMON, *_GOES_ON, *_PATHS, *_RESULT, *_ERRORS, "ItemProcessor", "Iterator", "ItemsPath", "Items"),
        *("ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter", "MaxConcurrency", "MaxConcurrencyPath", "Label"),
        *("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
        *("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ),
}
_MACHINE = ("Comment", "StartAt", "States", "Version", "TimeoutSeconds", "QueryLanguage")
_PROCESSOR = (*_MACHINE[:3], "QueryLanguage", "ProcessorConfig")
_RETRY = (
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
)
_CATCH = ("ErrorEquals", "Next", "ResultPath", "Assign", "Output", "Comment")
_ORDER = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
COMPARISONS = frozenset(
    [
        *(
            f"{kind}{name}{path}"
            for kind in ("String", "Numeric", "Timestamp")
            for name in _ORDER
            for path in ("", "Path")
        ),
        *("BooleanEquals", "BooleanEqualsPath", "StringMatches"),
        *("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"),
    ]
)
INTRINSICS = frozenset(
    [
        *("Format", "StringToJson", "JsonToString", "Array", "ArrayPartition", "ArrayContains", "ArrayRange"),
        *("ArrayGetItem", "ArrayLength", "ArrayUnique", "Base64Encode", "Base64Decode", "Hash", "JsonMerge"),
        *("MathRandom", "MathAdd", "StringSplit", "UUID"),
    ]
)
ERRORS = frozenset(
    f"States.{name}"
    for name in (
        *("ALL", "BranchFailed", "DataLimitExceeded", "ExceedToleratedFailureThreshold", "HeartbeatTimeout"),
        *("Http.Socket", "IntrinsicFailure", "ItemReaderFailed", "NoChoiceMatched", "ParameterPathFailure"),
        *("Permissions", "QueryEvaluationError", "ResultPathMatchFailure", "ResultWriterFailed", "Runtime"),
        *("TaskFailed", "Timeout"),
    )
)
_PAYLOADS = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
_LONGEST_SECONDS = 99_999_999
_INTRINSIC = re.compile(r"States\.(\w+)\(")
_JSONATA = re.compile(r"\{%.*%\}", re.DOTALL)


def mistakes(definition: Mapping[str, Any], where: str = "", jsonata: bool = False) -> Iterator[str]:
    """What is wrong with a machine, a branch or an item processor.

    Args:
        definition: its fields.
        where: the states around it, for the text.
        jsonata: the language of what is around it is JSONata.
    """
    language = definition.get("QueryLanguage")
    jsonata = language == "JSONata" if language is not None else jsonata
    if language not in (None, "JSONPath", "JSONata"):
        yield f"{where}QueryLanguage is {language!r}"
    yield from _unknown(definition, _PROCESSOR if where else _MACHINE, where.removesuffix(" / ") or "the machine")
    if not where:
        yield from _seconds(definition, "TimeoutSeconds", "the machine")
    found = definition.get("States")
    if not isinstance(found, dict) or not found:
        yield f"{where}it has no States"
        return
    start = str(definition.get("StartAt"))
    reached = {start}
    if start not in found:
        yield f"{where}StartAt names {start!r}, which is no state"
    for name, data in found.items():
        label = f"{where}{name}"
        if len(name) > LONGEST_NAME:
            yield f"{label} has a name of {len(name)} characters; {LONGEST_NAME} are allowed"
        if not isinstance(data, dict) or data.get("Type") not in TYPES:
            yield f"{label} has no type that there is"
            continue
        for target in targets(data):
            reached.add(target)
            if target not in found:
                yield f"{label} goes to {target!r}, which is no state"
        yield from _state(data, label, data.get("QueryLanguage") == "JSONata" or jsonata)
        for part in inner(data):
            yield from mistakes(part, f"{label} / ", jsonata)
    for name in found:
        if name not in reached:
            yield f"{where}{name} is never reached"


def _state(data: Mapping[str, Any], label: str, jsonata: bool) -> Iterator[str]:
    type = data["Type"]
    yield from _unknown(data, FIELDS[type], label)
    if type not in (*TERMINAL, "Choice"):
        yield from _goes_on(data, label)
    if not jsonata:
        yield from _paths(data, label)
        for key in _PAYLOADS:
            yield from _payload(data.get(key), f"{label}: {key}")
    if jsonata and any(key in data for key in (*_PATHS, "Parameters", "ResultPath", "ResultSelector", "ItemsPath")):
        yield f"{label} has fields of JSONPath in a state of JSONata"
    if type in _BY_TYPE:
        yield from _BY_TYPE[type](data, label)
    elif type in _BY_TYPE_AND_LANGUAGE:
        yield from _BY_TYPE_AND_LANGUAGE[type](data, label, jsonata)
    yield from _handlers(data, label, "Retry", "retrier", _RETRY, _retrier)
    yield from _handlers(data, label, "Catch", "catcher", _CATCH, _catcher)


def _unknown(data: Mapping[str, Any], allowed: tuple[str, ...], label: str) -> Iterator[str]:
    for key in data:
        if key not in allowed:
            yield f"{label} has the field {key!r}, which there is not"


def _goes_on(data: Mapping[str, Any], label: str) -> Iterator[str]:
    ends, next_ = data.get("End"), data.get("Next")
    if next_ is None and ends is not True:
        yield f"{label} has neither Next nor End"
    elif next_ is not None and (ends is not None or not isinstance(next_, str)):
        yield f"{label} has Next and End" if ends is not None else f"{label} has a Next that is no name"


def _paths(data: Mapping[str, Any], label: str) -> Iterator[str]:
    for key, value in data.items():
        if not key.endswith("Path") or (value is None and key in (*_PATHS, "ResultPath")):
            continue
        fits = isinstance(value, str) and (value.startswith("$") or _known_intrinsic(value))
        if key == "ResultPath" and fits:
            fits = not re.search(r"\.\.|[@,:?*]", value)
        if not fits:
            yield f"{label}: {key} is {value!r}, which is no path"


def _known_intrinsic(text: str) -> bool:
    names = _INTRINSIC.findall(text)
    return bool(names) and set(names) <= INTRINSICS and text.endswith(")")


def _payload(value: Any, label: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.endswith(".$"):
                yield from _payload(item, label)
            elif not isinstance(item, str) or not (item.startswith("$") or _known_intrinsic(item)):
                yield f"{label}: {key} is {item!r}, which is neither a path nor an intrinsic function"
    elif isinstance(value, list):
        for item in value:
            yield from _payload(item, label)


def _seconds(data: Mapping[str, Any], key: str, label: str) -> Iterator[str]:
    value = data.get(key)
    if value is None or (isinstance(value, str) and _JSONATA.fullmatch(value)):
        return
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LONGEST_SECONDS:
        yield f"{label}: {key} is {value!r}; allowed is 1 to {_LONGEST_SECONDS}"


def _task(data: Mapping[str, Any], label: str) -> Iterator[str]:
    resource = data.get("Resource")
    if not isinstance(resource, str) or not resource.startswith(("arn:", "${")):
        yield f"{label} has no Resource that is an ARN"
    for key in ("TimeoutSeconds", "HeartbeatSeconds"):
        yield from _seconds(data, key, label)
        if key in data and f"{key}Path" in data:
            yield f"{label} has {key} and {key}Path"
    timeout, heartbeat = data.get("TimeoutSeconds"), data.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield f"{label}: HeartbeatSeconds is not less than TimeoutSeconds"


def _choice(data: Mapping[str, Any], label: str, jsonata: bool) -> Iterator[str]:
    choices = data.get("Choices")
    if not isinstance(choices, list) or not choices:
        yield f"{label} has no Choices"
        return
    for number, rule in enumerate(choices, 1):
        where = f"{label}: choice {number}"
        if not isinstance(rule, dict):
            yield f"{where} is no rule"
            continue
        if not isinstance(rule.get("Next"), str):
            yield f"{where} has no Next"
        if jsonata:
            if "Condition" not in rule:
                yield f"{where} has no Condition"
        else:
            yield from _comparison(rule, where)


def _comparison(rule: Any, where: str) -> Iterator[str]:
    if not isinstance(rule, dict):
        yield f"{where} is no rule"
        return
    kinds = [key for key in rule if key in ("And", "Or", "Not") or key in COMPARISONS]
    others = set(rule) - {*kinds, "Variable", "Next", "Comment", "Assign", "Output"}
    if others:
        yield f"{where} has the field {sorted(others)[0]!r}, which there is not"
    if len(kinds) != 1:
        yield f"{where} has {len(kinds) or 'no'} comparisons; it takes one"
        return
    kind, value = kinds[0], rule[kinds[0]]
    if kind == "Not":
        yield from _comparison(value, where)
    elif kind in ("And", "Or"):
        if not isinstance(value, list) or not value:
            yield f"{where}: {kind} has no rules"
        for part in value if isinstance(value, list) else ():
            yield from _comparison(part, where)
    elif not isinstance(rule.get("Variable"), str) or not rule["Variable"].startswith("$"):
        yield f"{where} has no Variable that is a path"


def _wait(data: Mapping[str, Any], label: str, jsonata: bool) -> Iterator[str]:
    given = [key for key in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath") if key in data]
    if len(given) != 1:
        yield f"{label} has {len(given) or 'no'} durations; it takes one"
    seconds = data.get("Seconds")
    known = "Seconds" in data and not (jsonata and isinstance(seconds, str))
    if known and not (isinstance(seconds, int) and 0 <= seconds <= _LONGEST_SECONDS):
        yield f"{label}: Seconds is {seconds!r}; allowed is 0 to {_LONGEST_SECONDS}"


def _parallel(data: Mapping[str, Any], label: str) -> Iterator[str]:
    branches = data.get("Branches")
    if not isinstance(branches, list) or not branches or not all(isinstance(branch, dict) for branch in branches):
        yield f"{label} has no Branches"


def _map(data: Mapping[str, Any], label: str) -> Iterator[str]:
    processors = [key for key in ("ItemProcessor", "Iterator") if isinstance(data.get(key), dict)]
    if len(processors) != 1:
        yield f"{label} has {len(processors) or 'no'} ItemProcessors; it takes one"
        return
    config = data[processors[0]].get("ProcessorConfig") or {}
    if not isinstance(config, dict) or config.get("Mode", "INLINE") not in ("INLINE", "DISTRIBUTED"):
        yield f"{label}: ProcessorConfig has no Mode that there is"
    elif config.get("Mode") == "DISTRIBUTED" and config.get("ExecutionType") not in ("STANDARD", "EXPRESS"):
        yield f"{label}: ProcessorConfig has no ExecutionType that there is"


_BY_TYPE: Mapping[str, Callable[[Mapping[str, Any], str], Iterator[str]]] = {
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
_BY_TYPE_AND_LANGUAGE: Mapping[str, Callable[[Mapping[str, Any], str, bool], Iterator[str]]] = {
    "Choice": _choice,
    "Wait": _wait,
}


def _handlers(
    data: Mapping[str, Any],
    label: str,
    field: str,
    kind: str,
    allowed: tuple[str, ...],
    check: Callable[[Mapping[str, Any], str], Iterator[str]],
) -> Iterator[str]:
    """The mistakes of a state's ``Retry`` or ``Catch``: of its errors' names, and what a check finds of each entry."""
    entries = data.get(field)
    if entries is None:
        return
    if not isinstance(entries, list):
        yield f"{label}: {field} is no list"
        return
    for number, entry in enumerate(entries, 1):
        where = f"{label}: {kind} {number}"
        yield from _error_names(entry, allowed, where, last=number == len(entries))
        if isinstance(entry, dict):
            yield from check(entry, where)


def _retrier(entry: Mapping[str, Any], where: str) -> Iterator[str]:
    rate, attempts = entry.get("BackoffRate", 2), entry.get("MaxAttempts", 3)
    if not isinstance(rate, int | float) or rate < 1:
        yield f"{where}: BackoffRate is {rate!r}; allowed is 1 or more"
    if not isinstance(attempts, int) or attempts < 0:
        yield f"{where}: MaxAttempts is {attempts!r}; allowed is 0 or more"
    if entry.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
        yield f"{where}: JitterStrategy is {entry['JitterStrategy']!r}; allowed are FULL, NONE"
    for key in ("IntervalSeconds", "MaxDelaySeconds"):
        yield from _seconds(entry, key, where)


def _catcher(entry: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _paths(entry, where)
    if not isinstance(entry.get("Next"), str):
        yield f"{where} has no Next"


def _error_names(entry: Any, fields: tuple[str, ...], where: str, *, last: bool) -> Iterator[str]:
    names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        yield f"{where} has no ErrorEquals"
        return
    yield from _unknown(entry, fields, where)
    for name in names:
        if name.startswith("States.") and name not in ERRORS and not name.startswith(HTTP_STATUS):
            yield f"{where} names {name}, an error of States that there is not"
    if "States.ALL" in names and (len(names) > 1 or not last):
        yield f"{where} has States.ALL, which stands alone and last"
