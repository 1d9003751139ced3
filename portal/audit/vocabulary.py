"""The whole vocabulary of the audit trail on one screen: event -> the exact fields it carries.

An unknown event or field raises. Values are ids, codes, counts and flags; names, birth dates, SSNs and secrets
never stand here. E-mail addresses stand only where the event is about the address itself.
"""

from __future__ import annotations

FIELDS: dict[str, frozenset[str]] = {
    # the practice
    "practice.created": frozenset({"time_zone"}),
    "practice.settings_changed": frozenset({"tab", "fields"}),
    "picture.set": frozenset({"picture", "purpose"}),
    "picture.removed": frozenset({"picture", "purpose"}),
    "staff.added": frozenset({"staff", "role"}),
    "provider.added": frozenset({"provider", "shares_patients"}),
    "provider.sharing_changed": frozenset({"provider", "shares_patients"}),
    "notice.acknowledged": frozenset({"version"}),
    # logging on
    "logon.succeeded": frozenset({"side"}),
    "logon.failed": frozenset({"side", "reason"}),
    "logon.ended": frozenset({"side", "reason"}),
    "access.refused": frozenset({"route", "reason"}),
    # people
    "chart.viewed": frozenset({"page"}),
    "patients.searched": frozenset({"kind", "results"}),
    "patient.added": frozenset({"fields"}),
    "patient.edited": frozenset({"fields"}),
    "patient.email_changed": frozenset({"old_email", "new_email", "verified_how"}),
    "patient.email_bounced": frozenset({"email", "reason"}),
    "patient.opted_out": frozenset({"reason"}),
    "patient.opted_in": frozenset({"reason"}),
    "patients.imported": frozenset({"created", "updated", "digest"}),
    "demo.made": frozenset({"patients"}),
    # the schedule
    "schedule.lists_made": frozenset(),
    "appointment.booked": frozenset({"appointment", "starts_at", "times"}),
    "appointment.changed": frozenset({"appointment", "fields"}),
    "appointment.moved": frozenset({"appointment", "before", "starts_at"}),
    "appointment.state_changed": frozenset({"appointment", "before", "state"}),
    "visit_note.saved": frozenset({"appointment", "version"}),
    "appointment_request.made": frozenset({"request", "kind", "appointment"}),
    "appointment_request.settled": frozenset({"request", "outcome"}),
    "schedule.list_changed": frozenset({"list", "entry", "what"}),
    "schedule.imported": frozenset({"created", "updated", "weeks", "digest"}),
    # access and invitations
    "access.enabled": frozenset({"grant", "email", "existing_account"}),
    "access.ended": frozenset({"grant", "reason"}),
    "invitation.prepared": frozenset({"invitation", "email", "reason"}),
    "invitation.live": frozenset({"invitation"}),
    "invitation.failed": frozenset({"invitation", "reason"}),
    "invitation.ended": frozenset({"invitation", "state"}),
    "invitations.reminded": frozenset({"number", "digest"}),
    "invitation.fresh_link_asked": frozenset({"invitation", "sent"}),
    "appointment.notices_switched_off": frozenset({"kind", "number", "digest"}),
    "appointment.notice": frozenset({"notice", "kind", "state", "reason", "invited"}),
    "address.blocked": frozenset({"email", "reason"}),
    # many at once
    "bulk.started": frozenset({"run", "kind", "scope", "total", "reached"}),
    "bulk.batch": frozenset({"run", "done", "skipped", "failed", "mailing", "digest"}),
    "bulk.exported": frozenset({"run"}),
    "bulk.moved": frozenset({"run", "state", "reason"}),
    # the way in
    "signup.started": frozenset({"invitation", "path"}),
    "identity.failed": frozenset({"invitation", "failures"}),
    "identity.locked": frozenset({"invitation"}),
    "identity.passed": frozenset({"invitation", "method"}),
    "account.created": frozenset({"account"}),
    "account.linked": frozenset({"account", "grant"}),
    "account.email_confirmed": frozenset({"account"}),
    "account.password_changed": frozenset({"account", "how"}),
    "account.username_changed": frozenset({"account"}),
    "account.credentials_handed_over": frozenset({"account", "grant", "identity_checked", "hours"}),
    # resets
    "reset.sent": frozenset({"reset", "account", "email"}),
    "reset.ended": frozenset({"reset", "state"}),
    "reset.started": frozenset({"reset"}),
    "reset.identity_failed": frozenset({"reset", "failures"}),
    "reset.identity_passed": frozenset({"reset", "method"}),
    "reset.locked": frozenset({"reset"}),
    # what needs a person
    "attention.raised": frozenset({"item", "kind"}),
    "attention.resolved": frozenset({"item", "kind"}),
    # mail
    "mail.result": frozenset({"message", "state", "reason"}),
    "mail.bounced": frozenset({"message", "meaning", "reason"}),
    "mail.complained": frozenset({"message"}),
}
