"""What an import of a schedule came to, as an object for programs and as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from flask_babel import gettext as _

from portal.exchange.problems import ProblemLog
from portal.exchange.record import RowProblem
from portal.exchange.report import Outcome, counts, outcome, outcome_as_dict, problem_as_dict
from portal.exchange.wording import field_name, problem_sentence

_SHOWN = 50


class FileProblems:
    """Problems of several files, in the files' order."""

    def __init__(self) -> None:
        self._logs: dict[str, ProblemLog] = {}

    def add(self, file: str, problems: Iterable[RowProblem]) -> None:
        """Remember them."""
        if problems := list(problems):
            self._logs.setdefault(file, ProblemLog()).add(problems)

    def __len__(self) -> int:
        return sum(map(len, self._logs.values()))

    def __iter__(self) -> Iterator[tuple[str, RowProblem]]:
        for file, log in self._logs.items():
            yield from ((file, problem) for problem in log)


@dataclass(slots=True)
class ScheduleReport(Outcome):
    """Of a folder of visits."""

    strangers: int = 0
    """Visits of patients who are not in the practice: left out, each told in ``left_out``."""
    weeks: int = 0
    """By how many weeks all of it was moved."""
    first_day: date | None = None
    last_day: date | None = None
    """Of the visits that are in the schedule now, by the practice's calendar."""
    new_providers: int = 0
    new_offices: int = 0
    errors: FileProblems = field(default_factory=FileProblems)
    """Everything wrong with rejected rows."""
    left_out: FileProblems = field(default_factory=FileProblems)
    """Rows of unknown patients."""
    warnings: FileProblems = field(default_factory=FileProblems)
    """Values that were left out of rows that were kept."""

    def lies_on(self, day: date) -> None:
        """One of its visits is on that day."""
        self.first_day = min(self.first_day or day, day)
        self.last_day = max(self.last_day or day, day)


def as_dict(report: ScheduleReport) -> dict[str, Any]:
    """The one JSON object of ``--json``. ``errors`` tells of rejected rows, of rows left out because the practice
    does not know their patient, and of values left out."""
    return {
        **outcome_as_dict(report),
        "patients_unknown": report.strangers,
        "values_left_out": len(report.warnings),
        "shifted_weeks": report.weeks,
        "first_day": report.first_day and report.first_day.isoformat(),
        "last_day": report.last_day and report.last_day.isoformat(),
        "providers_added": report.new_providers,
        "offices_added": report.new_offices,
        "errors": [
            *(_problem(*told, effect="row rejected") for told in report.errors),
            *(_problem(*told, effect="row left out") for told in report.left_out),
            *(_problem(*told, effect="value left out") for told in report.warnings),
        ],
    }


def as_text(report: ScheduleReport) -> str:
    """Counts, the mapping, every rejected row, and what was left out."""
    return "\n".join(_lines(report))


def _lines(report: ScheduleReport) -> Iterator[str]:
    yield _("Read from the file:")
    for name, source in report.mapping:
        yield f"  {field_name(name):<24}{source}"
    yield ""
    yield from counts(report)
    yield from _around(report)
    if report.errors:
        yield ""
        yield _("Rejected rows:")
        yield from (_line(*told) for told in report.errors)
    for title, log in (
        (_("Rows left out, because the practice does not have the patient:"), report.left_out),
        (_("Values left out (%(number)s):", number=f"{len(report.warnings):,}"), report.warnings),
    ):
        if log:
            yield ""
            yield title
            yield from (_line(*told) for told in islice(log, _SHOWN))
            if len(log) > _SHOWN:
                more = f"{len(log) - _SHOWN:,}"
                yield _("  … and %(number)s more; --json tells them all.", number=more)
    yield ""
    yield outcome(report)


def _around(report: ScheduleReport) -> Iterator[str]:
    if report.strangers:
        number = f"{report.strangers:,}"
        yield _("Left out: %(number)s visits of patients the practice does not have", number=number)
    if report.weeks:
        yield _("Moved by %(weeks)s weeks, at the same time of day", weeks=f"{report.weeks:+,}")
    if report.first_day and report.last_day:
        yield _(
            "From %(first)s to %(last)s",
            first=report.first_day.isoformat(),
            last=report.last_day.isoformat(),
        )
    if report.new_providers or report.new_offices:
        yield _(
            "New: %(providers)s providers, %(offices)s offices",
            providers=report.new_providers,
            offices=report.new_offices,
        )


def _line(file: str, problem: RowProblem) -> str:
    where = _("row %(row)s", row=problem.row)
    return f"  {f'{file}, {where}':<36}{field_name(problem.field):<24}{problem_sentence(problem)}"


def _problem(file: str, problem: RowProblem, *, effect: str) -> dict[str, Any]:
    return {"file": file, **problem_as_dict(problem, effect=effect)}
