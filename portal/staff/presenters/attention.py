"""What needs a person, in words (the list on the staff's first page)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.attention.models import AttentionItem, AttentionKind
from portal.mail import wording as mail_wording
from portal.mail.rules import Reason
from portal.people.naming import list_name
from portal.web.filters import moment


@dataclass(frozen=True, slots=True)
class AttentionRow:
    """One line of the list."""

    public_id: str
    title: str
    text: str
    url: str
    when: str
    iso: str
    tone: str
    icon: str
    about: str
    done_url: str


@dataclass(frozen=True, slots=True)
class _Kind:
    title: LazyString
    text: LazyString
    tone: str
    icon: str


_KINDS = {
    AttentionKind.IDENTITY_LOCKED: _Kind(
        _l("Identity check locked: %(name)s"),
        _l(
            "The answers were wrong five times, so the link is dead. Talk with the patient and check"
            " what is on file; then send a new one, and enable access again if it has ended."
        ),
        "invited",
        "lock",
    ),
    AttentionKind.NOT_ME: _Kind(
        _l("“This is not me”: %(name)s"),
        _l(
            "Whoever reads the address on file says that they are not this patient. The link is dead."
            " Ask the patient for the right address."
        ),
        "off",
        "person",
    ),
    AttentionKind.MAIL_FAILED: _Kind(
        _l("The invitation was not delivered: %(name)s"), _l("Check the address."), "off", "mail"
    ),
    AttentionKind.MAIL_COMPLAINT: _Kind(
        _l("Marked as spam: %(name)s"),
        _l(
            "Whoever reads the address on file does not want this mail. Talk with the patient before you"
            " send again, or opt the chart out."
        ),
        "off",
        "warning",
    ),
}


_ADDRESS_MAY_BE_RIGHT = frozenset(
    {
        Reason.MAILBOX_FULL,
        Reason.CONTENT_REFUSED,
        Reason.TOO_LARGE,
        Reason.NOT_IN_TIME,
        Reason.RETURNED,
        Reason.GAVE_UP,
    }
)
_ASK = _l("The address may be right: ask the patient before you send again.")


def attention_row(item: AttentionItem, *, zone: str) -> AttentionRow:
    """One item with its words, its time in the practice's ``zone``, and the way to the chart."""
    kind = _KINDS[AttentionKind(item.kind)]
    name = list_name(item.patient)
    why = mail_wording.explain(item.reason)
    advice = _ASK if item.reason in _ADDRESS_MAY_BE_RIGHT else kind.text
    return AttentionRow(
        public_id=item.public_id,
        title=str(kind.title) % {"name": name},
        text=" ".join(part for part in (why, str(advice)) if part),
        url=url_for("staff.portal_access", public_id=item.patient.public_id),
        when=moment(item.raised_at, zone),
        iso=item.raised_at.isoformat(),
        tone=kind.tone,
        icon=kind.icon,
        about=name,
        done_url=url_for("staff.resolve_attention", public_id=item.public_id),
    )
