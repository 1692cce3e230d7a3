"""Records of DynamoDB Streams: the emulator keeps each as dicts in dicts, here each is bytes until it is read."""

import pickle
from collections.abc import Iterable, MutableSequence
from typing import Any, overload

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb as emulated

Record = dict[str, Any]


def install() -> None:
    """Keep what the emulator is given; again does nothing."""
    if not isinstance(emulated._stream_records, _Streams):
        replaced: Any = emulated
        replaced._stream_records = _Streams()


class _Streams(AccountRegionScopedDict):  # type: ignore[misc]  # the emulator has no types
    """The records by table."""

    def __setitem__(self, table: str, records: list[Record]) -> None:
        super().__setitem__(table, _Records(records))


class _Records(MutableSequence[Record]):
    """Records in their order; what is read is a copy."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._packed = [_packed(record) for record in records]

    def insert(self, number: int, record: Record) -> None:
        self._packed.insert(number, _packed(record))

    @overload
    def __getitem__(self, number: int) -> Record: ...
    @overload
    def __getitem__(self, number: slice) -> "_Records": ...
    def __getitem__(self, number: int | slice) -> "Record | _Records":
        if isinstance(number, slice):
            found = _Records(())
            found._packed = self._packed[number]
            return found
        record: Record = pickle.loads(self._packed[number])  # noqa: S301 - this process wrote it
        return record

    def __setitem__(self, number: Any, record: Any) -> None:
        self._packed[number] = _packed(record)

    def __delitem__(self, number: int | slice) -> None:
        del self._packed[number]

    def __len__(self) -> int:
        return len(self._packed)


def _packed(record: Record) -> bytes:
    return pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
