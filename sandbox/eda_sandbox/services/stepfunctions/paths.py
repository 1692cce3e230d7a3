"""Paths of the States Language: reading values, and putting results at reference paths."""

import copy
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eda_sandbox.foundation import jsonpath
from eda_sandbox.services.stepfunctions.failure import RuntimeFailure, StateError

_ROOT = re.compile(r"\$\$|\$(?P<variable>[^\W\d]\w*)?")
_STEP = re.compile(
    r"\.(?P<name>[\w-]+)|\[(?P<quote>['\"])(?P<quoted>(?:(?!(?P=quote)).)*)(?P=quote)\]|\[(?P<index>-?\d+)\]"
)
_FUNCTION = re.compile(r"\.\w+\(\)")
_MISSING = object()


class NoPath(ValueError):
    """A text that is no path."""


@dataclass(frozen=True)
class _Path:
    """A path that was read: where it begins, and its steps, or None where it can find several values."""

    root: str
    rest: str
    steps: tuple[str | int, ...] | None


@functools.lru_cache(maxsize=4096)
def _read(path: str) -> _Path:
    root = _ROOT.match(path)
    if root is None:
        raise NoPath(f"{path!r} does not begin with $")
    rest = path[root.end() :]
    found: list[str | int] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            break
        found.append(int(match["index"]) if match["index"] is not None else match["quoted"] or match["name"])
        at = match.end()
    else:
        return _Path(root.group(), rest, tuple(found))
    if _FUNCTION.search(rest):
        raise NoPath(f"{path!r} calls a function; Step Functions has none in paths")
    try:
        definite = jsonpath.definite(f"${rest}")
    except jsonpath.PathError as error:
        raise NoPath(str(error)) from error
    return _Path(root.group(), rest, definite)


def check(path: str) -> None:
    """Read a path for its form alone.

    Raises:
        NoPath: it is no path that the sandbox reads.
    """
    _read(path)


def check_reference(path: str) -> None:
    """Read a reference path, which names one place.

    Raises:
        NoPath: it is none.
    """
    if _read(path).steps is None:
        raise NoPath(f"{path!r} is no reference path")


def variable(path: str) -> str | None:
    """The variable that a path begins with, or None."""
    root = _read(path).root
    return root[1:] if root not in ("$", "$$") else None


def read(path: str, document: Any, context: Any, variables: Mapping[str, Any] | None = None) -> Any:
    """The value at a path; ``$$`` reads the context object, ``$name`` a variable.

    Raises:
        RuntimeFailure: there is none.
    """
    value = _find(path, document, context, variables)
    if value is _MISSING:
        raise RuntimeFailure(f"Invalid path '{path}' : {_why(path, document, context, variables)}")
    return value


def exists(path: str, document: Any, context: Any, variables: Mapping[str, Any] | None = None) -> bool:
    """Whether a path finds a value."""
    return _find(path, document, context, variables) is not _MISSING


def _find(path: str, document: Any, context: Any, variables: Mapping[str, Any] | None) -> Any:
    parsed = _read(path)
    value = _root(parsed, document, context, variables)
    if parsed.steps is None:
        return _MISSING if value is _MISSING else jsonpath.evaluate(f"${parsed.rest}", value)
    for step in parsed.steps:
        value = _child(value, step)
        if value is _MISSING:
            break
    return value


def _root(path: _Path, document: Any, context: Any, variables: Mapping[str, Any] | None) -> Any:
    if path.root == "$":
        return document
    return context if path.root == "$$" else (variables or {}).get(path.root[1:], _MISSING)


def _child(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(step), _MISSING)
    if isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        return value[step]
    return _MISSING


def _why(path: str, document: Any, context: Any, variables: Mapping[str, Any] | None) -> str:
    """What the JSONPath library of Step Functions says of a path that finds nothing."""
    parsed = _read(path)
    steps = parsed.steps or ()
    value, way = _root(parsed, document, context, variables), "$"
    for step in steps[:-1]:
        way += f"[{step}]" if isinstance(step, int) else f"['{step}']"
        value = _child(value, step)
        if value is _MISSING:
            return f"Missing property in path {way}"
    last = "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in steps)
    return f"No results for path: ${last}"


def put(path: str | None, document: Any, result: Any) -> Any:
    """The document with a result at a reference path; ``$`` replaces it, None discards the result.

    Raises:
        StateError: ``States.ResultPathMatchFailure``, when a step on the way is no object.
    """
    if path is None:
        return document
    way = _read(path).steps
    if way is None:
        raise RuntimeFailure(f"{path!r} is no reference path")
    if not way:
        return result
    changed = copy.deepcopy(document)
    at: Any = changed
    for step in way[:-1]:
        at = _member(at, step, path)
    if isinstance(at, list) and isinstance(way[-1], int) and way[-1] < len(at):
        at[way[-1]] = result
    elif isinstance(at, dict):
        at[str(way[-1])] = result
    else:
        raise _mismatch(path)
    return changed


def _member(value: Any, step: str | int, path: str) -> Any:
    if isinstance(value, dict):
        return value.setdefault(str(step), {})
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    raise _mismatch(path)


def _mismatch(path: str) -> StateError:
    return StateError("States.ResultPathMatchFailure", f"Unable to apply ReferencePath {path} to the state's input")
