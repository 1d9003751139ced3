"""A CSV file of whatever making, row by row: encoding, delimiter, header and line ends are found out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from portal.exchange.record import FileProblem, UnreadableFile
from portal.exchange.text_file import encoding_of, lines_of

_DELIMITERS = ",;\t|"
_NEVER_CLOSED = ("unexpected end", "field limit")


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file with a header; what is below it is read by iterating, again each time."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    """As the file spells it."""
    header_row: int

    def __iter__(self) -> Iterator[tuple[int, list[str] | None]]:
        """Each row that holds something: its number, as a spreadsheet counts, and its cells; None where a quotation
        mark stands that may not.

        Raises:
            UnreadableFile: a quotation mark is never closed and swallows all that follows, or a line has no end.
        """
        with self.path.open(encoding=self.encoding, newline="") as file:
            rows = csv.reader(lines_of(file), delimiter=self.delimiter, strict=True)
            for row in count(1):
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    if any(words in str(error) for words in _NEVER_CLOSED):
                        raise UnreadableFile(FileProblem.QUOTE_OPEN, row=row) from error
                    yield row, None
                    continue
                if row > self.header_row and any(cell and not cell.isspace() for cell in cells):
                    yield row, cells


def open_csv_file(path: Path, *, known: Callable[[Sequence[str]], int]) -> CsvFile:
    """Look at the file and its header.

    Args:
        known: how many of a header's names it knows; the delimiter that lets it know most is the file's.

    Raises:
        UnreadableFile: it is no text, or its header has no end.
    """
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        lines = lines_of(file)
        header_row, first = 1, next(lines, "")
        if first.lower().startswith("sep=") and (hint := first[4:5].strip("\r\n")):
            # Excel's own hint, on a line before the header
            header_row, delimiter, first = 2, hint, next(lines, "")
        else:
            delimiter = max(_DELIMITERS, key=lambda d: _judge(first, d, known))
        try:
            header = next(csv.reader(chain([first], lines), delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            raise UnreadableFile(FileProblem.QUOTE_OPEN, row=header_row) from error
    return CsvFile(path, encoding, delimiter, tuple(header), header_row)


def _judge(line: str, delimiter: str, known: Callable[[Sequence[str]], int]) -> tuple[int, int]:
    """Known column names first, then the number of columns."""
    header = next(csv.reader([line], delimiter=delimiter), [])
    return known(header), len(header)
