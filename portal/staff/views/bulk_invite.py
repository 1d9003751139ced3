"""The preview of invitations to many: numbers, reasons as lists, samples, a test to oneself (7.1)."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.bulk import people, samples
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.preview import Scope
from portal.bulk.scope import may_run
from portal.bulk.states import RunKind, RunScope, SkipReason
from portal.errors import NotFound
from portal.roster import selection as selections
from portal.staff import blueprint, missing, said
from portal.staff.isolation import patient_of
from portal.staff.place import BACK, Place
from portal.staff.presenters import bulk as words
from portal.staff.presenters.bulk_invite import invite_title, invite_view
from portal.staff.presenters.bulk_reasons import hint, person_row, reason_words
from portal.staff.wording import Said, refusal
from portal.web import htmx
from portal.web.signed_on import logon_id, staff_on


@blueprint.get("/bulk/invite-all")
def invite_all() -> ResponseReturnValue:
    """**Invite all patients now!** (6.2): first how many, who not, and how it will look."""
    return page(Scope(RunScope.PRACTICE, staff_on()))


@blueprint.get("/bulk/skipped")
def bulk_skipped() -> ResponseReturnValue:
    """Whom the run would pass over for one reason, each with the fix at hand."""
    scope, kind, why = _passed_over()
    found = people.passed_over(kind, scope, why, after=request.args.get("at"), now=clock.now())
    here: dict[str, Any] = {**fields_of(scope, kind), "reason": why.value}
    return render_template(
        "staff/pages/bulk_people.html",
        title=reason_words(why),
        lead=hint(why),
        rows=[person_row(line, opened_from=here) for line in found.lines],
        next_url=url_for("staff.bulk_skipped", at=found.next, **here) if found.next else None,
        back_url=_preview_url(scope, kind),
        back_label=_("Back to the preview"),
    )


@blueprint.route("/bulk/skipped/<public_id>/identifiers", methods=["GET", "POST"])
def bulk_identifiers(public_id: str) -> ResponseReturnValue:
    """Missing Identifiers, asked for over the list of who is passed over; it leads back there."""
    patient = patient_of(public_id)
    scope, kind, why = _passed_over()
    fields = {**fields_of(scope, kind), "reason": why.value}
    values: dict[str, Any] = dict(fields)
    back = url_for("staff.bulk_skipped", **values)

    def done(what: Said) -> ResponseReturnValue:
        said.remember(what, patient)
        return htmx.go(back)

    def refused(code: str) -> ResponseReturnValue:
        flash(refusal(code, patient_of(public_id)), "warning")
        return htmx.go(back)

    opener = missing.Opener(close_url=back, fields=fields, done=done, refused=refused)
    return missing.ask(patient, opener)


@blueprint.post("/bulk/test")
def bulk_test() -> ResponseReturnValue:
    """**Send me a test**: to one's own address, without any patient in it."""
    samples.send_test(staff_on(), now=clock.now())
    flash(_("A test is on its way to %(address)s.", address=staff_on().email), "success")
    scope = scope_of() or Scope(RunScope.PRACTICE, staff_on())
    return redirect(_preview_url(scope, RunKind.INVITE), code=303)


def page(scope: Scope | None, *, changed: bool = False) -> ResponseReturnValue:
    """The preview of invitations."""
    now = clock.now()
    shown = None
    allowed = True
    open_run = bulk.open_run(practice_id=staff_on().practice_id)
    if scope is not None:
        counted = previews.make(RunKind.INVITE, scope, now=now)
        allowed = may_run(staff_on(), scope=scope.kind, number=counted.total)
        shown = invite_view(
            counted, scope, samples.samples(scope, now=now), fields=fields_of(scope), now=now
        )
    return make_response(
        render_template(
            "staff/pages/bulk_invite.html",
            title=shown.title if shown else invite_title(RunScope.SELECTION),
            invite=shown,
            changed=changed,
            too_many="" if allowed else words.too_many(),
            open_url=words.run_url(open_run) if open_run else "",
            action=url_for("staff.bulk_start"),
            back=Place.of_back(request.values.get(BACK, "")).url(),
        ),
        409 if changed else 200,
    )


def kind_of(text: str | None) -> RunKind:
    """What the run is to do.

    Raises:
        NotFound: no such act.
    """
    if text not in set(RunKind):
        raise NotFound("act")
    return RunKind(text)


def scope_of() -> Scope | None:
    """Whom the request is about; None when nobody is selected (any more).

    Raises:
        NotFound: the run whose failed ones it names is none of the practice's.
    """
    staff, wanted = staff_on(), request.values.get("scope", RunScope.SELECTION)
    if wanted == RunScope.PRACTICE:
        return Scope(RunScope.PRACTICE, staff)
    if wanted == RunScope.FAILED:
        run = bulk.find(practice_id=staff.practice_id, public_id=request.values.get("of", ""))
        return Scope(RunScope.FAILED, staff, run_id=run.id, run_public_id=run.public_id)
    selection = selections.find(logon_id=logon_id())
    if selection is None or not selection.number:
        return None
    return Scope(RunScope.SELECTION, staff, selection=selection)


def fields_of(scope: Scope, kind: RunKind = RunKind.INVITE) -> dict[str, str]:
    """What a form or a link carries to name the scope again."""
    every = {
        BACK: str(Place.of_back(request.values.get(BACK, ""))),
        "act": kind.value,
        "scope": scope.kind.value,
        "selection": scope.selection.public_id if scope.selection else "",
        "of": scope.run_public_id,
    }
    return {name: value for name, value in every.items() if value}


def _passed_over() -> tuple[Scope, RunKind, SkipReason]:
    """Which list of people who are passed over the request is about.

    Raises:
        NotFound: none.
    """
    scope, kind = scope_of(), kind_of(request.values.get("act"))
    reason = request.values.get("reason")
    if scope is None or reason not in set(SkipReason):
        raise NotFound("reason")
    return scope, kind, SkipReason(reason)


def _preview_url(scope: Scope, kind: RunKind) -> str:
    if scope.kind is RunScope.PRACTICE:
        return url_for("staff.invite_all")
    fields: dict[str, Any] = dict(fields_of(scope, kind))
    return url_for("staff.bulk_new", **fields)
