"""Pages of the list: every pill, order and filter, there and back; plans that walk an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pytest
from sqlalchemy import event, text

from portal import clock
from portal.access import service as access
from portal.access.rules import Status
from portal.extensions import db
from portal.invitations import service as invitations
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.roster import service as roster
from portal.roster.rows import Cursor, RosterFilter, RosterLine
from portal.roster.rules import AgeBand, NextAppointment, Order, Pill
from portal.transaction import atomic, touch_patient
from tests.conftest import Moment
from tests.factories import SETUP, House, accept_mail, make_house, make_patient
from tests.visits import in_days, make_visit

NAMES = ["Ávila", "Avila", "brown", "Chen", "O'Brien", "Żak", "Harris"]
MANY = 23


@pytest.fixture
def house(app, moment: Moment) -> House:
    """Twenty-three patients in every state, some with the same name, and somebody else's patients next door."""
    house, other = make_house(), make_house("Lakeside Clinic")
    make_patient(other, given_name="Never", family_name="Seen")
    what = practices.add_provider(
        practice=house.practice,
        name="Dr. What",
        shares_patients=True,
        staff=None,
        by=SETUP,
        now=moment.now,
    )
    rng = Random(5)
    for number in range(MANY):
        patient = make_patient(
            house,
            given_name=rng.choice(["Ann", "Bea", "José"]),
            family_name=rng.choice(NAMES),
            birth_date=date(rng.choice([1940, 1980, 2010, 2020]), 1 + number % 12, 3),
            provider_id=rng.choice([house.provider.id, what.id]),
            **({"ssn": None, "phones": None} if number % 5 == 1 else {}),
        )
        moment.pass_(minutes=1)
        if number % 5 == 2:
            access.enable(patient=patient, by=house.hand, now=moment.now)
        elif number % 5 in {3, 4}:
            invitation = invitations.enable_and_invite(
                patient=patient, by=house.hand, now=moment.now
            )
            assert invitation is not None
            accept_mail(invitation, now=moment.now)
            if number % 5 == 4:
                _activate(patient, moment)
        if number % 7 == 3:
            _bounce(patient, moment)
        if number == 10:
            moment.pass_(days=30)
    roster.catch_up(now=moment.now)
    return house


def _activate(patient: Patient, moment: Moment) -> None:
    with atomic():
        grant = access.current_grant(patient.id)
        assert grant is not None
        access.record_activated(grant, now=moment.now)


def _bounce(patient: Patient, moment: Moment) -> None:
    with atomic():
        patient.email_bounced_at = moment.now
        touch_patient(patient.id)


def walk(house: House, size: int, **more) -> Iterator[roster.RosterPage]:
    cursor = None
    while True:
        page = roster.page(
            practice_id=house.practice.id, cursor=cursor, size=size, now=clock.now(), **more
        )
        yield page
        if page.next is None:
            return
        cursor = Cursor.parse(str(page.next))


def walk_back(house: House, last: roster.RosterPage, size: int, **more) -> list[str]:
    found = [[line.patient.public_id for line in last.lines]]
    page = last
    while page.previous is not None:
        page = roster.page(
            practice_id=house.practice.id, cursor=page.previous, size=size, now=clock.now(), **more
        )
        found.insert(0, [line.patient.public_id for line in page.lines])
    return [public_id for each in found for public_id in each]


def key(order: Order, line: roster.RosterLine):
    match order:
        case Order.NAME:
            return line.patient.sort_name, line.patient.id
        case Order.STATUS:
            return list(Status).index(line.status), line.patient.sort_name, line.patient.id
        case Order.INVITED_ON:
            invited = line.grant.invited_at if line.grant else None
            return -(invited.timestamp() if invited else 0), -line.patient.id


@pytest.mark.parametrize("order", list(Order))
def test_every_page_there_and_back(house, order: Order) -> None:
    counted = roster.counts(practice_id=house.practice.id)
    for pill in Pill:
        wanted = RosterFilter(pill=pill)
        pages = list(walk(house, 4, filter=wanted, order=order))
        lines = [line for page in pages for line in page.lines]
        ids = [line.patient.public_id for line in lines]
        assert len(ids) == len(set(ids)) == counted[pill] > 1, pill
        uninvited = order is Order.INVITED_ON and pill in {Pill.NOT_ENABLED, Pill.READY}
        keys = [key(Order.NAME if uninvited else order, line) for line in lines]
        assert keys == sorted(keys)
        assert walk_back(house, pages[-1], 4, filter=wanted, order=order) == ids
        assert all(line.patient.practice_id == house.practice.id for line in lines)
        assert pages[0].previous is None
        assert all(len(page.lines) == 4 for page in pages[:-1])


def test_a_line_says_what_the_rules_say(house, moment) -> None:
    page = roster.page(
        practice_id=house.practice.id, filter=RosterFilter(), size=50, now=moment.now
    )
    assert len(page.lines) == MANY
    assert {line.status for line in page.lines} == set(Status)
    assert any(line.expired for line in page.lines)
    for line in page.lines:
        assert roster.line(line.patient, now=moment.now) == line
        assert line.status is access.status_of(line.patient, line.grant, now=moment.now)
        newest = invitations.latest(line.grant.id) if line.grant else None
        assert line.invitation == newest


def test_queries_do_not_grow_with_the_page(house, moment) -> None:
    asked: list[str] = []

    def note(_c, _cursor, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        tally = []
        for size in (3, 20):
            db.session.rollback()
            asked.clear()
            page = roster.page(
                practice_id=house.practice.id, filter=RosterFilter(), size=size, now=moment.now
            )
            assert all(line.patient.phones is not None for line in page.lines)
            assert {line.patient.provider.name for line in page.lines} <= {"Dr. Who", "Dr. What"}
            tally.append(len(asked))
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert tally[0] == tally[1] <= 7, asked


def test_a_cursor_says_nothing_and_may_lead_nowhere(house, moment) -> None:
    practice_id = house.practice.id
    first = roster.page(practice_id=practice_id, filter=RosterFilter(), size=5, now=moment.now)
    assert first.next == Cursor(first.lines[-1].patient.public_id)
    next_door = make_patient(make_house("Third Practice"))
    for cursor in (Cursor("nobody"), Cursor(next_door.public_id), Cursor("nobody", True)):
        page = roster.page(
            practice_id=practice_id, filter=RosterFilter(), cursor=cursor, size=5, now=moment.now
        )
        assert page == first


def test_a_cursor_that_somebody_made_up_breaks_nothing(house, moment) -> None:
    practice_id = house.practice.id
    for order in Order:
        first = roster.page(
            practice_id=practice_id, filter=RosterFilter(), order=order, size=5, now=moment.now
        )
        shown = first.lines[-1].patient.public_id
        for place in ("9" * 16, "9" * 40, "-1", "x", "٣"):
            roster.page(
                practice_id=practice_id, filter=RosterFilter(), order=order,
                cursor=Cursor(shown, place=place), size=5, now=moment.now,
            )  # fmt: skip


def test_a_row_that_moved_meanwhile_loses_nobody(house, moment) -> None:
    """In the order of statuses the next page begins where the row stood when the page was drawn."""
    order = Order.STATUS
    first, *rest = walk(house, 3, filter=RosterFilter(), order=order)
    expected = [line.patient.public_id for page in rest for line in page.lines]
    last = first.lines[-1].patient
    access.enable(patient=last, by=house.hand, now=moment.now)
    seen, cursor = [], first.next
    while cursor is not None:
        page = roster.page(
            practice_id=house.practice.id, filter=RosterFilter(), order=order, cursor=cursor,
            size=3, now=moment.now,
        )  # fmt: skip
        seen += [line.patient.public_id for line in page.lines]
        cursor = page.next
    assert [public_id for public_id in seen if public_id != last.public_id] == expected


def found(house: House, **wanted) -> list[Patient]:
    page = roster.page(
        practice_id=house.practice.id, filter=RosterFilter(**wanted), size=100, now=clock.now()
    )
    return [line.patient for line in page.lines]


def test_provider_and_age_narrow(house, moment) -> None:
    everybody = found(house)
    for provider_id in {patient.provider_id for patient in everybody}:
        mine = found(house, provider_id=provider_id)
        assert mine == [patient for patient in everybody if patient.provider_id == provider_id]
        assert mine
    years = {AgeBand.SENIOR: 1940, AgeBand.ADULT: 1980, AgeBand.TEEN: 2010, AgeBand.CHILD: 2020}
    for band, year in years.items():
        born = [patient for patient in everybody if patient.birth_date.year == year]
        assert found(house, age=band) == born != []
    both = found(house, age=AgeBand.ADULT, pill=Pill.NOT_ENABLED, provider_id=house.provider.id)
    assert set(both) < set(found(house, age=AgeBand.ADULT))


@pytest.fixture
def coming(house, moment) -> dict[str, list[Patient]]:
    """Who comes when; it is noon of a Saturday in New York, thirty days on."""
    everybody = found(house)
    today, later, week, month, far, over, gone = everybody[:7]
    for patient, days in (
        (today, 0.2), (later, 0.6), (week, 7.4), (month, 30.4), (far, 30.6), (over, -1),
    ):  # fmt: skip
        make_visit(patient, in_days(days))
    make_visit(gone, in_days(2), state="cancelled")
    make_visit(far, in_days(-20), state="completed")
    make_visit(today, in_days(60))
    soon = [today, later, week]
    return {
        "today": [today],
        "week": soon,
        "month": [*soon, month],
        "none": [p for p in everybody if p not in [*soon, month, far]],
    }


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("span", NextAppointment)
def test_who_comes_next(house, moment, coming, order, span) -> None:
    """Under the filter everything is as without it, for those alone."""
    there = {patient.id for patient in coming[span.value]}
    assert there
    for pill in Pill:
        everybody = pages(house, RosterFilter(pill=pill), order)
        for provider_id in (None, house.provider.id):
            wanted = RosterFilter(pill=pill, provider_id=provider_id, next=span)
            expected = [
                line.patient.id
                for line in everybody
                if line.patient.id in there and provider_id in {None, line.patient.provider_id}
            ]
            assert [line.patient.id for line in pages(house, wanted, order)] == expected
            count = roster.count_matching(
                practice_id=house.practice.id, filter=wanted, now=moment.now
            )
            assert count == (len(expected), False)


def test_the_next_is_the_next_and_the_last_the_last(house, moment, coming) -> None:
    [line] = roster.lines(practice_id=house.practice.id, public_ids=[coming["today"][0].public_id])
    assert line.next_appointment_at == moment.now + timedelta(days=0.2)
    assert line.last_visit_at is None
    moment.pass_(days=1)
    roster.catch_up(now=moment.now)
    [line] = roster.lines(practice_id=house.practice.id, public_ids=[coming["today"][0].public_id])
    assert line.next_appointment_at == moment.now + timedelta(days=59)
    assert found(house, next=NextAppointment.TODAY) == []
    assert roster.check(house.practice.id, moment.now) == []


def pages(house: House, wanted: RosterFilter, order: Order) -> list[RosterLine]:
    """All pages, two rows each, there and (to compare) back."""
    lines: list[RosterLine] = []
    back: list[RosterLine] = []
    cursor = None
    while True:
        page = roster.page(
            practice_id=house.practice.id,
            filter=wanted,
            order=order,
            cursor=cursor,
            size=6,
            now=clock.now(),
        )
        lines += page.lines
        cursor = page.next
        if cursor is None:
            break
    while page.previous is not None:
        page = roster.page(
            practice_id=house.practice.id,
            filter=wanted,
            order=order,
            cursor=page.previous,
            size=6,
            now=clock.now(),
        )
        back = page.lines + back
    ids = [line.patient.id for line in lines]
    assert [line.patient.id for line in back] == ids[: len(back)]
    return lines


def test_search(house, moment) -> None:
    jane = make_patient(
        house,
        given_name="Jane",
        family_name="Müller",
        record_number="RN 77",
        birth_date=date(1950, 2, 11),
        email="j.muller@example.com",
        phones=[{"kind": "home", "e164": "+16175550188", "extension": None}],
    )
    other = practices.get_practice("Lakeside Clinic")
    for typed in (
        "jane muller", "MÜLLER ja", "02/11/1950", "(617) 555-0188", "J.Muller@Example.com", "RN 77",
    ):  # fmt: skip
        assert found(house, text=typed) == [jane], typed
        assert found(house, text=typed, pill=Pill.NOT_ENABLED) == [jane]
        assert found(house, text=typed, pill=Pill.ACTIVE) == []
        page = roster.page(practice_id=other.id, filter=RosterFilter(text=typed), now=moment.now)
        assert page.lines == []


def test_counting(house, moment) -> None:
    practice_id = house.practice.id

    def count(most: int = 1000, **wanted) -> tuple[int, bool]:
        wanted_filter = RosterFilter(**wanted)
        return roster.count_matching(
            practice_id=practice_id, filter=wanted_filter, now=moment.now, most=most
        )

    assert count() == (MANY, False)
    assert count(most=1) == (MANY, False), "a pill is exact"
    adults = len(found(house, age=AgeBand.ADULT))
    assert count(age=AgeBand.ADULT) == (adults, False)
    assert count(age=AgeBand.ADULT, most=adults) == (adults, False)
    assert count(age=AgeBand.ADULT, most=adults - 1) == (adults - 1, True)
    assert count(text="zzz") == (0, False)
    ids = db.session.scalars(
        roster.matching_ids(
            practice_id=practice_id, filter=RosterFilter(age=AgeBand.ADULT), now=moment.now
        )
    ).all()
    assert len(ids) == adults


def test_the_edited_name_moves_the_row(house, moment) -> None:
    patient = found(house)[0]
    people.edit(
        patient=patient,
        values={"family_name": "Zzyzx", "birth_date": clock.now().date() - timedelta(days=400)},
        by=house.hand,
        now=moment.now,
    )
    assert found(house)[-1].id == patient.id
    assert patient.id in {one.id for one in found(house, age=AgeBand.CHILD)}


INDEXES = {
    (Order.NAME, Pill.ALL): "ix_roster_row_name",
    (Order.STATUS, Pill.ALL): "ix_roster_row_status",
    (Order.INVITED_ON, Pill.ALL): "ix_roster_row_invited_at",
    (Order.NAME, Pill.EXPIRED): "ix_roster_row_expired",
    (Order.NAME, Pill.BOUNCED): "ix_roster_row_bounced",
    (Order.NAME, Pill.MISSING): "ix_roster_row_missing",
    (Order.NAME, Pill.INVITED): "ix_roster_row_status",
    (Order.INVITED_ON, Pill.NOT_ENABLED): "ix_roster_row_status",
    (Order.INVITED_ON, Pill.MISSING): "ix_roster_row_missing_invited_at",
    (Order.STATUS, Pill.INVITED): "ix_roster_row_status",
    (Order.STATUS, Pill.MISSING): "ix_roster_row_missing_status",
    (Order.INVITED_ON, Pill.ACTIVE): "ix_roster_row_status_invited_at",
    (Order.INVITED_ON, Pill.EXPIRED): "ix_roster_row_status_invited_at",
}
OF_THE_NEXT = {
    "ix_roster_row_next_name",
    "ix_roster_row_next_status",
    "ix_roster_row_next_invited_at",
}

ONE_OF_SEVERAL = {"ix_roster_row_status_invited_at", "ix_roster_row_missing_status"}
"""Among so few, PostgreSQL finds another index that has the order as good."""


def test_pages_walk_an_index(house, dialect, moment) -> None:
    """Among twenty-three rows PostgreSQL would rather sort, so it is told that it cannot."""
    sqlite = dialect == "sqlite"
    if not sqlite:  # else it goes by what stood there when it last looked, in another test
        with db.engine.begin() as connection:
            for look in ("REINDEX TABLE", "ANALYZE"):
                connection.execute(text(f"{look} roster_row"))
    plans: list[list[str]] = []

    def explain(conn, _cursor, statement: str, parameters, *_more: object) -> None:
        if "FROM roster_row" in statement and "ORDER BY" in statement:
            plan = conn.connection.cursor()
            if not sqlite:
                for way in ("sort", "incremental_sort", "seqscan", "bitmapscan"):
                    plan.execute(f"SET LOCAL enable_{way} = off")
            plan.execute(f"EXPLAIN {'QUERY PLAN' if sqlite else ''} {statement}", parameters)
            plans.append([row[3 if sqlite else 0] for row in plan.fetchall()])

    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        for (order, pill), index in INDEXES.items():
            if not sqlite and index in ONE_OF_SEVERAL:
                continue
            plans.clear()
            one = {"filter": RosterFilter(pill=pill), "order": order, "size": 1, "now": moment.now}
            first = roster.page(practice_id=house.practice.id, **one)
            second = roster.page(practice_id=house.practice.id, cursor=first.next, **one)
            back = roster.page(practice_id=house.practice.id, cursor=second.previous, **one)
            assert back.lines == first.lines != second.lines
            assert len(plans) >= 3  # beyond a place one walks in two steps
            for plan in plans:
                told = " ".join(plan)
                assert re.search(rf"(INDEX|using) {index}\b", told), plan
                assert "Sort" not in told
                assert "TEMP B-TREE" not in told
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)


def test_the_database_looks_at_the_roster(app) -> None:
    """Names, not places in a list: a typo in an index would pass every other test."""
    if db.engine.dialect.name == "sqlite":
        held = db.session.scalars(
            text("SELECT name FROM sqlite_master WHERE tbl_name = 'roster_row' AND type = 'index'")
        )
    else:
        held = db.session.scalars(
            text("SELECT indexname FROM pg_indexes WHERE tablename = 'roster_row'")
        )
    assert set(INDEXES.values()) | OF_THE_NEXT | {
        "ix_roster_row_changes_at",
        "ix_roster_row_provider",
    } <= set(held)
