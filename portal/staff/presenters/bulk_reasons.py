"""Why a person is passed over, or was not reached, in words, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.bulk.people import Line
from portal.bulk.states import ItemState, SkipReason
from portal.bulk.working import CANNOT_ACT
from portal.mail import wording as mail_wording
from portal.people.naming import list_name
from portal.web.filters import short_day

_WORDS: dict[SkipReason, tuple[LazyString, LazyString]] = {
    SkipReason.OUTSIDE_SCOPE: (
        _l("Not among your patients"),
        _l("Their provider, or an administrator, can reach them."),
    ),
    SkipReason.DECEASED: (_l("Deceased"), _l("Nothing is sent to them.")),
    SkipReason.END_DATED: (
        _l("End date reached"),
        _l("If the end date is wrong, change it on the chart."),
    ),
    SkipReason.ENABLED_ALREADY: (_l("Enabled already"), _l("Nothing needs to be done.")),
    SkipReason.NOT_ENABLED: (_l("Not enabled"), _l("Nothing needs to be done.")),
    SkipReason.ENDED_BY_PERSON: (
        _l("Access ended by a person"),
        _l("If they may come back, enable them one by one."),
    ),
    SkipReason.ACTIVE: (
        _l("Already active"),
        _l("They have an account and need no invitation."),
    ),
    SkipReason.INVITED_LATELY: (
        _l("Invited in the last 24 hours"),
        _l("They can be sent another one tomorrow, or from the chart now."),
    ),
    SkipReason.OPTED_OUT: (
        _l("Opted out"),
        _l("Undo it on the chart only if they ask for it."),
    ),
    SkipReason.NO_EMAIL: (_l("No email on file"), _l("Add an address.")),
    SkipReason.NOT_AN_ADDRESS: (
        _l("Not an email address"),
        _l("Mail cannot be sent to what is on file. Correct it."),
    ),
    SkipReason.NO_IDENTIFIERS: (
        _l("No SSN, and no birth date with a phone number"),
        _l("Add what is missing: without it nobody could pass the identity check."),
    ),
    SkipReason.ADDRESS_BLOCKED: (
        _l("“This is not me”"),
        _l("Whoever reads this address is somebody else. Ask for another one."),
    ),
    SkipReason.BOUNCED: (_l("Email bounced"), _l("Ask for an address that works.")),
    SkipReason.PLACEHOLDER: (
        _l("Placeholder address"),
        _l("It looks made up. Correct it, or invite from the chart if it is real."),
    ),
    SkipReason.SHARED: (
        _l("Address on three or more charts"),
        _l("Make sure whose it is, then invite from the chart."),
    ),
    SkipReason.MINOR_SHARED: (
        _l("Minor with the address of an adult’s chart"),
        _l("A parent would open the child’s account. Decide on the chart."),
    ),
}
_MENDED_BY_IDENTIFIERS = frozenset({SkipReason.NO_EMAIL, SkipReason.NO_IDENTIFIERS})
_MENDED_BY_EDITING = frozenset(
    {SkipReason.NOT_AN_ADDRESS, SkipReason.BOUNCED, SkipReason.PLACEHOLDER, SkipReason.ADDRESS_BLOCKED,
     SkipReason.END_DATED}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of a list of them."""

    name: str
    url: str
    born: str
    email: str
    why: str
    fix: str
    """What the link that mends it says; empty where there is none."""
    fix_url: str
    fix_id: str = ""
    """Where the fix opens as a dialog over the list: the id to which the focus returns."""


def reason_words(reason: str | None) -> str:
    """A reason as a heading: one of ours, or one of the mail room's."""
    if reason is None:
        return ""
    if reason in set(SkipReason):
        return str(_WORDS[SkipReason(reason)][0])
    if reason == CANNOT_ACT:
        return _("Something went wrong on our side")
    return mail_wording.explain(reason)


def hint(reason: SkipReason) -> str:
    """What can be done about it."""
    return str(_WORDS[reason][1])


def person_row(line: Line, *, opened_from: Mapping[str, Any] | None = None) -> PersonRow:
    """A line of a list.

    Args:
        opened_from: what names the list of a preview again; what is missing is then asked for over it.
    """
    patient = line.patient
    fix, fix_url, in_place = _fix(line, opened_from)
    return PersonRow(
        name=list_name(patient),
        url=url_for("staff.portal_access", public_id=patient.public_id),
        born=short_day(patient.birth_date),
        email=patient.email or "",
        why=_why(line),
        fix=fix,
        fix_url=fix_url,
        fix_id=f"fix-{patient.public_id}" if in_place else "",
    )


def state_words(state: ItemState) -> str:
    """Where a person of a run stands."""
    return {
        ItemState.WAITING: _("Remaining"),
        ItemState.MAILING: _("On their way"),
        ItemState.DONE: _("Done"),
        ItemState.SKIPPED: _("Skipped"),
        ItemState.FAILED: _("Failed"),
    }[state]


def _why(line: Line) -> str:
    grant = line.last_grant
    if line.reason == SkipReason.ENDED_BY_PERSON and grant is not None and grant.ended_at:
        return _(
            "Access ended by %(name)s on %(day)s",
            name=grant.ended_by_name or "",
            day=short_day(grant.ended_at, zone=line.patient.practice.time_zone),
        )
    return reason_words(line.reason)


def _fix(line: Line, opened_from: Mapping[str, Any] | None) -> tuple[str, str, bool]:
    """What the link that mends it says, where it leads, and whether a dialog over the list does."""
    at = line.patient.public_id
    if line.reason in _MENDED_BY_IDENTIFIERS:
        if opened_from is None:
            return _("Add it"), url_for("staff.identifiers", public_id=at), False
        return _("Add it"), url_for("staff.bulk_identifiers", public_id=at, **opened_from), True
    if line.reason in _MENDED_BY_EDITING:
        return _("Edit chart"), url_for("staff.edit_patient", public_id=at), False
    return "", "", False
