"""Events to a bus of EventBridge."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eda_runtime.envelope import Envelope
from eda_runtime.senders import sending
from eda_runtime.senders.sending import Entry, Failure

LIMITS = sending.Limits(entries=10, bytes=1_048_576, entry_bytes=1_048_576)
"""Of ``PutEvents`` (EventBridge quotas): entries, and the bytes of all of them."""
_PASSES = frozenset({"InternalException", "InternalFailure", "ThrottlingException"})
"""What an entry may fail with and be sent again (EventBridge API, ``PutEventsResultEntry``)."""


class Event(NamedTuple):
    """An event.

    Attributes:
        detail_type: what happened, for example ``Reading taken``.
        detail: the rest, a JSON object.
        resources: ARNs of what it is about.
    """

    detail_type: str
    detail: Mapping[str, Any]
    resources: Sequence[str] = ()


class BusSender:
    """Puts events on a bus.

    Args:
        client: boto3's of ``events``; of a link, ``links.NAME.client``.
        event_bus_name: the bus, or its ARN where it is another account's.
        source: who says it, as rules match it.
        attempts: calls for one event at most.
    """

    def __init__(self, client: Any, event_bus_name: str, source: str, attempts: int = sending.ATTEMPTS) -> None:
        self._client = client
        self._bus = event_bus_name
        self._source = source
        self._attempts = attempts

    def send(self, events: Iterable[Event], envelope: Envelope | None = None) -> None:
        """Put events.

        Args:
            events: the events.
            envelope: what the ``detail`` of each carries that has none of its own.

        Raises:
            SendError: some could not be put.
            ValueError: one is no JSON; nothing is sent.
        """
        entries = [self._entry(event, envelope) for event in events]
        sending.send(entries, LIMITS, self._call, self._attempts)

    def _entry(self, event: Event, envelope: Envelope | None) -> Entry[Event]:
        detail = sending.message(event.detail, envelope)
        request: dict[str, Any] = {
            "EventBusName": self._bus,
            "Source": self._source,
            "DetailType": event.detail_type,
            "Detail": detail,
        }
        if event.resources:
            request["Resources"] = list(event.resources)
        # EventBridge User Guide, calculating PutEvents event entry size.
        texts = [self._source, event.detail_type, detail, *event.resources]
        return Entry(event, request, sum(len(text.encode()) for text in texts))

    def _call(self, requests: list[dict[str, Any]]) -> Sequence[Failure | None]:
        return sending.failures(self._client.put_events(Entries=requests)["Entries"], _PASSES)
