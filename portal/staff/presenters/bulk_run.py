"""A run as its page shows it: how far it is, what stops it, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_babel.speaklater import LazyString

from portal.bulk.models import BulkRun
from portal.bulk.rules import OPEN
from portal.bulk.states import ItemState, PausedBy, RunKind, RunState, SkipReason
from portal.crypto import keyed_hash
from portal.mail import wording as mail_wording
from portal.staff.presenters.access_page import Poll
from portal.staff.presenters.bulk import number, title
from portal.staff.presenters.bulk_reasons import reason_words, state_words
from portal.web.filters import clock_time, moment

POLL_SECONDS = (2, 3, 5, 8, 13, 20, 30)
"""How long the page waits before it asks again: longer each time that nothing has changed."""

_DONE: dict[RunKind, LazyString] = {
    RunKind.ENABLE: _l("Enabled"),
    RunKind.DISABLE: _l("Disabled"),
    RunKind.INVITE: _l("Sent"),
}
_STATES: dict[RunState, LazyString] = {
    RunState.RUNNING: _l("Running"),
    RunState.PAUSED: _l("Paused"),
    RunState.DONE: _l("Done"),
    RunState.CANCELLED: _l("Cancelled"),
}


@dataclass(frozen=True, slots=True)
class Button:
    """Something that may be done with the run."""

    label: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How many came to the same end, and where they are listed."""

    words: str
    reason: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything the page of a run shows."""

    public_id: str
    title: str
    lead: str
    state: str
    remark: str
    """What stops it and what to do; empty when nothing does."""
    running: bool
    settled: int
    total: int
    percent: str
    numbers: tuple[tuple[str, str], ...]
    times: tuple[str, ...]
    """How fast it goes and when it ends, or when it ended."""
    buttons: tuple[Button, ...]
    over: bool
    outcomes: tuple[OutcomeRow, ...]
    """Told while it stands still."""
    csv_url: str
    retry_url: str
    retry: str
    """The button that invites the failed ones anew; empty without any."""
    news: str
    """What is said aloud when it changes state."""
    poll: Poll | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in the list of them."""

    title: str
    url: str
    started: str
    by: str
    state: str
    done: str
    total: str


def run_row(run: BulkRun) -> RunRow:
    """A line of the list of runs."""
    return RunRow(
        title=title(RunKind(run.kind)),
        url=url_for("staff.bulk_run", public_id=run.public_id),
        started=moment(run.started_at, run.practice.time_zone),
        by=run.started_by_name,
        state=str(_STATES[RunState(run.state)]),
        done=number(run.done),
        total=number(run.total),
    )


Outcomes = Sequence[tuple[ItemState, str | None, int]]


def run_view(
    run: BulkRun, outcomes: Outcomes, *, steers: bool, now: datetime, step: int = 0
) -> RunView:
    """The page; ``step`` counts how often it has asked in vain.

    Args:
        steers: whether this person may pause, resume and cancel it.
    """
    state = RunState(run.state)
    reached = run.total - run.skipped
    settled = run.done + run.failed
    zone = run.practice.time_zone
    page = RunView(
        public_id=run.public_id,
        title=title(RunKind(run.kind)),
        lead=_(
            "Started by %(name)s on %(when)s.",
            name=run.started_by_name,
            when=moment(run.started_at, zone).rstrip("."),
        ),
        state=str(_STATES[state]),
        remark=_remark(run, state),
        running=state is RunState.RUNNING,
        settled=settled,
        total=reached,
        percent=_percent(settled, reached),
        numbers=tuple(_numbers(run, state)),
        times=tuple(_times(run, state, now=now)),
        buttons=tuple(_buttons(run, state)) if steers else (),
        over=state in {RunState.DONE, RunState.CANCELLED},
        outcomes=tuple(_outcomes(run, outcomes)),
        csv_url=url_for("staff.bulk_csv", public_id=run.public_id) if outcomes else "",
        retry_url=url_for("staff.bulk_new", act=run.kind, scope="failed", of=run.public_id),
        retry=_retry(run) if not OPEN & {state} else "",
        news=_news(run, state),
    )
    return _polling(page, run, step=step)


def _percent(settled: int, reached: int) -> str:
    return _("%(count)s %%", count=100 * settled // reached if reached else 100)


def tag_of(page: RunView) -> str:
    """A fingerprint of what the page shows, to find out whether anything has changed."""
    return keyed_hash(repr(replace(page, poll=None)), purpose="bulk-run-page")[:16]


def _polling(page: RunView, run: BulkRun, *, step: int) -> RunView:
    if page.over and not run.mailing:
        return page
    step = min(step, len(POLL_SECONDS) - 1)
    url = url_for("staff.bulk_run_state", public_id=run.public_id, seen=tag_of(page), step=step + 1)
    return replace(page, poll=Poll(POLL_SECONDS[step], url))


def _numbers(run: BulkRun, state: RunState) -> Iterator[tuple[str, str]]:
    yield str(_DONE[RunKind(run.kind)]), number(run.done)
    if run.mailing:
        yield _("On their way"), number(run.mailing)
    yield _("Failed"), number(run.failed)
    yield _("Skipped"), number(run.skipped)
    rest = _("Not done, since it was cancelled") if state is RunState.CANCELLED else _("Remaining")
    yield rest, number(run.remaining)


def _times(run: BulkRun, state: RunState, *, now: datetime) -> Iterator[str]:
    rate = _per_minute(run)
    if state is RunState.RUNNING and rate and run.remaining:
        yield _("%(count)s a minute", count=number(round(rate)))
        yield _("Ends about %(time)s", time=_ends(run, rate, now=now))
    if run.finished_at is not None:
        yield _("Ended %(time)s", time=moment(run.finished_at, run.practice.time_zone))


def _outcomes(run: BulkRun, outcomes: Outcomes) -> Iterator[OutcomeRow]:
    """What needs a look first, then what was reached, then who was passed over, in the fixed order of reasons."""
    states = [
        ItemState.FAILED,
        ItemState.DONE,
        ItemState.MAILING,
        ItemState.WAITING,
        ItemState.SKIPPED,
    ]
    reasons: list[str] = list(SkipReason)

    def place(row: tuple[ItemState, str | None, int]) -> tuple[int, int, str]:
        known = row[1] in reasons
        return states.index(row[0]), reasons.index(row[1] or "") if known else -1, row[1] or ""

    for state, reason, times in sorted(outcomes, key=place):
        url = url_for(
            "staff.bulk_people", public_id=run.public_id, state=state.value, reason=reason or None
        )
        yield OutcomeRow(_ended_as(run, state), reason_words(reason), number(times), url)


def _ended_as(run: BulkRun, state: ItemState) -> str:
    return str(_DONE[RunKind(run.kind)]) if state is ItemState.DONE else state_words(state)


def _retry(run: BulkRun) -> str:
    if not run.failed:
        return ""
    return ngettext(
        "Retry the %(count)s failed",
        "Retry the %(count)s failed",
        run.failed,
        count=number(run.failed),
    )


def _per_minute(run: BulkRun) -> float:
    """How many it has come to in a minute, since it began."""
    minutes = (run.worked_at - run.started_at).total_seconds() / 60
    return (run.done + run.failed + run.mailing) / minutes if minutes > 0 else 0


def _ends(run: BulkRun, rate: float, *, now: datetime) -> str:
    ends = (now + timedelta(minutes=run.remaining / rate)).astimezone(
        ZoneInfo(run.practice.time_zone)
    )
    if ends - now.astimezone(ends.tzinfo) > timedelta(hours=20):
        return moment(ends, run.practice.time_zone)
    return clock_time(ends)


def _remark(run: BulkRun, state: RunState) -> str:
    if state is not RunState.PAUSED:
        return ""
    if run.paused_by == PausedBy.PERSON:
        return _(
            "Paused by %(name)s. It goes on when somebody resumes it.",
            name=run.paused_by_name or "",
        ).replace("..", ".")
    why = mail_wording.explain(run.pause_reason)
    return " ".join(
        (
            why,
            _(
                "Nothing is lost. The server is asked again every minute, and the run goes on by itself;"
                " if it takes long, tell whoever looks after the mail server."
            ),
        )
    ).strip()


def _buttons(run: BulkRun, state: RunState) -> Iterator[Button]:
    if state is RunState.RUNNING:
        yield Button(_("Pause"), url_for("staff.bulk_pause", public_id=run.public_id), "quiet")
    if state is RunState.PAUSED:
        yield Button(_("Resume"), url_for("staff.bulk_resume", public_id=run.public_id), "primary")
    if state in {RunState.RUNNING, RunState.PAUSED}:
        yield Button(
            _("Cancel the remaining %(count)s", count=number(run.remaining)),
            url_for("staff.bulk_cancel", public_id=run.public_id),
            "danger",
        )


def _news(run: BulkRun, state: RunState) -> str:
    if state is RunState.RUNNING:
        return ""
    if state is RunState.PAUSED:
        return _("The run is paused.")
    count = number(run.done)
    if state is RunState.CANCELLED:
        return ngettext(
            "The run was cancelled. %(count)s patient was done.",
            "The run was cancelled. %(count)s patients were done.",
            run.done,
            count=count,
        )
    return ngettext(
        "The run is done: %(count)s patient.",
        "The run is done: %(count)s patients.",
        run.done,
        count=count,
    )
