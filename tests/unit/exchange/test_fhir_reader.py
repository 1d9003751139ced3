"""FHIR files: which of a Patient's many names, numbers and identifiers count."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.exchange.record import FileProblem, UnreadableFile
from tests.unit.exchange.reading import Read, read

MR = {"type": {"coding": [{"code": "MR"}]}, "value": "77"}
SSN = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456"}
PERSON: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Lee", "given": ["Ann"]}],
}


@pytest.fixture
def patient(tmp_path):
    """Read one Patient with these elements."""

    def patient(**elements: Any):
        path = tmp_path / "patient.json"
        path.write_text(json.dumps(PERSON | elements), encoding="utf-8")
        (record,) = read(path).records
        return record

    return patient


def bundle(tmp_path: Path, *entries: Any, **more: Any) -> Path:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": list(entries)} | more))
    return path


def ndjson(tmp_path: Path, *lines: str) -> Read:
    path = tmp_path / "Patient.ndjson"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read(path)


class TestRecordNumber:
    @pytest.mark.parametrize(
        ("identifiers", "number"),
        [
            ([{"system": "urn:x", "value": "1"}, MR], "77"),
            ([SSN, {"system": "urn:x", "value": "1"}], "urn:x|1"),
            ([{"value": "1"}], "p1"),
            ([SSN], "p1"),
            ([{"type": {"coding": [{"code": "DL"}]}, "system": "urn:dl", "value": "S1"}], "p1"),
            ([MR | {"use": "old"}], "p1"),
            ([MR | {"period": {"end": "2019"}}], "p1"),
            ([{"extension": [{"url": "data-absent-reason", "valueCode": "masked"}]}], "p1"),
            ([], "p1"),
        ],
    )
    def test_mr_else_system_and_value_else_id(self, patient, identifiers, number):
        assert patient(identifier=identifiers).record_number == number

    def test_an_ssn_is_an_ssn_and_never_a_record_number(self, patient):
        record = patient(identifier=[SSN])
        assert record.ssn == "999123456"
        assert "999" not in record.record_number
        other = {"type": {"coding": [{"code": "SS"}]}, "value": "999123457"}
        assert patient(identifier=[other]).ssn == "999123457"

    def test_without_any_the_row_is_unusable(self, tmp_path):
        found = read(
            bundle(tmp_path, {"resource": {k: PERSON[k] for k in ("resourceType", "name")}})
        )
        assert found.rejections == [(1, ["record_number_missing"])]


class TestNames:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            ([{"family": "Lee", "given": ["Ann", "M", "J"]}], ("Ann", "M J", "Lee", None)),
            (
                [
                    {"use": "usual", "given": ["Jim"]},
                    {"use": "official", "family": "Lee", "given": ["James"]},
                ],
                ("James", None, "Lee", "Jim"),
            ),
            (
                [
                    {"use": "old", "family": "Old", "given": ["Ann"]},
                    {"use": "usual", "family": "Lee", "given": ["Ann"]},
                ],
                ("Ann", None, "Lee", None),
            ),
            (
                [
                    {"family": "Lee", "given": ["Margaret"]},
                    {"use": "nickname", "given": ["Peggy"]},
                    {"use": "maiden", "family": "Windsor"},
                ],
                ("Margaret", None, "Lee", "Peggy"),
            ),
            (
                [
                    {"use": "official", "family": "Lee", "given": ["A"], "period": {"end": "2002"}},
                    {"use": "official", "family": "Ray", "given": ["A"]},
                ],
                ("A", None, "Ray", None),
            ),
            ([{"text": "Mrs. Anne Mary Bennelong"}], ("Anne", "Mary", "Bennelong", None)),
            ([{"text": "张无忌"}], (None, None, "张无忌", None)),
            ([{"family": ["de", "Lee"], "given": ["Ann"]}], ("Ann", None, "de Lee", None)),
        ],
    )
    def test_which_name_counts(self, patient, names, expected):
        record = patient(name=names)
        assert (
            record.given_name,
            record.middle_name,
            record.family_name,
            record.preferred_name,
        ) == expected

    def test_a_name_that_is_absent(self, tmp_path):
        absent = {"family": None, "_family": {"extension": [{"url": "data-absent-reason"}]}}
        resource = PERSON | {"name": [absent]}
        assert read(bundle(tmp_path, {"resource": resource})).rejections == [(1, ["nobody"])]
        kept = read(bundle(tmp_path, {"resource": resource | {"birthDate": "1980-02-11"}}))
        assert kept.records[0].family_name is None


class TestTelecom:
    def test_what_holds_today_by_rank(self, patient):
        record = patient(
            telecom=[
                {"system": "email", "value": "old@example.com", "use": "old"},
                {"system": "email", "value": "over@example.com", "period": {"end": "2019-06-30"}},
                {"system": "email", "value": "soon@example.com", "period": {"start": "2030"}},
                {"system": "email", "use": "home"},
                {"system": "email", "value": "second@example.com", "rank": 2},
                {"system": "email", "value": "first@example.com", "rank": 1},
                {"use": "home"},
                {"system": "fax", "value": "202-555-0199"},
                {"system": "phone", "value": "202-555-0123", "use": "home"},
                {"system": "phone", "value": "202-555-0124"},
                {"system": "sms", "value": "202-555-0125", "rank": 1},
                {"system": "phone", "value": "202-555-0126", "use": "work"},
                {"system": "phone", "value": "202-555-0127", "period": {"end": "2026-11-21"}},
            ]
        )
        assert record.email == "first@example.com"
        assert [tuple(phone)[:2] for phone in record.phones] == [
            ("mobile", "+12025550125"),
            ("home", "+12025550123"),
            ("other", "+12025550124"),
            ("work", "+12025550126"),
            ("other", "+12025550127"),
        ]

    def test_a_bad_first_address_gives_way_to_the_next(self, patient):
        record = patient(
            telecom=[
                {"system": "email", "value": "none"},
                {"system": "email", "value": "ann@example.com"},
            ]
        )
        assert record.email == "ann@example.com"
        assert [p.reason.value for p in record.warnings] == ["email_placeholder"]


class TestOtherElements:
    @pytest.mark.parametrize("partial", ["1970", "1970-03"])
    def test_a_partial_birth_date_is_left_out(self, patient, partial):
        record = patient(birthDate=partial)
        assert record.birth_date is None
        assert record.warnings[0].reason.value == "birth_date_partial"

    @pytest.mark.parametrize(
        ("elements", "deceased", "day"),
        [
            ({"deceasedBoolean": True}, True, None),
            ({"deceasedBoolean": False}, None, None),
            ({"deceasedDateTime": "2015-02-14T13:42:00+10:00"}, True, date(2015, 2, 14)),
            ({"deceasedDateTime": "2015"}, True, None),
            ({}, None, None),
        ],
    )
    def test_death(self, patient, elements, deceased, day):
        record = patient(**elements)
        assert (record.deceased, record.deceased_on) == (deceased, day)

    def test_address(self, patient):
        record = patient(
            address=[
                {"use": "old", "city": "Oldtown"},
                {"use": "work", "city": "Worktown"},
                {
                    "use": "home",
                    "line": ["12 Main St", "Apt 4"],
                    "city": "Medford",
                    "state": "MA",
                    "postalCode": "2155",
                    "country": "USA",
                },
            ]
        )
        assert (record.street, record.city, record.region) == ("12 Main St, Apt 4", "Medford", "MA")
        assert (record.postal_code, record.country) == ("02155", "US")

    @pytest.mark.parametrize(
        ("communication", "language"),
        [
            ([{"language": {"coding": [{"code": "es-MX"}]}}], "es"),
            (
                [
                    {"language": {"text": "Spanish"}},
                    {"language": {"text": "English"}, "preferred": True},
                ],
                "en",
            ),
            (
                [
                    {"language": {"text": "Russian"}, "preferred": True},
                    {"language": {"text": "English"}},
                ],
                None,
            ),
            ([{"language": {"coding": [{"code": "nl"}], "text": "Nederlands"}}], None),
            ([{"language": "en"}], None),
        ],
    )
    def test_language(self, patient, communication, language):
        assert patient(communication=communication).language == language

    def test_provider(self, patient):
        record = patient(generalPractitioner=[{"reference": "x"}, {"display": "Dr Adam Careful"}])
        assert record.provider == "Dr Adam Careful"

    @pytest.mark.parametrize("nonsense", [None, 1, "x", [], {}, [None], ["x"], [[]], {"coding": 1}])
    def test_elements_of_the_wrong_shape_break_nothing(self, patient, nonsense):
        names = "identifier telecom address communication generalPractitioner extension birthDate"
        record = patient(**dict.fromkeys(names.split(), nonsense))
        assert record.record_number == "p1"
        in_it = dict.fromkeys(
            ["type", "period", "use", "system", "value", "rank", "line"], nonsense
        )
        patient(telecom=[in_it], identifier=[in_it], address=[in_it])


class TestFiles:
    def test_a_bundle_tells_what_it_passed_over(self, tmp_path):
        animal = PERSON | {
            "id": "dog",
            "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-animal"}],
        }
        found = read(
            bundle(
                tmp_path,
                {"resource": {"resourceType": "Encounter"}},
                {"resource": PERSON, "request": {"method": "POST"}},
                {"response": {"status": "200"}},
                {"resource": animal},
                {
                    "resource": {
                        "resourceType": "Bundle",
                        "entry": [{"resource": PERSON | {"id": "p2"}}],
                    }
                },
                {"resource": {"no": "type"}},
                type="transaction",
            )
        )
        assert [(record.row, record.record_number) for record in found.records] == [
            (2, "p1"),
            (5, "p2"),
        ]
        assert found.source.passed_over == {
            "Encounter": 1,
            "entry without a resource": 1,
            "animal": 1,
        }
        assert found.rejections == [(6, ["not_a_resource"])]

    def test_the_type_may_stand_behind_the_entries(self, tmp_path):
        path = tmp_path / "late.json"
        path.write_text(json.dumps({"entry": [{"resource": PERSON}], "resourceType": "Bundle"}))
        assert len(read(path).records) == 1

    def test_ndjson_by_line(self, tmp_path):
        line = json.dumps(PERSON)
        found = ndjson(
            tmp_path, line, "", line[:-5], "[1]", json.dumps(PERSON | {"id": "p2"}), "[" * 9999
        )
        assert [record.row for record in found.records] == [1, 5]
        assert found.rejections == [
            (3, ["json_broken"]),
            (4, ["not_a_resource"]),
            (6, ["json_broken"]),
        ]

    @pytest.mark.parametrize("name", ["patients.ndjson", "patients.json", "patients"])
    @pytest.mark.parametrize("prefix", ["", "\ufeff"])
    def test_ndjson_by_its_content(self, tmp_path, name, prefix):
        path = tmp_path / name
        lines = [json.dumps(PERSON | {"id": f"p{n}"}) for n in range(3)]
        path.write_text(prefix + "\r\n".join(lines), encoding="utf-8")
        assert [record.row for record in read(path).records] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType"',
                FileProblem.JSON_BROKEN,
            ),
            ('{"resourceType": "Bundle", "entry": []}', FileProblem.NO_PATIENTS),
            ('{"resourceType": "Person", "id": "x"}', FileProblem.NO_PATIENTS),
            ('{"resourceType": "List", "entry": [{"item": 1}]}', FileProblem.NOT_FHIR),
            ('{"hello": "world"}', FileProblem.NOT_FHIR),
            ("{}", FileProblem.NOT_FHIR),
            ("{", FileProblem.JSON_BROKEN),
            ('{"a": ' + "[" * 100_000, FileProblem.JSON_BROKEN),
            ("[]", FileProblem.NOT_FHIR),
        ],
    )
    def test_files_that_cannot_be_read(self, tmp_path, text, problem):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(UnreadableFile) as caught:
            read(path)
        assert caught.value.problem is problem
