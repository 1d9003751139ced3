"""Add, edit and find patients. The only writer of ``patient`` and its phones and search words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from portal import crypto, tokens
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused, Stale
from portal.extensions import db
from portal.hooks import Hook
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.people import rules
from portal.people.models import BlockedAddress, Patient, PatientPhone, SearchWord
from portal.practices.models import Practice
from portal.transaction import atomic, touch_patient

RESETS_BLOCKED_FOR = timedelta(hours=24)
_OF_PRACTICE = select(Patient).where(
    Patient.public_id == bindparam("patient"), Patient.practice_id == bindparam("practice")
)

email_changed: Hook[[Patient, str | None, Actor, datetime]] = Hook()
"""Called after the e-mail on file changed (3.7), with the old address: open invitations are voided, both told."""


class PhoneValue(TypedDict):
    """One number on file."""

    kind: str
    e164: str
    extension: str | None


class PatientValues(TypedDict, total=False):
    """Values to write, already checked by :mod:`portal.people.rules`. A key that is absent leaves what is stored."""

    record_number: str
    given_name: str
    middle_name: str
    family_name: str
    preferred_name: str
    birth_date: date | None
    email: str | None
    phones: list[PhoneValue]
    ssn: str | None
    """Nine digits; None erases."""
    street: str
    city: str
    region: str
    postal_code: str
    country: str
    language: str | None
    provider_id: int | None
    end_date: date | None
    deceased: bool
    deceased_on: date | None
    balance_cents: int | None


@dataclass(frozen=True, slots=True)
class Edited:
    """What an edit did: the names of the fields that changed, and the address before where it was one of them."""

    fields: tuple[str, ...]
    old_email: str | None = None

    @property
    def email(self) -> bool:
        """Whether the address on file changed."""
        return "email" in self.fields


def get_patient(*, practice_id: int, public_id: str) -> Patient:
    """One patient of the practice.

    Raises:
        NotFound: there is none, or it is another practice's.
    """
    patient = db.session.scalar(_OF_PRACTICE, {"patient": public_id, "practice": practice_id})
    if patient is None:
        raise NotFound("patient")
    return patient


def add(*, practice: Practice, values: PatientValues, by: Actor, now: datetime) -> Patient:
    """A new chart.

    Raises:
        Refused: ``record_number_taken``.
    """
    practice_id = practice.id
    try:
        with atomic():
            patient = blank(practice_id=practice_id, now=now)
            values.setdefault("record_number", patient.public_id)
            write(patient, values, now=now)
            db.session.add(patient)
            db.session.flush()
            touch_patient(patient.id)
            audit.record(
                "patient.added",
                practice_id=practice_id,
                by=by,
                now=now,
                subject=("patient", patient.id),
                fields=sorted(values),
            )
    except IntegrityError as error:
        raise Refused("record_number_taken") from error
    return patient


def edit(
    *,
    patient: Patient,
    values: PatientValues,
    by: Actor,
    now: datetime,
    verified_how: str | None = None,
    seen: datetime | None = None,
) -> Edited:
    """Change a chart. A changed e-mail address does what 3.7 says, in the same commit.

    Args:
        verified_how: how staff made sure that a change of the e-mail on file was the patient's own wish.
        seen: the ``updated_at`` of the chart as the editor saw it; None does not ask.

    Raises:
        Refused: ``record_number_taken``, or ``verification_needed`` when an address on file changes without it.
        Stale: the chart was changed after ``seen``.
    """
    patient_id = patient.id
    try:
        with atomic():
            patient = db.session.get_one(
                Patient, patient_id, with_for_update={"of": Patient}, populate_existing=True
            )
            if seen is not None and patient.updated_at != seen:
                raise Stale
            done = write(patient, values, now=now)
            if not done.fields:
                return done
            touch_patient(patient_id)
            if (
                done.old_email
                and not same_mailbox(done.old_email, patient.email)
                and not verified_how
            ):
                raise Refused("verification_needed")
            audit.record(
                "patient.edited",
                practice_id=patient.practice_id,
                by=by,
                now=now,
                subject=("patient", patient_id),
                fields=sorted(done.fields),
            )
            if done.email and not same_mailbox(done.old_email, patient.email):
                announce_email_change(
                    patient, done.old_email, by=by, now=now, verified_how=verified_how
                )
            return done
    except IntegrityError as error:
        raise Refused("record_number_taken") from error


def announce_email_change(
    patient: Patient, old_email: str | None, *, by: Actor, now: datetime, verified_how: str | None
) -> None:
    """What follows from a change of the e-mail on file (3.7), in the caller's transaction."""
    audit.record(
        "patient.email_changed",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        old_email=old_email,
        new_email=patient.email,
        verified_how=verified_how,
    )
    for purpose, address in (
        ("email_changed_old", old_email),
        ("email_changed_new", patient.email),
    ):
        if address and old_email:
            mail.enqueue(
                practice_id=patient.practice_id,
                purpose=purpose,
                subject_id=patient.id,
                address=address,
                language=patient.mail_language,
                now=now,
                kind=MailKind.SECURITY,
            )
    email_changed(patient, old_email, by, now)


def same_mailbox(one: str | None, other: str | None) -> bool:
    """Whether two addresses differ in nothing but the case of ASCII letters."""
    return one is not None and other is not None and rules.email_key(one) == rules.email_key(other)


def blank(*, practice_id: int, now: datetime) -> Patient:
    """A chart with nothing in it yet, not added to anything."""
    return Patient(
        public_id=tokens.public_id(),
        practice_id=practice_id,
        record_number="",
        given_name="",
        middle_name="",
        family_name="",
        preferred_name="",
        sort_name="",
        email_flagged=False,
        street="",
        city="",
        region="",
        postal_code="",
        country="",
        deceased=False,
        created_at=now,
        updated_at=now,
    )


def write(patient: Patient, values: PatientValues, *, now: datetime) -> Edited:
    """Put values into the row, with all that is derived from them; says which fields really changed."""
    changed: list[str] = []
    old_email = patient.email
    plain = {key: value for key, value in values.items() if key not in {"ssn", "email", "phones"}}
    for name, value in plain.items():
        if getattr(patient, name) != value:
            setattr(patient, name, value)
            changed.append(name)
    if "email" in values and _write_email(patient, values["email"], now=now):
        changed.append("email")
    if "ssn" in values and _write_ssn(patient, values["ssn"]):
        changed.append("ssn")
    if "phones" in values and _write_phones(patient, values["phones"]):
        changed.append("phones")
    if {"given_name", "middle_name", "family_name", "preferred_name"} & set(changed):
        _write_search(patient)
    if changed:
        patient.updated_at = now
    return Edited(tuple(changed), old_email if "email" in changed else None)


def learn_language(patient: Patient, language: str) -> None:
    """The language that the person has chosen, where the chart says none; in the caller's transaction."""
    if patient.language is None:
        patient.language = language


def ssn_of(patient: Patient) -> str | None:
    """The nine digits. Whoever asks shows no more than the last four, or records an audit event (2.5)."""
    if patient.ssn_sealed is None:
        return None
    return crypto.decrypt(patient.ssn_sealed, bound_to=patient.public_id)


def ssn_match(digits: str) -> str:
    """The keyed hash that finds and compares an SSN without opening one."""
    return crypto.keyed_hash(digits, purpose="ssn-match")


def identifiers(patient: Patient) -> rules.IdentifiersOnFile:
    """What 2.1 asks for, as far as it is on file."""
    ssn = ssn_of(patient)
    return rules.IdentifiersOnFile(
        email=patient.email,
        ssn_last_four=ssn[-4:] if ssn else None,
        birth_date=patient.birth_date,
        phones=tuple(phone.e164 for phone in patient.phones),
    )


def is_blocked(patient: Patient) -> bool:
    """Whether the address on file said "This is not me" for this chart (8.13)."""
    if patient.email_key is None:
        return False
    return db.session.get(BlockedAddress, (patient.id, patient.email_key)) is not None


def block_address(patient: Patient, email: str, *, reason: str, by: Actor, now: datetime) -> None:
    """Never write to this address for this chart again, in the caller's transaction."""
    key = rules.email_key(email)
    if db.session.get(BlockedAddress, (patient.id, key)) is not None:
        return
    db.session.add(BlockedAddress(patient_id=patient.id, email_key=key, blocked_at=now))
    audit.record(
        "address.blocked",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        email=email,
        reason=reason,
    )


def set_opted_out(
    *, patient: Patient, opted_out: bool, by: Actor, now: datetime, reason: str | None = None
) -> None:
    """Opting out is per chart; staff undo it with a reason (2.6).

    Args:
        reason: why it is undone; or a code for what opted the chart out, if staff did not
            (``unsubscribed``, ``complaint``).

    Raises:
        Refused: ``reason_needed`` when it is undone without one.
    """
    patient_id = patient.id
    if not opted_out and not reason:
        raise Refused("reason_needed")
    with atomic():
        patient = db.session.get_one(
            Patient, patient_id, with_for_update={"of": Patient}, populate_existing=True
        )
        if (patient.opted_out_at is not None) == opted_out:
            return
        patient.opted_out_at = now if opted_out else None
        audit.record(
            "patient.opted_out" if opted_out else "patient.opted_in",
            practice_id=patient.practice_id,
            by=by,
            now=now,
            subject=("patient", patient_id),
            reason=reason,
        )


def _write_email(patient: Patient, email: str | None, *, now: datetime) -> bool:
    if patient.email == email:
        return False
    patient.email = email
    key = rules.email_key(email) if email else None
    patient.email_flagged = bool(email and rules.is_placeholder_address(email))
    if key != patient.email_key:
        if patient.email_key is not None:
            patient.resets_blocked_until = now + RESETS_BLOCKED_FOR
            patient.email_changed_at = now
        patient.email_bounced_at = patient.email_bounce_reason = None
        patient.email_key = key
    return True


def _write_ssn(patient: Patient, digits: str | None) -> bool:
    match = ssn_match(digits) if digits else None
    if match == patient.ssn_match:
        return False
    patient.ssn_match = match
    patient.ssn_sealed = crypto.encrypt(digits, bound_to=patient.public_id) if digits else None
    return True


def _write_phones(patient: Patient, phones: list[PhoneValue]) -> bool:
    wanted: dict[str, PhoneValue] = {}
    for phone in phones:
        wanted.setdefault(phone["e164"], phone)
    held = {phone.e164: phone for phone in patient.phones}
    before = [(p.kind, p.e164, p.extension) for p in patient.phones]
    after = [(p["kind"], p["e164"], p["extension"]) for p in wanted.values()]
    if before == after:
        return False
    rows = []
    for position, value in enumerate(wanted.values()):
        row = held.get(value["e164"]) or PatientPhone(
            practice_id=patient.practice_id, e164=value["e164"]
        )
        row.kind, row.extension, row.position = value["kind"], value["extension"], position
        rows.append(row)
    patient.phones = rows
    return True


def _write_search(patient: Patient) -> None:
    patient.sort_name = rules.sort_name(
        given=patient.given_name, middle=patient.middle_name, family=patient.family_name
    )
    wanted = rules.search_words(
        patient.given_name, patient.middle_name, patient.family_name, patient.preferred_name
    )
    kept = [row for row in patient.search_words if row.word in wanted]
    new = wanted - {row.word for row in kept}
    patient.search_words = [
        *kept,
        *(SearchWord(word=word, practice_id=patient.practice_id) for word in sorted(new)),
    ]
