"""What every message, item and row carries, so that one order can be followed through all hops."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SCHEMA_VERSION = "1"
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KNOWN_FLAGS = 0b11
"""Sampled, and random trace id: what W3C's Trace Context level 2 gives a meaning."""
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
"""What RFC 9110 lets a new field have, and no more than the tables' columns take."""


class Envelope(NamedTuple):
    """The envelope.

    Attributes:
        correlation_id: the same at every hop; by default the order's id.
        causation_id: the id of what caused this message.
        traceparent: W3C trace context, empty when there is none.
        occurred_at: RFC 3339, UTC.
        schema_version: of the payload.
    """

    correlation_id: str
    causation_id: str = ""
    traceparent: str = ""
    occurred_at: str = ""
    schema_version: str = SCHEMA_VERSION

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Envelope | None":
        """The envelope of a message that has one under ``envelope``."""
        given = message.get("envelope")
        if not isinstance(given, Mapping) or not isinstance(given.get("correlation_id"), str):
            return None
        known = {name: value for name, value in given.items() if name in cls._fields and value is not None}
        return cls(**{name: str(value) for name, value in known.items()})

    def as_dict(self) -> dict[str, str]:
        """The envelope as JSON has it."""
        return self._asdict()

    def headers(self) -> dict[str, str]:
        """The headers of an outgoing HTTP call: ``X-Correlation-Id`` and ``traceparent``, each where it is valid.

        A correlation id that is no header value (1 to 256 visible ASCII characters, with spaces between them) is left
        out: it would end the call, or write headers of its own.
        """
        headers = {"X-Correlation-Id": self.correlation_id} if is_header_value(self.correlation_id) else {}
        trace = traceparent_of(self.traceparent)
        return {**headers, "traceparent": trace} if trace else headers


def is_header_value(text: str) -> bool:
    """Whether a text can be a header's value: 1 to 256 visible ASCII characters, with spaces between them."""
    return _HEADER_VALUE.fullmatch(text) is not None


def traceparent_of(text: str) -> str:
    """A ``traceparent`` as W3C's Trace Context has it in version 00, empty for one that is not valid.

    Of a higher version what version 00 knows is taken, as W3C's "Versioning of traceparent" asks: the ids, and the
    flags that have a meaning.
    """
    match = _TRACEPARENT.fullmatch(text)
    if match is None:
        return ""
    version, trace, parent, flags, more = match.groups()
    if version == "ff" or not trace.strip("0") or not parent.strip("0"):
        return ""
    if version == "00":
        return "" if more is not None else text
    return f"00-{trace}-{parent}-{int(flags, 16) & _KNOWN_FLAGS:02x}"
