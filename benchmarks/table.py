"""Figures with the bar each has to keep, as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """One measure."""

    name: str
    figures: str
    value: float | None = None
    bar: float | None = None
    """What the value may not pass; None: it has no bar."""
    at_least: bool = False
    """The bar is what the value has to reach."""

    @property
    def ok(self) -> bool:
        """Whether the bar is kept."""
        if self.value is None or self.bar is None:
            return True
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def __str__(self) -> str:
        if self.bar is None:
            return f"  {self.name:44} {self.figures}"
        sign, mark = "≥" if self.at_least else "≤", "ok" if self.ok else "FAILS"
        return f"  {self.name:44} {self.figures:44} {sign} {self.bar:g}  {mark}"


@dataclass(slots=True)
class Report:
    """What a benchmark found."""

    title: str
    lines: list[Line] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every bar is kept."""
        return all(line.ok for line in self.lines)

    def tell(self, line: Line) -> None:
        """Add a line and print it: who waits for half an hour wants to see something."""
        if not self.lines:
            print(self.title, flush=True)
        self.lines.append(line)
        print(line, flush=True)
