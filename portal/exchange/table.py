"""One of a schedule's CSV files as rows of named cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.exchange.csv_file import CsvFile, open_csv_file
from portal.exchange.record import in_file


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row in which a quotation mark stands where none may."""

    row: int


@dataclass(frozen=True, slots=True)
class NamedRow:
    """One row."""

    row: int
    """As a spreadsheet counts."""
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

    file: CsvFile
    header: tuple[str, ...]
    """Plain names."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.file.path

    @property
    def names(self) -> tuple[str, ...]:
        """Of its columns, as the file spells them."""
        return self.file.header

    def __iter__(self) -> Iterator[NamedRow | BrokenRow]:
        with in_file(self.path):
            for row, cells in self.file:
                yield BrokenRow(row) if cells is None else self._named(row, cells)

    def _named(self, row: int, cells: list[str]) -> NamedRow:
        spilled = any(extra.strip() for extra in cells[len(self.header) :])
        return NamedRow(row, dict(zip(self.header, cells, strict=False)), spilled)


def open_table(path: Path, *, known: Collection[str]) -> Table:
    """Look at the file and its header.

    Args:
        known: plain names of columns that are hoped for: by them the delimiter is judged.

    Raises:
        UnreadableFile: it is no text.
    """
    with in_file(path):
        file = open_csv_file(path, known=lambda names: sum(plain(name) in known for name in names))
    return Table(file, tuple(plain(name) for name in file.header))


def plain(name: str) -> str:
    """A column's name without case, spaces or punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())
