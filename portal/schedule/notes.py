"""What is written about a visit; one note per appointment."""

from __future__ import annotations

from datetime import datetime

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Stale
from portal.extensions import db
from portal.people.locking import lock_patient
from portal.schedule.models import Appointment, VisitNote
from portal.transaction import atomic

LONGEST = 100_000
"""Characters of a note."""


def note_of(appointment: Appointment) -> VisitNote | None:
    """The note, where one was written."""
    return db.session.get(VisitNote, appointment.id)


def save(
    *, appointment: Appointment, text: str, version: int, by: Actor, now: datetime
) -> VisitNote:
    """Write the note. The same text again writes nothing.

    Args:
        version: the one that the writer saw; 0 where there was none.

    Raises:
        Stale: somebody else wrote meanwhile; nothing was written.
    """
    number, practice_id = appointment.id, appointment.practice_id
    patient_id, public_id = appointment.patient_id, appointment.public_id
    with atomic():
        lock_patient(patient_id)
        note = db.session.get(VisitNote, number, with_for_update=True, populate_existing=True)
        if note is not None and note.text == text:
            return note
        if (note.version if note else 0) != version:
            raise Stale
        if note is None:
            note = VisitNote(appointment_id=number, version=0)
            db.session.add(note)
        note.text, note.version = text, version + 1
        note.updated_at, note.updated_by_name = now, by.name
        db.session.flush()
        audit.record(
            "visit_note.saved",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("patient", patient_id),
            appointment=public_id,
            version=note.version,
        )
        return note
