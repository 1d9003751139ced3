"""People by the million: drawn at random, with everything that a chart holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from portal import crypto
from portal.demo import names
from portal.people import rules
from portal.people import service as people

PLACEHOLDER = "patient@example.com"
_SSN_STRIDE = 7919
_SSNS = 100 * 49 * 9999
"""Areas 900-999; groups 01-49, which no tax id has either; all serials but 0000."""
_YEAR = 365.25


@dataclass(slots=True)
class Home:
    """Where people live, several perhaps."""

    family: str
    spanish: bool
    street: str
    town: tuple[str, str, str, str]
    phone: str


@dataclass(slots=True)
class Someone:
    """Who a chart is about; None means: not on file."""

    given: str
    family: str
    preferred: str
    born: date | None
    email: str | None
    phones: list[str]
    ssn: str | None
    home: Home
    language: str | None

    @property
    def can_be_invited(self) -> bool:
        """Whether what is on file suffices (2.1)."""
        if self.email is None or self.email == PLACEHOLDER:
            return False
        return self.ssn is not None or (self.born is not None and bool(self.phones))


class Crowd:
    """An endless supply of people, the same every time for the same ``seed``."""

    def __init__(self, *, today: date, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311 (nobody of these is real)
        self._today = today
        self._home = self._new_home()

    def next(self, number: int) -> Someone:
        """One more; ``number`` makes the e-mail address and the SSN their own."""
        draw = self._rng.random
        if draw() > 0.35:
            self._home = self._new_home()
        home = self._home
        given = self._rng.choice(names.SPANISH_GIVEN if home.spanish else names.GIVEN)
        phones = [home.phone] if draw() < 0.92 else []
        if draw() < 0.3:
            mobile = self._phone(home.town[3])
            if mobile not in phones:
                phones.append(mobile)
        return Someone(
            given=given,
            family=home.family,
            preferred=names.NICKNAMES.get(given, "") if draw() < 0.4 else "",
            born=self._birth_date() if draw() < 0.99 else None,
            email=self._email(given, home.family, number) if draw() < 0.82 else None,
            phones=phones,
            ssn=ssn(number) if draw() < 0.6 else None,
            home=home,
            language=("es" if home.spanish and draw() < 0.6 else "en") if draw() < 0.9 else None,
        )

    def _new_home(self) -> Home:
        draw, choose = self._rng.random, self._rng.choice
        spanish = draw() < 0.18
        town = choose(names.TOWNS)
        return Home(
            family=choose(names.SPANISH_FAMILY if spanish else names.FAMILY),
            spanish=spanish,
            street=f"{int(draw() * 400) + 1} {choose(names.STREETS)}",
            town=town,
            phone=self._phone(town[3]),
        )

    def _phone(self, area: str) -> str:
        return f"+1{area}55501{int(self._rng.random() * 100):02d}"

    def _birth_date(self) -> date:
        years = self._rng.triangular(1.0, 97.0, 38.0)
        return self._today - timedelta(days=int(years * _YEAR))

    def _email(self, given: str, family: str, number: int) -> str:
        if self._rng.random() < 0.01:
            return PLACEHOLDER
        domain = names.DOMAINS[number % len(names.DOMAINS)]
        return f"{_slug(given)}.{_slug(family)}.{number}@{domain}"


def ssn(number: int) -> str:
    """Nine digits that cannot be anybody's, each number's own up to 48 million."""
    place = number * _SSN_STRIDE % _SSNS
    serial, rest = divmod(place, 100 * 49)
    group, area = divmod(rest, 100)
    return f"{900 + area}{1 + group:02d}{1 + serial:04d}"


@cache
def sort_name(given: str, family: str) -> str:
    """As :func:`portal.people.rules.sort_name`; remembered, for the names are few."""
    return rules.sort_name(given=given, middle="", family=family)


@cache
def search_words(given: str, family: str, preferred: str) -> tuple[str, ...]:
    """As :func:`portal.people.rules.search_words`; remembered likewise."""
    return tuple(rules.search_words(given, family, preferred))


def sealed(someone: Someone, public_id: str) -> tuple[bytes | None, str | None]:
    """The SSN as the chart keeps it: sealed, and the hash by which it is matched."""
    if someone.ssn is None:
        return None, None
    return crypto.encrypt(someone.ssn, bound_to=public_id), people.ssn_match(someone.ssn)


_slug = cache(names.slug)
