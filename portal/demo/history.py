"""What may happen to one person of the demo: each verb is the service call that staff or patients make."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal import clock, tokens
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.accounts import service as accounts
from portal.accounts import sign_up
from portal.accounts.models import PendingSignUp
from portal.audit import service as audit
from portal.audit.actor import Actor, ActorKind, system
from portal.demo import names
from portal.demo.chronicle import Chronicle
from portal.demo.person import Person, values_of
from portal.extensions import db
from portal.identity.rules import BirthAndPhoneClaim, Claim, SsnClaim
from portal.invitations import fresh_link, timeline, wrong_person
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail.bounces import intake
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.mail.rules import Reason, Result
from portal.people import rules
from portal.people import service as people
from portal.people.models import Patient
from portal.people.service import PatientValues
from portal.practices.models import Practice

SWEEP = system()
_SWEEP_COMES = timedelta(seconds=40)
_NOTICE_OF_LEAVING = 10
"""Days from the note in the chart to the end date."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the stories take place, and who works there."""

    practice: Practice
    providers: dict[str, int]
    """Name -> id."""
    hands: tuple[Actor, ...]
    """The staff members who take turns."""
    chronicle: Chronicle
    password_hash: str
    """Of every portal account of the demo."""
    username_ending: str = ""

    def moment(self, *, days_before: int, minute: int) -> datetime:
        """So many days before now, at a minute of the day on the practice's own clock."""
        zone = self.practice.time_zone
        day = clock.local_date(self.chronicle.until, zone) - timedelta(days=days_before)
        at = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=ZoneInfo(zone))
        return at.astimezone(UTC)


class Life:
    """One person of the demo; the verbs are acts of the chronicle."""

    def __init__(self, scene: Scene, person: Person, *, number: int) -> None:
        self._scene = scene
        self._person = person
        self._number = number
        self._hand = scene.hands[number % len(scene.hands)]
        self._client = f"203.0.113.{number % 250 + 1}"
        self._patient_id = 0

    # what staff do

    def enroll(self, when: datetime) -> None:
        """The chart is opened."""
        values = values_of(
            self._person,
            number=self._number,
            providers=self._scene.providers,
            today=clock.local_date(when, self._scene.practice.time_zone),
        )
        patient = people.add(practice=self._scene.practice, values=values, by=self._hand, now=when)
        self._patient_id = patient.id

    def enable(self, when: datetime) -> None:
        """Red becomes gray, without an invitation."""
        access.enable(patient=self._patient, by=self._hand, now=when)

    def invite(self, when: datetime) -> None:
        """**Enable Patient Access**."""
        invitations.enable_and_invite(patient=self._patient, by=self._hand, now=when)

    def resend(self, when: datetime) -> None:
        """**Resend**."""
        invitations.resend(
            patient=self._patient,
            replaces=self._invitation.public_id,
            by=self._hand,
            now=when,
        )

    def revoke(self, when: datetime) -> None:
        """**Revoke invite**."""
        self._end_access(EndReason.REVOKED, when)

    def disable(self, when: datetime) -> None:
        """**Disable access**."""
        self._end_access(EndReason.DISABLED, when)

    def change_email(self, when: datetime) -> None:
        """The patient calls: the address on file is an old one (3.7)."""
        name = names.slug(self._person.family)
        self._edit({"email": f"{name}.family@example.org"}, when, verified_how="by_phone")

    def opt_out(self, when: datetime) -> None:
        """No more invitations for this chart (2.6)."""
        people.set_opted_out(patient=self._patient, opted_out=True, by=self._hand, now=when)

    def set_end_date(self, when: datetime) -> None:
        """The patient leaves the practice soon; the sweep ends the access on the day (10.1)."""
        zone = self._scene.practice.time_zone
        day = clock.local_date(when, zone) + timedelta(days=_NOTICE_OF_LEAVING)
        self._edit({"end_date": day}, when)
        midnight = clock.end_of_day(day - timedelta(days=1), zone)
        self._scene.chronicle.add(
            midnight + _SWEEP_COMES, partial(self._sweep, EndReason.END_DATED)
        )

    def note_death(self, when: datetime) -> None:
        """The family has called (10.2)."""
        day = clock.local_date(when, self._scene.practice.time_zone) - timedelta(days=2)
        self._edit({"deceased": True, "deceased_on": day}, when)
        self._scene.chronicle.add(when + _SWEEP_COMES, partial(self._sweep, EndReason.DECEASED))

    # what the mail does

    def bounce(self, when: datetime) -> None:
        """The mail server that took the mail sends it back after all."""
        self._come_back(Reading(Meaning.HARD, reason=Reason.NO_SUCH_MAILBOX, final=True), when)

    def be_away(self, when: datetime) -> None:
        """An automatic answer."""
        self._come_back(Reading(Meaning.AUTO_REPLY), when)

    def complain(self, when: datetime) -> None:
        """Whoever reads the address marks the mail as spam."""
        self._come_back(Reading(Meaning.ABUSE), when)

    def _come_back(self, reading: Reading, when: datetime) -> None:
        message = db.session.scalars(
            select(OutboxMessage)
            .where(
                OutboxMessage.purpose == invitations.PURPOSE,
                OutboxMessage.subject_id == self._invitation.id,
            )
            .order_by(OutboxMessage.id.desc())
        ).first()
        if message is not None:
            intake.record(message.public_id, reading, now=when)

    def expect(self, *answers: Result) -> None:
        """What the mail server will say to the next mails to this person."""
        if self._person.address:
            self._scene.chronicle.answers[self._person.address] = deque(answers)

    # what the patient does

    def pass_scanner(self, when: datetime) -> None:
        """A mail scanner opens the link."""
        timeline.observe_opened(self._invitation, scanner=True, now=when)

    def open_link(self, when: datetime) -> None:
        """The patient opens the link."""
        timeline.observe_opened(self._invitation, scanner=False, now=when)

    def say_not_me(self, when: datetime) -> None:
        """**This is not me**."""
        wrong_person.not_me(self._invitation, by=self._holder, now=when)

    def ask_fresh_link(self, when: datetime) -> None:
        """**Send me a fresh link** on the page of an expired one."""
        fresh_link.request(self._invitation, by=self._holder, now=when)

    def guess_wrong(self, when: datetime) -> None:
        """One failed identity check."""
        born = date.fromisoformat(self._person.born or "1970-01-01")
        self._try(BirthAndPhoneClaim(born + timedelta(days=1), "+16175550199"), when)

    def register(self, when: datetime) -> None:
        """Sign up, or link an account that the person has, and pass the identity check."""
        self._try(self._right_claim, when)

    def visit(self, when: datetime) -> None:
        """Log on."""
        account = accounts.holder_of(self._patient_id)
        if account is not None:
            accounts.log_on(account=account, client=self._client, now=when)

    @property
    def _patient(self) -> Patient:
        return db.session.get_one(Patient, self._patient_id)

    @property
    def _grant(self) -> Grant:
        grant = access.current_grant(self._patient_id)
        if grant is None:
            raise LookupError("the story goes on without a grant")
        return grant

    @property
    def _invitation(self) -> Invitation:
        invitation = invitations.latest(self._grant.id)
        if invitation is None:
            raise LookupError("the story goes on without an invitation")
        return invitation

    @property
    def _holder(self) -> Actor:
        return Actor(
            ActorKind.LINK, self._invitation.id, "Holder of the invitation link", self._client
        )

    @property
    def _username(self) -> str:
        given = self._person.preferred or self._person.given
        return f"{names.slug(given)}.{names.slug(self._person.family)}{self._scene.username_ending}"

    @property
    def _right_claim(self) -> Claim:
        if self._person.ssn:
            return SsnClaim(rules.parse_ssn(self._person.ssn))
        return BirthAndPhoneClaim(
            date.fromisoformat(self._person.born or ""),
            rules.parse_phone(self._person.phone or "").e164,
        )

    def _edit(
        self, values: PatientValues, when: datetime, *, verified_how: str | None = None
    ) -> None:
        people.edit(
            patient=self._patient, values=values, by=self._hand, now=when, verified_how=verified_how
        )

    def _end_access(self, reason: EndReason, when: datetime) -> None:
        invitations.end_access(
            patient=self._patient,
            grant_public_id=self._grant.public_id,
            expect=reason,
            by=self._hand,
            now=when,
        )

    def _sweep(self, reason: EndReason, when: datetime) -> None:
        grant = access.current_grant(self._patient_id)
        if grant is not None:
            access.end(grant=grant, reason=reason, by=SWEEP, now=when)

    def _try(self, claim: Claim, when: datetime) -> None:
        handle = tokens.public_id()
        self._start_sign_up(handle, when)
        sign_up.finish(handle=handle, claim=claim, client=self._client, by=self._holder, now=when)

    def _start_sign_up(self, handle: str, when: datetime) -> None:
        # As sign_up.begin does it, which cannot be called here: it hashes a password, and that has no
        # place inside a transaction.
        account = accounts.find_by_username(self._username)
        pending = PendingSignUp(
            handle_hash=tokens.digest(handle),
            invitation_id=self._invitation.id,
            language=self._person.language or "en",
            expires_at=when + sign_up.PENDING_LIFE,
        )
        if account is not None:
            pending.account_id = account.id
        else:
            pending.first_name = self._person.given
            pending.email = self._invitation.email
            pending.username = self._username
            pending.password_hash = self._scene.password_hash
        db.session.add(pending)
        audit.record(
            "signup.started",
            practice_id=self._scene.practice.id,
            by=self._holder,
            now=when,
            subject=("patient", self._patient_id),
            invitation=self._invitation.public_id,
            path="existing" if account else "new",
        )
