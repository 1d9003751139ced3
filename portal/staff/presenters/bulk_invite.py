"""The preview of invitations: how many get one, who is passed over, how it will look (7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.bulk.preview import Preview, Scope
from portal.bulk.states import RunScope
from portal.invitations.specimen import Specimen
from portal.settings import settings
from portal.staff.presenters.bulk import number
from portal.staff.presenters.bulk_reasons import hint, reason_words
from portal.web.filters import clock_time, moment
from portal.web.language import LANGUAGES

EXPECTED_PER_MINUTE = 1200
"""What one worker and a mail server nearby do, where no pace is set (measured: 1,400 to 2,400)."""


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """How many are passed over for one reason, and where they are listed."""

    words: str
    count: str
    hint: str
    url: str


@dataclass(frozen=True, slots=True)
class SampleView:
    """A mail as it will look."""

    title: str
    address: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class InviteView:
    """Everything the page shows."""

    title: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    button: str
    """Empty when nobody would get one."""
    fields: dict[str, str]
    reasons: tuple[ReasonRow, ...]
    passed_over: str
    total: str
    samples: tuple[SampleView, ...]


def invite_view(
    preview: Preview,
    scope: Scope,
    samples: Sequence[Specimen],
    *,
    fields: dict[str, str],
    now: datetime,
) -> InviteView:
    """The page; ``fields`` name the scope, for its forms and links."""
    n, total = preview.eligible, number(preview.total)
    return InviteView(
        title=invite_title(scope.kind),
        headline=ngettext(
            "%(count)s of %(total)s patients will get an invitation.",
            "%(count)s of %(total)s patients will get an invitation.",
            n,
            count=number(n),
            total=total,
        ),
        facts=_facts(preview, scope, now=now) if n else (),
        button=ngettext(
            "Send %(count)s invitation", "Send %(count)s invitations", n, count=number(n)
        )
        if n
        else "",
        fields=fields | {"total": str(preview.total), "number": str(n)},
        reasons=tuple(
            ReasonRow(
                reason_words(reason),
                number(times),
                hint(reason),
                url_for("staff.bulk_skipped", **{**fields, "reason": reason.value}),  # type: ignore[arg-type]
            )
            for reason, times in preview.reasons.items()
        ),
        passed_over=number(preview.total - n),
        total=total,
        samples=tuple(_sample(sample, place) for place, sample in enumerate(samples, start=1)),
    )


def invite_title(scope: RunScope) -> str:
    """What the page is called."""
    match scope:
        case RunScope.PRACTICE:
            return _("Invite all patients")
        case RunScope.SELECTION:
            return _("Invite the selected patients")
        case RunScope.FAILED:
            return _("Retry those who were not reached")


def _facts(preview: Preview, scope: Scope, *, now: datetime) -> tuple[tuple[str, str], ...]:
    languages = ", ".join(
        f"{LANGUAGES.get(code, code)} {number(times)}" for code, times in preview.languages.items()
    )
    pace = settings().bulk_per_minute
    words = (
        _("%(count)s a minute", count=number(pace))
        if pace
        else _("As fast as the mail server takes them, about %(count)s a minute",
               count=number(EXPECTED_PER_MINUTE))
    )  # fmt: skip
    return (
        (_("Language"), languages),
        (_("Pace"), words),
        (_("Ends about"), _end(preview.eligible, pace or EXPECTED_PER_MINUTE, scope, now=now)),
    )


def _end(count: int, pace: int, scope: Scope, *, now: datetime) -> str:
    zone = scope.staff.practice.time_zone
    lasts = timedelta(minutes=count / pace)
    if settings().bulk_per_day:
        lasts = max(lasts, timedelta(days=(count - 1) // settings().bulk_per_day))
    if lasts > timedelta(hours=12):
        return moment(now + lasts, zone)
    return clock_time((now + lasts).astimezone(ZoneInfo(zone)))


def _sample(sample: Specimen, place: int) -> SampleView:
    return SampleView(
        title=_(
            "Sample %(num)s, in %(language)s",
            num=place,
            language=LANGUAGES.get(sample.language, sample.language),
        ),
        address=sample.address,
        subject=sample.mail.subject,
        text=sample.mail.text,
    )
