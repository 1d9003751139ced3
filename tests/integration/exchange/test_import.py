"""``import_patients`` on both databases: upsert, all or nothing, 3.7, and the same file twice."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.exchange import report as reports
from portal.exchange import service
from portal.exchange.record import FileProblem, UnreadableFile
from portal.exchange.report import ImportReport
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient, PatientPhone, SearchWord
from tests.factories import SETUP, House, make_house, make_invitation, make_patient

HEADER = "Id,FIRST,LAST,BIRTHDATE,EMAIL,PHONE,SSN,CITY"
JEN = "1,Jenny,Núñez,1980-02-11,jen@example.com,(202) 555-0123,999-12-3456,Medford"
BO = "2,Bo,Lee,1990-01-01,bo@example.com,,,"

Import = Callable[..., ImportReport]


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def bring(house, moment, tmp_path) -> Import:
    """Import these lines, or this file."""

    def bring(*lines: str | Path, **more: Any) -> ImportReport:
        path = lines[0] if isinstance(lines[0], Path) else tmp_path / "patients.csv"
        if path is not lines[0]:
            path.write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")
        return import_patients(path, practice=house.practice, by=SETUP, now=moment.now, **more)

    return bring


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.rejected


def chart(number: str) -> Patient:
    db.session.expire_all()
    return db.session.scalars(select(Patient).where(Patient.record_number == number)).one()


def total(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables that an import writes."""
    db.session.rollback()
    return {
        model.__tablename__: [
            tuple(row)
            for row in db.session.execute(
                select(*model.__table__.c).order_by(*model.__table__.primary_key)
            )
        ]
        for model in (Patient, PatientPhone, SearchWord, AuditEvent, OutboxMessage)
    }


class TestUpsert:
    def test_new_charts(self, bring, house):
        report = bring(HEADER, JEN, BO, provider=house.provider)
        assert counts(report) == (2, 0, 0, 0)
        assert report.applied
        jen = chart("1")
        assert (jen.given_name, jen.family_name, jen.sort_name) == ("Jenny", "Núñez", "nunez jenny")
        assert (jen.birth_date, jen.email, jen.city) == (
            date(1980, 2, 11),
            "jen@example.com",
            "Medford",
        )
        assert [(p.kind, p.e164, p.position) for p in jen.phones] == [("other", "+12025550123", 0)]
        assert people.ssn_of(jen) == "999123456"
        assert b"999123456" not in jen.ssn_sealed
        assert jen.ssn_match == people.ssn_match("999123456")
        assert {word.word for word in jen.search_words} == {"jenny", "nunez"}
        assert jen.provider_id == house.provider.id
        assert (jen.deceased, jen.email_flagged, jen.street) == (False, False, "")

    def test_a_chart_that_was_imported_is_as_one_that_was_typed(self, bring, house, moment):
        bring(HEADER, JEN)
        typed = people.add(
            practice=house.practice,
            values={
                "record_number": "9",
                "given_name": "Jenny",
                "family_name": "Núñez",
                "birth_date": date(1980, 2, 11),
                "email": "jen@example.com",
                "phones": [{"kind": "other", "e164": "+12025550123", "extension": None}],
                "ssn": "999123456",
                "city": "Medford",
            },
            by=SETUP,
            now=moment.now,
        )
        own = {"id", "public_id", "record_number", "ssn_sealed"}
        names = {column.key for column in Patient.__table__.c} - own
        imported = chart("1")
        typed = chart(typed.record_number)
        assert {n: getattr(imported, n) for n in names} == {n: getattr(typed, n) for n in names}
        assert people.ssn_of(imported) == people.ssn_of(typed)
        assert {w.word for w in imported.search_words} == {w.word for w in typed.search_words}

    def test_the_same_file_again_writes_nothing(self, bring, moment):
        bring(HEADER, JEN, BO)
        before = everything()
        moment.pass_(days=1)
        report = bring(HEADER, JEN, BO)
        assert counts(report) == (0, 0, 2, 0)
        assert everything() == before

    def test_what_the_file_tells_replaces_and_a_blank_never_erases(self, bring, moment):
        bring(HEADER, JEN)
        report = bring(HEADER, "1,Jennifer,,,,,,")
        assert counts(report) == (0, 1, 0, 0)
        jen = chart("1")
        assert (jen.given_name, jen.family_name, jen.email) == (
            "Jennifer",
            "Núñez",
            "jen@example.com",
        )
        assert jen.birth_date == date(1980, 2, 11)
        assert people.ssn_of(jen) == "999123456"
        assert len(jen.phones) == 1
        assert {word.word for word in jen.search_words} == {"jennifer", "nunez"}
        # Columns that the file does not have are blank too.
        assert counts(bring("MRN,FIRST,LAST", "1,Jennifer,Núñez")) == (0, 0, 1, 0)

    def test_phones_replace_their_kind_and_leave_the_others(self, bring, house, moment):
        bring("Id,FIRST,LAST,CELL", "1,Ann,Lee,202-555-0123")
        phones = [
            {"kind": "mobile", "e164": "+12025550123", "extension": None},
            {"kind": "home", "e164": "+12025550199", "extension": None},
        ]
        people.edit(patient=chart("1"), values={"phones": phones}, by=house.hand, now=moment.now)
        report = bring("Id,FIRST,LAST,CELL", "1,Ann,Lee,202-555-0124")
        assert counts(report) == (0, 1, 0, 0)
        assert [(p.kind, p.e164) for p in chart("1").phones] == [
            ("mobile", "+12025550124"),
            ("home", "+12025550199"),
        ]
        assert counts(bring("Id,FIRST,LAST,CELL", "1,Ann,Lee,202-555-0124")) == (0, 0, 1, 0)

    def test_more_than_a_batch(self, bring, monkeypatch):
        monkeypatch.setattr(service, "BATCH", 7)
        lines = [f"{n},Ann{n},Lee,1980-02-11,,,," for n in range(40)]
        assert counts(bring(HEADER, *lines[:20])) == (20, 0, 0, 0)
        changed = [line.replace("Lee", "Ray") for line in lines[:10]]
        assert counts(bring(HEADER, *changed, *lines[10:])) == (20, 10, 10, 0)
        assert total(Patient) == 40

    def test_another_practice_keeps_its_own_numbers(self, bring, moment, tmp_path):
        bring(HEADER, JEN)
        other = make_house("Other Practice")
        report = import_patients(
            tmp_path / "patients.csv", practice=other.practice, by=SETUP, now=moment.now
        )
        assert counts(report) == (1, 0, 0, 0)
        assert total(Patient) == 2

    def test_providers_by_name(self, bring, house):
        lines = ("Id,FIRST,LAST,Provider", '1,A,Lee,"Who, MD"', "2,B,Lee,Dr. Strange", "3,C,Lee,")
        report = bring(*lines)
        assert [chart(n).provider_id for n in "123"] == [house.provider.id, None, None]
        assert [(p.row, p.reason.value) for p in report.warnings] == [(3, "provider_unknown")]
        # The default is for new patients.
        assert counts(bring(*lines, provider=house.provider)) == (0, 0, 3, 0)


class TestAllOrNothing:
    def test_an_unusable_row_at_900_changes_nothing(self, bring):
        lines = [f"{n},Ann,Lee,1980-02-11,,,," for n in range(1, 1001)]
        lines[898] = ",Ann,Lee,1980-02-11,,,,"
        before = everything()
        report = bring(HEADER, *lines)
        assert (counts(report), report.applied) == ((0, 0, 0, 1), False)
        assert [(p.row, p.reason.value) for p in report.errors] == [(900, "record_number_missing")]
        assert everything() == before
        report = bring(HEADER, *lines, skip_rejected=True)
        assert (counts(report), report.applied) == ((999, 0, 0, 1), True)

    def test_a_quotation_mark_left_open_at_row_900_changes_nothing(self, bring):
        lines = [f"{n},Ann,Lee,1980-02-11,,,," for n in range(1, 1001)]
        lines[898] = '899,"Ann,Lee,1980-02-11,,,,'
        before = everything()
        with pytest.raises(UnreadableFile) as caught:
            bring(HEADER, *lines)
        assert caught.value.problem is FileProblem.QUOTE_OPEN
        assert everything() == before

    def test_a_bundle_that_was_cut_off_changes_nothing(self, bring, tmp_path):
        path = tmp_path / "cut.json"
        entries = [
            {"resource": {"resourceType": "Patient", "id": f"p{n}", "birthDate": "1980-02-11"}}
            for n in range(1200)
        ]
        path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries})[:-300])
        with pytest.raises(UnreadableFile):
            bring(path)
        assert total(Patient) == 0

    def test_a_failure_in_the_second_batch_undoes_the_first(self, bring, monkeypatch):
        monkeypatch.setattr(service, "BATCH", 10)
        done = []

        def insert_charts(charts: Any, real: Any = service.bulk.insert_charts) -> None:
            if done:
                raise RuntimeError("the disk is full")
            done.append(charts)
            real(charts)

        monkeypatch.setattr(service.bulk, "insert_charts", insert_charts)
        before = everything()
        with pytest.raises(RuntimeError, match="disk"):
            bring(HEADER, *(f"{n},Ann,Lee,1980-02-11,,,," for n in range(20)))
        assert done
        assert everything() == before

    def test_a_file_that_changes_between_the_two_readings(self, bring, tmp_path, monkeypatch):
        def insert_charts(charts: Any, real: Any = service.bulk.insert_charts) -> None:
            real(charts)
            with (tmp_path / "patients.csv").open("a") as file:
                file.write("99,Late,Lee,,,,,\n")

        monkeypatch.setattr(service.bulk, "insert_charts", insert_charts)
        with pytest.raises(UnreadableFile) as caught:
            bring(HEADER, JEN)
        assert caught.value.problem is FileProblem.CHANGED_MEANWHILE
        assert total(Patient) == 0

    def test_a_number_twice_is_for_a_person_to_settle(self, bring):
        lines = (HEADER, JEN, JEN, JEN.replace("Jenny", "Ginny"))
        report = bring(*lines)
        assert (counts(report), report.passed_over) == ((0, 0, 0, 1), {"repeated row": 1})
        assert counts(bring(*lines, skip_rejected=True)) == (1, 0, 0, 1)
        assert chart("1").given_name == "Jenny"

    def test_a_dry_run_tells_what_would_be_and_does_nothing(self, bring, house):
        bring(HEADER, JEN)
        before = everything()
        lines = (HEADER, JEN.replace("Medford", "Boston"), BO, "3,A,B,1980-02-11,no way,,,")
        report = bring(*lines, dry_run=True)
        assert (counts(report), report.applied) == ((2, 1, 0, 0), False)
        assert [(p.row, str(p.field)) for p in report.warnings] == [(4, "email")]
        assert everything() == before
        assert counts(bring(*lines)) == (2, 1, 0, 0)


class TestChangeOfAddress:
    """3.7, as 12.1 asks of an import."""

    def test_open_invitations_end_and_are_listed_and_both_addresses_are_told(
        self, bring, house, moment
    ):
        jen = make_patient(house, record_number="1", email="jen@example.com")
        invitation_id = make_invitation(house, jen).id
        make_patient(house, record_number="2", email="bo@example.com")
        mails = total(OutboxMessage)
        dry = bring(
            HEADER, "1,,Harris,,new@example.com,,,", "2,,Harris,,BO@example.com,,,", dry_run=True
        )
        report = bring(HEADER, "1,,Harris,,new@example.com,,,", "2,,Harris,,BO@example.com,,,")
        listed = [(voided.record_number, voided.patient) for voided in report.voided_invitations]
        assert listed == [("1", jen.public_id)]
        assert dry.voided_invitations == report.voided_invitations
        jen = chart("1")
        assert jen.email == "new@example.com"
        assert jen.resets_blocked_until is not None
        assert db.session.get_one(Invitation, invitation_id).state == InvitationState.VOIDED
        new = db.session.scalars(
            select(OutboxMessage).order_by(OutboxMessage.id).offset(mails)
        ).all()
        assert sorted(message.address for message in new) == ["jen@example.com", "new@example.com"]
        assert {message.purpose for message in new} == {"email_changed_old", "email_changed_new"}
        # The other address differs in case only: the same mailbox.
        assert chart("2").email == "bo@example.com"

    def test_the_audit_trail_tells_of_it(self, bring, house):
        make_patient(house, record_number="1", email="jen@example.com")
        bring(HEADER, "1,,Harris,,new@example.com,,,", BO)
        events = db.session.scalars(
            select(AuditEvent).order_by(AuditEvent.id.desc()).limit(2)
        ).all()
        done, changed = events
        assert changed.event == "patient.email_changed"
        assert changed.data == {
            "old_email": "jen@example.com",
            "new_email": "new@example.com",
            "verified_how": "import",
        }
        assert done.event == "patients.imported"
        assert (done.data["created"], done.data["updated"]) == (1, 1)
        assert len(done.data["digest"]) == 64
        assert first_broken_link(house.practice.id) is None

    def test_a_first_address_changes_nobodys(self, bring, house):
        make_patient(house, record_number="1", email=None)
        mails = total(OutboxMessage)
        assert counts(bring(HEADER, "1,,Harris,,new@example.com,,,")) == (0, 1, 0, 0)
        assert chart("1").email == "new@example.com"
        assert total(OutboxMessage) == mails

    def test_no_invitation_leaves_by_itself(self, bring):
        bring(HEADER, JEN, BO)
        assert (total(OutboxMessage), total(Invitation)) == (0, 0)


def test_a_balance_comes_in_and_a_blank_keeps_it(bring) -> None:
    header = "Id,FIRST,LAST,Balance"
    bring(header, "1,Jen,Harris,120.50", "2,Bo,Lee,oops")
    assert (chart("1").balance_cents, chart("2").balance_cents) == (12050, None)
    assert counts(bring(header, "1,Jen,Harris,", "2,Bo,Lee,7")) == (0, 1, 1, 0)
    assert (chart("1").balance_cents, chart("2").balance_cents) == (12050, 700)


class TestReport:
    def test_as_an_object(self, bring):
        told = reports.as_dict(bring(HEADER, "1,A,B,1980-02-11,no way,,,", ",,,,,,,Boston"))
        assert (told["created"], told["updated"], told["unchanged"], told["rejected"]) == (
            0,
            0,
            0,
            1,
        )
        assert [(e["row"], e["field"], e["reason"], e["effect"]) for e in told["errors"]] == [
            (3, "record_number", "record_number_missing", "row rejected"),
            (3, None, "nobody", "row rejected"),
            (2, "email", "email_shape", "value left out"),
        ]
        assert {"field": "record_number", "from": "Id"} in told["mapping"]
        json.dumps(told)

    def test_as_text(self, bring):
        text = reports.as_text(bring(HEADER, "1,A,B,1980-02-11,no way,,,", ",,,,,,,Boston"))
        assert "row 3" in text
        assert "It has neither a name nor a birth date." in text
        assert "Nothing was imported." in text
        assert "no way" not in text
        assert "Done." in reports.as_text(bring(HEADER, JEN))

    @pytest.mark.parametrize("problem", list(FileProblem))
    def test_every_refused_file_has_a_whole_sentence(self, app, problem):
        detail = {"row": 3, "column": "DOB", "columns": "a, b", "kinds": "Encounter (3)"}
        error = UnreadableFile(problem, **detail)
        sentence = reports.unreadable_as_text(error)
        assert sentence.endswith(".")
        assert "%" not in sentence
        told = reports.unreadable_as_dict(error)
        assert (told["rejected"], told["errors"][0]["message"]) == (0, sentence)


class TestRealFiles:
    def test_synthea_with_contacts(self, bring, shared_data):
        path = shared_data / "with_contacts/synthea_apr2020_1171.csv"
        report = bring(path)
        assert counts(report) == (1171, 0, 0, 0)
        assert len(report.warnings) == 53
        with path.with_suffix(".truth.csv").open(encoding="utf-8", newline="") as file:
            truth = {row["id"]: row for row in csv.DictReader(file)}
        slips = 0
        for patient in db.session.scalars(select(Patient)):
            row = truth[patient.record_number]
            if row["email_category"] == "wrong_person":
                slips += 1
                continue
            assert (patient.email or "") == row["email_expected"]
            assert [p.e164 for p in patient.phones] == [e for e in [row["phone_expected"]] if e]
        assert slips == 4
        before = everything()
        assert counts(bring(path)) == (0, 0, 1171, 0)
        assert everything() == before

    def test_one_system_after_another(self, bring, shared_data):
        assert counts(bring(shared_data / "fhir/bulk_10_export/Patient.000.ndjson")) == (
            13,
            0,
            0,
            0,
        )
        assert counts(bring(shared_data / "csv/smart_sample_patients.tsv.txt")) == (67, 0, 0, 0)
        assert counts(bring(shared_data / "csv/openemr_patient_data.derived.csv")) == (14, 0, 0, 0)
        stu3 = shared_data / "fhir/smart_stu3_patients_with_email.ndjson"
        assert counts(bring(stu3)) == (67, 0, 0, 0)
        assert counts(bring(stu3)) == (0, 0, 67, 0)
        assert total(Patient) == 161
