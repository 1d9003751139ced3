"""A seeded walk of random acts through the real services; also processes that walk at once, in a hurrying time."""

from __future__ import annotations

import csv
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import clock, create_app
from portal.access import service as access
from portal.access.models import EndReason
from portal.accounts import service as accounts
from portal.accounts import sign_up
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.sign_up import NewAccount
from portal.audit.actor import Actor, ActorKind, system
from portal.errors import NotFound, Refused, Stale
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.identity.rules import SsnClaim
from portal.invitations import fresh_link, wrong_person
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail import outbox
from portal.mail.rules import Kind, Reason, Result
from portal.people import service as people
from portal.people.models import Patient
from portal.practices.models import Practice
from portal.roster import service as roster
from portal.schedule import incoming, lists
from portal.schedule.incoming import Incoming
from portal.schedule.states import AppointmentState as State
from portal.transaction import atomic
from tests.conftest import cheap_passwords, make_settings
from tests.factories import PASSWORD
from tests.forked import Forked, let_run, wait_for_all

SSN = "536904399"
HAND = system("Walker")


class Walk:
    """Acts at random upon one practice's patients. What the services refuse is refused; that is fine."""

    def __init__(self, practice_id: int, *, seed: int, now: Callable[[], datetime]) -> None:
        self.practice_id, self._now = practice_id, now
        self._rng = Random(seed)
        self._seed, self._number = seed, 0
        self.done: dict[str, int] = {}

    def step(self) -> None:
        """One act."""
        acts = [
            self.enable_and_invite, self.enable, self.end, self.send, self.resend, self.settle_mail,
            self.sign_up, self.log_on, self.edit, self.new_address, self.end_date, self.death,
            self.opt_out, self.not_me, self.add, self.import_file, self.fresh_link, self.sweep,
            self.visits, self.visits,
        ]  # fmt: skip
        act = self._rng.choice(acts)
        try:
            act()
            self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        except (Refused, Stale, NotFound):
            pass
        finally:
            db.session.rollback()

    def _patient(self) -> Patient:
        ids = db.session.scalars(
            select(Patient.id).where(Patient.practice_id == self.practice_id).order_by(Patient.id)
        ).all()
        return db.session.get_one(Patient, self._rng.choice(ids))

    def _today(self) -> date:
        return clock.local_date(self._now(), "America/New_York")

    def enable_and_invite(self) -> None:
        invitations.enable_and_invite(patient=self._patient(), by=HAND, now=self._now())

    def enable(self) -> None:
        access.enable(patient=self._patient(), by=HAND, now=self._now())

    def send(self) -> None:
        invitations.send(patient=self._patient(), by=HAND, now=self._now())

    def resend(self) -> None:
        patient = self._patient()
        grant = access.current_grant(patient.id)
        newest = invitations.latest(grant.id) if grant else None
        replaces = newest.public_id if newest else ""
        invitations.resend(patient=patient, replaces=replaces, by=HAND, now=self._now())

    def end(self) -> None:
        patient = self._patient()
        grant = access.current_grant(patient.id)
        if grant is None:
            return
        invitations.end_access(
            patient=patient,
            grant_public_id=grant.public_id,
            expect=self._rng.choice([EndReason.REVOKED, EndReason.DISABLED]),
            by=HAND,
            now=self._now(),
        )

    def settle_mail(self) -> None:
        claim = outbox.claim(now=self._now(), limit=5)
        for number in claim.numbers:
            fate = self._rng.random()
            result = (
                Result(Kind.ACCEPTED)
                if fate < 0.8
                else Result(Kind.PERMANENT, Reason.NO_SUCH_MAILBOX)
            )
            outbox.record(number, claim.lease, result, now=self._now())

    def sign_up(self) -> None:
        invitation = self._invitation()
        if invitation is None:
            return
        self._number += 1
        handle = f"walk-{self._seed}-{self._number}"
        by = Actor(ActorKind.LINK, None, "Walker", handle)
        new = NewAccount("Jen", invitation.email, handle, PASSWORD, "en")
        sign_up.begin(invitation=invitation, handle=handle, new=new, by=by, now=self._now())
        claim = SsnClaim(SSN if self._rng.random() < 0.8 else "219099998")
        sign_up.finish(handle=handle, claim=claim, client=handle, by=by, now=self._now())

    def log_on(self) -> None:
        account = db.session.scalar(
            select(PortalAccount)
            .join(AccountPerson)
            .where(AccountPerson.practice_id == self.practice_id)
            .order_by(PortalAccount.id.desc())
            .limit(1)
        )
        if account is not None:
            accounts.log_on(account=account, client="127.0.0.1", now=self._now())

    def edit(self) -> None:
        self._edit(
            family_name=self._rng.choice(["Ávila", "Brown", "Chen", "Davis"]),
            phones=self._rng.choice(
                [[], [{"kind": "home", "e164": "+14435550155", "extension": None}]]
            ),
            ssn=self._rng.choice([None, SSN]),
            birth_date=self._rng.choice([None, date(1980, 2, 11)]),
        )

    def new_address(self) -> None:
        self._number += 1
        mine = f"walk{self._seed}.{self._number}@example.com"
        self._edit(email=self._rng.choice([None, mine, mine]))

    def end_date(self) -> None:
        days = self._rng.choice([None, -1, 1, 3])
        self._edit(end_date=None if days is None else self._today() + timedelta(days=days))

    def death(self) -> None:
        dead = self._rng.random() < 0.5
        self._edit(deceased=dead, deceased_on=self._today() if dead else None)

    def opt_out(self) -> None:
        people.set_opted_out(
            patient=self._patient(),
            opted_out=self._rng.random() < 0.5,
            by=HAND,
            now=self._now(),
            reason="asked",
        )

    def not_me(self) -> None:
        invitation = self._invitation()
        if invitation is not None and self._rng.random() < 0.3:
            wrong_person.not_me(invitation, by=HAND, now=self._now())

    def fresh_link(self) -> None:
        invitation = self._invitation()
        if invitation is not None:
            fresh_link.request(invitation, by=HAND, now=self._now())

    def add(self) -> None:
        self._number += 1
        people.add(
            practice=db.session.get_one(Practice, self.practice_id),
            values={
                "record_number": f"W{self._seed}-{self._number}",
                "given_name": "Sam",
                "family_name": self._rng.choice(["Lee", "Núñez", "Opal"]),
                "ssn": SSN,
                "email": f"sam{self._seed}.{self._number}@example.com",
            },
            by=HAND,
            now=self._now(),
        )

    def import_file(self) -> None:
        """A file with somebody new, and with two who are there."""
        self._number += 1
        numbers = [self._patient().record_number for _ in range(2)]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "patients.csv"
            with file.open("w", newline="", encoding="utf-8") as out:
                rows = csv.writer(out)
                rows.writerow(["MRN", "First", "Last", "SSN", "Email"])
                for number in {*numbers, f"F{self._seed}-{self._number}"}:
                    mine = f"file{self._seed}.{self._number}.{number}@example.com"
                    family = self._rng.choice(["Park", "Quinn", "Reyes"])
                    rows.writerow([number, "Sam", family, SSN, self._rng.choice(["", mine])])
            practice = db.session.get_one(Practice, self.practice_id)
            import_patients(file, practice=practice, by=HAND, now=self._now())

    def visits(self) -> None:
        """A file with a visit of one patient that is new, moved, over or cancelled."""
        patient = self._patient()
        source_id = f"visit-{self._rng.randrange(12)}"
        starts_at = self._now() + timedelta(hours=self._rng.choice([-30, -2, 1, 5, 40, 400]))
        state = self._rng.choice([*State])
        try:
            self._visit(patient, source_id, starts_at, state)
        except IntegrityError as error:  # another walker brings the same visit in
            raise Refused("visit_taken") from error

    def _visit(self, patient: Patient, source_id: str, starts_at: datetime, state: State) -> None:
        patient_id = patient.id
        with atomic():
            lists.provide(self.practice_id, self._now())
            office = lists.offices(self.practice_id)[0]
            visit = Incoming(
                source_id=source_id,
                patient_id=patient_id,
                office_id=office.id,
                office_told=True,
                provider_id=None,
                starts_at=starts_at,
                day=clock.local_date(starts_at, office.time_zone),
                minutes=30,
                reason="",
                video_visit=False,
                state=state,
                state_told=True,
            )
            incoming.put(self.practice_id, [visit], by=HAND, now=self._now())

    def sweep(self) -> None:
        access.end_overdue(by=HAND, now=self._now())
        roster.catch_up(now=self._now())

    def _edit(self, **values: object) -> None:
        people.edit(
            patient=self._patient(),
            values=values,  # type: ignore[arg-type]
            by=HAND,
            now=self._now(),
            verified_how="called",
        )

    def _invitation(self) -> Invitation | None:
        ids = db.session.scalars(
            select(Invitation.id)
            .where(Invitation.practice_id == self.practice_id)
            .order_by(Invitation.id.desc())
            .limit(5)
        ).all()
        return db.session.get_one(Invitation, self._rng.choice(ids)) if ids else None


@dataclass(frozen=True, slots=True)
class Hurry:
    """A clock that several processes share, and that runs ahead, so that links expire while they walk."""

    begun: float
    """When it shows the true time, in seconds since 1970."""
    speed: float

    def now(self) -> datetime:
        """The time it shows."""
        gone = max(0.0, time.time() - self.begun)
        return datetime.fromtimestamp(self.begun + gone * self.speed, UTC)


DAY_IN_TWO_SECONDS = 24 * 60 * 60 / 2
WALKER = """
import sys
from tests.integration.roster.walk import main
main(*sys.argv[1:], pipe=pipe)
"""


def walk_at_once(
    *, url: str, key: str, practice_id: int, processes: int, each: int, timeout: float
) -> tuple[Counter[str], list[str], Hurry]:
    """So many acts that were done in each of so many processes.

    Returns:
        What was done how often, what any process complained of, and their clock.
    """
    arguments = [url, key, str(practice_id), str(each)]
    done: Counter[str] = Counter()
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        walkers = [
            Forked.start(WALKER, [*arguments, str(seed)], log=Path(folder) / f"{seed}.log")
            for seed in range(processes)
        ]
        hurry = Hurry(let_run(walkers), DAY_IN_TWO_SECONDS)
        for walker in walkers:
            code, told = walker.wait(timeout), walker.log.read_text()
            if code != 0 or "locked" in told or "deadlock" in told:
                complaints.append(told or f"exit code {code}")
            if code == 0:
                done.update(walker.hear())
    return done, complaints, hurry


def main(url: str, key: str, practice_id: str, each: str, seed: str, *, pipe: Connection) -> None:
    """Walk in a process of one's own, until so many acts were done."""
    app = create_app(make_settings(url, data_encryption_key=key))
    cheap_passwords(app)
    with app.app_context():
        hurry = Hurry(wait_for_all(pipe), DAY_IN_TWO_SECONDS)
        clock.now = hurry.now
        walk = Walk(int(practice_id), seed=int(seed), now=clock.now)
        while sum(walk.done.values()) < int(each):
            walk.step()
    pipe.send(walk.done)
