"""Sentences for what is wrong with a file, a row or a value of it."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.exchange.record import Field, FileProblem, Reason, RowProblem, UnreadableFile
from portal.people.rules import Refusal

_FILES: dict[FileProblem, LazyString] = {
    FileProblem.MISSING: _("The file cannot be opened."),
    FileProblem.EMPTY: _("The file is empty."),
    FileProblem.WORKBOOK: _(
        "This is a spreadsheet or an archive. Open it and save the sheet as CSV, then import that."
    ),
    FileProblem.COMPRESSED: _(
        "The file is compressed. Unpack it first, then import what is in it."
    ),
    FileProblem.NOT_TEXT: _("This is no text file, so it is neither CSV nor FHIR."),
    FileProblem.ENCODING: _(
        "The file's characters cannot be read. Save it as CSV in UTF-8, then import that."
    ),
    FileProblem.XML: _("This is XML. FHIR can be imported as JSON, other patient lists as CSV."),
    FileProblem.SQL: _(
        "This is a file of database commands. Export the patients as CSV, then import that."
    ),
    FileProblem.NO_PATIENT_COLUMNS: _(
        "This is no list of patients: among its columns (%(columns)s) are neither birth dates nor"
        " first and last names."
    ),
    FileProblem.NO_RECORD_NUMBER_COLUMN: _(
        "None of the columns (%(columns)s) holds the record numbers. Call it MRN, PID or Id."
    ),
    FileProblem.COLUMN_TWICE: _("Two columns are called %(column)s. Rename or remove one of them."),
    FileProblem.QUOTE_OPEN: _(
        "A quotation mark in row %(row)s is never closed, so that all behind it runs together."
    ),
    FileProblem.LINE_TOO_LONG: _(
        "Line %(row)s is too long to be one. The file is broken, or of another kind."
    ),
    FileProblem.NO_ROWS: _("The file has column names, but no patients below them."),
    FileProblem.JSON_BROKEN: _(
        "The file is broken: its JSON ends too early or has a mistake after entry %(row)s."
    ),
    FileProblem.NOT_FHIR: _(
        "This is JSON, but not FHIR: a Bundle, a Patient, or one resource in each line."
    ),
    FileProblem.NO_PATIENTS: _("No patient is in this file. It holds: %(kinds)s."),
    FileProblem.NO_SCHEDULE: _(
        "No appointments are in this folder: there is neither an encounters.csv or appointments.csv, nor"
        " FHIR in .json or .ndjson files."
    ),
    FileProblem.NO_VISIT_COLUMNS: _(
        "This is no list of visits: among its columns (%(columns)s) the visit's own id, its start or its"
        " patient is missing. Call them Id, START and PATIENT."
    ),
    FileProblem.NO_VISITS: _(
        "Neither an Appointment nor an Encounter is in these files. They hold: %(kinds)s."
    ),
    FileProblem.CHANGED_MEANWHILE: _(
        "The file was changed while it was being read. Nothing was imported; import it again."
    ),
}

_ROWS: dict[Reason, LazyString] = {
    Reason.RECORD_NUMBER_MISSING: _("It has no record number."),
    Reason.NOBODY: _("It has neither a name nor a birth date."),
    Reason.RECORD_NUMBER_REPEATED: _(
        "Its record number stands in an earlier row too, with other values."
    ),
    Reason.CELLS_TOO_MANY: _("It has more cells than there are columns."),
    Reason.CELLS_TOO_FEW: _("It has fewer cells than there are columns."),
    Reason.QUOTES_BROKEN: _("A quotation mark stands in the middle of a cell."),
    Reason.JSON_BROKEN: _("Its JSON is broken."),
    Reason.NOT_A_RESOURCE: _("It is no FHIR resource."),
    Reason.SSN_ZERO_LOST: _(
        "It has eight digits: a spreadsheet may have dropped a zero at the beginning."
    ),
    Reason.PROVIDER_UNKNOWN: _("The practice has no provider of this name."),
    Reason.BALANCE_UNREADABLE: _("It is no amount of money."),
    Reason.VISIT_ID_MISSING: _(
        "It has no id of its own, so that a second import would make it twice."
    ),
    Reason.VISIT_ID_REPEATED: _("Its id stands in an earlier row too, with other values."),
    Reason.PATIENT_MISSING: _("It names no patient."),
    Reason.PATIENT_UNKNOWN: _("The practice has no patient with this record number."),
    Reason.START_UNREADABLE: _("It is no date with a time, or could be read in two ways."),
    Reason.END_UNREADABLE: _("It is no time after the start; the usual duration was taken."),
}

# What a form says to the person who types would be out of place for a file.
_VALUES: dict[Refusal, LazyString] = {
    Refusal.SSN_SHAPE: _("It does not have nine digits in the usual groups."),
    Refusal.SSN_IMPOSSIBLE: _("No social security number looks like this."),
    Refusal.SSN_DUMMY: _("It is a well-known sample number."),
    Refusal.PHONE_UNREADABLE: _("It is no phone number, or more than one."),
    Refusal.PHONE_IMPOSSIBLE: _("It has too few or too many digits, or no such area code exists."),
    Refusal.EMAIL_SHAPE: _("It is not in the form of an email address."),
    Refusal.EMAIL_PLACEHOLDER: _("It says that there is no email address."),
    Refusal.EMAIL_SEVERAL: _("There are several addresses; the first was taken."),
    Refusal.BIRTH_DATE_UNREADABLE: _("It is no date, or could be read in two ways."),
    Refusal.BIRTH_DATE_PARTIAL: _("It lacks the day or the month."),
    Refusal.BIRTH_DATE_FUTURE: _("It is in the future."),
    Refusal.BIRTH_DATE_TOO_OLD: _("It is more than 130 years ago."),
    Refusal.DEATH_DATE_UNREADABLE: _("It is no date, or could be read in two ways."),
    Refusal.DEATH_DATE_FUTURE: _("It is in the future."),
    Refusal.TEXT_CONTROL: _("It contains a line break or a control character."),
    Refusal.TEXT_TOO_LONG: _("It is too long."),
}

FIELDS: dict[Field, LazyString] = {
    Field.RECORD_NUMBER: _("record number"),
    Field.GIVEN_NAME: _("first name"),
    Field.MIDDLE_NAME: _("middle name"),
    Field.FAMILY_NAME: _("last name"),
    Field.PREFERRED_NAME: _("preferred name"),
    Field.FULL_NAME: _("name"),
    Field.BIRTH_DATE: _("birth date"),
    Field.EMAIL: _("email"),
    Field.PHONE_MOBILE: _("mobile phone"),
    Field.PHONE_HOME: _("home phone"),
    Field.PHONE_WORK: _("work phone"),
    Field.PHONE_OTHER: _("phone"),
    Field.SSN: _("social security number"),
    Field.STREET: _("street"),
    Field.CITY: _("city"),
    Field.REGION: _("state"),
    Field.POSTAL_CODE: _("ZIP code"),
    Field.COUNTRY: _("country"),
    Field.LANGUAGE: _("language"),
    Field.DECEASED: _("deceased"),
    Field.DECEASED_ON: _("date of death"),
    Field.PROVIDER: _("provider"),
    Field.BALANCE: _("balance"),
    Field.VISIT_ID: _("visit's id"),
    Field.PATIENT: _("patient"),
    Field.START: _("start"),
    Field.END: _("end"),
    Field.OFFICE: _("office"),
    Field.VISIT_REASON: _("reason"),
}


def file_sentence(error: UnreadableFile) -> str:
    """Why the file cannot be read, and what to do; of several files, which it is."""
    sentence = str(_FILES[error.problem] % error.detail)
    return f"{error.detail['file']}: {sentence}" if "file" in error.detail else sentence


def problem_sentence(problem: RowProblem) -> str:
    """What is wrong, without the row's number and the field."""
    if isinstance(problem.reason, Refusal):
        return str(_VALUES[problem.reason])
    return str(_ROWS[problem.reason])


def field_name(field: Field | None) -> str:
    """The field's name within a sentence; "row" for what concerns all of it."""
    return gettext("row") if field is None else str(FIELDS[field])
