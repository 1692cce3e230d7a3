"""The variables that each state of a machine reads."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from eda_sandbox.services.stepfunctions import intrinsics, paths
from eda_sandbox.services.stepfunctions.failure import IntrinsicFailure

_INNER = ("ItemProcessor", "Iterator", "Branches")
_PLAIN = frozenset({"Result", "Comment", "Resource"})
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_OWN = re.compile(r"\$(\w+)\s*:=|function\s*\(([^)]*)\)")
_READ = re.compile(r"\$([A-Za-z_]\w*)(?!\w)(?!\s*\()")


def of(definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of variables by the state's name; states that read none are left out."""
    language = definition.get("QueryLanguage", "JSONPath")
    found: dict[str, list[str]] = {}
    for name, state in _states(definition):
        own = {key: value for key, value in state.items() if key not in (*_INNER, *_PLAIN)}
        read = _in_jsonata if state.get("QueryLanguage", language) == "JSONata" else _in_jsonpath
        if names := sorted(set(read(own))):
            found[name] = names
    return found


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        for inner in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])):
            if inner is not None:
                yield from _states(inner)


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, key)
    elif isinstance(value, str):
        yield key, value


def _in_jsonpath(state: dict[str, Any]) -> Iterator[str]:
    for key, text in _texts(state):
        if not key.endswith((".$", "Path", "Variable")):
            continue
        try:
            found = [text] if text.startswith("$") else intrinsics.references(text)
            names = [paths.variable(path) for path in found]
        except (IntrinsicFailure, paths.NoPath):
            continue
        yield from (name for name in names if name is not None)


def _in_jsonata(state: dict[str, Any]) -> Iterator[str]:
    for _, text in _texts(state):
        if not text.startswith("{%"):
            continue
        from eda_sandbox.services.stepfunctions import jsonata

        expression = _TEXT.sub("''", text)
        own = {"states", *jsonata.functions()}
        for assigned, parameters in _OWN.findall(expression):
            own |= {assigned, *re.findall(r"\$(\w+)", parameters)}
        yield from (name for name in _READ.findall(expression) if name not in own)
