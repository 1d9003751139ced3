"""Open a text file of unknown making: which encoding, which line ends, and never a line without
end."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from portal.exchange.record import FileProblem, UnreadableFile

LONGEST_LINE = 1 << 20
_CHUNK = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding_of(path: Path) -> str:
    """The encoding of the whole file: by its byte order mark, else UTF-8, else what Windows calls
    ANSI (cp1252).

    Reads it once, a piece at a time: that the first lines are ASCII says nothing of row 900.

    Raises:
        UnreadableFile: it is none of them.
    """
    with path.open("rb") as file:
        start = file.read(4)
    for encoding in ("utf-16",) if start.startswith(_UTF16) else ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise UnreadableFile(FileProblem.ENCODING)


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines with their ends, whichever of LF, CRLF or CR they are (open the file with
    ``newline=""``).

    Raises:
        UnreadableFile: one is longer than 1,048,576 characters.
    """
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise UnreadableFile(FileProblem.LINE_TOO_LONG, row=number)
        yield line


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
