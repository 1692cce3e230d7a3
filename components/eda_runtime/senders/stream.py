"""Records to a stream of Kinesis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eda_runtime.envelope import Envelope
from eda_runtime.senders import sending
from eda_runtime.senders.sending import Entry, Failure

LIMITS = sending.Limits(entries=500, bytes=5 * 1024 * 1024, entry_bytes=1024 * 1024)
"""Of ``PutRecords``, as every stream has them (Kinesis API): records, and bytes with the partition keys. A stream may
be set to larger records."""


class Record(NamedTuple):
    """A record.

    Attributes:
        data: what it says, a JSON object.
        partition_key: decides about its shard, 1 to 256 characters (Kinesis API). A record that is sent again comes
            behind those that were taken at once: readers order by what the records say.
    """

    data: Mapping[str, Any]
    partition_key: str


class StreamSender:
    """Puts records into a stream.

    Args:
        client: boto3's of ``kinesis``; of a link, ``links.NAME.client``.
        stream_name: the stream.
        attempts: calls for one record at most.
    """

    def __init__(self, client: Any, stream_name: str, attempts: int = sending.ATTEMPTS) -> None:
        self._client = client
        self._stream = stream_name
        self._attempts = attempts

    def send(self, records: Iterable[Record], envelope: Envelope | None = None) -> None:
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
        answer = self._client.put_records(StreamName=self._stream, Records=requests)
        # ProvisionedThroughputExceededException or InternalFailure (Kinesis API, PutRecordsResultEntry): both pass.
        return sending.failures(answer["Records"])


def _entry(record: Record, envelope: Envelope | None) -> Entry[Record]:
    data = sending.message(record.data, envelope).encode()
    size = len(data) + len(record.partition_key.encode())
    return Entry(record, {"Data": data, "PartitionKey": record.partition_key}, size)
