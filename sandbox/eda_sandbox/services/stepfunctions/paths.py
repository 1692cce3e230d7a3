"""Paths of the States Language: reading values, and putting results at reference paths."""

import copy
import re
from typing import Any

from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError

_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]|\[(?P<index>-?\d+|\*)\]")
_MISSING = object()


def steps(path: str) -> list[str | int]:
    """The steps of a path behind its ``$``; ``*`` is a step of its own.

    Raises:
        ValueError: it is no path that the sandbox reads.
    """
    if not path.startswith("$"):
        raise ValueError(f"{path!r} does not begin with $")
    found: list[str | int] = []
    at = 2 if path.startswith("$$") else 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"{path!r} is no path at position {at}")
        if match["index"] is not None and match["index"] != "*":
            found.append(int(match["index"]))
        else:
            found.append(match["index"] or match["quoted"] or match["name"])
        at = match.end()
    return found


def read(path: str, document: Any, context: Any) -> Any:
    """The value at a path; ``$$`` reads the context object.

    Raises:
        RuntimeFailure: there is none.
    """
    value = _find(path, document, context)
    if value is _MISSING:
        raise RuntimeFailure(f"Invalid path '{path}': No results for path: {path}")
    return value


def exists(path: str, document: Any, context: Any) -> bool:
    """Whether a path finds a value."""
    return _find(path, document, context) is not _MISSING


def _find(path: str, document: Any, context: Any) -> Any:
    values = [context if path.startswith("$$") else document]
    way: list[Any] = steps(path)
    for step in way:
        values = [child for value in values for child in _children(value, step)]
    if "*" in way:
        return values
    return values[0] if values else _MISSING


def _children(value: Any, step: Any) -> list[Any]:
    if isinstance(value, dict):
        if step == "*":
            return list(value.values())
        return [value[step]] if step in value else []
    if isinstance(value, list):
        if step == "*":
            return value
        return [value[step]] if isinstance(step, int) and -len(value) <= step < len(value) else []
    return []


def put(path: str | None, document: Any, result: Any) -> Any:
    """The document with a result at a reference path; ``$`` replaces it, None discards the result.

    Raises:
        StateError: ``States.ResultPathMatchFailure``, when a step on the way is no object.
    """
    if path is None:
        return document
    way: list[Any] = steps(path)
    if not way:
        return result
    changed = copy.deepcopy(document)
    at: Any = changed
    for step in way[:-1]:
        if not isinstance(at, dict | list):
            raise _mismatch(path)
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    if not isinstance(at, dict | list):
        raise _mismatch(path)
    at[way[-1]] = result
    return changed


def _mismatch(path: str) -> StateError:
    return StateError("States.ResultPathMatchFailure", f"Unable to apply ReferencePath {path} to the state's input")
