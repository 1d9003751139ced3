"""What a scenario reached, beside the figure that it has to reach: a table to print, to keep, and to fail by."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Figures:
    """The table of one scenario."""

    title: str
    lines: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    judged: bool = False

    def tell(self, name: str, figure: object) -> None:
        """A figure that has no bar."""
        self.lines.append(f"  {name:58} {_shown(figure):>12}")

    def at_most(self, name: str, value: float, bar: float) -> None:
        """A figure that may not pass the bar."""
        self._bar(name, value, f"≤ {_shown(bar)}", kept=value <= bar)

    def at_least(self, name: str, value: float, bar: float) -> None:
        """A figure that has to reach the bar."""
        self._bar(name, value, f"≥ {_shown(bar)}", kept=value >= bar)

    def exactly(self, name: str, value: object, bar: object) -> None:
        """A figure that is the bar."""
        self._bar(name, value, f"= {_shown(bar)}", kept=value == bar)

    def nothing(self, name: str, problems: list[str]) -> None:
        """Each problem is told; there has to be none."""
        self._bar(name, len(problems), "= 0", kept=not problems)
        for problem in problems[:10]:
            self.lines.append(f"      {problem}")
            self.missed.append(problem)

    def judge(self) -> None:
        """The last line of a scenario."""
        self.judged = True
        assert not self.missed, "\n".join([str(self), "missed:", *self.missed])

    def __str__(self) -> str:
        return "\n".join([self.title, *self.lines])

    def _bar(self, name: str, value: object, bar: str, *, kept: bool) -> None:
        line = f"  {name:58} {_shown(value):>12}   {bar:>10}   {'ok' if kept else 'MISSED'}"
        self.lines.append(line)
        if not kept:
            self.missed.append(line.strip())


def _shown(figure: object) -> str:
    return f"{figure:,.1f}" if isinstance(figure, float) else f"{figure}"
