"""What an import of a schedule came to, as an object for programs and as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, Literal

from flask_babel import gettext as _

from portal.exchange.problems import ProblemLog
from portal.exchange.record import Field, RowProblem
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
class ScheduleReport:
    """The outcome. Where nothing was applied, the counts say what there is to apply: nothing."""

    format: Literal["csv", "fhir"]
    mapping: tuple[tuple[Field, str], ...]
    dry_run: bool
    applied: bool = False
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
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
    passed_over: Mapping[str, int] = field(default_factory=dict)

    def lies_on(self, day: date) -> None:
        """One of its visits is on that day."""
        self.first_day = min(self.first_day or day, day)
        self.last_day = max(self.last_day or day, day)


def as_dict(report: ScheduleReport) -> dict[str, Any]:
    """The one JSON object of ``--json``. ``errors`` tells of rejected rows, of rows left out because the practice
    does not know their patient, and of values left out."""
    return {
        "format": report.format,
        "applied": report.applied,
        "dry_run": report.dry_run,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
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
        "mapping": [{"field": name.value, "from": source} for name, source in report.mapping],
        "passed_over": dict(report.passed_over),
    }


def as_text(report: ScheduleReport) -> str:
    """Counts, the mapping, every rejected row, and what was left out."""
    return "\n".join(_lines(report))


def _lines(report: ScheduleReport) -> Iterator[str]:
    yield _("Read from the file:")
    for name, source in report.mapping:
        yield f"  {field_name(name):<24}{source}"
    yield ""
    for label, number in (
        (_("created"), report.created),
        (_("updated"), report.updated),
        (_("unchanged"), report.unchanged),
        (_("rejected"), report.rejected),
    ):
        yield f"{label:<12}{number:>12,}"
    yield from _around(report)
    for kind, number in report.passed_over.items():
        yield _("Passed over: %(number)s × %(kind)s", number=f"{number:,}", kind=kind)
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
    yield _outcome(report)


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


def _outcome(report: ScheduleReport) -> str:
    if report.applied:
        return str(_("Done."))
    if report.dry_run and not (report.rejected and not report.created + report.updated):
        return str(_("This was a dry run: nothing was changed."))
    return str(_("Nothing was imported. Correct the rejected rows, or use --skip-rejected."))


def _line(file: str, problem: RowProblem) -> str:
    where = _("row %(row)s", row=problem.row)
    return f"  {f'{file}, {where}':<36}{field_name(problem.field):<24}{problem_sentence(problem)}"


def _problem(file: str, problem: RowProblem, *, effect: str) -> dict[str, Any]:
    return {
        "file": file,
        "row": problem.row,
        "field": problem.field.value if problem.field else None,
        "reason": problem.reason.value,
        "message": problem_sentence(problem),
        "effect": effect,
    }
