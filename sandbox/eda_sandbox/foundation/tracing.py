"""X-Ray's trace header, how it goes from call to call, and how segments get to X-Ray.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import contextlib
import contextvars
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from eda_sandbox.foundation.errors import AwsError

HEADER = "x-amzn-trace-id"
SEND_SECONDS = 1.0
"""How long segments are gathered before they are sent, as X-Ray's daemon does it."""
BATCH = 50
"""Segments of one call (the daemon's)."""
P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)
_current: contextvars.ContextVar[str | None] = contextvars.ContextVar("trace_header", default=None)


@dataclass(frozen=True)
class Trace:
    """What a trace header says.

    Attributes:
        root: the trace.
        parent: the segment or subsegment that called; None where the trace begins.
        sampled: whether it is recorded; None where nobody has decided it.
    """

    root: str
    parent: str | None = None
    sampled: bool | None = None

    @classmethod
    def of(cls, header: str | None) -> "Trace":
        """A header's; a new trace where it names none."""
        fields = dict(part.strip().partition("=")[::2] for part in (header or "").split(";") if "=" in part)
        sampled = {"1": True, "0": False}.get(fields.get("Sampled", ""))
        return cls(fields.get("Root") or new_trace_id(), fields.get("Parent"), sampled)

    def below(self, segment: str) -> "Trace":
        """The same trace for what a segment calls."""
        return replace(self, parent=segment)

    @property
    def header(self) -> str:
        """As the header spells it."""
        said = {"Root": self.root, "Parent": self.parent}
        if self.sampled is not None:
            said["Sampled"] = str(int(self.sampled))
        return ";".join(f"{name}={value}" for name, value in said.items() if value is not None)


def new_trace_id() -> str:
    """The id of a trace that begins now."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_segment_id() -> str:
    """The id of a segment or a subsegment."""
    return secrets.token_hex(8)


def current() -> str | None:
    """The trace header of the request that is being answered, which goes on with each request of its own."""
    return _current.get()


@contextlib.contextmanager
def carrying(header: str | None) -> Iterator[None]:
    """Let what is called within a ``with`` block get this trace header."""
    token = _current.set(header)
    try:
        yield
    finally:
        _current.reset(token)


def carried(header: str | None, function: Callable[P, R]) -> Callable[P, R]:
    """A function that works under a trace header, on whichever thread."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with carrying(header):
            return function(*args, **kwargs)

    return run


Sender = tuple[str | None, str]


@dataclass
class Segments:
    """Gathers segments and hands them to X-Ray, in the name of who recorded them: a role that may not put them loses
    them, as on AWS, and nobody waits for it.

    Args:
        client: X-Ray's client for a role and the service that assumes it, or for that service alone.
        stopping: set when nothing is sent any more.
    """

    client: Callable[[str | None, str], Any]
    stopping: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: dict[Sender, list[str]] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def record(self, document: Mapping[str, Any] | str, principal: str, role_arn: str | None = None) -> None:
        """Take a segment; returns at once.

        Args:
            document: the segment, or its text.
            principal: the service that recorded it.
            role_arn: the role in whose name it is put; None puts it in the service's own (a service-linked role).
        """
        text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
        with self._lock:
            self._waiting.setdefault((role_arn, principal), []).append(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="x-ray", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self.stopping.wait(SEND_SECONDS):
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            for (role_arn, principal), texts in waiting.items():
                for start in range(0, len(texts), BATCH):
                    self._put(role_arn, principal, texts[start : start + BATCH])

    def _put(self, role_arn: str | None, principal: str, texts: list[str]) -> None:
        try:
            answer = self.client(role_arn, principal).put_trace_segments(TraceSegmentDocuments=texts)
        except (AwsError, BotoCoreError, ClientError) as error:
            log.info("%d segments of %s are lost: %s", len(texts), role_arn or principal, error)
            return
        for refused in answer.get("UnprocessedTraceSegments", []):
            log.warning("a segment of %s is refused: %s", role_arn or principal, refused)
