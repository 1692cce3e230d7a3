"""The X-Ray segments of an invocation: Lambda's own, and below it the function's.

https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

import contextlib
import contextvars
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eda_sandbox.foundation import tracing
from eda_sandbox.foundation.tracing import Segments, Trace, new_segment_id

PRINCIPAL = "lambda.amazonaws.com"
_links: contextvars.ContextVar[tuple[Trace, ...]] = contextvars.ContextVar("linked_traces", default=())


@contextlib.contextmanager
def linking(records: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """Let invocations within a ``with`` block be linked with the traces of a queue's messages.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-tracelinking.html
    """
    sent = {header for record in records if (header := (record.get("attributes") or {}).get("AWSTraceHeader"))}
    token = _links.set(tuple(Trace.of(header) for header in sorted(sent)))
    try:
        yield
    finally:
        _links.reset(token)


class InvocationTrace:
    """One invocation's segments, from its beginning.

    Args:
        configuration: the function's.
        request_id: the invocation's.
    """

    def __init__(self, configuration: Mapping[str, Any], request_id: str) -> None:
        self._configuration = configuration
        self._request_id = request_id
        active = configuration.get("TracingConfig", {}).get("Mode") == "Active"
        received = tracing.current()
        self._trace = Trace.of(received)
        self._recorded = active and self._trace.sampled is not False
        if active or received is None:
            # A function that passes traces on begins none.
            self._trace = Trace(self._trace.root, self._trace.parent, self._recorded)
        self._service, self._function, self._invocation = (new_segment_id() for _ in range(3))
        self._links = _links.get()
        self._began = time.time()
        self._initialised: tuple[float, float] | None = None
        self._invoked: float | None = None

    @property
    def header(self) -> str:
        """What the function gets as ``_X_AMZN_TRACE_ID``; its own subsegments lie below the invocation."""
        return self._trace.below(self._invocation).header if self._recorded else self._trace.header

    def initialised(self, seconds: float | None) -> None:
        """The environment is there, after so many seconds of initialisation; None for one that was there already."""
        now = time.time()
        if seconds is not None:
            self._initialised = (now - seconds, now)
        self._invoked = now

    def ended(self, segments: Segments, status: str, error: Mapping[str, Any] | bytes | None = None) -> None:
        """Record the segments.

        Args:
            segments: takes them.
            status: ``success``, or how it failed.
            error: what is known of the failure, as the runtime reports errors.
        """
        if not self._recorded:
            return
        for document in self._documents(time.time(), status != "success", error):
            segments.record(document, PRINCIPAL, self._configuration["Role"])

    def _documents(
        self, ended: float, failed: bool, error: Mapping[str, Any] | bytes | None
    ) -> Iterator[dict[str, Any]]:
        name, arn = str(self._configuration["FunctionName"]), str(self._configuration["FunctionArn"])
        marks: dict[str, Any] = {"fault": True} if failed else {}
        common = {"name": name, "trace_id": self._trace.root, "start_time": self._began, "end_time": ended}
        links = [{"trace_id": link.root, **({"id": link.parent} if link.parent else {})} for link in self._links]
        yield {
            "id": self._service,
            **common,
            **({"parent_id": self._trace.parent} if self._trace.parent else {}),
            "http": {"response": {"status": 200}},
            "aws": {"request_id": self._request_id},
            "origin": "AWS::Lambda",
            "resource_arn": arn,
            **({"links": links} if links else {}),
            **marks,
        }
        if failed and (cause := _cause(error)):
            marks["cause"] = {"working_directory": "/var/task", "exceptions": [cause]}
        yield {
            "id": self._function,
            **common,
            "parent_id": self._service,
            "aws": {"account_id": arn.split(":")[4], "function_arn": arn, "resource_names": [name]},
            "origin": "AWS::Lambda::Function",
            "subsegments": list(self._phases(ended, failed)),
            **marks,
        }

    def _phases(self, ended: float, failed: bool) -> Iterator[dict[str, Any]]:
        if self._initialised is not None:
            begin, end = self._initialised
            yield {"id": new_segment_id(), "name": "Initialization", "start_time": begin, "end_time": end}
        if self._invoked is None:
            return
        found = {"id": self._invocation, "name": "Invocation", "start_time": self._invoked, "end_time": ended}
        yield {**found, **({"fault": True} if failed else {})}
        yield {"id": new_segment_id(), "name": "Overhead", "start_time": ended, "end_time": ended}


def _cause(error: Mapping[str, Any] | bytes | None) -> dict[str, Any] | None:
    if isinstance(error, bytes):
        try:
            error = json.loads(error)
        except ValueError:
            return None
    if not isinstance(error, Mapping):
        return None
    said = {"type": error.get("errorType"), "message": error.get("errorMessage")}
    return {"id": new_segment_id(), **{name: str(value) for name, value in said.items() if value is not None}}
