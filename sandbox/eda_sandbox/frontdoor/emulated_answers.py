"""Answers of the emulator's operations, and how those in JSON are changed."""

import json
from collections.abc import Callable
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""
_SUCCESS = 300


def succeeded(answer: Answer) -> bool:
    """Whether an operation was done."""
    return answer[0] < _SUCCESS


def changed(answer: Answer, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    """An answer with other content; one that refuses stays as it is.

    Args:
        answer: the emulator's.
        change: gives the content that takes the place of its own.
    """
    status, headers, body = answer
    return (status, headers, json.dumps(change(json.loads(body))).encode()) if succeeded(answer) else answer
