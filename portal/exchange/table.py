"""A CSV file of whatever making as rows of named cells: encoding, delimiter and line ends are found out."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from portal.exchange.record import FileProblem, UnreadableFile
from portal.exchange.text_file import encoding_of, lines_of

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row in which a quotation mark stands where none may."""

    row: int


@dataclass(frozen=True, slots=True)
class NamedRow:
    """One row."""

    row: int
    """As a spreadsheet counts; the header is the first."""
    cells: Mapping[str, str]
    """By the column's plain name: lower case, letters and digits only."""
    spilled: bool
    """It has more cells than there are columns, so that they may stand in the wrong ones."""

    def first(self, names: Collection[str]) -> str:
        """The first of these columns that has something in it."""
        return next((value for name in names if (value := self.cells.get(name, "").strip())), "")


@dataclass(frozen=True, slots=True)
class Table:
    """A file with a header; rows are read by iterating, again each time."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    """Plain names."""
    names: tuple[str, ...]
    """As the file spells them."""

    def __iter__(self) -> Iterator[NamedRow | BrokenRow]:
        with self.path.open(encoding=self.encoding, newline="") as file:
            rows = csv.reader(lines_of(file), delimiter=self.delimiter, strict=True)
            for row in count(1):
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    # one that is never closed swallows all that follows
                    if "unexpected end" in str(error) or "field limit" in str(error):
                        raise self._unreadable(FileProblem.QUOTE_OPEN, row=row) from error
                    yield BrokenRow(row)
                    continue
                if row > 1 and any(cell and not cell.isspace() for cell in cells):
                    yield self._named(row, cells)

    def _named(self, row: int, cells: list[str]) -> NamedRow:
        spilled = any(extra.strip() for extra in cells[len(self.header) :])
        return NamedRow(row, dict(zip(self.header, cells, strict=False)), spilled)

    def _unreadable(self, problem: FileProblem, **detail: str | int) -> UnreadableFile:
        return UnreadableFile(problem, file=self.path.name, **detail)


def open_table(path: Path, *, known: Collection[str]) -> Table:
    """Look at the file and its header.

    Args:
        known: plain names of columns that are hoped for: by them the delimiter is judged.

    Raises:
        UnreadableFile: it is no text.
    """
    try:
        encoding = encoding_of(path)
    except UnreadableFile as error:
        raise UnreadableFile(error.problem, file=path.name) from error
    with path.open(encoding=encoding, newline="") as file:
        lines = lines_of(file)
        first = next(lines, "")
        delimiter = max(_DELIMITERS, key=lambda d: _judge(first, d, known))
        try:
            names = next(csv.reader(chain([first], lines), delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            raise UnreadableFile(FileProblem.QUOTE_OPEN, file=path.name, row=1) from error
    return Table(path, encoding, delimiter, tuple(plain(name) for name in names), tuple(names))


def plain(name: str) -> str:
    """A column's name without case, spaces or punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _judge(line: str, delimiter: str, known: Collection[str]) -> tuple[int, int]:
    header = next(csv.reader([line], delimiter=delimiter), [])
    return sum(plain(name) in known for name in header), len(header)
