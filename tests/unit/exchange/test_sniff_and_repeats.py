"""What a file is by its content; record numbers that come twice; the log of problems."""

from __future__ import annotations

import pytest

from portal.exchange.problems import ProblemLog
from portal.exchange.record import (
    Field,
    FileProblem,
    PatientRecord,
    Reason,
    RejectedRow,
    RowProblem,
    UnreadableFile,
)
from portal.exchange.repeats import REPEATED, WithoutRepeats
from portal.exchange.sniff import detect, open_patients
from portal.exchange.wording import _FILES, _ROWS, _VALUES, FIELDS
from portal.people.rules import Refusal
from tests.unit.exchange.reading import TODAY


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", FileProblem.EMPTY),
        (b"\xef\xbb\xbf\r\n  ", FileProblem.EMPTY),
        (b"\xff\xfe", FileProblem.EMPTY),
        (b"PK\x03\x04xlsx", FileProblem.WORKBOOK),
        (b"\xd0\xcf\x11\xe0xls", FileProblem.WORKBOOK),
        (b"\x1f\x8bgz", FileProblem.COMPRESSED),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FileProblem.NOT_TEXT),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", FileProblem.NOT_TEXT),
        (b"%PDF-1.7", FileProblem.NOT_TEXT),
        (b"<?xml version='1.0'?>", FileProblem.XML),
        (b"<html>", FileProblem.XML),
        (b"-- dump\nINSERT INTO x", FileProblem.SQL),
        (b"insert into patient_data values (1)", FileProblem.SQL),
        (b"CREATE TABLE x (y int)", FileProblem.SQL),
        (b"[]", FileProblem.NOT_FHIR),
    ],
)
def test_what_is_no_patient_file(tmp_path, content, problem):
    path = tmp_path / "patients.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        detect(path)
    assert caught.value.problem is problem


def test_what_is_not_there(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UnreadableFile) as caught:
            detect(path)
        assert caught.value.problem is FileProblem.MISSING


def test_bytes_that_no_encoding_has(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"Id,FIRST,LAST\n1,A\x81nn,Lee\xff\n")
    with pytest.raises(UnreadableFile) as caught:
        open_patients(path, today=TODAY, country="US")
    assert caught.value.problem is FileProblem.ENCODING


def test_a_record_number_that_comes_twice(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("Id,FIRST,LAST\n1,Ann,Lee\n2,Bo,Lee\n1,Ann,Lee\n1,Eve,Lee\n1,Ann ,Lee\n")
    source = open_patients(path, today=TODAY, country="US")
    rows = WithoutRepeats(source)
    for _reading in range(2):
        outcomes = list(rows)
        assert [o.row for o in outcomes if isinstance(o, PatientRecord)] == [2, 3]
        (rejected,) = (o for o in outcomes if isinstance(o, RejectedRow))
        assert rejected == RejectedRow(
            5, (RowProblem(5, Field.RECORD_NUMBER, Reason.RECORD_NUMBER_REPEATED),)
        )
        assert source.passed_over == {REPEATED: 2}


def test_the_log_tells_every_problem_in_the_files_order():
    log = ProblemLog()
    told = [
        RowProblem(2, Field.EMAIL, Refusal.EMAIL_SHAPE),
        RowProblem(2, Field.SSN, Refusal.SSN_SHAPE),
        RowProblem(3, Field.EMAIL, Refusal.EMAIL_SHAPE),
        RowProblem(900, None, Reason.NOBODY),
    ]
    log.add(told)
    assert sorted(log, key=lambda p: (p.row, str(p.field))) == sorted(
        told, key=lambda p: (p.row, str(p.field))
    )
    assert [p.row for p in log] == [2, 2, 3, 900]
    assert len(log) == 4


def test_everything_has_its_words():
    assert _FILES.keys() == set(FileProblem)
    assert _ROWS.keys() == set(Reason)
    # No file carries an end date.
    assert _VALUES.keys() == set(Refusal) - {Refusal.END_DATE_UNREADABLE}
    assert FIELDS.keys() == set(Field)
