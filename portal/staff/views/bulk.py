"""Acts upon many patients: preview, start, and the page of a run (5.6, 7)."""

from __future__ import annotations

from flask import flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.models import BulkRun
from portal.bulk.preview import Preview, Scope
from portal.bulk.rules import OPEN
from portal.bulk.scope import may_run, may_steer
from portal.bulk.states import RunKind, RunScope
from portal.errors import NotAllowed, NotFound, Refused, Stale
from portal.roster import selection as selections
from portal.roster.selection_models import Selection
from portal.staff import answers, blueprint
from portal.staff.place import BACK, Place
from portal.staff.presenters import bulk as words
from portal.staff.presenters.bulk_run import RunView, run_view, tag_of
from portal.staff.views.notice import after_notice
from portal.web import htmx
from portal.web.signed_on import logon_id, staff_hand, staff_on


@blueprint.get("/bulk/new")
def bulk_new() -> ResponseReturnValue:
    """What enabling, disabling or inviting the selected would do; nothing is done yet."""
    kind = _kind(request.args.get("act"))
    return _preview(kind, selections.find(logon_id=logon_id()))


@blueprint.post("/bulk/new")
@after_notice
def bulk_start() -> ResponseReturnValue:
    """Do it, to exactly those whom the preview showed: a few at once, many as a run."""
    kind = _kind(request.form.get("act"))
    selection = selections.find(logon_id=logon_id())
    if selection is None or selection.public_id != request.form.get("selection"):
        return _preview(kind, selection, changed=True)
    scope = Scope(RunScope.SELECTION, staff_on(), selection=selection)
    try:
        run = bulk.start(kind, scope, shown=_shown(kind), by=staff_hand(), now=clock.now())
    except Stale:
        return _preview(kind, selections.find(logon_id=logon_id()), changed=True)
    except Refused:
        return _to_the_open_one()
    if run.state in OPEN:
        return htmx.go(words.run_url(run))
    flash(words.done_sentence(run), "success")
    return htmx.go(_back().url())


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


def _kind(text: str | None) -> RunKind:
    if text not in set(RunKind):
        raise NotFound("act")
    return RunKind(text)


def _run(public_id: str) -> BulkRun:
    return bulk.find(practice_id=staff_on().practice_id, public_id=public_id)


def _steered(public_id: str) -> BulkRun:
    run = _run(public_id)
    if not may_steer(staff_on(), run):
        raise NotAllowed
    return run


def _view(run: BulkRun, *, step: int = 0) -> RunView:
    return run_view(run, steers=may_steer(staff_on(), run), now=clock.now(), step=step)


def _back() -> Place:
    return Place.of_back(request.values.get(BACK, ""))


def _shown(kind: RunKind) -> Preview:
    """The numbers that the button carried."""
    counted = {name: request.form.get(name, -1, type=int) for name in ("total", "number")}
    return Preview(kind, total=counted["total"], eligible=counted["number"], reasons={})


def _preview(
    kind: RunKind, selection: Selection | None, *, changed: bool = False
) -> ResponseReturnValue:
    view = None
    allowed = True
    if selection is not None and selection.number:
        scope = Scope(RunScope.SELECTION, staff_on(), selection=selection)
        counted = previews.make(kind, scope, now=clock.now())
        allowed = may_run(staff_on(), scope=scope.kind, number=counted.total)
        fields = {BACK: str(_back()), "act": kind.value, "selection": selection.public_id}
        view = words.preview_view(counted, fields=fields)
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
    response = make_response(html, status)
    response.headers["HX-Retarget"] = "#bulk-run"
    response.headers["HX-Reswap"] = "outerHTML"
    return response
