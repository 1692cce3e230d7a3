"""What every message, item and row carries, so that one order can be followed through all hops."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA_VERSION = "1"
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Envelope:
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
        known = {name: value for name, value in given.items() if name in cls.__dataclass_fields__ and value is not None}
        return cls(**{name: str(value) for name, value in known.items()})

    def as_dict(self) -> dict[str, str]:
        """The envelope as JSON has it."""
        return asdict(self)

    def headers(self) -> dict[str, str]:
        """The headers of an outgoing HTTP call: ``X-Correlation-Id``, and ``traceparent`` where it is valid."""
        headers = {"X-Correlation-Id": self.correlation_id}
        if _TRACEPARENT.fullmatch(self.traceparent):
            headers["traceparent"] = self.traceparent
        return headers
