"""The values of a chart: tables of cases, properties, and the cases that others collected."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.people import rules
from portal.people.rules import Refusal, ValueRefused
from tests.unit.refusals import CONTROLS, TODAY, refusal


class TestSsn:
    @pytest.mark.parametrize(
        ("text", "digits"),
        [
            ("123-45-6789", "123456789"),
            ("123456789", "123456789"),
            (" 536 90 4399 ", "536904399"),
            ("12345-6789", "123456789"),
            ("536–90–4399", "536904399"),
            ("６７８-12-3456", "678123456"),
            ("123\u00a045\u00a06789", "123456789"),
            # Tax ids begin with 9, and all public test data with 999 (security.md).
            ("900-12-3456", "900123456"),
            ("999-94-5397", "999945397"),
        ],
    )
    def test_any_common_form_is_read(self, text, digits):
        assert rules.parse_ssn(text) == digits

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("12-345-6789", Refusal.SSN_SHAPE),
            ("1112-23333", Refusal.SSN_SHAPE),
            ("123-45-678", Refusal.SSN_SHAPE),
            ("123-45-67890", Refusal.SSN_SHAPE),
            ("XXX-XX-1234", Refusal.SSN_SHAPE),
            ("١٢٣-٤٥-٦٧٨٩", Refusal.SSN_SHAPE),
            ("", Refusal.SSN_SHAPE),
            ("000-12-3456", Refusal.SSN_IMPOSSIBLE),
            ("666-12-3456", Refusal.SSN_IMPOSSIBLE),
            ("123-00-4567", Refusal.SSN_IMPOSSIBLE),
            ("123-45-0000", Refusal.SSN_IMPOSSIBLE),
            ("111-11-1111", Refusal.SSN_DUMMY),
            ("999-99-9999", Refusal.SSN_DUMMY),
            ("078-05-1120", Refusal.SSN_DUMMY),
            ("987-65-4325", Refusal.SSN_DUMMY),
        ],
    )
    def test_what_cannot_be_one_is_refused(self, text, reason):
        assert refusal(rules.parse_ssn, text) is reason

    def test_cases_of_others(self, shared_data: Path):
        """python-stdnum's verdict and the rules of SSA, but for what security.md decides
        otherwise."""
        ours = {
            # kept, because tax ids and all test data look like it
            "900-12-3456": True,
            "999-94-5397": True,
            # one digit repeated
            "111-11-1111": False,
            # stdnum does not strip white space
            " 536 90 4399 ": True,
        }
        with (shared_data / "ssn/ssn_cases.csv").open(encoding="utf-8", newline="") as file:
            cases = list(csv.DictReader(file))
        assert len(cases) == 33
        for case in cases:
            expected = ours.get(case["input"], case["stdnum_is_valid"] == "True")
            assert (refusal(rules.parse_ssn, case["input"]) is None) == expected, case

    def test_only_the_last_four_are_shown(self):
        assert rules.mask_ssn("6789") == "XXX-XX-6789"

    def test_the_refusal_does_not_carry_the_number(self):
        with pytest.raises(ValueRefused) as caught:
            rules.parse_ssn("078-05-1120")
        assert "1120" not in repr(caught.value) + str(caught.value)


class TestEmail:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("jen@example.com", "jen@example.com"),
            (" jen@example.com\u00a0", "jen@example.com"),
            ("\tjen@example.com\u200b", "jen@example.com"),
            ("mailto:jen@example.com?subject=x", "jen@example.com"),
            ("Jen Harris <jen@example.com>", "jen@example.com"),
            ("<jen@example.com>", "jen@example.com"),
            ("Jen.Harris@EXAMPLE.com", "Jen.Harris@example.com"),
            ("JEN.HARRIS@EXAMPLE.COM", "jen.harris@example.com"),
            ("adán.espinosa@example.com", "adán.espinosa@example.com"),
            ("ada\u0301n@example.com", "adán@example.com"),
            ("o'brien+clinic@example.org", "o'brien+clinic@example.org"),
            ("jen@münchen.de", "jen@münchen.de"),
        ],
    )
    def test_an_address_is_taken_out_of_its_wrapping(self, text, address):
        assert rules.parse_email(text) == address

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("jen", Refusal.EMAIL_SHAPE),
            ("", Refusal.EMAIL_SHAPE),
            ("jen@example", Refusal.EMAIL_SHAPE),
            ("jen@example,com", Refusal.EMAIL_SHAPE),
            ("jen@@example.com", Refusal.EMAIL_SHAPE),
            ("jen@example.com.", Refusal.EMAIL_SHAPE),
            ("j en@example.com", Refusal.EMAIL_SHAPE),
            ("jen@-example.com", Refusal.EMAIL_SHAPE),
            ("jen at example dot com", Refusal.EMAIL_SHAPE),
            ('"jen harris"@example.com', Refusal.EMAIL_SHAPE),
            ("jen@[127.0.0.1]", Refusal.EMAIL_SHAPE),
            ("jen@localhost", Refusal.EMAIL_SHAPE),
            ("Cc: jen@example.com", Refusal.EMAIL_SHAPE),
            ("none", Refusal.EMAIL_PLACEHOLDER),
            ("N/A", Refusal.EMAIL_PLACEHOLDER),
            ("-", Refusal.EMAIL_PLACEHOLDER),
            ("Declined", Refusal.EMAIL_PLACEHOLDER),
            ("no email", Refusal.EMAIL_PLACEHOLDER),
            ("noemail@example.com", Refusal.EMAIL_PLACEHOLDER),
            ("no.email@anything.org", Refusal.EMAIL_PLACEHOLDER),
            ("none@none.com", Refusal.EMAIL_PLACEHOLDER),
            ("na@example.com", Refusal.EMAIL_PLACEHOLDER),
            ("a@example.com, b@example.com", Refusal.EMAIL_SEVERAL),
            ("a@example.com; b@example.com", Refusal.EMAIL_SEVERAL),
            ("a@example.com b@example.com", Refusal.EMAIL_SEVERAL),
        ],
    )
    def test_what_is_none_is_refused(self, text, reason):
        assert refusal(rules.parse_email, text) is reason

    @pytest.mark.parametrize("control", CONTROLS)
    @pytest.mark.parametrize(
        "where", ["jen{}@example.com", "jen@example.com{}", "{}jen@example.com"]
    )
    def test_header_injection_is_refused_wherever_it_stands(self, control, where):
        assert refusal(rules.parse_email, where.format(control)) is Refusal.EMAIL_SHAPE
        assert refusal(rules.parse_email, f"jen@example.com{control}Bcc: x@example.com") is not None

    @pytest.mark.parametrize(
        "text", ["a@example.com; b@example.com", "a@example.com / b@example.com"]
    )
    def test_a_file_gets_the_first_of_several(self, text):
        assert rules.first_address(text) == "a@example.com"

    def test_a_slash_within_one_address_is_no_separator(self):
        assert rules.parse_email(rules.first_address("a/b@example.com")) == "a/b@example.com"

    @pytest.mark.parametrize(
        "homograph",
        ["mıke@example.com", "ｍike@example.com", "ſmith@example.com", "MİKE@example.com"],
    )
    def test_no_homograph_has_the_key_of_another(self, homograph):
        """faults.md 15, CVE-2019-19844."""
        for plain in ("mike@example.com", "smith@example.com"):
            assert rules.email_key(homograph) != rules.email_key(plain)

    def test_the_key_folds_ascii_case_and_composition_only(self):
        assert rules.email_key("Jen.HARRIS@Example.com") == "jen.harris@example.com"
        assert rules.email_key("ada\u0301n@example.com") == rules.email_key("adán@example.com")
        assert rules.email_key("ADÁN@example.com") != rules.email_key("adán@example.com")

    @pytest.mark.parametrize(
        ("address", "flagged"),
        [
            ("test@test.com", True),
            ("Test@Test.com", True),
            ("asdf@asdf.com", True),
            ("patient@example.com", True),
            ("nobody@nomail.com", True),
            ("jen@example.com", False),
            ("patience@example.com", False),
            ("test@hospital.org", False),
            ("harris@harris.org", False),
            ("jen@mail.com", False),
        ],
    )
    def test_made_up_addresses_are_flagged_not_refused(self, address, flagged):
        assert rules.is_placeholder_address(rules.parse_email(address)) is flagged

    def test_only_under_a_reserved_domain_a_made_up_address_is_certain(self):
        assert rules.is_reserved_placeholder("patient@example.com")
        assert not rules.is_reserved_placeholder("test@test.com")
        assert not rules.is_reserved_placeholder("jen@example.com")

    @given(st.emails())
    def test_what_is_parsed_is_stable(self, text):
        try:
            address = rules.parse_email(text)
        except ValueRefused:
            return
        assert rules.parse_email(address) == address
        assert rules.email_key(rules.email_key(address)) == rules.email_key(address)

    def test_isemail_cases(self, shared_data: Path):
        """Dominic Sayers' 164 cases, by what he says of each.

        Taken: all that is plainly valid, and what only lacks DNS records (nobody is asked here).
        Refused: whatever no standard takes, and what old standards allow but no mail system of
        today delivers to: comments, quoted local parts, folded lines, address literals. The
        exceptions are named below.
        """
        cases = ET.parse(shared_data / "email/isemail_tests.xml").getroot().findall("test")
        assert len(cases) == 164
        exceptions = {
            "test@io": False,  # a domain needs a dot
            " test@iana.org": True,  # white space around it is stripped
            "test@iana.org ": True,
            # one character too long
            f"{'abcdefghijklmnopqrstuvwxyz' * 2}abcdefghiklmn@iana.org": True,
        }
        for case in cases:
            # Control characters are written as their pictures, U+2400 on.
            text = "".join(
                chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2421 else c
                for c in case.findtext("address") or ""
            )
            expected = exceptions.get(
                text, case.findtext("category") in {"ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN"}
            )
            quoted = '"' in text or "[" in text
            taken = refusal(rules.parse_email, text) is None
            assert taken == (expected and not quoted), (case.get("id"), text)


class TestPhone:
    @pytest.mark.parametrize(
        ("text", "e164", "extension"),
        [
            ("(202) 555-0123", "+12025550123", None),
            ("202.555.0123", "+12025550123", None),
            ("1-202-555-0123", "+12025550123", None),
            ("tel:+1-202-555-0123", "+12025550123", None),
            ("(415) 555-0193 x251", "+14155550193", "251"),
            ("404-555-0147 ext. 12", "+14045550147", "12"),
            ("702-555-0111,,3", "+17025550111", "3"),
            ("011 44 20 7946 0875", "+442079460875", None),
            ("+33 1 99 00 00 67", "+33199000067", None),
            ("２０２５５５０１２３", "+12025550123", None),
            # Every Synthea number: possible, though not in use.
            ("555-806-9773", "+15558069773", None),
        ],
    )
    def test_any_form_is_read(self, text, e164, extension):
        assert rules.parse_phone(text) == (e164, extension)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("202 555 O100", Refusal.PHONE_UNREADABLE),
            ("1-800-FLOWERS", Refusal.PHONE_UNREADABLE),
            ("none", Refusal.PHONE_UNREADABLE),
            ("", Refusal.PHONE_UNREADABLE),
            ("978-342-9781 or 978-342-9782", Refusal.PHONE_UNREADABLE),
            ("202-555-0123" * 20, Refusal.PHONE_UNREADABLE),
            ("000-000-0000", Refusal.PHONE_IMPOSSIBLE),
            ("555-0161", Refusal.PHONE_IMPOSSIBLE),
            ("(5555) 555-1111", Refusal.PHONE_IMPOSSIBLE),
            ("415-555-01779", Refusal.PHONE_IMPOSSIBLE),
            ("123-555-0100", Refusal.PHONE_IMPOSSIBLE),
            ("911", Refusal.PHONE_IMPOSSIBLE),
        ],
    )
    def test_what_no_one_can_have_is_refused(self, text, reason):
        assert refusal(rules.parse_phone, text) is reason

    def test_national_form_at_home_international_abroad(self):
        assert rules.format_phone("+12025550123", "US") == "(202) 555-0123"
        assert rules.format_phone("+12025550123", "GB") == "+1 202-555-0123"
        assert rules.format_phone("+442079460875", "GB") == "020 7946 0875"

    def test_a_search_finds_the_number_with_or_without_the_plus(self):
        assert "+12025550123" in rules.phone_candidates("(202) 555-0123")
        assert "+442079460875" in rules.phone_candidates("44 20 7946 0875")
        assert rules.phone_candidates("Harris") == ()

    def test_every_country(self, shared_data: Path):
        """libphonenumber's own examples: each is read from its national and its international
        form."""
        path = shared_data / "phone/libphonenumber_examples.csv"
        with path.open(encoding="utf-8", newline="") as file:
            cases = list(csv.DictReader(file))
        assert len(cases) == 489
        for case in cases:
            for form in ("national", "international"):
                assert rules.parse_phone(case[form], case["region"]).e164 == case["e164"], case


class TestBirthDate:
    @pytest.mark.parametrize(
        ("text", "day"),
        [
            ("1980-02-11", date(1980, 2, 11)),
            ("1980-02-11T00:00:00Z", date(1980, 2, 11)),
            ("1980-02-11 00:00:00", date(1980, 2, 11)),
            ("1980/2/11", date(1980, 2, 11)),
            ("2/11/1980", date(1980, 2, 11)),
            ("02-11-1980", date(1980, 2, 11)),
            ("2/11/1980 0:00", date(1980, 2, 11)),
            ("19800211", date(1980, 2, 11)),
            ("Feb 11, 1980", date(1980, 2, 11)),
            ("February 11 1980", date(1980, 2, 11)),
            ("11 Feb 1980", date(1980, 2, 11)),
            ("11-Feb-1980", date(1980, 2, 11)),
            ("Sept. 3rd, 1990", date(1990, 9, 3)),
            (" 1980-02-11 ", date(1980, 2, 11)),
            # Excel's serial numbers of the 1900 system
            ("29262", date(1980, 2, 11)),
            ("29262.0", date(1980, 2, 11)),
            ("9999", date(1927, 5, 17)),
            (TODAY.isoformat(), TODAY),
        ],
    )
    def test_readings(self, text, day):
        assert rules.parse_birth_date(text, TODAY) == day

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("2/11/80", Refusal.BIRTH_DATE_UNREADABLE),
            ("11.02.1980", Refusal.BIRTH_DATE_UNREADABLE),
            ("13/02/1980", Refusal.BIRTH_DATE_UNREADABLE),
            ("1980-02-30", Refusal.BIRTH_DATE_UNREADABLE),
            ("1981-02-29", Refusal.BIRTH_DATE_UNREADABLE),
            ("0000-00-00", Refusal.BIRTH_DATE_UNREADABLE),
            ("Fev 11 1980", Refusal.BIRTH_DATE_UNREADABLE),
            ("123456", Refusal.BIRTH_DATE_UNREADABLE),
            ("", Refusal.BIRTH_DATE_UNREADABLE),
            ("1980", Refusal.BIRTH_DATE_PARTIAL),
            ("1980-02", Refusal.BIRTH_DATE_PARTIAL),
            ((TODAY + timedelta(days=1)).isoformat(), Refusal.BIRTH_DATE_FUTURE),
            ("1/1/1880", Refusal.BIRTH_DATE_TOO_OLD),
            ("1895-11-21", Refusal.BIRTH_DATE_TOO_OLD),
        ],
    )
    def test_refusals(self, text, reason):
        assert refusal(rules.parse_birth_date, text, TODAY) is reason

    def test_a_hundred_and_thirty_years_are_believed(self):
        assert rules.parse_birth_date("1895-11-22", TODAY) == date(1895, 11, 22)

    @given(st.dates(min_value=date(1906, 1, 1), max_value=TODAY))
    @example(date(2000, 2, 29))
    def test_every_form_of_a_day_is_that_day(self, day):
        serial = (day - date(1899, 12, 30)).days
        forms = [
            day.isoformat(),
            f"{day.month}/{day.day}/{day.year}",
            day.strftime("%Y%m%d"),
            day.strftime("%b %d, %Y"),
            day.strftime("%d %B %Y"),
            str(serial),
        ]
        assert {rules.parse_birth_date(form, TODAY) for form in forms} == {day}

    def test_a_death_date_is_read_likewise(self):
        assert rules.parse_death_date("2/11/2020", TODAY) == date(2020, 2, 11)
        assert refusal(rules.parse_death_date, "2020", TODAY) is Refusal.DEATH_DATE_UNREADABLE
        assert refusal(rules.parse_death_date, "2027-01-01", TODAY) is Refusal.DEATH_DATE_FUTURE

    def test_a_search_box_asks_without_being_refused(self):
        assert rules.try_birth_date("2/11/1980", TODAY) == date(1980, 2, 11)
        assert rules.try_birth_date("Harris", TODAY) is None
