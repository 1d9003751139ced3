"""How the Onboarding Tool answers: the row and the pills to htmx, the page or a redirect to everybody else."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.crypto import keyed_hash
from portal.errors import NotFound
from portal.invitations.models import Invitation
from portal.people import search, stored_search, views_log
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Provider
from portal.roster import service as roster
from portal.roster.rows import RosterFilter
from portal.staff import outcomes, said, selecting
from portal.staff.enabling import Enabled
from portal.staff.isolation import patient_of
from portal.staff.place import BACK, Place
from portal.staff.presenters.onboarding import (
    SIZES,
    OnboardingList,
    PillView,
    filters,
    listed,
    news_words,
    pills,
)
from portal.staff.presenters.onboarding_row import WAS, OnboardingRow, onboarding_rows
from portal.staff.presenters.watch import watch
from portal.staff.wording import Said, refusal, sentence
from portal.web import cookies, htmx
from portal.web.signed_on import practice_on, staff_hand, staff_on

USUAL_SIZE = 50


@dataclass(frozen=True, slots=True)
class Undo:
    """A form beside the sentence that takes the act back."""

    url: str
    fields: dict[str, str]


def came_from() -> Place:
    """The place in the list that this request was sent from."""
    return Place.of_back(request.values.get(BACK, ""))


def page_size() -> int:
    """How many rows: as asked now, else as asked last."""
    asked = request.args.get("size") or cookies.page_size()
    return next((size for size in SIZES if str(size) == asked), USUAL_SIZE)


def text_of(place: Place) -> str | None:
    """What was searched for; None when the search is forgotten, or somebody else's."""
    if not place.search:
        return ""
    return stored_search.text_of(place.search, staff_member_id=staff_on().id, now=clock.now())


def page(place: Place, *, alert: str = "") -> str:
    """The whole page."""
    providers = practices.providers(practice_id=staff_on().practice_id)
    return render_template(
        "staff/pages/onboarding.html",
        list=list_at(place, providers),
        pills=_pills(place),
        pills_tag=pills_tag(),
        filters=filters(place, providers=providers, size=page_size()),
        said_alert=alert,
    )


def list_at(place: Place, providers: list[Provider]) -> OnboardingList:
    """One page of the list.

    Raises:
        NotFound: the provider of the address is none of the practice's.
    """
    practice, now = staff_on().practice, clock.now()
    wanted = filter_of(place, providers)
    text = wanted.text
    matching = roster.count_matching(practice_id=practice.id, filter=wanted, now=now)
    if text:
        kind = search.kind_of(text, today=now.date(), country=practice.country)
        views_log.record_search(
            practice_id=practice.id, kind=kind, results=matching[0], by=staff_hand(), now=now
        )
    found = roster.page(
        practice_id=practice.id,
        filter=wanted,
        order=place.order,
        cursor=place.cursor,
        size=page_size(),
        now=now,
    )
    rows = onboarding_rows(found.lines, back=str(place), now=now)
    selected = selecting.bar([row.public_id for row in rows], matching=matching)
    return listed(found, rows, place=place, text=text, selected=selected, matching=matching)


def filter_of(place: Place, providers: list[Provider]) -> RosterFilter:
    """Whom the list shows there.

    Raises:
        NotFound: the provider of the address is none of the practice's.
    """
    return RosterFilter(
        pill=place.pill,
        provider_id=_provider_id(place, providers),
        age=place.age,
        next=place.next,
        text=text_of(place) or "",
        country=staff_on().practice.country,
    )


def count(place: Place, providers: list[Provider]) -> tuple[int, bool]:
    """How many the list shows on all its pages, and whether there are more than that."""
    return roster.count_matching(
        practice_id=staff_on().practice_id, filter=filter_of(place, providers), now=clock.now()
    )


def news(*, step: int, pills_seen: str) -> ResponseReturnValue:
    """The rows of the asking page that changed since they were drawn, and the pills; else only when to ask again."""
    place, seen = came_from(), selecting.rows_shown()
    lines = roster.lines(practice_id=staff_on().practice_id, public_ids=list(seen))
    rows = onboarding_rows(lines, back=str(place), now=clock.now())
    changed = [row for row in rows if row.tag != seen[row.public_id]]
    shown, tag = _pills(place), pills_tag()
    moved = tag != pills_seen
    html = render_template(
        "staff/fragments/onboarding_news.html",
        rows=changed,
        ticked=selecting.ticked([row.public_id for row in changed]),
        pills=shown if moved else None,
        pills_tag=tag,
        watch=watch(0 if changed or moved else step),
    )
    response = make_response(html)
    if changed:
        response.headers["HX-Trigger"] = json.dumps({"news": news_words(changed)})
    return response


def pills_tag() -> str:
    """A fingerprint of the counts."""
    counts = roster.counts(practice_id=practice_on())
    return keyed_hash(repr(sorted(counts.items())), purpose="onboarding-pills")[:8]


def done(
    what: Said, patient: Patient, *, invitation: Invitation | None = None, undo: Undo | None = None
) -> ResponseReturnValue:
    """It is done: the row as it is now, the pills and a sentence; or a redirect to the list, which says it."""
    day = outcomes.last_day(invitation, patient) if invitation is not None else None
    if htmx.wants_fragment():
        row = row_of(patient)  # first, for it reads the patient anew for the sentence too
        return _row(row, words=sentence(what, patient, expires=day), undo=undo)
    said.remember(what, patient, expires=day)
    return redirect(came_from().url(row=patient.public_id), code=303)


def refused(code: str, public_id: str) -> ResponseReturnValue:
    """Nothing was done, and why (409); the row or the page shows how things stand now."""
    patient = patient_of(public_id)
    words = refusal(code, patient)
    if htmx.wants_fragment():
        return _row(row_of(patient), alert=words, status=409)
    return page(came_from(), alert=words), 409


def undo_enable(public_id: str, enabled: Enabled) -> Undo:
    """Takes an access back that was just given."""
    fields = {BACK: str(came_from()), "grant": enabled.grant, WAS: enabled.status.value}
    return Undo(url_for("staff.onboarding_disable", public_id=public_id), fields)


def undo_disable(public_id: str) -> Undo:
    """Gives an access back that was ended before anybody was invited: gray again, whatever came before it."""
    fields = {BACK: str(came_from()), "require_new_invitation": "yes"}
    return Undo(url_for("staff.onboarding_enable", public_id=public_id), fields)


def row_of(patient: Patient) -> OnboardingRow:
    """One row as it is now, for an answer that brings it along."""
    now = clock.now()
    line = roster.line(patient, now=now)
    return onboarding_rows([line], back=str(came_from()), now=now)[0]


def pills_here() -> list[PillView]:
    """The pills as they are now."""
    return _pills(came_from())


def _row(
    row: OnboardingRow,
    *,
    words: str = "",
    alert: str = "",
    undo: Undo | None = None,
    status: int = 200,
) -> Response:
    html = render_template(
        "staff/fragments/onboarding_answer.html",
        row=row,
        ticked=selecting.ticked((row.public_id,)),
        pills=pills_here(),
        said_now=words,
        said_alert=alert,
        undo=undo,
    )
    return htmx.part(html, "#onboarding-list", status=status, swap="none", closing=True)


def _pills(place: Place) -> list[PillView]:
    return pills(roster.counts(practice_id=practice_on()), place)


def _provider_id(place: Place, providers: list[Provider]) -> int | None:
    if not place.provider:
        return None
    for provider in providers:
        if provider.public_id == place.provider:
            return provider.id
    raise NotFound("provider")
