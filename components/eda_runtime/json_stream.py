"""A JSON array read element by element as it arrives, in memory that does not grow with it."""

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any

_SPACE = " \t\n\r"
_ENDS = frozenset(" \t\n\r,]")
_DECODER = json.JSONDecoder()
MAX_ELEMENT = 1024 * 1024


class JsonStreamError(ValueError):
    """The stream is no JSON array, ends too early, or holds an element that is too long."""


def elements(chunks: Iterable[bytes], max_element: int = MAX_ELEMENT) -> Iterator[Any]:
    """The elements of a JSON array.

    Args:
        chunks: the bytes as they come, cut anywhere.
        max_element: characters of one element at most.

    Raises:
        JsonStreamError: the bytes are no JSON array in UTF-8.
    """
    text = _Text(chunks)
    if text.next_mark() != "[":
        raise JsonStreamError("the answer is no JSON array")
    text.at += 1
    if text.next_mark() == "]":
        text.at += 1
    else:
        while True:
            yield text.value(max_element)
            mark = text.next_mark()
            text.at += 1
            if mark == "]":
                break
            if mark != ",":
                raise JsonStreamError("two elements are not separated by a comma")
    if text.next_mark():
        raise JsonStreamError("something follows the array")


class _Text:
    """The part of the text that was received and not yet read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._buffer = ""
        self._ended = False
        self.at = 0

    def next_mark(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            while self.at < len(self._buffer):
                if self._buffer[self.at] not in _SPACE:
                    return self._buffer[self.at]
                self.at += 1
            if not self._more():
                return ""

    def value(self, max_length: int) -> Any:
        """The value that begins at the next character that is no space."""
        if not self.next_mark():
            raise JsonStreamError("the array ends too early")
        while True:
            value, end = self._decoded()
            # A number may go on in the next chunk: 1 as 1.5 or 1e9.
            if end and self._buffer[end : end + 1] in _ENDS:
                self.at = end
                return value
            if len(self._buffer) - self.at > max_length:
                raise JsonStreamError(f"an element is longer than {max_length} characters")
            if not self._more():
                if not end:
                    raise JsonStreamError("an element is no JSON, or the array ends too early")
                self.at = end
                return value

    def _decoded(self) -> tuple[Any, int]:
        """The value at the present position and where it ends, 0 for a value that is not whole."""
        try:
            return _DECODER.raw_decode(self._buffer, self.at)
        except json.JSONDecodeError:
            return None, 0

    def _more(self) -> bool:
        if self._ended:
            return False
        chunk = next(self._chunks, None)
        try:
            received = self._decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError as error:
            raise JsonStreamError("the answer is not UTF-8") from error
        self._ended = chunk is None
        self._buffer = self._buffer[self.at :] + received
        self.at = 0
        return not self._ended
