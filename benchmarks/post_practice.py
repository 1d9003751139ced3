"""Invitations that are ready to be sent, made fast; and the same ones made ready again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, text

from benchmarks.places import PASSWORD
from portal import clock, tokens
from portal.access.models import Grant
from portal.addresses import email_key
from portal.audit.actor import system
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.preview import Scope
from portal.bulk.states import RunKind, RunScope
from portal.extensions import Model, db
from portal.invitations.models import Invitation
from portal.invitations.service import PURPOSE
from portal.mail.addresses import message_id
from portal.mail.models import OutboxMessage
from portal.people.bulk import blank_row, insert_charts, new_chart
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Role
from portal.transaction import atomic

SETUP = system("Benchmark")
_CHUNK = 5_000


def prepare(number: int) -> None:
    """A practice with so many patients who are invited and whose mails wait."""
    now = clock.now()
    practice = practices.add_practice(
        name="Family Practice",
        time_zone="America/New_York",
        phone="+16175550100",
        country="US",
        by=SETUP,
        now=now,
    )
    for begin in range(1, number + 1, _CHUNK):
        numbers = range(begin, min(number + 1, begin + _CHUNK))
        with atomic():
            for model, rows in _rows(numbers, practice.id, now):
                table: Table = model.__table__  # type: ignore[assignment]
                db.session.execute(insert(table), rows)
    with atomic():
        if db.engine.dialect.name == "postgresql":
            for name in ("patient", "access_grant", "invitation", "outbox_message"):
                sequence = text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {number})")
                db.session.execute(sequence)
                db.session.execute(text(f"ANALYZE {name}"))


def make_ready(number: int) -> None:
    """Let ``number`` of the mails wait once more, as if none had ever been sent; the others are out of the way."""
    with atomic():
        for statement in (
            "DELETE FROM invitation_event",
            "UPDATE invitation SET state = 'prepared', ended_at = NULL WHERE state <> 'prepared'",
            "UPDATE outbox_message SET state = 'cancelled' WHERE state = 'queued'",
            "UPDATE outbox_message SET state = 'queued', attempts = 0, settled_at = NULL, lease = NULL,"
            f" leased_until = NULL, handed_over_at = NULL WHERE id <= {number}",
        ):
            db.session.execute(text(statement))


def one_mail() -> bytes:
    """The bytes of a mail that waits, as they go over the wire."""
    from portal.mail import composing, outbox
    from portal.mail.transport import Letter

    claim = outbox.claim(now=clock.now(), limit=1)
    [message] = outbox.held(claim.numbers, claim.lease)
    letter = composing.write([message], now=clock.now())[message.id]
    outbox.release(claim.lease, now=clock.now())
    assert isinstance(letter, Letter)
    return bytes(letter.raw)


def begin_run(number: int, turn: int) -> str:
    """A practice with so many patients, and a run that is to invite them; the run's public id."""
    now = clock.now()
    practice = practices.add_practice(
        name=f"Practice {turn}", time_zone="America/New_York", phone="+16175550100", country="US",
        by=SETUP, now=now,
    )  # fmt: skip
    staff = practices.add_staff(
        practice=practice, email=f"ada{turn}@example.com", name="Ada Admin", role=Role.ADMINISTRATOR,
        password=PASSWORD, by=SETUP, now=now,
    )  # fmt: skip
    blank = blank_row(practice_id=practice.id, now=now)
    for begin in range(1, number + 1, _CHUNK):
        numbers = range(begin, min(number + 1, begin + _CHUNK))
        with atomic():
            insert_charts([new_chart(_values(n), blank=blank) for n in numbers])
    scope = Scope(RunScope.PRACTICE, staff)
    shown = previews.make(RunKind.INVITE, scope, now=now)
    return bulk.start(
        RunKind.INVITE, scope, shown=shown, by=practices.actor(staff), now=now
    ).public_id


def run_taken(public_id: str) -> int:
    """How many of a run's mails the server has taken, with a live link each and a line of the timeline."""
    query = text(
        f"{_TAKEN} JOIN bulk_item b ON b.patient_id = i.patient_id AND b.invitation_id = i.id"
        f" JOIN bulk_run r ON r.id = b.run_id WHERE r.public_id = :run AND {_WHOLE}"
    )
    return int(db.session.scalar(query, {"run": public_id}) or 0)


def enqueue(redis_url: str, number: int) -> None:
    """So many jobs, each a mail."""
    from redis import Redis
    from rq import Queue

    line = Queue("single", connection=Redis.from_url(redis_url))
    for n in range(number):
        line.enqueue("benchmarks.post_worker.send_one", n, result_ttl=0)


def taken(number: int) -> int:
    """The same of the first ``number`` mails."""
    query = text(f"{_TAKEN} WHERE m.id <= :last AND {_WHOLE}")
    return int(db.session.scalar(query, {"last": number}) or 0)


_TAKEN = "SELECT count(*) FROM outbox_message m JOIN invitation i ON i.id = m.subject_id"
_WHOLE = (
    "m.purpose = 'invitation' AND m.state = 'accepted' AND i.state = 'live' AND EXISTS"
    " (SELECT 1 FROM invitation_event e WHERE e.invitation_id = i.id AND e.kind = 'accepted')"
)


def _rows(
    numbers: range, practice_id: int, now: datetime
) -> Iterator[tuple[type[Model], list[dict[str, Any]]]]:
    until = now + timedelta(days=7)
    ids = {number: tokens.public_id() for number in numbers}
    yield Patient, [
        {
            "id": n, "public_id": tokens.public_id(), "practice_id": practice_id, "record_number": f"R{n}",
            "given_name": "Jenny", "middle_name": "", "family_name": "Harris", "preferred_name": "",
            "sort_name": "harris jenny", "email": _address(n), "email_key": email_key(_address(n)),
            "email_flagged": False, "street": "", "city": "", "region": "", "postal_code": "", "country": "",
            "deceased": False, "created_at": now, "updated_at": now,
        }
        for n in numbers
    ]  # fmt: skip
    yield Grant, [
        {
            "id": n, "public_id": tokens.public_id(), "practice_id": practice_id, "patient_id": n,
            "email": _address(n), "enabled_at": now, "enabled_by_name": "Benchmark", "invited_at": now,
        }
        for n in numbers
    ]  # fmt: skip
    yield Invitation, [
        {
            "id": n, "public_id": tokens.public_id(), "practice_id": practice_id, "patient_id": n, "grant_id": n,
            "state": "prepared", "origin": "bulk", "email": _address(n), "language": "en",
            "inviter_name": "Benchmark", "nonce": (nonce := tokens.new_secret()),
            "token_hash": tokens.digest(tokens.link_token(nonce)), "issued_at": now, "expires_at": until,
            "identity_failures": 0,
        }
        for n in numbers
    ]  # fmt: skip
    yield OutboxMessage, [
        {
            "id": n, "public_id": ids[n], "practice_id": practice_id, "purpose": PURPOSE, "subject_id": n,
            "kind": "staff", "address": _address(n), "address_key": email_key(_address(n)), "language": "en",
            "message_id": message_id(ids[n]), "state": "queued", "attempts": 0, "doubtful_tries": 0,
            "due_at": now, "next_attempt_at": now, "created_at": now,
        }
        for n in numbers
    ]  # fmt: skip


def _values(number: int) -> Any:
    return {
        "record_number": str(number),
        "given_name": "Jenny",
        "family_name": f"Harris{number}",
        "birth_date": date(1980, 2, 11),
        "email": f"patient{number}@example.com",
        "phones": [{"kind": "mobile", "e164": "+14435550155", "extension": None}],
    }


def _address(number: int) -> str:
    return f"jenny{number}@example.com"
