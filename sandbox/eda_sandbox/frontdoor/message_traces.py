"""Messages carry the trace of the request that sent them, in the system attribute ``AWSTraceHeader``.

https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
"""

import importlib
from typing import Any

from eda_sandbox.foundation import tracing

ATTRIBUTE = "AWSTraceHeader"


def mark_messages() -> None:
    """Let the emulator's queues mark each message; an attribute that its sender has set itself stays.

    Into the request it cannot be written: its body is signed. The emulator is loaded by now, with its environment set.
    """
    sqs: Any = importlib.import_module("ministack.services.sqs")
    build = sqs._build_send_sys_attrs
    if getattr(build, "marks", False):
        return

    def marked(now: float, given: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = build(now, given)
        trace = tracing.current()
        return found if trace is None else {ATTRIBUTE: trace, **found}

    marked.marks = True  # type: ignore[attr-defined]  # a second sandbox of this process marks them once
    sqs._build_send_sys_attrs = marked
