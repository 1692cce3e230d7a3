"""The events of an execution."""

import pickle
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, overload

Event = dict[str, Any]


class History(Sequence[Event]):
    """Events in their order; those of an execution that has succeeded are kept compressed, in a tenth of the memory."""

    def __init__(self) -> None:
        self._kept: list[Event] | bytes = []
        self._count = 0

    def append(self, event: Event) -> None:
        """Add an event, until it is packed."""
        assert isinstance(self._kept, list)
        self._kept.append(event)
        self._count += 1

    def pack(self) -> None:
        """Compress them: none is added, and they are seldom asked for from now on."""
        self._kept = zlib.compress(pickle.dumps(self._events(), pickle.HIGHEST_PROTOCOL), 1)

    @overload
    def __getitem__(self, number: int) -> Event: ...
    @overload
    def __getitem__(self, number: slice) -> list[Event]: ...
    def __getitem__(self, number: int | slice) -> Event | list[Event]:
        return self._events()[number]

    def __iter__(self) -> Iterator[Event]:
        # One by one each would be looked for in all of them.
        return iter(self._events())

    def __len__(self) -> int:
        return self._count

    def _events(self) -> list[Event]:
        kept = self._kept
        if isinstance(kept, list):
            return kept
        found: list[Event] = pickle.loads(zlib.decompress(kept))  # noqa: S301 - this process wrote it
        return found
