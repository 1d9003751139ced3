"""Read a large JSON object a member at a time, with the standard library's decoder on a sliding
buffer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from portal.exchange.record import FileProblem, UnreadableFile

LARGEST_VALUE = 16 << 20
"""Characters of one member, or one element of the streamed array: a whole hospital stay fits in."""
_CHUNK = 1 << 18
_BLANK = " \t\r\n"
_BEHIND_VALUE = frozenset(",:]}" + _BLANK)


def members(path: Path, *, stream: str) -> Iterator[tuple[str, Any]]:
    """The members of the object that the file holds, as (name, value).

    The array that is the member ``stream`` is not read whole: each of its elements comes as
    ``(stream, element)``.

    Raises:
        UnreadableFile: the JSON is broken, or a value is larger than 16 MiB.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _Reader(file).members(stream)
    except UnicodeDecodeError as error:
        raise UnreadableFile(FileProblem.ENCODING) from error


class _Reader:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._decode = json.JSONDecoder().raw_decode
        self._buffer, self._at, self._ended = "", 0, False
        self._read = 0

    def members(self, stream: str) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        if self._skips("}"):
            return self._nothing_more()
        while True:
            name = self._value()
            self._expect(":")
            if name == stream and self._skips("["):
                yield from ((name, element) for element in self._elements())
            else:
                yield str(name), self._value()
            if not self._skips(","):
                self._expect("}")
                return self._nothing_more()

    def _elements(self) -> Iterator[Any]:
        if self._skips("]"):
            return
        while True:
            yield self._value()
            self._read += 1
            if not self._skips(","):
                self._expect("]")
                return

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise self._broken() from error
                continue
            # A number that the buffer's end cuts reads as a shorter one: 1 of 1.5e3.
            if self._buffer[end : end + 1] in _BEHIND_VALUE or not self._more():
                self._at = end
                return value

    def _more(self) -> bool:
        """Widen the buffer (twice as far each time, so that a large value costs no more than two
        readings)."""
        kept = self._buffer[self._at :]
        if self._ended or len(kept) > LARGEST_VALUE:
            return False
        chunk = self._file.read(max(_CHUNK, len(kept)))
        self._ended = not chunk
        self._buffer, self._at = kept + chunk, 0
        return not self._ended

    def _peek(self) -> str:
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _BLANK:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _skips(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._skips(character):
            raise self._broken()

    def _nothing_more(self) -> None:
        if self._peek():
            raise self._broken()

    def _broken(self) -> UnreadableFile:
        return UnreadableFile(FileProblem.JSON_BROKEN, row=self._read)
