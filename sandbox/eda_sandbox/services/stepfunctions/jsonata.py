"""JSONata expressions of the States Language; ``jsonata-python`` evaluates them."""

import functools
import hashlib
import json
import random
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from eda_sandbox.services.stepfunctions.failure import QueryFailure
from eda_sandbox.services.stepfunctions.intrinsics import compact

MILLISECONDS = 5000
"""How long an expression may take; the sandbox's own limit."""
DEPTH = 400
"""How deep an expression may call itself; the sandbox's own limit."""
_EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
_TYPES = ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))
_lock = threading.Lock()


class NoExpression(ValueError):
    """A text that is no JSONata."""


def inner(text: str) -> str | None:
    """The expression between ``{%`` and ``%}``; None for a plain text."""
    match = _EXPRESSION.fullmatch(text)
    return match[1].strip() if match else None


def type_name(value: Any) -> str:
    """A value's type as JSONata calls it."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")


def check(expression: str) -> None:
    """Read an expression for its form alone.

    Raises:
        NoExpression: it is none.
    """
    try:
        _compiled(expression)
    except (JException, RecursionError) as error:
        raise NoExpression(str(error)) from error


def functions() -> set[str]:
    """The names of all functions."""
    return {*Jsonata.static_frame.bindings, *_FUNCTIONS}


def fill(value: Any, bindings: Mapping[str, Any], location: str) -> Any:
    """A field's value with the expressions in it evaluated.

    Args:
        value: the field's value.
        bindings: the variables, by their names without ``$``.
        location: the field, for errors.

    Raises:
        QueryFailure: one fails, or has no value.
    """
    if isinstance(value, dict):
        return {name: fill(one, bindings, f"{location}/{name}") for name, one in value.items()}
    if isinstance(value, list):
        return [fill(one, bindings, f"{location}[{number}]") for number, one in enumerate(value)]
    expression = inner(value) if isinstance(value, str) else None
    return value if expression is None else _evaluated(expression, bindings, location)


@functools.lru_cache(maxsize=512)
def _compiled(expression: str) -> Jsonata:
    made = Jsonata(expression)
    made.set_output_convert_nulls(False)
    made.set_validate_input(False)
    for name, function in _FUNCTIONS.items():
        made.register_lambda(name, function)
    # Step Functions has no $eval.
    made.assign("eval", None)
    return made


def _evaluated(expression: str, bindings: Mapping[str, Any], location: str) -> Any:
    said = f"The JSONata expression '{expression}' specified for the field '{location}'"
    try:
        # A compiled expression is not made for several threads.
        with _lock:
            compiled = _compiled(expression)
            # Its time counts from here, and its own functions take the last one that was made for themselves.
            compiled.environment.set_runtime_bounds(MILLISECONDS, DEPTH)
            Jsonata.CURRENT.jsonata = compiled
            # To Jsonata none is undefined.
            seen = {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}
            found = compiled.evaluate(None, seen)
    except JException as error:
        raise QueryFailure(f"{said} threw an error during evaluation. {error.error}: {error}", location) from error
    except Exception as error:
        raise QueryFailure(f"{said} threw an error during evaluation. {error}", location) from error
    if found is None:
        raise QueryFailure(f"{said} returned nothing (undefined).", location)
    try:
        return _plain(found)
    except TypeError as error:
        raise QueryFailure(f"{said} returned an unsupported result type.", location) from error


def _plain(value: Any) -> Any:
    """A result as JSON has it."""
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, str | int | float):
        return value
    raise TypeError(type(value).__name__)


def _partition(values: Any, size: Any) -> Any:
    if values is None:
        return None
    return [values[start : start + int(size)] for start in range(0, len(values), int(size))]


def _range(first: Any, last: Any, step: Any) -> Any:
    found = list(range(int(first), int(last) + (1 if step > 0 else -1), int(step)))
    # A sequence: one value alone is that value.
    return found[0] if len(found) == 1 else found


def _hash(data: Any, algorithm: Any = "SHA-256") -> Any:
    if data is None:
        return None
    text = data if isinstance(data, str) else compact(_plain(data))
    return hashlib.new(algorithm.replace("-", "").lower(), text.encode()).hexdigest()


def _random(seed: Any = None) -> float:
    return random.random() if seed is None else random.Random(seed).random()


def _parse(text: Any) -> Any:
    return None if text is None else Utils.NULL_VALUE if (value := json.loads(text)) is None else value


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": lambda: str(uuid.uuid4()),
    "parse": _parse,
}
"""What Step Functions adds to JSONata."""
