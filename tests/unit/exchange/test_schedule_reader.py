"""Visits out of CSV and FHIR, whatever wrote them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.exchange.record import FileProblem, RejectedRow, UnreadableFile
from portal.exchange.schedule_folder import open_schedule
from portal.exchange.schedule_record import ScheduleSource, VisitRecord, minutes_between, moment
from portal.exchange.schedule_service import state_at
from portal.schedule.states import AppointmentState as State

TODAY = date(2026, 11, 21)
UUID = "57f2562b-445c-f11c-ba40-edc55af3c84f"
PERSON = "3edac2e3-d223-6fae-d515-daf96ef6bc76"


def opened(path: Path) -> ScheduleSource:
    return open_schedule(path, time_zone="America/New_York", country="US", today=TODAY)


def read(path: Path) -> tuple[list[VisitRecord], list[tuple[int, list[str]]]]:
    outcomes = [seen.outcome for seen in opened(path)]
    return (
        [o for o in outcomes if isinstance(o, VisitRecord)],
        [
            (o.row, [p.reason.value for p in o.problems])
            for o in outcomes
            if isinstance(o, RejectedRow)
        ],
    )


def refused(path: Path) -> tuple[FileProblem, Any]:
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    return caught.value.problem, caught.value.detail.get("file")


def csv(folder: Path, *lines: str, name: str = "encounters.csv") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def ndjson(folder: Path, name: str, *resources: object) -> Path:
    (folder / name).write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
    return folder


SINCE_2020 = "Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION"


class TestCsv:
    @pytest.mark.parametrize(
        ("header", "row"),
        [
            (
                SINCE_2020,
                f"{UUID},2023-01-27T16:17:47Z,2023-01-27T16:32:47Z,{PERSON},o1,p1,x,ambulatory,1,Cough",
            ),
            (
                "Id,START,STOP,PATIENT,PROVIDER,ENCOUNTERCLASS,CODE,DESCRIPTION",
                f"{UUID},2023-01-27T16:17:47Z,2023-01-27T16:32:47Z,{PERSON},o1,ambulatory,1,Cough",
            ),
            ("ID,DATE,PATIENT,CODE,DESCRIPTION", f"{UUID},2023-01-27,{PERSON},1,Cough"),
        ],
    )
    def test_the_versions_of_the_header(self, tmp_path, header, row):
        csv(tmp_path, header, row)
        csv(tmp_path, "Id,NAME", "o1,North Clinic", name="organizations.csv")
        csv(tmp_path, "Id,ORGANIZATION,NAME", "p1,o1,Víctor493 Noriega353", name="providers.csv")
        [visit], rejected = read(tmp_path)
        assert rejected == []
        assert (visit.source_id, visit.patient, visit.reason) == (UUID, PERSON, "Cough")
        by_day = header.startswith("ID,")
        assert visit.starts_at == (
            datetime(2023, 1, 27, 14, tzinfo=UTC)
            if by_day
            else datetime(2023, 1, 27, 16, 17, 47, tzinfo=UTC)
        )
        assert visit.minutes == (30 if by_day else 15)
        assert visit.office == (None if by_day else "North Clinic")
        assert visit.provider == ("Víctor493 Noriega353" if ",ORGANIZATION," in header else None)

    def test_names_that_no_file_tells_are_nobodys(self, tmp_path):
        [visit], _ = read(
            csv(tmp_path, SINCE_2020, f"{UUID},2023-01-27T16:17:47Z,,{PERSON},{UUID},{UUID},,,,")
        )
        assert (visit.provider, visit.office) == (None, None)

    def test_a_list_in_plain_words(self, tmp_path):
        csv(
            tmp_path,
            "\ufeffAppointment ID;Patient ID;Start time;End time;Provider name;Office;Reason",
            "7;MRN-1;2026-12-01 09:15;2026-12-01 10:00;Dr. Who;Main;Knee",
            name="Appointments.csv",
        )
        [visit], _ = read(tmp_path)
        assert visit == VisitRecord(
            row=2,
            source_id="7",
            patient="MRN-1",
            starts_at=datetime(2026, 12, 1, 14, 15, tzinfo=UTC),
            minutes=45,
            reason="Knee",
            provider="Dr. Who",
            office="Main",
        )

    @pytest.mark.parametrize(
        ("row", "reasons"),
        [
            (f",2023-01-27T16:17:47Z,,{PERSON},,,,,,", ["visit_id_missing"]),
            (f"{UUID},soon,,{PERSON},,,,,,", ["start_unreadable"]),
            (f"{UUID},0001-01-01T00:00:00+14:00,,{PERSON},,,,,,", ["start_unreadable"]),
            (f"{UUID},9999-12-31T23:59:59-12:00,,{PERSON},,,,,,", ["start_unreadable"]),
            (",,,,,,,,,x", ["visit_id_missing", "patient_missing", "start_unreadable"]),
            (f"{UUID},2023-01-27T16:17:47Z,,{PERSON},,,,,,,,more", ["cells_too_many"]),
            (f'{UUID},2023-01-27T16:17:47Z,,{PERSON},"a"b,,,,,', ["quotes_broken"]),
        ],
    )
    def test_unusable_rows(self, tmp_path, row, reasons):
        assert read(csv(tmp_path, SINCE_2020, row)) == ([], [(2, reasons)])

    @pytest.mark.parametrize("end", ["never", "2023-01-27T16:00:00Z"])
    def test_a_bad_end_is_left_out(self, tmp_path, end):
        row = f"{UUID},2023-01-27T16:17:47Z,{end},{PERSON},,,,,,"
        [visit], _ = read(csv(tmp_path, SINCE_2020, row))
        assert visit.minutes == 30
        assert [problem.reason.value for problem in visit.warnings] == ["end_unreadable"]

    def test_a_reason_without_end_or_with_marks(self, tmp_path):
        rows = [
            f"{n},2023-01-27T16:17:47Z,,{PERSON},,,,,,{text}"
            for n, text in enumerate(("x" * 5000, "a\u202eb", "<script>alert(1)</script>", "a\0b"))
        ]
        visits, rejected = read(csv(tmp_path, SINCE_2020, *rows[:3]))
        assert [v.reason for v in visits] == ["x" * 300, "ab", "<script>alert(1)</script>"]
        assert rejected == []
        assert refused(csv(tmp_path, SINCE_2020, rows[3]))[0] is FileProblem.NOT_TEXT


class TestFolder:
    def test_nothing_in_it(self, tmp_path):
        assert refused(tmp_path)[0] is FileProblem.NO_SCHEDULE

    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("encounters.csv", b"PK\x03\x04", FileProblem.WORKBOOK),
            ("encounters.csv", b"", FileProblem.EMPTY),
            ("encounters.csv", b"Id,NAME\n1,x\n", FileProblem.NO_VISIT_COLUMNS),
            ("encounters.csv", b'{"resourceType": "Bundle"}', FileProblem.NO_VISIT_COLUMNS),
            ("encounters.csv", b"Id,START,PATIENT\n", FileProblem.NO_ROWS),
            ("encounters.csv", b'Id,START,PATIENT\n1,"2,3\n', FileProblem.QUOTE_OPEN),
            ("a.json", b'{"resourceType": "Bundle", "entry": [{', FileProblem.JSON_BROKEN),
            ("a.json", b'{"a": 1}', FileProblem.NOT_FHIR),
            ("a.json", b"a,b\n1,2\n", FileProblem.NOT_FHIR),
        ],
    )
    def test_files_that_cannot_be_read_are_named(self, tmp_path, name, content, problem):
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path) == (problem, name)

    def test_no_visit_in_it(self, tmp_path):
        with pytest.raises(UnreadableFile) as caught:
            read(ndjson(tmp_path, "p.ndjson", {"resourceType": "RelatedPerson", "id": "1"}))
        assert caught.value.problem is FileProblem.NO_VISITS
        assert caught.value.detail == {"kinds": "RelatedPerson (1)"}


def appointment(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "start": "2026-12-01T09:15:00-05:00",
        "end": "2026-12-01T09:35:00-05:00",
        "description": "Knee",
        "participant": [
            {"actor": {"reference": "Patient/p1"}},
            {"actor": {"reference": "Practitioner/d1"}},
            {"actor": {"reference": "Location/l1", "display": "East Wing"}},
        ],
    } | more


DOCTOR = {
    "resourceType": "Practitioner",
    "id": "d1",
    "name": [{"prefix": ["Dr."], "given": ["Ana"], "family": "Ruiz"}],
}


class TestFhir:
    def test_an_appointment(self, tmp_path):
        ndjson(tmp_path, "all.ndjson", appointment(), DOCTOR)
        [visit], rejected = read(tmp_path)
        assert rejected == []
        assert visit == VisitRecord(
            row=1,
            source_id="Appointment/a1",
            patient="p1",
            starts_at=datetime(2026, 12, 1, 14, 15, tzinfo=UTC),
            minutes=20,
            reason="Knee",
            provider="Dr. Ana Ruiz",
            office="East Wing",
            state=State.SCHEDULED,
        )

    def test_a_patient_goes_by_the_number_of_the_records(self, tmp_path):
        patient = {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [
                {"type": {"coding": [{"code": "SS"}]}, "system": "s", "value": "999-12-3456"},
                {"type": {"coding": [{"code": "MR"}]}, "system": "m", "value": "MRN-1"},
                {"system": "x", "value": "42"},
            ],
        }
        by_identifier = {"actor": {"reference": "Patient?identifier=x|42"}}
        ndjson(
            tmp_path,
            "all.ndjson",
            appointment(),
            appointment(id="a2", participant=[by_identifier]),
            patient,
        )
        assert [visit.patient for visit in read(tmp_path)[0]] == ["MRN-1", "MRN-1"]

    @pytest.mark.parametrize(
        ("reference", "number"),
        [
            ({"reference": "https://ehr.example.com/fhir/Patient/p1/_history/3"}, "p1"),
            ({"reference": "Patient?identifier=https://x.org/a|7"}, "https://x.org/a|7"),
            ({"type": "Patient", "identifier": {"system": "s", "value": "7"}}, "s|7"),
            (
                {"identifier": {"type": {"coding": [{"code": "MR"}]}, "system": "s", "value": "7"}},
                "7",
            ),
            ({"reference": "urn:uuid:0-1"}, "0-1"),
        ],
    )
    def test_references_to_who_is_in_no_file(self, tmp_path, reference, number):
        encounter = {
            "resourceType": "Encounter",
            "id": "e1",
            "subject": reference,
            "period": {"start": "2026-12-01T09:15:00Z"},
        }
        [visit], _ = read(ndjson(tmp_path, "e.ndjson", encounter))
        assert visit.patient == number

    def test_a_bundle_s_addresses(self, tmp_path):
        bundle = {
            "resourceType": "Bundle",
            "entry": [
                {"fullUrl": "urn:uuid:aa", "resource": {**DOCTOR, "id": "other"}},
                {
                    "fullUrl": "urn:uuid:bb",
                    "resource": {
                        "resourceType": "Encounter",
                        "status": "finished",
                        "class": {"code": "VR"},
                        "subject": {"reference": "urn:uuid:cc"},
                        "participant": [{"individual": {"reference": "urn:uuid:aa"}}],
                        "period": {"start": "2026-12-01T09:15:00Z", "end": "2026-12-03T09:15:00Z"},
                    },
                },
                {"fullUrl": "urn:uuid:dd"},
            ],
        }
        (tmp_path / "bundle.json").write_text(json.dumps(bundle))
        [visit], _ = read(tmp_path)
        assert (visit.source_id, visit.patient, visit.provider) == ("bb", "cc", "Dr. Ana Ruiz")
        assert (visit.minutes, visit.video_visit, visit.state) == (480, True, State.COMPLETED)

    def test_what_is_no_visit_is_passed_over_and_counted(self, tmp_path):
        source = opened(
            ndjson(
                tmp_path,
                "all.ndjson",
                appointment(),
                appointment(id="a2", status="entered-in-error"),
                {"resourceType": "RelatedPerson", "id": "r"},
                {"resourceType": "Encounter", "id": "e", "appointment": [{"reference": "x"}]},
                {"exportId": "e", "eventId": "kickoff"},
            )
        )
        assert len(list(source)) == 1
        assert source.passed_over == {
            "Appointment (entered-in-error)": 1,
            "RelatedPerson": 1,
            "Encounter of an Appointment": 1,
            "export log": 1,
        }

    @pytest.mark.parametrize(
        ("broken", "reasons"),
        [
            (appointment(start=7), ["start_unreadable"]),
            (appointment(participant="nobody"), ["patient_missing"]),
            (appointment(participant=[{"actor": {"reference": {"a": 1}}}]), ["patient_missing"]),
            (appointment(id=["x"]), ["visit_id_missing"]),
            ({"hello": 1}, ["not_a_resource"]),
            (7, ["not_a_resource"]),
        ],
    )
    def test_hostile_shapes_are_rejected(self, tmp_path, broken, reasons):
        ndjson(tmp_path, "all.ndjson", appointment(id="good"), broken)
        visits, rejected = read(tmp_path)
        assert (len(visits), rejected) == (1, [(2, reasons)])


class TestValues:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2023-01-27T16:17:47Z", "2023-01-27T16:17:47+00:00"),
            ("2023-01-27T16:17:47-05:00", "2023-01-27T21:17:47+00:00"),
            ("2023-07-27 09:00", "2023-07-27T13:00:00+00:00"),
            ("2023-07-27", "2023-07-27T13:00:00+00:00"),
            ("20230727", "2023-07-27T13:00:00+00:00"),
            ("27.7.2023", None),
            ("07/27/2023", None),
            ("1066-10-14T09:00:00Z", None),
            ("", None),
        ],
    )
    def test_moment(self, text, expected):
        found = moment(text, ZoneInfo("America/New_York"))
        assert (found.isoformat() if found else None) == expected

    @pytest.mark.parametrize(("span", "expected"), [(0, 5), (14.6, 15), (479, 479), (9000, 480)])
    def test_minutes(self, span, expected):
        start = datetime(2026, 1, 1, tzinfo=UTC)
        end = datetime.fromtimestamp(start.timestamp() + span * 60, UTC)
        assert minutes_between(start, end) == expected

    @pytest.mark.parametrize(
        ("told", "hours", "moved", "expected"),
        [
            (None, -1, False, State.COMPLETED),
            (None, 1, False, State.SCHEDULED),
            (State.SCHEDULED, -1, False, State.SCHEDULED),
            (State.SCHEDULED, -1, True, State.COMPLETED),
            (State.COMPLETED, 1, True, State.SCHEDULED),
            (State.ARRIVED, 1, False, State.SCHEDULED),
            (State.ARRIVED, -1, False, State.ARRIVED),
            (State.CANCELLED, 1, True, State.CANCELLED),
            (State.NO_SHOW, 1, True, State.SCHEDULED),
            (State.NO_SHOW, -1, True, State.NO_SHOW),
            (State.CONFIRMED, 1, False, State.CONFIRMED),
        ],
    )
    def test_state(self, told, hours, moved, expected):
        now = datetime(2026, 11, 21, 17, tzinfo=UTC)
        found = state_at(told, now + timedelta(hours=hours), now=now, moved=moved)
        assert found is expected


class TestRealFiles:
    @pytest.mark.parametrize(
        ("name", "visits", "people"), [("synthea_2024_ma11", 388, 11), ("synthea_dbt27", 604, 27)]
    )
    def test_synthea(self, shared_data, name, visits, people):
        found, rejected = read(shared_data / "csv" / name)
        assert (len(found), rejected) == (visits, [])
        assert len({visit.patient for visit in found}) == people
        assert all(visit.provider and visit.office and visit.reason for visit in found)
        assert not any(visit.warnings for visit in found)

    def test_a_bulk_export(self, shared_data):
        source = opened(shared_data / "fhir/bulk_10_export")
        found = [seen.outcome for seen in source]
        assert len(found) == 1215
        assert all(isinstance(v, VisitRecord) and v.provider and v.office for v in found)
        assert source.passed_over["Patient"] == 13
        told = (shared_data / "fhir/bulk_10_export/Patient.000.ndjson").read_text(encoding="utf-8")
        patients = {json.loads(line)["id"] for line in told.splitlines()}
        assert {v.patient for v in found if isinstance(v, VisitRecord)} <= patients

    def test_whole_bundles(self, shared_data):
        found, rejected = read(shared_data / "fhir/synthea_r4_full_bundles")
        assert rejected == []
        assert len({visit.patient for visit in found}) == 3
        assert all(visit.provider and visit.office for visit in found)
