"""What an import came to, as an object for programs and as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, Literal, NamedTuple

from flask_babel import gettext as _

from portal.exchange.problems import ProblemLog
from portal.exchange.record import Field, RowProblem, UnreadableFile
from portal.exchange.wording import field_name, file_sentence, problem_sentence

_WARNINGS_SHOWN = 50


class VoidedInvitation(NamedTuple):
    """A patient whose open invitation ended because the file brought another e-mail address
    (3.7)."""

    record_number: str
    patient: str
    """Public id."""


@dataclass(slots=True)
class Outcome:
    """What every import comes to. Where nothing was applied, the counts say what there is to apply: nothing."""

    format: Literal["csv", "fhir"]
    mapping: tuple[tuple[Field, str], ...]
    dry_run: bool
    applied: bool = False
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ImportReport(Outcome):
    """Of a file of patients."""

    errors: ProblemLog = field(default_factory=ProblemLog)
    """Everything wrong with rejected rows."""
    warnings: ProblemLog = field(default_factory=ProblemLog)
    """Values that were left out of rows that were kept."""
    voided_invitations: list[VoidedInvitation] = field(default_factory=list)


def as_dict(report: ImportReport) -> dict[str, Any]:
    """The one JSON object of ``--json``. ``errors`` tells of rejected rows *and* of values left
    out."""
    return {
        **outcome_as_dict(report),
        "values_left_out": len(report.warnings),
        "errors": [
            *(problem_as_dict(problem, effect="row rejected") for problem in report.errors),
            *(problem_as_dict(problem, effect="value left out") for problem in report.warnings),
        ],
        "voided_invitations": [voided._asdict() for voided in report.voided_invitations],
    }


def outcome_as_dict(report: Outcome) -> dict[str, Any]:
    """What every import tells to programs."""
    return {
        "format": report.format,
        "applied": report.applied,
        "dry_run": report.dry_run,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "mapping": [{"field": field.value, "from": source} for field, source in report.mapping],
        "passed_over": dict(report.passed_over),
    }


def unreadable_as_dict(error: UnreadableFile) -> dict[str, Any]:
    """The same object for a file that cannot be read at all."""
    return {
        "applied": False,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
        "errors": [
            {
                "row": None,
                "field": None,
                "reason": error.problem.value,
                "message": file_sentence(error),
                "effect": "file refused",
            }
        ],
    }


def unreadable_as_text(error: UnreadableFile) -> str:
    """The sentence for people."""
    return file_sentence(error)


def as_text(report: ImportReport) -> str:
    """Counts, the mapping, every rejected row, and what was left out."""
    return "\n".join(_lines(report))


def _lines(report: ImportReport) -> Iterator[str]:
    yield _("Read from the file:")
    for name, sources in groupby(report.mapping, key=lambda pair: pair[0]):
        yield f"  {field_name(name):<24}{', '.join(source for _name, source in sources)}"
    yield ""
    yield from counts(report)
    if report.errors:
        yield ""
        yield _("Rejected rows:")
        yield from map(_line, report.errors)
    if report.warnings:
        yield ""
        yield _("Values left out (%(number)s):", number=f"{len(report.warnings):,}")
        yield from map(_line, islice(report.warnings, _WARNINGS_SHOWN))
        if len(report.warnings) > _WARNINGS_SHOWN:
            more = f"{len(report.warnings) - _WARNINGS_SHOWN:,}"
            yield _("  … and %(number)s more; --json tells them all.", number=more)
    if report.voided_invitations:
        yield ""
        yield _("Open invitations ended, because the email address changed (record numbers):")
        yield from (f"  {voided.record_number}" for voided in report.voided_invitations)
    yield ""
    yield outcome(report)


def counts(report: Outcome) -> Iterator[str]:
    """A line for each number."""
    for label, number in (
        (_("created"), report.created),
        (_("updated"), report.updated),
        (_("unchanged"), report.unchanged),
        (_("rejected"), report.rejected),
    ):
        yield f"{label:<12}{number:>12,}"
    for kind, number in report.passed_over.items():
        yield _("Passed over: %(number)s × %(kind)s", number=f"{number:,}", kind=kind)


def outcome(report: Outcome) -> str:
    """The last line: whether anything was done."""
    if report.applied:
        return str(_("Done."))
    if report.dry_run and not (report.rejected and not report.created + report.updated):
        return str(_("This was a dry run: nothing was changed."))
    return str(_("Nothing was imported. Correct the rejected rows, or use --skip-rejected."))


def _line(problem: RowProblem) -> str:
    where = _("row %(row)s", row=problem.row)
    return f"  {where:<14}{field_name(problem.field):<24}{problem_sentence(problem)}"


def problem_as_dict(problem: RowProblem, *, effect: str) -> dict[str, Any]:
    """One line of ``errors``."""
    return {
        "row": problem.row,
        "field": problem.field.value if problem.field else None,
        "reason": problem.reason.value,
        "message": problem_sentence(problem),
        "effect": effect,
    }
