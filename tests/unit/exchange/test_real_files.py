"""Every file that the README of ../shared/data lists, with what must come out of it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from portal.exchange.record import FileProblem, PatientRecord, UnreadableFile
from tests.unit.exchange.reading import Read, read

AU_PATIENTS, AU_RELATED = 41, 19
HL7_PATIENTS = 22


def refused(path: Path) -> FileProblem:
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    return caught.value.problem


def filled(found: Read, name: str) -> int:
    return sum(1 for record in found.records if getattr(record, name))


class TestCsv:
    @pytest.mark.parametrize(
        ("name", "patients", "deceased"),
        [
            ("synthea_apr2020_1171", 1171, 171),
            ("synthea_2024_ma11", 11, 1),
            ("synthea_dbt27", 27, 2),
        ],
    )
    def test_synthea_whatever_its_header(self, shared_data, name, patients, deceased):
        found = read(shared_data / "csv" / name / "patients.csv")
        assert (len(found.records), len(found.rejected), found.left_out) == (patients, 0, {})
        for field in ("given_name", "family_name", "birth_date", "ssn", "street", "city"):
            assert filled(found, field) == patients, field
        assert filled(found, "deceased") == filled(found, "deceased_on") == deceased
        assert all(record.ssn.startswith("999") for record in found.records)
        assert len({record.record_number for record in found.records}) == patients

    def test_synthea_names_keep_their_digits(self, shared_data):
        found = read(shared_data / "csv/synthea_apr2020_1171/patients.csv")
        milo = found.records[1]
        assert (milo.row, milo.given_name, milo.family_name) == (3, "Milo271", "Feil794")
        assert milo.record_number == "034e9e3b-2def-4559-bb2a-7850888ae060"
        assert milo.postal_code == "02143"
        assert found.records[0].given_name == "José Eduardo181"

    def test_smart(self, shared_data):
        found = read(shared_data / "csv/smart_sample_patients.tsv.txt")
        assert (len(found.records), len(found.rejected), found.left_out) == (67, 0, {})
        assert (filled(found, "email"), filled(found, "phones")) == (57, 40)
        kevin = found.records[0]
        assert (kevin.record_number, kevin.given_name, kevin.middle_name, kevin.family_name) == (
            "2004454",
            "Kevin",
            "H",
            "Lee",
        )
        assert (kevin.street, kevin.country) == ("80 Mill St, Apt 21", "US")

    def test_openemr(self, shared_data):
        found = read(shared_data / "csv/openemr_patient_data.derived.csv")
        assert (len(found.records), len(found.rejected)) == (14, 0)
        # 111-11-1111 of John Dockerty; "(5555) 555-1111" stands in the emergency contact's column.
        assert found.left_out == {("ssn", "ssn_dummy"): 1}
        farrah = found.records[0]
        assert farrah.record_number == "10"  # pubpid, before pid
        assert [phone.kind for phone in farrah.phones] == ["home", "work"]
        assert farrah.language == "en"
        assert [record.given_name for record in found.records if record.language == "es"] == [
            "Nora"
        ]
        assert refused(shared_data / "csv/openemr_example_patient_data.sql") is FileProblem.SQL

    def test_febrl(self, shared_data):
        found = read(shared_data / "csv/febrl_dataset1.csv", country="AU")
        assert (len(found.records), len(found.rejected)) == (1000, 0)
        # Its social security numbers have seven digits; 3 dates are no days.
        assert found.left_out == {
            ("ssn", "ssn_shape"): 1000,
            ("birth_date", "birth_date_unreadable"): 3,
        }
        assert found.records[0].record_number == "rec-223-org"
        assert found.records[0].street == "6 tullaroop street, willaroo"
        assert found.records[0].postal_code == "4011"

    def test_thirty_locales(self, shared_data):
        found = read(shared_data / "odd/faker_30_locales.csv")
        assert (len(found.records), len(found.rejected)) == (300, 0)
        for field in ("given_name", "family_name", "birth_date"):
            assert filled(found, field) == 300
        # Numbers in the national form of 30 countries cannot be read in one.
        assert found.left_out == {("phone_other", "phone_impossible"): 172}
        assert (found.records[0].given_name, found.records[0].family_name) == ("修平", "佐々木")

    def test_what_is_no_list_of_patients(self, shared_data):
        for folder in ("synthea_apr2020_1171", "synthea_2024_ma11", "synthea_dbt27"):
            for other in ("providers.csv", "organizations.csv", "encounters.csv"):
                path = shared_data / "csv" / folder / other
                if path.exists():
                    assert refused(path) is FileProblem.NO_PATIENT_COLUMNS, path
        for name in (
            "phone/libphonenumber_examples.csv",
            "ssn/ssn_cases.csv",
            "odd/blns.txt",
            "README.md",
            "add_contacts.py",
            "with_contacts/bulk_1000.truth.csv",
        ):
            assert refused(shared_data / name) is FileProblem.NO_PATIENT_COLUMNS, name
        assert refused(shared_data / "email/isemail_tests.xml") is FileProblem.XML
        assert refused(shared_data / "odd/blns.json") is FileProblem.NOT_FHIR
        for path in (shared_data / "bounces").rglob("*"):
            if path.is_file():
                refused(path)


class TestFhir:
    def test_bulk_exports(self, shared_data):
        found = read(shared_data / "fhir/bulk_1000/Patient.000.ndjson")
        assert (len(found.records), len(found.rejected), found.left_out) == (1144, 0, {})
        for field in ("given_name", "family_name", "birth_date", "ssn", "phones", "city"):
            assert filled(found, field) == 1144, field
        assert filled(found, "deceased_on") == 144
        assert sum(1 for record in found.records if record.language == "es") == 61
        folder = shared_data / "fhir/bulk_10_export"
        assert len(read(folder / "Patient.000.ndjson").records) == 13
        for other in ("Encounter", "Location", "Organization", "Practitioner", "PractitionerRole"):
            assert refused(folder / f"{other}.000.ndjson") is FileProblem.NO_PATIENTS
        assert refused(folder / "log.ndjson") is FileProblem.NO_PATIENTS

    def test_whole_bundles(self, shared_data):
        for path in sorted((shared_data / "fhir/synthea_r4_full_bundles").glob("*.json")):
            found = read(path)
            assert (len(found.records), len(found.rejected)) == (1, 0)
            assert found.source.passed_over["Observation"] > 30

    def test_stu3_is_the_same_people_as_the_tsv(self, shared_data):
        found = read(shared_data / "fhir/smart_stu3_patients_with_email.ndjson")
        table = read(shared_data / "csv/smart_sample_patients.tsv.txt")
        assert (len(found.records), len(found.rejected), found.left_out) == (67, 0, {})
        people = {record.record_number.removeprefix("smart-"): record for record in found.records}
        shared = [record for record in table.records if record.record_number in people]
        assert len(shared) == 67
        same = [r for r in shared if people[r.record_number].email == r.email]
        assert len(same) >= 60
        aaron = people["9995679"]
        assert aaron.postal_code == "02155"

    def test_hl7_examples(self, shared_data):
        outcome = {}
        for path in sorted((shared_data / "fhir/hl7_r4_examples").glob("*.json")):
            try:
                found = read(path)
                outcome[path.stem] = (len(found.records), len(found.rejected))
            except UnreadableFile as error:
                outcome[path.stem] = error.problem
        singles = {n: o for n, o in outcome.items() if n.startswith("Patient-")}
        assert len(singles) == HL7_PATIENTS
        assert singles.pop("Patient-animal") is FileProblem.NO_PATIENTS
        # Neither a name nor a birth date: the unborn child.
        assert singles.pop("Patient-infant-fetal") == (0, 1)
        assert set(singles.values()) == {(1, 0)}
        others = {o for n, o in outcome.items() if n.startswith(("Person", "RelatedPerson"))}
        assert others == {FileProblem.NO_PATIENTS}
        bundles = [o for n, o in outcome.items() if n.startswith("Bundle")]
        assert sorted(bundles) == [
            *[(1, 0)] * 5,
            *[(2, 0)] * 2,
            (2, 2),  # one without name or birth date, one without anything
            (4, 1),  # one to be created, so without any number yet
            (12, 0),
        ]

    def test_hl7_example_patient(self, shared_data):
        (peter,) = read(
            shared_data / "fhir/hl7_r4_examples/Patient-example.json", country="AU"
        ).records
        assert (peter.given_name, peter.middle_name, peter.family_name) == (
            "Peter",
            "James",
            "Chalmers",
        )
        assert (peter.preferred_name, peter.record_number) == ("Jim", "12345")
        assert [(p.kind, p.e164) for p in peter.phones] == [
            ("work", "+61355556473"),
            ("mobile", "+61334105613"),
        ]

    def test_us_core(self, shared_data):
        folder = shared_data / "fhir/us_core_examples"
        for path in sorted(folder.glob("patient-*.json")):
            found = read(path)
            assert (len(found.records), found.left_out) == (1, {}), path
        (mary,) = read(folder / "patient-deceased-example.json").records
        assert (mary.record_number, mary.deceased, str(mary.deceased_on)) == (
            "55555555",
            True,
            "2022-07-22",
        )
        assert refused(folder / "relatedperson-shaw-niece.json") is FileProblem.NO_PATIENTS

    @pytest.mark.parametrize("country", ["US", "AU"])
    def test_australian_patients_in_whichever_practice(self, shared_data, country):
        folder = shared_data / "fhir/au_test_data"
        patients = [read(path, country=country) for path in sorted(folder.glob("Patient-*.json"))]
        assert len(patients) == AU_PATIENTS
        assert all((len(p.records), len(p.rejected)) == (1, 0) for p in patients)
        # In the United States, the national number of one who lives in Oslo says nothing.
        assert sum(sum(p.left_out.values()) for p in patients) == (1 if country == "US" else 0)
        related = sorted(folder.glob("RelatedPerson-*.json"))
        assert len(related) == AU_RELATED
        assert {refused(path) for path in related} == {FileProblem.NO_PATIENTS}

    def test_finnish_patients(self, shared_data):
        outcomes = {
            path.stem: read(path)
            for path in sorted((shared_data / "fhir/finnish_examples").glob("*"))
        }
        nameless = {name for name, found in outcomes.items() if found.rejected}
        assert nameless == {"example-patient", *(f"example-patient-{n}" for n in range(1, 6))}
        assert sum(len(found.records) for found in outcomes.values()) == 4
        (karen,) = outcomes["patientesim1"].records
        assert (karen.family_name, karen.record_number) == (
            "van der Hentenryck",
            "urn:oid:1.2.246.21|250810A999Y",
        )

    def test_a_month_for_a_birth_date_and_a_japanese_name(self, shared_data):
        (peter,) = read(shared_data / "fhir/fhir_resources_Patient-with-ext.json").records
        assert peter.birth_date is None
        assert peter.deceased
        assert ("birth_date", "birth_date_partial") in {
            (str(p.field), p.reason.value) for p in peter.warnings
        }
        (taro,) = read(shared_data / "odd/jp_core_patient.derived.json", country="JP").records
        assert (taro.family_name, taro.given_name) == ("山田", "太郎")
        assert taro.phones[0].e164 == "+81312345678"


class TestTruth:
    """``with_contacts``: what a correct importer ends up with, by the author of the data.

    One kind cannot be met by anybody: ``wrong_person``, the well-formed address of an unrelated
    patient (a clerk's slip). That two charts share it is all there is to see.
    """

    @pytest.mark.parametrize(
        ("name", "patients", "emails", "phones", "wrong_person"),
        [
            ("synthea_apr2020_1171.csv", 1171, 754, 1086, 4),
            ("bulk_1000.ndjson", 1144, 710, 1066, 0),
            ("one_full_bundle.json", 1, 1, 1, 0),
        ],
    )
    def test_all_agree(self, shared_data, name, patients, emails, phones, wrong_person):
        folder = shared_data / "with_contacts"
        found = read(folder / name)
        assert not found.rejected
        people = {record.record_number: record for record in found.records}
        with (folder / f"{name.split('.')[0]}.truth.csv").open(
            encoding="utf-8", newline=""
        ) as file:
            truth = {row["id"]: row for row in csv.DictReader(file)}
        if name == "one_full_bundle.json":
            # Its truth goes by the resource's id; the chart, by 12.1, by the identifier of type MR.
            people = dict(zip(truth, found.records, strict=True))
        assert people.keys() == truth.keys()
        assert len(people) == patients
        slips = {i for i, row in truth.items() if row["email_category"] == "wrong_person"}
        assert len(slips) == wrong_person
        addresses = [record.email for record in found.records]
        for number, row in truth.items():
            if number in slips:
                assert addresses.count(row["email_written"]) == 2
            else:
                assert (people[number].email or "") == row["email_expected"], row
            assert self.added_phone(people[number], name) == row["phone_expected"], row
        assert sum(1 for row in truth.values() if row["email_expected"]) == emails
        assert sum(1 for row in truth.values() if row["phone_expected"]) == phones

    def added_phone(self, record: PatientRecord, name: str) -> str:
        """The number that add_contacts.py wrote: the mobile one in FHIR, the only one in CSV."""
        kind = "other" if name.endswith(".csv") else "mobile"
        return next((phone.e164 for phone in record.phones if phone.kind == kind), "")

    def test_a_file_as_excel_saves_it_is_the_same(self, shared_data, tmp_path):
        path = shared_data / "with_contacts/synthea_apr2020_1171.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        excel = tmp_path / "excel.csv"
        with excel.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=";", lineterminator="\r\n").writerows(rows)
        assert read(excel).records == read(path).records
