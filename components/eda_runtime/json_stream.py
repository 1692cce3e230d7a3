"""A JSON array read element by element as it arrives, in memory that does not grow with it."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER_RUN = re.compile(r"[0-9+.eE-]+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEGINS_NUMBER = frozenset("-0123456789")
MAX_ELEMENT = 1024 * 1024
"""Characters of one element."""


class JsonStreamError(ValueError):
    """The stream is no JSON array, ends too early, or holds an element that is too long, too deep or no JSON."""


def _refuse(constant: str) -> Any:
    raise JsonStreamError(f"{constant} is no JSON")


# Python reads NaN and Infinity, which JSON does not have.
_DECODER = json.JSONDecoder(parse_constant=_refuse)


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
            yield from text.objects(max_element)
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
        self._tried = -1
        self.at = 0

    def next_mark(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self.at)
            assert match is not None
            self.at = match.end()
            if self.at < len(self._buffer):
                return self._buffer[self.at]
            if not self._more(1):
                return ""

    def objects(self, max_length: int) -> list[Any]:
        """The elements up to the last object that a comma follows, at once and with that comma; empty when what was
        received cannot be cut there. Where what stands before a comma is an array's content, the comma ends an element.
        """
        end = self._buffer.rfind("},", self.at, self.at + max_length)
        if end <= self._tried:
            return []
        self._tried = end
        try:
            read: list[Any] = _DECODER.decode(f"[{self._buffer[self.at : end + 1]}]")
        except (ValueError, RecursionError):
            # Read one by one, which tells what is wrong, if anything is.
            return []
        self.at = end + 2
        return read

    def value(self, max_length: int) -> Any:
        """The value that begins at the next character that is no space."""
        mark = self.next_mark()
        if not mark:
            raise JsonStreamError("the array ends too early")
        while True:
            value, end = self._number() if mark in _BEGINS_NUMBER else self._decoded()
            left = len(self._buffer) - self.at
            if end - self.at > max_length or (not end and left > max_length):
                raise JsonStreamError(f"an element is longer than {max_length} characters")
            if end:
                self.at = end
                return value
            # Looked at again when there is twice as much of it, so that its length is paid once and not once a chunk.
            if not self._more(min(left, max_length + 1 - left)):
                raise JsonStreamError("an element is no JSON, or the array ends too early")

    def _number(self) -> tuple[Any, int]:
        """The number at the present position and where it ends, 0 for one that may go on: 1 as 1.5 or 1e9."""
        run = _NUMBER_RUN.match(self._buffer, self.at)
        assert run is not None
        if run.end() == len(self._buffer) and not self._ended:
            return None, 0
        if _NUMBER.fullmatch(run[0]) is None:
            raise JsonStreamError("a number has not the form of JSON")
        return self._decoded()

    def _decoded(self) -> tuple[Any, int]:
        """The value at the present position and where it ends, 0 for a value that is not whole."""
        if self._buffer[self.at] == "{" and self._buffer.find("}", self.at) < 0:
            # An error of the decoder counts the lines before it.
            return None, 0
        try:
            return _DECODER.raw_decode(self._buffer, self.at)
        except JsonStreamError:
            raise
        except RecursionError:
            raise JsonStreamError("an element is nested too deep") from None
        except ValueError:
            # Also an integer of more digits than Python converts, which may become a decimal as it goes on.
            return None, 0

    def _more(self, least: int) -> bool:
        """Receive so many characters, fewer at the end; whether there were any."""
        received, count = [self._buffer[self.at :]], 0
        while count < least and not self._ended:
            chunk = next(self._chunks, None)
            try:
                text = self._decoder.decode(chunk or b"", final=chunk is None)
            except UnicodeDecodeError as error:
                raise JsonStreamError("the answer is not UTF-8") from error
            self._ended = chunk is None
            received.append(text)
            count += len(text)
        self._buffer = "".join(received)
        self._tried = -1
        self.at = 0
        return count > 0
