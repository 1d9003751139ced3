"""Patient messaging (3.6), on the chart and in the charting window: what can be sent, and how it will look."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from portal.access.models import Grant
from portal.access.rules import Obstacle, Status
from portal.invitations.specimen import Specimen
from portal.mail.addresses import no_reply
from portal.people.naming import short_name
from portal.staff.facts import AccessFacts
from portal.staff.mail_preview import INVITATION
from portal.staff.presenters.access_page import headline
from portal.staff.presenters.details import Remark, details, remarks
from portal.staff.presenters.onboarding_row import NEWEST, Act
from portal.staff.presenters.status import Detail, StatusView, status_view
from portal.web.filters import day
from portal.web.language import LANGUAGES

TO = "to"
"""The field that says on which page this part stands: a path below /staff/."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the select box of templates."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A mail as the patient will see it."""

    head: tuple[tuple[str, str], ...]
    html_url: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class MessagingView:
    """Everything the part shows; it knows nothing of the page around it."""

    who: str
    status: StatusView
    details: tuple[Detail, ...]
    headline: str
    lead: str
    remarks: tuple[Remark, ...]
    act: Act | None
    templates: tuple[Choice, ...]
    preview_url: str
    preview: PreviewView | None
    missing_url: str
    """Where the Missing Identifiers dialog is; empty when nothing is missing."""
    access_url: str
    how_url: str
    on_chart: bool
    """Whether it is the chart's own page, with the status in its head."""


def messaging_view(
    facts: AccessFacts, *, to: str = "", preview: Specimen | None = None
) -> MessagingView:
    """The part for one patient.

    Args:
        to: the path of the page it stands on, where acts lead back to; "" for the chart's own.
    """
    public_id = facts.patient.public_id
    own = url_for("staff.messaging", public_id=public_id)
    to = to or own
    title, lead = _headline(facts)
    missing = Obstacle.IDENTIFIERS_MISSING in facts.obstacles
    return MessagingView(
        who=short_name(facts.patient),
        status=status_view(facts.status),
        details=details(facts),
        headline=title,
        lead=lead,
        remarks=remarks(facts) if facts.status is not Status.ACTIVE else (),
        act=_act(facts, to),
        templates=(Choice(INVITATION, _default_label(facts)),),
        preview_url=url_for("staff.messaging_preview", public_id=public_id),
        preview=_preview(preview, public_id) if preview else None,
        missing_url=url_for("staff.messaging_identifiers", public_id=public_id, **{TO: to})  # type: ignore[arg-type]
        if missing and facts.status is not Status.ACTIVE
        else "",
        access_url=url_for("staff.portal_access", public_id=public_id),
        how_url=url_for("staff.how_to_register"),
        on_chart=to == own,
    )


def _default_label(facts: AccessFacts) -> str:
    language = facts.patient.mail_language
    return _(
        "Portal invitation (default), %(language)s", language=LANGUAGES.get(language, language)
    )


def _headline(facts: AccessFacts) -> tuple[str, str]:
    grant, email = facts.current, facts.patient.email
    if facts.status is Status.NOT_ENABLED or grant is None:
        return _("The patient is not registered"), _not_yet(facts)
    if facts.status is Status.ACTIVE:
        return _("The patient is registered"), _(
            "Registered since %(day)s.", day=_since(grant, facts)
        )
    if facts.status is Status.READY and email:
        return _("The patient is not registered"), _goes_to(email, facts)
    return headline(facts)


def _not_yet(facts: AccessFacts) -> str:
    if facts.obstacles == [Obstacle.IDENTIFIERS_MISSING]:
        return _("Some information is missing before an invitation can be sent.")
    if facts.obstacles:
        return ""
    if facts.has_account:
        return _("There is an account from before. Give access again on the page Portal access.")
    return _goes_to(facts.patient.email or "", facts)


def _goes_to(email: str, facts: AccessFacts) -> str:
    return _(
        "An invitation goes to %(email)s. Its link works for %(days)s days.",
        email=email,
        days=facts.patient.practice.invitation_days,
    )


def _since(grant: Grant, facts: AccessFacts) -> str:
    first = grant.activated_at or grant.existing_account_since or grant.first_logon_at
    return day(first, zone=facts.zone)


def _act(facts: AccessFacts, to: str) -> Act | None:
    """What one click sends, or None: to the address that is shown, or to none (5.4)."""
    email = facts.patient.email
    if facts.obstacles or email is None or facts.status is Status.ACTIVE:
        return None
    if facts.status is Status.NOT_ENABLED and facts.has_account:
        return None
    url = url_for("staff.messaging_send", public_id=facts.patient.public_id)
    fields = {TO: to, "address": email}
    if facts.status is Status.INVITED and facts.newest is not None:
        again = fields | {NEWEST: facts.newest.public_id}
        return Act(url, _("Re-send patient portal invite"), again)
    return Act(url, _("Send patient portal invite"), fields)


def _preview(preview: Specimen, public_id: str) -> PreviewView:
    mail = preview.mail
    sender = mail.from_address or no_reply()
    return PreviewView(
        head=(
            (_("From"), f"{mail.from_name} <{sender}>"),
            (_("To"), preview.address),
            (_("Replies go to"), mail.reply_to or sender),
            (_("Subject"), mail.subject),
        ),
        html_url=url_for("staff.messaging_mail", public_id=public_id, template=INVITATION),
        text=mail.text,
        language=preview.language,
    )
