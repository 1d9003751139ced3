"""Acts upon many patients: preview, start, and the page of a run (5.6, 7)."""

from __future__ import annotations

from typing import Any

from flask import (
    Response,
    flash,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.bulk import people, report
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.models import BulkRun
from portal.bulk.preview import Preview, Scope
from portal.bulk.rules import OPEN
from portal.bulk.scope import may_run, may_steer
from portal.bulk.states import ItemState, RunKind, RunState
from portal.errors import NotAllowed, NotFound, Refused, Stale
from portal.staff import answers, blueprint
from portal.staff.place import BACK, Place
from portal.staff.presenters import bulk as words
from portal.staff.presenters.bulk_reasons import person_row, reason_words, state_words
from portal.staff.presenters.bulk_run import RunView, run_row, run_view, tag_of
from portal.staff.views import bulk_invite
from portal.staff.views.bulk_invite import kind_of, scope_of
from portal.staff.views.notice import after_notice
from portal.web import htmx
from portal.web.signed_on import staff_hand, staff_on


@blueprint.get("/bulk/new")
def bulk_new() -> ResponseReturnValue:
    """What enabling, disabling or inviting would do; nothing is done yet."""
    kind = kind_of(request.args.get("act"))
    if kind is RunKind.INVITE and htmx.wants_fragment():
        return htmx.go(request.full_path)
    return _preview(kind, scope_of())


@blueprint.post("/bulk/new")
@after_notice
def bulk_start() -> ResponseReturnValue:
    """Do it, to exactly those whom the preview showed: a few at once, many as a run."""
    kind, scope = kind_of(request.form.get("act")), scope_of()
    shown_selection = request.form.get("selection", "")
    if scope is None or (scope.selection and scope.selection.public_id != shown_selection):
        return _preview(kind, scope, changed=True)
    try:
        run = bulk.start(kind, scope, shown=_shown(kind), by=staff_hand(), now=clock.now())
    except Stale:
        return _preview(kind, scope_of(), changed=True)
    except Refused:
        return _to_the_open_one()
    if run.state in OPEN:
        return htmx.go(words.run_url(run))
    flash(words.done_sentence(run), "success")
    return htmx.go(_back().url())


@blueprint.get("/bulk")
def bulk_runs() -> ResponseReturnValue:
    """The practice's latest runs: whoever left the page of one finds it here again."""
    runs = bulk.latest_runs(practice_id=staff_on().practice_id)
    return render_template("staff/pages/bulk_runs.html", rows=[run_row(run) for run in runs])


@blueprint.get("/bulk/<public_id>")
def bulk_run(public_id: str) -> ResponseReturnValue:
    """How far a run is; after it, what came of it."""
    return render_template("staff/pages/bulk_run.html", run=_view(_run(public_id)))


@blueprint.get("/bulk/<public_id>/state")
def bulk_run_state(public_id: str) -> ResponseReturnValue:
    """Asked by an open page: the part anew if something changed, else only when to ask again."""
    step = max(0, request.args.get("step", 0, type=int))
    shown = _view(_run(public_id), step=step)
    if tag_of(shown) == request.args.get("seen"):
        return render_template("staff/fragments/bulk_run_watch.html", run=shown)
    return _part(_run(public_id), said=shown.news)


@blueprint.post("/bulk/<public_id>/pause")
def bulk_pause(public_id: str) -> ResponseReturnValue:
    """Stop within one batch, until somebody resumes."""
    run = _steered(public_id)
    return _moved(run, done=bulk.pause(run, by=staff_hand(), now=clock.now()))


@blueprint.post("/bulk/<public_id>/resume")
def bulk_resume(public_id: str) -> ResponseReturnValue:
    """Go on."""
    run = _steered(public_id)
    return _moved(run, done=bulk.resume(run, by=staff_hand(), now=clock.now()))


@blueprint.post("/bulk/<public_id>/cancel")
def bulk_cancel(public_id: str) -> ResponseReturnValue:
    """Stop within one batch, for good."""
    run = _steered(public_id)
    return _moved(run, done=bulk.cancel(run, by=staff_hand(), now=clock.now()))


@blueprint.get("/bulk/<public_id>/people")
def bulk_people(public_id: str) -> ResponseReturnValue:
    """Who of a run came to one end, and why."""
    run, state = _run(public_id), request.args.get("state")
    if state not in set(ItemState):
        raise NotFound("state")
    reason = request.args.get("reason")
    found = people.of_run(run, ItemState(state), reason, after=request.args.get("at"))
    at = {"public_id": public_id, "state": state, "reason": reason, "at": found.next}
    values: dict[str, Any] = dict(at)
    return render_template(
        "staff/pages/bulk_people.html",
        title=state_words(ItemState(state)),
        lead=reason_words(reason),
        rows=[person_row(line) for line in found.lines],
        next_url=url_for("staff.bulk_people", **values) if found.next else None,
        back_url=words.run_url(run),
        back_label=_("Back to the run"),
    )


@blueprint.get("/bulk/<public_id>/report.csv")
def bulk_csv(public_id: str) -> ResponseReturnValue:
    """What came of it, person by person."""
    run = _run(public_id)
    report.record_export(run, by=staff_hand(), now=clock.now())
    headings = [_("Record number"), _("Patient"), _("Email"), _("Result"), _("Reason"), _("Time")]
    pieces = report.write(run, headings, state=state_words, reason=reason_words)
    return Response(
        pieces,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="run-{public_id}.csv"'},
    )


def _run(public_id: str) -> BulkRun:
    return bulk.find(practice_id=staff_on().practice_id, public_id=public_id)


def _steered(public_id: str) -> BulkRun:
    run = _run(public_id)
    if not may_steer(staff_on(), run):
        raise NotAllowed
    return run


def _view(run: BulkRun, *, step: int = 0) -> RunView:
    # counted only while it stands still: a run of a million is asked about every few seconds
    outcomes = people.reasons_of(run) if run.state != RunState.RUNNING else []
    steers = may_steer(staff_on(), run)
    return run_view(run, outcomes, steers=steers, now=clock.now(), step=step)


def _back() -> Place:
    return Place.of_back(request.values.get(BACK, ""))


def _shown(kind: RunKind) -> Preview:
    """The numbers that the button carried."""
    counted = {name: request.form.get(name, -1, type=int) for name in ("total", "number")}
    return Preview(kind, total=counted["total"], eligible=counted["number"], reasons={})


def _preview(kind: RunKind, scope: Scope | None, *, changed: bool = False) -> ResponseReturnValue:
    if kind is RunKind.INVITE:
        return bulk_invite.page(scope, changed=changed)
    view = None
    allowed = True
    if scope is not None:
        counted = previews.make(kind, scope, now=clock.now())
        allowed = may_run(staff_on(), scope=scope.kind, number=counted.total)
        view = words.preview_view(counted, fields=bulk_invite.fields_of(scope, kind))
    response = answers.dialog(
        "bulk_preview",
        title=words.title(kind),
        preview=view,
        changed=changed,
        too_many="" if allowed else words.too_many(),
        action=url_for("staff.bulk_start"),
        back=_back().url(),
    )
    response.status_code = 409 if changed else 200
    return response


def _to_the_open_one() -> ResponseReturnValue:
    run = bulk.open_run(practice_id=staff_on().practice_id)
    return htmx.go(words.run_url(run) if run is not None else _back().url())


def _moved(run: BulkRun, *, done: bool) -> ResponseReturnValue:
    """The page as it is now; 409 when the run was somewhere else already."""
    if htmx.wants_fragment():
        run = _run(run.public_id)
        return _part(run, said=_view(run).news, status=200 if done else 409)
    return htmx.go(words.run_url(run))


def _part(run: BulkRun, *, said: str = "", status: int = 200) -> ResponseReturnValue:
    html = render_template("staff/fragments/bulk_run_answer.html", run=_view(run), said_now=said)
    return htmx.part(html, "#bulk-run", status=status)
