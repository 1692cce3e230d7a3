"""Records to a delivery stream of Firehose."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eda_runtime.envelope import Envelope
from eda_runtime.senders import sending
from eda_runtime.senders.sending import Entry, Failure

LIMITS = sending.Limits(entries=500, bytes=4 * 1024 * 1024, entry_bytes=1_024_000)
"""Of ``PutRecordBatch`` (Firehose quotas)."""


class DeliveryStreamSender:
    """Puts records into a delivery stream, each a JSON object. A stream that writes JSON has to put an end of line
    behind each (``AppendDelimiterToRecord``), as a ``BatchedFirehoseSink`` does.

    Args:
        client: boto3's of ``firehose``; of a link, ``links.NAME.client``.
        delivery_stream_name: the delivery stream.
        attempts: calls for one record at most.
    """

    def __init__(self, client: Any, delivery_stream_name: str, attempts: int = sending.ATTEMPTS) -> None:
        self._client = client
        self._stream = delivery_stream_name
        self._attempts = attempts

    def send(self, records: Iterable[Mapping[str, Any]], envelope: Envelope | None = None) -> None:
        """Put records.

        Args:
            records: the records.
            envelope: what each carries that has none of its own.

        Raises:
            SendError: some could not be put.
            ValueError: one is no JSON; nothing is sent.
        """
        entries = [_entry(record, envelope) for record in records]
        sending.send(entries, LIMITS, self._call, self._attempts)

    def _call(self, requests: list[dict[str, Any]]) -> Sequence[Failure | None]:
        answer = self._client.put_record_batch(DeliveryStreamName=self._stream, Records=requests)
        # Firehose was busy (Firehose API, PutRecordBatch): what it did not take it may take later.
        return sending.failures(answer["RequestResponses"])


def _entry(record: Mapping[str, Any], envelope: Envelope | None) -> Entry[Mapping[str, Any]]:
    data = sending.message(record, envelope).encode()
    return Entry(record, {"Data": data}, len(data))
