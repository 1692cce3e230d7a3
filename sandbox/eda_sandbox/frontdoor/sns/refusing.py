"""Refusals of SNS, in its words."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ministack.services import sns as emulated

from eda_sandbox.frontdoor.emulated_answers import Answer

Params = Mapping[str, Any]
ELEMENTS = 6
"""Of an ARN."""
_emulated_error = emulated._error


class Refused(Exception):
    """SNS refuses a request.

    Args:
        message: what it says.
        code: the error's.
    """

    def __init__(self, message: str, code: str = "InvalidParameter") -> None:
        super().__init__(message)
        self.code = code


def invalid(what: str, reason: str | None = None) -> Refused:
    """The refusal of a parameter.

    Args:
        what: its name, or all that is said of it.
        reason: why.
    """
    return Refused(f"Invalid parameter: {what}" + (f" Reason: {reason}" if reason else ""))


def error(code: str, message: str, status: int) -> Answer:
    """An error of the emulator, as SNS says it."""
    if code == "NotFound":
        message = message.partition(":")[0]
    answer: Answer = _emulated_error(
        "InvalidParameter" if code == "InvalidParameterException" else code, message, status
    )
    return answer


def refusing(operation: Callable[[Params], Answer]) -> Callable[[Params], Answer]:
    """An operation whose refusals are answers."""

    @wraps(operation)
    def answered(params: Params) -> Answer:
        try:
            return operation(params)
        except Refused as refused:
            return error(refused.code, str(refused), 400)

    return answered


def check_arn(arn: str, parameter: str) -> None:
    """Check that an ARN has its elements.

    Raises:
        Refused: it has not.
    """
    count = len(arn.split(":"))
    if count < ELEMENTS:
        raise invalid(parameter, f"An ARN must have at least {ELEMENTS} elements, not {count}")


def entries(params: Params, name: str) -> dict[str, str]:
    """A map of a request in the query protocol."""
    found, number = {}, 1
    while (key := emulated._p(params, f"{name}.entry.{number}.key")) != "":
        found[str(key)] = str(emulated._p(params, f"{name}.entry.{number}.value"))
        number += 1
    return found
