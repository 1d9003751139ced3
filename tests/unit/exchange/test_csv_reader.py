"""CSV files as they come: encodings, delimiters, line ends, headers, and what is broken in them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from portal.exchange.record import Field, FileProblem, UnreadableFile
from tests.unit.exchange.reading import read

Write = Callable[..., Path]
HEADER = "Id,FIRST,LAST,BIRTHDATE,EMAIL,PHONE"
JEN = "7,Jenny,Núñez,1980-02-11,jen@example.com,(202) 555-0123"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*lines: str, end: str = "\n", encoding: str = "utf-8", name: str = "p.csv") -> Path:
        path = tmp_path / name
        path.write_bytes((end.join(lines) + end).encode(encoding))
        return path

    return write


def problem_of(path: Path) -> FileProblem:
    with pytest.raises(UnreadableFile) as caught:
        read(path)
    return caught.value.problem


class TestMakings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_every_encoding_line_end_and_delimiter(self, write, encoding, end, delimiter):
        lines = [line.replace(",", delimiter) for line in (HEADER, JEN)]
        found = read(write(*lines, end=end, encoding=encoding))
        (jen,) = found.records
        assert not found.rejected
        assert (jen.row, jen.record_number, jen.given_name, jen.family_name) == (
            2,
            "7",
            "Jenny",
            "Núñez",
        )
        assert jen.birth_date == date(1980, 2, 11)
        assert jen.email == "jen@example.com"
        assert [phone.e164 for phone in jen.phones] == ["+12025550123"]

    def test_excels_hint_line(self, write):
        found = read(write("sep=;", HEADER.replace(",", ";"), JEN.replace(",", ";")))
        assert [record.row for record in found.records] == [3]

    def test_a_late_accent_decides_the_encoding(self, write):
        plain = [f"{n},Ann,Lee,1980-02-11,," for n in range(3000)]
        found = read(write(HEADER, *plain, "x,Jos\u00e9,Lee,1980-02-11,,", encoding="cp1252"))
        assert found.records[-1].given_name == "José"

    def test_rows_are_counted_as_a_spreadsheet_counts(self, write):
        path = write("Id,FIRST,LAST,ADDRESS", '1,Ann,Lee,"12 Main St\nApt 4"', "", "2,Bo,Lee,x")
        ann, bo = read(path).records
        assert (ann.row, bo.row) == (2, 4)
        assert ann.street == "12 Main St Apt 4"

    def test_header_names_in_any_case_with_stray_spaces(self, write):
        found = read(
            write(" Medical Record Number ,First_Name, last name,D.O.B.", "1,Ann,Lee,1/2/1980")
        )
        assert found.records[0].record_number == "1"
        assert found.source.mapping[0] == (Field.RECORD_NUMBER, "Medical Record Number")

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [
            ("rec_id,Id,PID,pubpid,MRN", "MRN"),
            ("rec_id,Id,PID,pubpid", "pubpid"),
            ("rec_id,Id,PID", "PID"),
            ("rec_id,Id", "Id"),
            ("rec_id", "rec_id"),
            ("MRN,Record number", "Record number"),
        ],
    )
    def test_the_record_number_is_the_column_of_12_1(self, write, columns, expected):
        path = write(columns + ",FIRST,LAST", columns + ",Ann,Lee")
        assert read(path).records[0].record_number == expected

    def test_memory_is_flat(self, tmp_path):
        def peak(rows: int) -> int:
            path = tmp_path / f"{rows}.csv"
            with path.open("w", encoding="utf-8") as file:
                file.write(HEADER + "\n")
                file.writelines(f"{n},Ann,Lee,1980-02-11,,\n" for n in range(rows))
            from portal.exchange.sniff import open_patients

            tracemalloc.start()
            assert sum(1 for _ in open_patients(path, today=date(2026, 1, 1), country="US")) == rows
            used = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return used

        peak(10)
        assert peak(10_000) < peak(1_000) + 3_000_000


class TestValues:
    def test_a_bad_value_is_left_out_and_the_row_is_kept(self, write):
        path = write(
            "Id,FIRST,LAST,BIRTHDATE,EMAIL,PHONE,SSN",
            "7,Ann,Lee,2/30/1980,ann at example,12,078-05-1120",
        )
        found = read(path)
        (ann,) = found.records
        assert (ann.birth_date, ann.email, ann.phones, ann.ssn) == (None, None, (), None)
        assert [(p.row, str(p.field), p.reason.value) for p in ann.warnings] == [
            (2, "birth_date", "birth_date_unreadable"),
            (2, "email", "email_shape"),
            (2, "phone_other", "phone_impossible"),
            (2, "ssn", "ssn_dummy"),
        ]

    def test_blanks_of_database_dumps(self, write):
        found = read(write("Id,FIRST,LAST,DOB,DOD,SSN", r"7,Ann,Null,0000-00-00,NULL,\N"))
        (ann,) = found.records
        assert (ann.family_name, ann.birth_date, ann.deceased_on) == ("Null", None, None)
        assert not ann.warnings

    def test_two_addresses_in_a_cell(self, write):
        (ann,) = read(write(HEADER, '7,Ann,Lee,,"a@example.com; b@example.com",')).records
        assert ann.email == "a@example.com"
        assert ann.warnings[0].reason.value == "email_several"

    def test_a_made_up_address(self, write):
        found = read(write(HEADER, "1,A,Lee,,patient@example.com,", "2,B,Lee,,test@test.com,"))
        assert [record.email for record in found.records] == [None, "test@test.com"]

    @pytest.mark.parametrize(
        ("header", "code", "expected"),
        [
            ("ZIP", "2155", "02155"),
            ("ZIP", "601", "00601"),
            ("ZIP", "2155-1234", "02155-1234"),
            ("ZIP", "21551234", "021551234"),
            ("ZIP", "02155", "02155"),
            ("ZIP", "SW1A 1AA", "SW1A 1AA"),
            ("postcode", "4011", "4011"),
        ],
    )
    def test_zeros_that_a_spreadsheet_ate(self, write, header, code, expected):
        (ann,) = read(write(f"Id,FIRST,LAST,{header}", f"1,Ann,Lee,{code}")).records
        assert ann.postal_code == expected

    def test_an_ssn_of_eight_digits_is_left_out(self, write):
        (ann,) = read(write("Id,FIRST,LAST,SSN", "1,Ann,Lee,1234567")).records
        assert ann.warnings[0].reason.value == "ssn_shape"
        (ann,) = read(write("Id,FIRST,LAST,SSN", "1,Ann,Lee,12345678")).records
        assert ann.ssn is None
        assert ann.warnings[0].reason.value == "ssn_zero_lost"

    def test_excel_serial_dates(self, write):
        (ann,) = read(write(HEADER, "1,Ann,Lee,29262,,")).records
        assert ann.birth_date == date(1980, 2, 11)

    def test_phones_by_kind_each_once(self, write):
        (ann,) = read(
            write(
                "Id,FIRST,LAST,Phone,Home phone,Cell,Work Phone",
                "1,Ann,Lee,202-555-0123,202-555-0124 x7,(202) 555-0123,",
            )
        ).records
        assert [tuple(phone) for phone in ann.phones] == [
            ("mobile", "+12025550123", None),
            ("home", "+12025550124", "7"),
        ]

    def test_a_number_of_the_patients_own_country(self, write):
        (ann,) = read(
            write("Id,FIRST,LAST,Phone,Country", "1,Ann,Lee,0491 572 665,Australia")
        ).records
        assert ann.country == "AU"
        assert ann.phones[0].e164 == "+61491572665"

    def test_street_in_several_columns(self, write):
        (ann,) = read(
            write("Id,FIRST,LAST,street_number,address_1,address_2", "1,Ann,Lee,6,Main St,Apt 4")
        ).records
        assert ann.street == "6 Main St, Apt 4"

    @pytest.mark.parametrize(
        ("died", "flag", "deceased", "day"),
        [
            ("2020-05-01", "", True, date(2020, 5, 1)),
            ("", "yes", True, None),
            ("", "no", None, None),
            ("sometime", "", None, None),
        ],
    )
    def test_death(self, write, died, flag, deceased, day):
        (ann,) = read(write("Id,FIRST,LAST,DEATHDATE,Deceased", f"1,Ann,Lee,{died},{flag}")).records
        assert (ann.deceased, ann.deceased_on) == (deceased, day)

    def test_a_name_in_one_column(self, write):
        found = read(
            write("MRN,Name,DOB", '1,"Lee, Ann Marie",1/2/1980', "2,Mrs. Ann M. Lee,", "3,Cher,")
        )
        assert [(r.given_name, r.middle_name, r.family_name) for r in found.records] == [
            ("Ann", "Marie", "Lee"),
            ("Ann", "M.", "Lee"),
            (None, None, "Cher"),
        ]


class TestUnusableRows:
    def test_no_record_number_or_nobody(self, write):
        found = read(
            write(
                HEADER, ",Ann,Lee,1980-02-11,,", "2,,,,b@example.com,", "3,,,1980-02-11,,", ",,,x,,"
            )
        )
        assert [record.row for record in found.records] == [4]
        assert found.rejections == [
            (2, ["record_number_missing"]),
            (3, ["nobody"]),
            (5, ["birth_date_unreadable", "record_number_missing", "nobody"]),
        ]

    def test_a_row_whose_values_may_stand_in_the_wrong_columns(self, write):
        found = read(
            write(
                HEADER,
                "1,Ann,Lee,1980-02-11,,,surplus",
                "2,Ann,Lee",
                "3,Ann,Lee,1980-02-11,,,,,",
                "4,Ann,Lee,1980-02-11",
            )
        )
        assert found.rejections == [(2, ["cells_too_many"]), (3, ["cells_too_few"])]
        assert [record.row for record in found.records] == [4, 5]
        assert [p.reason.value for p in found.records[1].warnings] == ["cells_too_few"]

    def test_a_stray_quotation_mark_spoils_its_row_only(self, write):
        found = read(write(HEADER, '1,"Ann" x,Lee,1980-02-11,,', "2,Bo,Lee,1980-02-11,,"))
        assert found.rejections == [(2, ["quotes_broken"])]
        assert [record.record_number for record in found.records] == ["2"]

    def test_nul_bytes_far_into_the_file(self, write):
        rows = [f"{n},Ann,Lee,1980-02-11,," for n in range(5000)]
        found = read(write(HEADER, *rows, "x,A\0nn,Lee,1980-02-11,,", "y\0,Ann,Lee,1980-02-11,,"))
        assert found.left_out == {("given_name", "text_control"): 1}
        assert found.rejections == [(5003, ["text_control", "record_number_missing"])]


class TestUnreadableFiles:
    def test_no_patients(self, write):
        assert problem_of(write("Id,NAME,ADDRESS", "1,x,y")) is FileProblem.NO_PATIENT_COLUMNS
        assert problem_of(write("FIRST,LAST", "x,y")) is FileProblem.NO_RECORD_NUMBER_COLUMN
        assert problem_of(write(HEADER)) is FileProblem.NO_ROWS
        assert problem_of(write("", "")) is FileProblem.EMPTY

    def test_two_columns_of_one_name(self, write):
        path = write("Id,FIRST,LAST,dob,DOB", "1,a,b,1980-01-01,1981-01-01")
        assert problem_of(path) is FileProblem.COLUMN_TWICE

    def test_a_quotation_mark_that_is_never_closed(self, write):
        with pytest.raises(UnreadableFile) as caught:
            read(write(HEADER, JEN, '2,"Ann,Lee,1980-02-11,,', JEN))
        assert caught.value.problem is FileProblem.QUOTE_OPEN
        assert caught.value.detail == {"row": 3}

    def test_a_quotation_mark_that_swallows_a_long_file(self, write):
        rows = [f"{n},Ann,Lee,1980-02-11,," for n in range(9000)]
        assert problem_of(write(HEADER, '1,"Ann,Lee,,,', *rows)) is FileProblem.QUOTE_OPEN

    def test_an_open_quotation_mark_in_the_header(self, write):
        assert problem_of(write('"Id,FIRST,LAST', "1,a,b")) in {
            FileProblem.QUOTE_OPEN,
            FileProblem.NO_PATIENT_COLUMNS,
        }

    def test_a_line_without_end(self, tmp_path):
        path = tmp_path / "endless.csv"
        path.write_text(HEADER + "\n" + "x" * (2 << 20))
        assert problem_of(path) is FileProblem.LINE_TOO_LONG
