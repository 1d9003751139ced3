"""``schedule import`` on both databases: upsert, all or nothing, shifted, and the same folder twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.exchange import schedule_service as service
from portal.exchange.record import FileProblem, UnreadableFile
from portal.exchange.schedule_report import ScheduleReport, as_dict
from portal.exchange.schedule_service import import_schedule
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.practices.models import Provider
from portal.roster import service as roster
from portal.schedule import changes, lists
from portal.schedule.models import Appointment, Office
from portal.schedule.states import AppointmentState as State
from portal.transaction import atomic
from tests.factories import SETUP, House, make_house, make_patient

HEADER = "Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,ENCOUNTERCLASS,DESCRIPTION"
PAST = "v1,2026-11-02T15:00:00Z,2026-11-02T15:30:00Z,7,North,Dr. Ana Ruiz,ambulatory,Cough"
COMING = "v2,2026-12-02T15:00:00Z,2026-12-02T15:45:00Z,7,North,Dr. Who,virtual,Knee"

Import = Callable[..., ScheduleReport]


@pytest.fixture
def house(app, moment) -> House:
    made = make_house()
    make_patient(made, record_number="7")
    return made


@pytest.fixture
def bring(house, moment, tmp_path) -> Import:
    """Import these lines, or this folder."""

    def bring(*lines: str | Path, **more: Any) -> ScheduleReport:
        path = lines[0] if lines and isinstance(lines[0], Path) else tmp_path
        if path is tmp_path:
            text = "\n".join(map(str, (HEADER, *lines))) + "\n"
            (tmp_path / "encounters.csv").write_text(text, encoding="utf-8")
        return import_schedule(path, practice=house.practice, by=SETUP, now=moment.now, **more)

    return bring


def counts(report: ScheduleReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.rejected


def visit(number: str) -> Appointment:
    db.session.expire_all()
    query = select(Appointment).where(Appointment.source_id == number)
    return db.session.scalars(
        query.options(joinedload(Appointment.office), joinedload(Appointment.provider))
    ).one()


def everything() -> list[tuple[Any, ...]]:
    db.session.rollback()
    return [
        tuple(row)
        for model in (Appointment, Office, Provider, AuditEvent)
        for row in db.session.execute(
            select(*model.__table__.c).order_by(*model.__table__.primary_key)
        )
    ]


def events(name: str = "schedule.imported") -> list[dict[str, Any]]:
    query = select(AuditEvent.data).where(AuditEvent.event == name).order_by(AuditEvent.sequence)
    return list(db.session.scalars(query))


class TestUpsert:
    def test_new_appointments(self, bring, house):
        report = bring(PAST, COMING)
        assert counts(report) == (2, 0, 0, 0)
        assert (report.applied, report.new_offices, report.new_providers) == (True, 1, 1)
        was, comes = visit("v1"), visit("v2")
        assert (was.state, comes.state) == ("completed", "scheduled")
        assert (was.status.meaning, comes.status.meaning) == ("completed", "scheduled")
        assert was.completed_at == datetime(2026, 11, 2, 15, 30, tzinfo=UTC)
        assert comes.completed_at is None
        assert (was.minutes, comes.minutes, was.day) == (30, 45, date(2026, 11, 2))
        assert (was.reason, was.notes, was.video_visit, comes.video_visit) == (
            "Cough",
            "",
            False,
            True,
        )
        assert was.office.name == "North"
        assert was.office.time_zone == house.practice.time_zone
        assert was.provider.name == "Dr. Ana Ruiz"
        assert comes.provider_id == house.provider.id
        assert (was.version, was.created_by_name) == (1, SETUP.name)

    def test_the_same_file_twice_changes_nothing(self, bring, moment):
        bring(PAST, COMING)
        before = everything()
        moment.pass_(days=30)  # what was to come is over by now: that is staff's to say
        assert counts(bring(PAST, COMING)) == (0, 0, 2, 0)
        assert everything() == before

    def test_what_the_file_tells_replaces_and_a_blank_never_erases(self, bring, moment):
        bring(COMING)
        moment.pass_(minutes=5)
        report = bring("v2,2026-12-02T16:00:00Z,2026-12-02T16:45:00Z,7,,,virtual,")
        assert counts(report) == (0, 1, 0, 0)
        comes = visit("v2")
        assert comes.starts_at == datetime(2026, 12, 2, 16, tzinfo=UTC)
        assert (comes.office.name, comes.provider.name, comes.reason) == (
            "North",
            "Dr. Who",
            "Knee",
        )
        assert (comes.version, comes.updated_at) == (2, moment.now)

    def test_what_was_confirmed_is_another_time_once_it_moved(self, bring, moment, house):
        bring(COMING)
        with atomic():
            held = visit("v2")
            held.state, held.confirmed_by, held.confirmed_at = "confirmed", "patient", moment.now
            held.status_id = lists.status_for(house.practice.id, State.CONFIRMED).id
        assert counts(bring(COMING)) == (0, 0, 1, 0)
        assert visit("v2").confirmed_by == "patient"
        bring(COMING.replace("12-02", "12-03"))
        moved = visit("v2")
        assert (moved.state, moved.confirmed_by, moved.confirmed_at) == ("scheduled", None, None)
        assert moved.status.meaning == "scheduled"

    def test_without_an_office_it_is_the_practice_s_first(self, bring, house):
        bring(COMING.replace("North", ""))
        assert visit("v2").office_id == lists.offices(house.practice.id)[0].id

    def test_one_event_tells_it(self, bring, house):
        bring(PAST, COMING)
        [told] = events()
        assert (told["created"], told["updated"], told["weeks"]) == (2, 0, 0)
        assert len(told["digest"]) == 64
        assert first_broken_link(house.practice.id) is None

    def test_the_rooms_above_hear_of_it(self, bring, monkeypatch):
        heard: list[list[int]] = []
        monkeypatch.setattr(
            changes.imported, "_callbacks", [lambda ids, by, now: heard.append(list(ids))]
        )
        bring(PAST, COMING)
        bring(PAST, COMING)
        assert heard == [sorted([visit("v1").id, visit("v2").id])]


class TestWhom:
    def test_a_patient_who_is_not_there_is_left_out_and_told(self, bring, house):
        other = make_house("Other Practice")
        make_patient(other, record_number="8")
        report = bring(PAST, COMING.replace(",7,", ",8,"))
        assert (report.created, report.strangers, report.rejected) == (1, 1, 0)
        told = as_dict(report)
        assert told["patients_unknown"] == 1
        assert [
            (e["file"], e["row"], e["field"], e["reason"], e["effect"]) for e in told["errors"]
        ] == [("encounters.csv", 3, "patient", "patient_unknown", "row left out")]
        assert db.session.scalar(select(func.count()).select_from(Appointment)) == 1

    def test_two_practices_may_bring_the_same_file(self, bring, house, moment, tmp_path):
        bring(PAST)
        other = make_house("Other Practice")
        make_patient(other, record_number="7")
        report = import_schedule(tmp_path, practice=other.practice, by=SETUP, now=moment.now)
        assert counts(report) == (1, 0, 0, 0)


class TestManners:
    def test_a_rejected_row_and_nothing_is_applied(self, bring):
        before = everything()
        report = bring(PAST, "v3,soon,,7,,,,")
        assert (report.applied, counts(report)) == (False, (0, 0, 0, 1))
        assert everything() == before

    def test_unless_it_is_skipped(self, bring):
        report = bring(PAST, "v3,soon,,7,,,,", skip_rejected=True)
        assert (report.applied, counts(report)) == (True, (1, 0, 0, 1))

    def test_the_same_id_twice(self, bring):
        report = bring(PAST, PAST, PAST.replace("Cough", "Knee"), skip_rejected=True)
        assert counts(report) == (1, 0, 0, 1)
        assert report.passed_over == {"repeated row": 1}
        assert visit("v1").reason == "Cough"

    def test_a_dry_run_tells_and_changes_nothing(self, bring):
        bring(PAST)
        before = everything()
        told = bring(PAST.replace("Cough", "Knee"), COMING, dry_run=True)
        assert (told.applied, counts(told), told.new_providers) == (False, (1, 1, 0, 0), 0)
        assert everything() == before
        done = bring(PAST.replace("Cough", "Knee"), COMING)
        assert counts(done) == counts(told)

    def test_a_file_that_changes_meanwhile(self, bring, tmp_path, monkeypatch):
        real = service.incoming.put

        def put(*args: Any, **more: Any) -> Any:
            (tmp_path / "encounters.csv").write_text(f"{HEADER}\n", encoding="utf-8")
            return real(*args, **more)

        monkeypatch.setattr(service.incoming, "put", put)
        with pytest.raises(UnreadableFile) as caught:
            bring(PAST)
        assert caught.value.problem is FileProblem.CHANGED_MEANWHILE
        assert db.session.scalar(select(func.count()).select_from(Appointment)) == 0


FHIR = {
    "resourceType": "Appointment",
    "id": "1",
    "status": "booked",
    "start": "2026-12-01T09:15:00-05:00",
    "minutesDuration": 20,
    "participant": [{"actor": {"reference": "Patient/7"}}],
}


class TestWhatTheFileSays:
    @pytest.mark.parametrize(
        ("held", "said", "after"),
        [
            ("scheduled", "arrived", "scheduled"),  # it is to come: nobody arrives before
            ("scheduled", "cancelled", "cancelled"),
            ("confirmed", "booked", "confirmed"),
            ("confirmed", "noshow", "no_show"),
            ("arrived", "cancelled", "cancelled"),
            ("completed", "booked", "completed"),
            ("cancelled", "booked", "cancelled"),
        ],
    )
    def test_moves_what_staff_left_open(self, bring, house, tmp_path, held, said, after):
        folder = tmp_path / "fhir"
        folder.mkdir()
        (folder / "a.ndjson").write_text(json.dumps(FHIR))
        bring(folder)
        with atomic():
            row = visit("Appointment/1")
            row.state = held
            row.status_id = lists.status_for(house.practice.id, State(held)).id
        (folder / "a.ndjson").write_text(json.dumps(FHIR | {"status": said}))
        report = bring(folder)
        assert report.updated == (held != after)
        assert visit("Appointment/1").state == after
        assert visit("Appointment/1").status.meaning == after


class TestShift:
    def test_the_busiest_week_lands_around_the_date(self, bring):
        rows = [
            f"a{n},2019-07-0{day}T14:00:00Z,2019-07-0{day}T14:20:00Z,7,,,,"
            for n, day in enumerate((1, 2, 3, 8))
        ]
        report = bring(*rows, shift_to=date(2026, 11, 18))
        assert counts(report) == (4, 0, 0, 0)
        days = [visit(f"a{n}").day for n in range(4)]
        assert days == [
            date(2026, 11, 16),
            date(2026, 11, 17),
            date(2026, 11, 18),
            date(2026, 11, 23),
        ]
        # ten in the morning by the clock in New York, in July as in November
        assert {visit(f"a{n}").starts_at.hour for n in range(4)} == {15}
        assert [visit(f"a{n}").state for n in range(4)] == ["completed"] * 3 + ["scheduled"]
        assert counts(bring(*rows, shift_to=date(2026, 11, 16))) == (0, 0, 4, 0)

    def test_another_date_moves_it_on(self, bring):
        bring(PAST, COMING, shift_to=date(2026, 11, 21))
        assert visit("v1").state == "completed"
        report = bring(PAST, COMING, shift_to=date(2026, 12, 1))
        assert counts(report) == (0, 2, 0, 0)
        assert visit("v1").state == "scheduled"
        assert (visit("v1").completed_at, visit("v1").version) == (None, 2)


class TestRealFiles:
    def test_synthea_becomes_a_schedule_of_today(self, app, moment, shared_data):
        house = make_house()
        folder = shared_data / "csv/synthea_dbt27"
        today = date(2026, 11, 18)
        moment.now = datetime(2026, 11, 18, 17, tzinfo=UTC)
        import_patients(folder / "patients.csv", practice=house.practice, by=SETUP, now=moment.now)
        report = import_schedule(
            folder, practice=house.practice, by=SETUP, now=moment.now, shift_to=today
        )
        assert counts(report) == (604, 0, 0, 0)
        days = dict(
            db.session.execute(
                select(Appointment.day, func.count())
                .where(
                    Appointment.day.between(today - timedelta(days=2), today + timedelta(days=4))
                )
                .group_by(Appointment.day)
            ).all()
        )
        assert sum(days.values()) == 6
        assert len(days) == 4
        states = dict(
            db.session.execute(
                select(Appointment.state, func.count()).group_by(Appointment.state)
            ).all()
        )
        assert states["completed"] > 500
        assert states["scheduled"] > 20
        assert "Víctor493 Noriega353" in set(db.session.scalars(select(Provider.name)))
        again = import_schedule(
            folder, practice=house.practice, by=SETUP, now=moment.now, shift_to=today
        )
        assert counts(again) == (0, 0, 604, 0)
        assert roster.check(house.practice.id, moment.now) == []

    @pytest.mark.parametrize(
        ("patients", "folder", "visits"),
        [
            ("fhir/bulk_10_export/Patient.000.ndjson", "fhir/bulk_10_export", 1215),
            ("csv/synthea_2024_ma11/patients.csv", "csv/synthea_2024_ma11", 388),
        ],
    )
    def test_every_visit_finds_its_patient(
        self, app, moment, shared_data, patients, folder, visits
    ):
        house = make_house()
        import_patients(shared_data / patients, practice=house.practice, by=SETUP, now=moment.now)
        report = import_schedule(
            shared_data / folder, practice=house.practice, by=SETUP, now=moment.now
        )
        assert (counts(report), report.strangers) == ((visits, 0, 0, 0), 0)


class TestCommand:
    def run(self, app, *args: str) -> Any:
        db.session.rollback()
        return app.test_cli_runner().invoke(args=["schedule", "import", *args])

    def test_exit_codes(self, app, house, tmp_path):
        folder = str(tmp_path)
        name = ("--practice", house.practice.name)
        assert self.run(app, folder, *name).exit_code == 2
        (tmp_path / "encounters.csv").write_text(f"{HEADER}\n{PAST}\nv3,soon,,7,,,,\n")
        bad = self.run(app, folder, *name, "--json")
        assert bad.exit_code == 1
        assert json.loads(bad.output)["errors"][0]["reason"] == "start_unreadable"
        good = self.run(app, folder, *name, "--skip-rejected", "--shift-to", "2026-11-21")
        assert good.exit_code == 0
        assert "created                1" in good.output
        assert "encounters.csv, row 3" in good.output
        assert self.run(app, folder, "--practice", "Nobody").exit_code == 2
        assert self.run(app, folder, *name, "--shift-to", "soon").exit_code == 2
        assert self.run(app, str(tmp_path / "gone"), *name).exit_code == 2
