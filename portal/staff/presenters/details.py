"""The second line of a status (1.2), and the remarks that say what stands in the way and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.access.models import EndReason
from portal.access.rules import Obstacle, Status
from portal.mail import wording as mail_wording
from portal.people.models import Patient
from portal.staff.facts import AccessFacts
from portal.staff.presenters.history import Activation, activation_of, last_day
from portal.staff.presenters.reset_act import why_no_reset
from portal.staff.presenters.status import Detail
from portal.web.filters import short_day


@dataclass(frozen=True, slots=True)
class Remark:
    """A boxed remark; ``tone`` as in the macro ``notice``."""

    title: str
    text: str
    tone: str = "warn"


def details(facts: AccessFacts) -> tuple[Detail, ...]:
    """Everything that qualifies the status word, the gravest first."""
    return (*_of_chart(facts), *_of_mail(facts), *_of_last_grant(facts))


def remarks(facts: AccessFacts) -> tuple[Remark, ...]:
    """What stands in the way of an invitation, apart from missing identifiers, and what helps."""
    made = [_obstacle(obstacle, facts) for obstacle in facts.obstacles]
    obstacle = facts.reset_obstacle
    if facts.status is Status.ACTIVE and obstacle is not None and facts.has_account:
        made.append(Remark(_("No reset email for now"), why_no_reset(obstacle, facts.patient)))
    if facts.patient.email_flagged:
        made.append(
            Remark(
                _("The email looks made up"),
                _(
                    "%(email)s is no address of a person. Ask the patient.",
                    email=facts.patient.email,
                ),
            )
        )
    return tuple(remark for remark in made if remark is not None)


def _of_chart(facts: AccessFacts) -> Iterator[Detail]:
    patient = facts.patient
    if patient.deceased:
        on = short_day(patient.deceased_on)
        yield Detail(_("Deceased %(day)s", day=on) if on else _("Deceased"), "bad")
    if patient.end_date:
        ended = Obstacle.END_DATED in facts.obstacles
        day = short_day(patient.end_date)
        yield (
            Detail(_("End-dated %(day)s", day=day), "bad")
            if ended
            else Detail(_("Ends %(day)s", day=day))
        )
    if patient.opted_out_at:
        yield Detail(_("Opted out %(day)s", day=short_day(patient.opted_out_at, zone=facts.zone)))


def _of_mail(facts: AccessFacts) -> Iterator[Detail]:
    patient = facts.patient
    if patient.email_bounced_at:
        why = mail_wording.explain(patient.email_bounce_reason)
        yield Detail(" ".join((_("Email bounced."), why)).strip(), "bad")
    if facts.current is None:
        return
    match activation_of(facts.current, facts):
        case Activation.EXPIRED if facts.valid_until:
            day = last_day(facts.valid_until, facts.zone)
            yield Detail(_("Invitation expired %(day)s", day=day))
        case Activation.UNDELIVERED:
            yield Detail(_("Invitation not delivered"), "bad")
        case Activation.VOID:
            yield Detail(_("Email changed, so the invitation is void"), "bad")
        case _:
            pass


_TOLD_ENDINGS = (EndReason.IDENTITY_LOCKED, EndReason.NOT_ME)


def _of_last_grant(facts: AccessFacts) -> Iterator[Detail]:
    if facts.current is not None or not facts.grants:
        return
    last = facts.grants[0]
    if last.end_reason not in _TOLD_ENDINGS:
        return
    day = short_day(last.ended_at, zone=facts.zone)
    if last.end_reason == EndReason.NOT_ME:
        yield Detail(_("“This is not me” %(day)s", day=day), "bad")
    else:
        yield Detail(_("Identity check locked %(day)s", day=day), "bad")


def _obstacle(obstacle: Obstacle, facts: AccessFacts) -> Remark | None:
    patient = facts.patient
    match obstacle:
        case Obstacle.END_DATED:
            day = short_day(patient.end_date)
            return Remark(
                _("End-dated %(day)s", day=day),
                _("From the end date on there is no portal access and no invitation."),
            )
        case Obstacle.DECEASED:
            return Remark(
                _("Recorded as deceased"), _("There is no portal access and no invitation.")
            )
        case Obstacle.OPTED_OUT:
            return Remark(
                _("Opted out %(day)s", day=short_day(patient.opted_out_at, zone=facts.zone)),
                _("No invitations are sent. It can be undone under Patient information."),
            )
        case Obstacle.ADDRESS_BLOCKED:
            return _blocked(patient)
        case Obstacle.IDENTIFIERS_MISSING:
            return None


def _blocked(patient: Patient) -> Remark:
    return Remark(
        _("“This is not me”"),
        _(
            "Whoever reads %(email)s said that they are not this patient, so nothing is sent there."
            " Ask the patient for the right address and enter it under Patient information.",
            email=patient.email,
        ),
        "bad",
    )
