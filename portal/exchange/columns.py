"""Which column of a CSV file gives which field: by name, whatever the order, case, spaces or
version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.exchange.record import Field, FileProblem, UnreadableFile

# Names in the order of preference, without case, spaces or punctuation. Among them: Synthea (every
# header version), OpenEMR's patient_data, SMART sample patients, FEBRL. Not taken: OpenEMR's
# phone_contact, which is the emergency contact's, and whatever begins with "guardian".
_NAMES: dict[Field, str] = {
    # The order of 12.1: a column that says so, else MRN, pubpid, PID, Id, rec_id.
    Field.RECORD_NUMBER: "recordnumber medicalrecordnumber medicalrecordno chartnumber patientid"
    " patientnumber mrn pubpid pid id recid",
    Field.GIVEN_NAME: "givenname firstname first fname forename given patientfirstname",
    Field.MIDDLE_NAME: "middlename middle mname middleinitial initial mi",
    Field.FAMILY_NAME: "familyname lastname last lname surname family patientlastname",
    Field.PREFERRED_NAME: "preferredname nickname knownas goesby preferred",
    Field.FULL_NAME: "fullname patientname name",
    Field.BIRTH_DATE: "birthdate dateofbirth dob birthday patientdob",
    Field.SSN: "ssn socialsecuritynumber socialsecurity ss socsecid ssnumber",
    Field.CITY: "city town suburb",
    Field.REGION: "state region province stateprovince",
    Field.POSTAL_CODE: "zip zipcode postalcode postcode pcode postal",
    Field.COUNTRY: "country countrycode",
    Field.LANGUAGE: "language preferredlanguage lang",
    Field.DECEASED_ON: "deathdate deceaseddate dateofdeath dod deceasedon",
    Field.DECEASED: "deceased isdeceased",
    Field.PROVIDER: "provider primaryprovider providername pcp primarycareprovider physician",
    Field.BALANCE: "balance patientbalance balancedue amountdue",
}
_MANY: dict[Field, str] = {
    Field.EMAIL: "email emailaddress mail patientemail",
    Field.PHONE_MOBILE: "mobile mobilephone cell cellphone phonecell phonemobile",
    Field.PHONE_HOME: "homephone home phonehome hometelephone",
    Field.PHONE_WORK: "workphone work phonework phonebiz businessphone",
    Field.PHONE_OTHER: "phone phonenumber telephone tel contactphone otherphone",
}
_STREET_NUMBER = "streetnumber housenumber streetno"
_STREET = "street streetaddress address address1 addressline1 addr1 homeaddress"
_STREET_MORE = "address2 addressline2 addr2 street2 apartment apt unit"
_ZIP = frozenset({"zip", "zipcode"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the fields stand in a row, by index from 0."""

    single: dict[Field, int]
    emails: tuple[int, ...]
    phones: tuple[tuple[Field, int], ...]
    street_number: int | None
    street: tuple[int, ...]
    postal_code_is_zip: bool
    width: int
    identity_width: int
    """A row shorter than this lacks a column that tells who it is about."""
    mapping: tuple[tuple[Field, str], ...]


def recognised(header: Sequence[str]) -> int:
    """How many of the names are known here: how a delimiter is judged."""
    known = set(" ".join([*_NAMES.values(), *_MANY.values(), _STREET, _STREET_MORE]).split())
    return sum(_plain(name) in known for name in header)


def map_columns(header: Sequence[str]) -> Columns:
    """Find the columns.

    Raises:
        UnreadableFile: the rows are no patients (neither a birth date nor first and last names), no
            column gives a record number, or two columns bear the same name that is needed.
    """
    names = [_plain(name) for name in header]
    single = {
        field: index
        for field, wanted in _NAMES.items()
        if (index := _one(names, wanted.split(), header)) is not None
    }
    named = Field.GIVEN_NAME in single and Field.FAMILY_NAME in single
    if Field.GIVEN_NAME in single or Field.FAMILY_NAME in single:
        single.pop(Field.FULL_NAME, None)
    if not named and Field.BIRTH_DATE not in single:
        raise UnreadableFile(FileProblem.NO_PATIENT_COLUMNS, columns=_listed(header))
    if Field.RECORD_NUMBER not in single:
        raise UnreadableFile(FileProblem.NO_RECORD_NUMBER_COLUMN, columns=_listed(header))
    many = {field: _all(names, wanted.split()) for field, wanted in _MANY.items()}
    number = _all(names, _STREET_NUMBER.split())[:1]
    street = (*_all(names, _STREET.split())[:1], *_all(names, _STREET_MORE.split()))
    used = [
        *single.items(),
        *((field, index) for field, found in many.items() for index in found),
        *((Field.STREET, index) for index in (*number, *street)),
    ]
    who = {Field.RECORD_NUMBER, Field.GIVEN_NAME, Field.FAMILY_NAME, Field.FULL_NAME}
    return Columns(
        single=single,
        emails=many[Field.EMAIL],
        phones=tuple(
            (field, index)
            for field in (
                Field.PHONE_MOBILE,
                Field.PHONE_HOME,
                Field.PHONE_WORK,
                Field.PHONE_OTHER,
            )
            for index in many[field]
        ),
        street_number=number[0] if number else None,
        street=street,
        postal_code_is_zip=names[single[Field.POSTAL_CODE]] in _ZIP
        if Field.POSTAL_CODE in single
        else False,
        width=len(header),
        identity_width=1
        + max(index for field, index in single.items() if field in who | {Field.BIRTH_DATE}),
        mapping=tuple((field, header[index].strip()) for field, index in used),
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def _all(names: list[str], wanted: list[str]) -> tuple[int, ...]:
    return tuple(index for name in wanted for index, found in enumerate(names) if found == name)


def _one(names: list[str], wanted: list[str], header: Sequence[str]) -> int | None:
    for name in wanted:
        found = _all(names, [name])
        if len(found) > 1:
            raise UnreadableFile(FileProblem.COLUMN_TWICE, column=header[found[0]].strip())
        if found:
            return found[0]
    return None


def _listed(header: Sequence[str]) -> str:
    """The header for a sentence: not more of it than a person reads."""
    shown = [" ".join(name.split())[:30] for name in header[:12]]
    return ", ".join(shown) + (", …" if len(header) > 12 else "")
