"""Fill a practice with patients by the million: rows in big chunks, consistent as the services leave them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from random import Random
from typing import Any

from portal import tokens
from portal.demo import crowd, timelines
from portal.demo.crowd import PLACEHOLDER, Crowd, Someone
from portal.demo.fates import FREQUENCY, TELL, Fate
from portal.demo.rows import Rows, analyze
from portal.demo.teller import OLDEST_CHART, Calendar, Hand, Subject, Teller
from portal.invitations.models import Invitation
from portal.mail.rules import Reason
from portal.people.models import Patient, PatientPhone, SearchWord
from portal.people.rules import email_key
from portal.transaction import atomic, touch_patient

CHUNK = 20_000
"""Patients to one commit. More of them touch each page of an index less often (5,000 took an eighth
longer), and hold SQLite's write lock longer: these for two or three seconds."""
_SEED = 1877
_OPTED_OUT = 0.015
_BOUNCED = 0.03
_PHONE_KINDS = ("home", "mobile")


@dataclass(frozen=True, slots=True)
class Place:
    """The practice to fill, by plain values that outlive each commit."""

    practice_id: int
    time_zone: str
    country: str
    language: str
    invitation_days: int
    provider_ids: tuple[int, ...]
    hands: tuple[Hand, ...]
    password_hash: str


def fill(
    place: Place,
    *,
    count: int,
    now: datetime,
    told: Callable[[int], object] | None = None,
) -> Counter[Fate]:
    """Add ``count`` patients; returns how many met which fate.

    Args:
        told: called with the number so far after each commit.
    """
    filler = _Filler(place, now=now)
    tally: Counter[Fate] = Counter()
    for done in range(0, count, CHUNK):
        size = min(CHUNK, count - done)
        with atomic():
            rows = Rows(patients=size)
            tally.update(filler.add(rows) for _ in range(size))
            rows.insert()
            first, last = rows.written(Invitation)
            timelines.write(
                practice_id=place.practice_id, hands=place.hands, first=first, last=last
            )
        if told is not None:
            told(done + size)
    analyze()
    return tally


class _Filler:
    def __init__(self, place: Place, *, now: datetime) -> None:
        self._place, self._now = place, now
        self._calendar = Calendar(
            zone=place.time_zone, invitation_days=place.invitation_days, now=now
        )
        self._rng = Random(_SEED)  # noqa: S311 (who gets which fate is no secret)
        self._crowd = Crowd(today=self._calendar.dates[0], seed=_SEED)
        self._fates = tuple(FREQUENCY)
        self._frequencies = tuple(accumulate(FREQUENCY.values()))

    def add(self, rows: Rows) -> Fate:
        """One more patient, with everything about them."""
        number = rows.number(Patient)
        someone = self._crowd.next(number)
        chart = self._chart(number, someone)
        self._add_phones_and_words(rows, number, someone)
        fate = self._fate(someone)
        teller = self._teller(rows, number, someone, chart)
        if teller is not None:
            TELL[fate](teller)
        if fate in {Fate.UNTOLD, Fate.ACTIVE} and self._rng.random() < _OPTED_OUT:
            chart["opted_out_at"] = self._some_moment()
        if fate in {Fate.INVITED, Fate.EXPIRED} and self._rng.random() < _BOUNCED:
            chart["email_bounced_at"] = self._some_moment()
            chart["email_bounce_reason"] = Reason.NO_SUCH_MAILBOX.value
        rows.add(Patient, **chart)
        touch_patient(number)
        return fate

    def _fate(self, someone: Someone) -> Fate:
        if not someone.can_be_invited:
            return Fate.UNTOLD
        return self._rng.choices(self._fates, cum_weights=self._frequencies)[0]

    def _some_moment(self) -> datetime:
        return self._calendar.moment(1, self._rng)

    def _chart(self, number: int, someone: Someone) -> dict[str, Any]:
        public_id = tokens.public_id()
        ssn_sealed, ssn_match = crowd.sealed(someone, public_id)
        city, region, postal_code, _ = someone.home.town
        age = (self._calendar.dates[0] - someone.born).days if someone.born else OLDEST_CHART
        opened_at = self._calendar.moment(min(OLDEST_CHART, age - 1), self._rng)
        return {
            "id": number,
            "public_id": public_id,
            "practice_id": self._place.practice_id,
            "record_number": f"FP-{100_000 + number}",
            "given_name": someone.given,
            "middle_name": "",
            "family_name": someone.family,
            "preferred_name": someone.preferred,
            "sort_name": crowd.sort_name(someone.given, someone.family),
            "birth_date": someone.born,
            "email": someone.email,
            "email_key": email_key(someone.email) if someone.email else None,
            "email_flagged": someone.email == PLACEHOLDER,
            "email_bounced_at": None,
            "email_bounce_reason": None,
            "ssn_sealed": ssn_sealed,
            "ssn_match": ssn_match,
            "street": someone.home.street,
            "city": city,
            "region": region,
            "postal_code": postal_code,
            "country": self._place.country,
            "language": someone.language,
            "provider_id": self._rng.choice(self._place.provider_ids),
            "end_date": None,
            "deceased": False,
            "deceased_on": None,
            "opted_out_at": None,
            "created_at": opened_at,
            "updated_at": opened_at,
        }

    def _add_phones_and_words(self, rows: Rows, number: int, someone: Someone) -> None:
        practice_id = self._place.practice_id
        for position, e164 in enumerate(someone.phones):
            rows.add(
                PatientPhone,
                practice_id=practice_id,
                patient_id=number,
                kind=_PHONE_KINDS[position],
                e164=e164,
                extension=None,
                position=position,
            )
        for word in crowd.search_words(someone.given, someone.family, someone.preferred):
            rows.add(SearchWord, patient_id=number, word=word, practice_id=practice_id)

    def _teller(
        self, rows: Rows, number: int, someone: Someone, chart: dict[str, Any]
    ) -> Teller | None:
        if someone.email is None:
            return None
        return Teller(
            rows=rows,
            of=Subject(
                practice_id=self._place.practice_id,
                patient_id=number,
                provider_id=chart["provider_id"],
                given=someone.given,
                email=someone.email,
                language=someone.language or self._place.language,
                username=someone.email.partition("@")[0],
            ),
            hand=self._rng.choice(self._place.hands),
            calendar=self._calendar,
            rng=self._rng,
            now=self._now,
            chart=chart,
            password_hash=self._place.password_hash,
        )
