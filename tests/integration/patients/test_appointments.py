"""Appointments on the portal's home page: seen, confirmed, asked about (8.10)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.audit.models import AuditEvent
from portal.errors import Refused
from portal.extensions import db
from portal.practices.models import Practice
from portal.schedule import changes, of_patient
from portal.schedule.models import Appointment, AppointmentRequest
from portal.transaction import atomic
from tests.doors import log_on_staff
from tests.factories import House, make_house, make_invitation, make_patient
from tests.integration.patients.visitor import Visitor, text, title
from tests.visits import in_days, make_visit

TUESDAY = datetime(2026, 12, 1, 14, 15, tzinfo=UTC)


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def jenny(app, house) -> Visitor:
    """At home."""
    visitor = Visitor(app)
    visitor.patient = make_patient(house, given_name="Jenny")
    visitor.register(make_invitation(house, visitor.patient))
    return visitor


def held(visit: Appointment) -> Appointment:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Appointment, visit.id)


def asked() -> list[AppointmentRequest]:
    db.session.rollback()
    return list(db.session.scalars(select(AppointmentRequest).order_by(AppointmentRequest.id)))


def last_event() -> AuditEvent:
    return db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()


class TestSeen:
    def test_date_time_zone_place_and_person(self, jenny, house):
        make_visit(
            jenny.patient, TUESDAY, provider_id=house.provider.id, reason="Rash", notes="VIP"
        )
        page = jenny.get("/home")
        said = text(page)
        for words in (
            "Upcoming appointments",
            "Tuesday, December 1, 2026",
            "9:15 a.m. (Eastern Time)",
            "Main office, Dr. Who",
            "Planned",
            "Confirm",
            "Ask to change",
        ):
            assert words in said
        assert "Rash" not in said
        assert "VIP" not in said
        assert "December" not in title(page)

    def test_in_spanish(self, jenny):
        make_visit(jenny.patient, TUESDAY)
        said = text(jenny.get("/home?lang=es"))
        assert "Martes, 1 de diciembre de 2026" in said
        assert "9:15 a. m. (hora oriental)" in said

    def test_the_next_first_and_what_is_over_below(self, jenny, house):
        make_visit(jenny.patient, in_days(9))
        make_visit(jenny.patient, in_days(2))
        make_visit(jenny.patient, in_days(-40), state="completed", provider_id=house.provider.id)
        make_visit(jenny.patient, in_days(-3), state="no_show")
        make_visit(jenny.patient, in_days(-2))
        make_visit(jenny.patient, in_days(3), state="cancelled")
        said = text(jenny.get("/home"))
        order = [
            "November 23",
            "November 24",
            "November 30",
            "Visits (1)",
            "October 12, 2026 Dr. Who",
        ]
        places = [said.index(words) for words in order]
        assert places == sorted(places)
        assert said.count("Ask to change") == 2
        assert "November 18" not in said
        assert "November 19" not in said
        assert "It is cancelled" in said

    def test_nothing_planned(self, jenny):
        said = text(jenny.get("/home"))
        assert "No appointment is planned." in said
        assert "Ask for an appointment" in said

    def test_not_where_the_practice_does_not_want_it(self, jenny, house):
        visit = make_visit(jenny.patient, TUESDAY)
        with atomic():
            db.session.get_one(Practice, house.practice.id).portal_appointments = False
        assert "appointment" not in text(jenny.get("/home")).lower()
        number = visit.public_id
        assert jenny.post(f"/home/appointments/{number}/confirm").status_code == 404
        assert jenny.get(f"/home/appointments/{number}/change").status_code == 404
        person = f"/home/people/{jenny.patient.public_id}/appointment"
        assert jenny.get(person).status_code == 404
        assert jenny.post(person, wish="soon").status_code == 404


class TestConfirm:
    def test_staff_can_see_it(self, jenny, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        answer = jenny.post(f"/home/appointments/{visit.public_id}/confirm")
        assert answer.headers["Location"] == "/home"
        said = text(jenny.follow(answer))
        assert "The office can see that you are coming." in said
        assert "You have confirmed it" in said
        now = held(visit)
        assert (now.state, now.status.meaning, now.version) == ("confirmed", "confirmed", 2)
        assert (now.confirmed_by, now.confirmed_at) == ("patient", moment.now)
        told = last_event()
        assert (told.event, told.actor_kind) == ("appointment.state_changed", "account")
        assert told.data == {
            "appointment": visit.public_id, "before": "scheduled", "state": "confirmed",
        }  # fmt: skip

    def test_twice_is_once(self, jenny):
        visit = make_visit(jenny.patient, TUESDAY)
        for _ in range(2):
            answer = jenny.post(f"/home/appointments/{visit.public_id}/confirm")
            assert answer.status_code == 303
        assert held(visit).version == 2

    @pytest.mark.parametrize("state", ["cancelled", "completed", "arrived", "no_show"])
    def test_not_what_is_not_open(self, jenny, state):
        visit = make_visit(jenny.patient, TUESDAY, state=state)
        answer = jenny.post(f"/home/appointments/{visit.public_id}/confirm")
        assert answer.status_code == 409
        assert "cannot be changed here any more" in text(answer)
        assert held(visit).state == state

    def test_not_what_is_over(self, jenny, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        moment.now = TUESDAY
        jenny.log_on("jenny.h")
        assert jenny.post(f"/home/appointments/{visit.public_id}/confirm").status_code == 409
        assert held(visit).state == "scheduled"


class TestAsk:
    def test_for_another_time(self, jenny, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        path = f"/home/appointments/{visit.public_id}/change"
        page = text(jenny.get(path))
        assert (
            "Your appointment is on Tuesday, December 1, 2026 at 9:15 a.m. (Eastern Time)" in page
        )
        answer = jenny.post(path, wish="  Any <b>afternoon</b>\nplease  ")
        said = text(jenny.follow(answer))
        assert "“Any <b>afternoon</b> please”" in said
        assert "The office has not answered yet." in said
        assert "Ask to change" not in said
        [request] = asked()
        assert (request.kind, request.appointment_id) == ("change", visit.id)
        assert (request.practice_id, request.created_at) == (visit.practice_id, moment.now)
        assert (held(visit).state, held(visit).version) == ("scheduled", 1)
        assert last_event().event == "appointment_request.made"
        assert "afternoon" not in str(last_event().data)

    def test_once_for_each_appointment(self, jenny):
        visit = make_visit(jenny.patient, TUESDAY)
        path = f"/home/appointments/{visit.public_id}/change"
        assert jenny.post(path, wish="later").status_code == 303
        again = jenny.post(path, wish="earlier")
        assert again.status_code == 409
        assert "You have asked to change this appointment already." in text(again)
        assert len(asked()) == 1

    def test_for_one(self, jenny):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        assert "call 911" in text(jenny.get(path))
        assert jenny.post(path, wish="A flu shot").status_code == 303
        said = text(jenny.get("/home"))
        assert "What you asked for" in said
        assert "“A flu shot”" in said

    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ("", "Write what you would like"),
            (" \n ", "Write what you would like"),
            ("\u200b", "Write what you would like"),
            ("x" * 501, "This is too long."),
            ("\x07\u2028", "Write what you would like"),
        ],
    )
    def test_what_cannot_be_asked(self, jenny, wish, words):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        answer = jenny.post(path, wish=wish)
        assert answer.status_code == 422
        assert title(answer).startswith("Error: ")
        assert words in text(answer)
        assert asked() == []

    def test_control_characters_are_left_out(self, jenny):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        assert jenny.post(path, wish="Mon\x07day\r\nor later").status_code == 303
        assert asked()[0].wish == "Monday or later"

    def test_five_hundred_characters_fit(self, jenny):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        assert jenny.post(path, wish="ñ" * 500).status_code == 303

    def test_three_wait_at_most(self, jenny):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        codes = [jenny.post(path, wish=f"wish {n}").status_code for n in range(4)]
        assert codes == [303, 303, 303, 409]
        assert len(asked()) == 3

    def test_ten_a_day_whatever_was_taken_back(self, jenny, moment):
        path = f"/home/people/{jenny.patient.public_id}/appointment"
        codes = []
        for number in range(11):
            codes.append(jenny.post(path, wish=f"wish {number}").status_code)
            jenny.post(f"/home/requests/{asked()[-1].public_id}/take-back")
        assert codes == [303] * 10 + [409]
        moment.pass_(hours=25)
        jenny.log_on("jenny.h")
        assert jenny.post(path, wish="again").status_code == 303

    def test_taken_back(self, jenny):
        visit = make_visit(jenny.patient, TUESDAY)
        jenny.post(f"/home/appointments/{visit.public_id}/change", wish="later")
        [request] = asked()
        for _ in range(2):
            answer = jenny.post(f"/home/requests/{request.public_id}/take-back")
            assert answer.status_code == 303
        said = text(jenny.get("/home"))
        assert "later" not in said
        assert "Ask to change" in said
        assert asked()[0].outcome == "withdrawn"
        assert of_patient.count_open(visit.practice_id) == 0

    def test_an_answer_is_told_for_two_weeks(self, jenny, house, moment):
        jenny.post(f"/home/people/{jenny.patient.public_id}/appointment", wish="A flu shot")
        of_patient.settle(
            practice_id=house.practice.id,
            public_id=asked()[0].public_id,
            outcome=of_patient.RequestOutcome.DECLINED,
            by=house.hand,
            now=moment.now,
        )
        said = text(jenny.get("/home"))
        assert "The office could not do this. Please call." in said
        assert "Take it back" not in said
        assert jenny.post(f"/home/requests/{asked()[0].public_id}/take-back").status_code == 409
        moment.pass_(days=15)
        jenny.log_on("jenny.h")
        assert "flu shot" not in text(jenny.get("/home"))

    def test_moving_it_is_an_answer(self, jenny, house, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        jenny.post(f"/home/appointments/{visit.public_id}/change", wish="later")
        with atomic():
            changes.moved(held(visit), house.hand, moment.now)
        [request] = asked()
        assert (request.outcome, request.settled_by_name) == ("done", house.hand.name)


class TestAtOnce:
    """Many hands at the same moment: one act, and nobody waits for ever."""

    @staticmethod
    def together(app, act) -> Counter[str]:
        db.session.remove()

        def one(_number: int) -> str:
            with app.app_context():
                try:
                    act()
                except Refused as refused:
                    return refused.code
                finally:
                    db.session.remove()
                return "done"

        with ThreadPoolExecutor(8) as pool:
            return Counter(pool.map(one, range(8)))

    def test_one_request(self, app, jenny, house, moment):
        number = make_visit(jenny.patient, TUESDAY).public_id
        patient_id, by = jenny.patient.id, house.hand

        def ask() -> None:
            visit = of_patient.get([patient_id], number)
            of_patient.ask_to_change(visit, wish="later", by=by, now=moment.now)

        assert self.together(app, ask) == {"done": 1, "asked": 7}
        assert len(asked()) == 1

    def test_one_confirmation(self, app, jenny, house, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        number, patient_id, by = visit.public_id, jenny.patient.id, house.hand

        def confirm() -> None:
            of_patient.confirm(of_patient.get([patient_id], number), by=by, now=moment.now)

        assert self.together(app, confirm) == {"done": 8}
        assert of_patient.get([patient_id], number).version == 2


class TestOthers:
    """What is somebody else's is not there."""

    @pytest.fixture
    def others(self, house) -> list[str]:
        """Paths of another patient of the same practice, and of another practice."""
        paths = []
        for place in (house, make_house("Other Clinic")):
            patient = make_patient(place)
            visit = make_visit(patient, TUESDAY)
            with atomic():
                request = AppointmentRequest(
                    practice_id=patient.practice_id,
                    patient_id=patient.id,
                    kind="new",
                    wish="mine",
                    created_at=TUESDAY,
                )
                db.session.add(request)
                db.session.flush()
            paths += [
                f"/home/appointments/{visit.public_id}/confirm",
                f"/home/appointments/{visit.public_id}/change",
                f"/home/people/{patient.public_id}/appointment",
                f"/home/requests/{request.public_id}/take-back",
            ]
        return paths

    def test_is_not_there(self, jenny, others):
        before = [(r.wish, r.outcome) for r in asked()]
        for path in others:
            assert jenny.post(path, wish="x").status_code == 404, path
        assert [(r.wish, r.outcome) for r in asked()] == before
        assert all(v.state == "scheduled" for v in db.session.scalars(select(Appointment)))

    def test_nor_is_one_s_own_once_access_has_ended(self, jenny, house, moment):
        visit = make_visit(jenny.patient, TUESDAY)
        with atomic():
            grant = access.current_grant(jenny.patient.id)
            access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
        answer = jenny.post(f"/home/appointments/{visit.public_id}/confirm")
        assert answer.status_code in {303, 404}
        assert held(visit).state == "scheduled"


class TestStaff:
    @pytest.fixture
    def waiting(self, jenny, house) -> AppointmentRequest:
        visit = make_visit(jenny.patient, TUESDAY, provider_id=house.provider.id)
        jenny.post(f"/home/appointments/{visit.public_id}/change", wish="Any <i>afternoon</i>")
        return asked()[0]

    def test_the_list(self, app, house, waiting):
        desk = log_on_staff(app, house.front_desk)
        said = text(desk.get("/staff/schedule/requests"))
        for words in (
            "Requests from patients (1)",
            "Harris, Jenny (Jen) asks for another time",
            "“Any <i>afternoon</i>”",
            "Now: December 1, 2026, 9:15 a.m. · Main office · Dr. Who",
        ):
            assert words in said

    @pytest.mark.parametrize(
        ("act", "outcome", "words"),
        [
            ("done", "done", "The office has taken care of it."),
            ("declined", "declined", "The office could not do this. Please call."),
        ],
    )
    def test_an_answer(self, app, house, jenny, waiting, act, outcome, words):
        desk = log_on_staff(app, house.front_desk)
        path = f"/staff/schedule/requests/{waiting.public_id}/{act}"
        part = desk.post(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
        assert "Requests from patients (0)" in text(part)
        assert desk.post(path).status_code == 303
        [request] = asked()
        assert (request.outcome, request.settled_by_name) == (outcome, house.front_desk.name)
        assert words in text(jenny.get("/home"))

    def test_an_answer_that_comes_too_late(self, app, house, jenny, waiting):
        jenny.post(f"/home/requests/{waiting.public_id}/take-back")
        desk = log_on_staff(app, house.front_desk)
        path = f"/staff/schedule/requests/{waiting.public_id}/done"
        for headers in ({}, {"HX-Request": "true", "HX-Request-Type": "partial"}):
            answer = desk.post(path, headers=headers)
            assert answer.status_code == 409
            assert "answered or taken back meanwhile" in text(answer)
        assert asked()[0].outcome == "withdrawn"

    def test_another_practice_s_is_not_there(self, app, waiting):
        desk = log_on_staff(app, make_house("Other Clinic").front_desk)
        assert "(0)" in text(desk.get("/staff/schedule/requests"))
        path = f"/staff/schedule/requests/{waiting.public_id}/done"
        assert desk.post(path).status_code == 404
        assert asked()[0].outcome is None
