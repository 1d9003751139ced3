"""The Portal access page of a chart, its asking for news, and the Missing Identifiers dialog."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.people import views_log
from portal.staff import answers, blueprint, missing
from portal.staff.facts import gather
from portal.staff.isolation import patient_of
from portal.staff.presenters.access_page import access_page, tag_of
from portal.web.signed_on import staff_hand


@blueprint.get("/patients/<public_id>/portal-access")
def portal_access(public_id: str) -> ResponseReturnValue:
    """Status, requirements, Access History and timeline (3.2, 3.3, 3.8)."""
    patient = patient_of(public_id)
    views_log.record_view(patient, page="portal_access", by=staff_hand(), now=clock.now())
    return answers.page(public_id)


@blueprint.get("/patients/<public_id>/portal-access/state")
def portal_access_state(public_id: str) -> ResponseReturnValue:
    """Asked by an open page: the part anew if something changed, else only when to ask again."""
    step = max(0, request.args.get("step", 0, type=int))
    shown = access_page(gather(patient_of(public_id), now=clock.now()), step=step)
    if tag_of(shown) == request.args.get("seen"):
        return render_template("staff/fragments/portal_access_watch.html", access=shown)
    news = shown.timeline[0].words if shown.timeline else shown.status.word
    return answers.part(public_id, words=f"{shown.who}: {news}")


@blueprint.route("/patients/<public_id>/identifiers", methods=["GET", "POST"])
def identifiers(public_id: str) -> ResponseReturnValue:
    """Missing Identifiers: asks for just what is missing, saves what is given (2.3)."""
    patient = patient_of(public_id)
    opener = missing.Opener(
        close_url=url_for(answers.ENDPOINT, public_id=public_id),
        done=lambda what: answers.done(what, patient),
        refused=lambda code: answers.refused(code, public_id),
    )
    return missing.ask(patient, opener)
