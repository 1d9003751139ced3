"""Names as people write them, whatever is typed, and what a chart needs (2.4, 3.2)."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.people import rules
from portal.people.rules import Identifier, IdentifiersOnFile, Refusal, ValueRefused
from tests.unit.refusals import CONTROLS, TODAY, refusal


class TestNames:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("  Jenny   Harris ", "Jenny Harris"),
            ("Milo271", "Milo271"),
            ("Jose\u0301", "José"),
            ("Jen\u00a0Ann", "Jen Ann"),
            ("Jen\tAnn", "Jen Ann"),
            ("\u202eJen\u202c", "Jen"),
            ("نرگس\u200cسادات", "نرگس\u200cسادات"),
            ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ],
    )
    def test_names_are_kept_as_they_are_but_for_white_space(self, text, clean):
        assert rules.clean_text(text) == clean

    @pytest.mark.parametrize("control", [*CONTROLS, "\ud800"])
    def test_controls_and_line_breaks_are_refused(self, control):
        assert refusal(rules.clean_text, f"Jen{control}Bcc: x") is Refusal.TEXT_CONTROL

    def test_an_address_may_come_in_lines(self):
        assert rules.clean_text("12 Main St\r\nApt 4", lines=True) == "12 Main St Apt 4"

    def test_a_name_of_a_megabyte_is_refused(self):
        assert refusal(rules.clean_text, "x" * 1_000_000) is Refusal.TEXT_TOO_LONG

    @pytest.mark.parametrize(
        ("text", "folded"),
        [
            ("Núñez", "nunez"),
            ("Straße", "strasse"),
            ("Øster Æbelø", "oster aebelo"),
            ("Łódź", "lodz"),
            ("Dvořák", "dvorak"),
            ("İSTANBUL ı", "istanbul i"),
            ("Αθήνα", "αθηνα"),
            ("张无忌", "张无忌"),
        ],
    )
    def test_folding(self, text, folded):
        assert rules.fold(text) == folded

    def test_search_words(self):
        assert rules.search_words("O'Brien-Núñez", "", "J. R.") == {"obrien", "nunez", "j", "r"}
        assert rules.search_words("O’Brien") == rules.search_words("obrien")
        assert rules.search_words("प्रेम अरोरा") == {rules.fold("प्रेम"), rules.fold("अरोरा")}
        assert rules.search_words("--- ...") == set()

    def test_sort_name_is_family_first(self):
        assert rules.sort_name(given="Jenny", middle="", family="Núñez") == "nunez jenny"

    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("en", "en"),
            ("en-US", "en"),
            ("English (United States)", "en"),
            ("english", "en"),
            ("es", "es"),
            ("es-MX", "es"),
            ("Spanish; Castilian", "es"),
            ("español", "es"),
            ("spa", "es"),
            ("ru-RU", None),
            ("Estonian", None),
            ("", None),
        ],
    )
    def test_languages(self, text, language):
        assert rules.parse_language(text) == language

    @given(st.text())
    @example("ẞ")
    @example("ﷺ")
    @example("ᾈ")
    @example("\u0345ι")
    def test_folding_twice_is_folding_once(self, text):
        assert rules.fold(rules.fold(text)) == rules.fold(text)

    @given(st.text())
    def test_case_and_accents_never_matter_to_a_search(self, text):
        decomposed = unicodedata.normalize("NFD", text)
        assert rules.search_words(decomposed) == rules.search_words(text)

    @given(st.text(max_size=100))
    def test_clean_text_is_stable_and_free_of_controls(self, text):
        try:
            clean = rules.clean_text(text, longest=1000)
        except ValueRefused:
            return
        assert rules.clean_text(clean, longest=1000) == clean
        assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in clean)


class TestNothingBreaks:
    PARSERS = (
        rules.parse_ssn,
        rules.parse_email,
        rules.parse_phone,
        rules.clean_text,
        lambda text: rules.parse_birth_date(text, TODAY),
        lambda text: rules.parse_death_date(text, TODAY),
    )

    @given(st.text())
    def test_whatever_is_typed_gives_a_value_or_a_refusal(self, text):
        for parse in self.PARSERS:
            refusal(parse, text)
        rules.parse_language(text)
        rules.first_address(text)
        rules.phone_candidates(text)
        rules.is_placeholder_address(text)

    def test_the_big_list_of_naughty_strings(self, shared_data: Path):
        """As names they are kept (somebody is called Null) unless they hold controls; as other
        values hardly any is one."""
        lines = (shared_data / "odd/blns.txt").read_text(encoding="utf-8").split("\n")
        naughty = [line for line in lines if line and not line.startswith("#")]
        assert len(naughty) > 400
        for text in naughty:
            for parse in self.PARSERS:
                refusal(parse, text)
            reason = refusal(rules.clean_text, text)
            assert reason in {None, Refusal.TEXT_CONTROL, Refusal.TEXT_TOO_LONG}
            assert refusal(rules.parse_email, text) is not None
            assert refusal(rules.parse_birth_date, text, TODAY) is not None


class TestRequirements:
    ALL = IdentifiersOnFile(
        email="jen@example.com",
        ssn_last_four="6789",
        birth_date=date(1980, 2, 11),
        phones=("+12025550123",),
    )

    @pytest.mark.parametrize(
        ("held", "met", "missing"),
        [
            ("email ssn birth_date phone", True, ""),
            ("email ssn", True, ""),
            ("email birth_date phone", True, ""),
            ("ssn", False, "email"),
            ("ssn birth_date", False, "email"),
            ("email birth_date", False, "ssn phone"),
            ("email phone", False, "ssn birth_date"),
            ("email", False, "ssn birth_date phone"),
            ("birth_date phone", False, "email"),
            ("", False, "email ssn birth_date phone"),
        ],
    )
    def test_email_and_either_way_of_the_identity_check(self, held, met, missing):
        held = set(held.split())
        found = rules.requirements(
            IdentifiersOnFile(
                email=self.ALL.email if "email" in held else None,
                ssn_last_four=self.ALL.ssn_last_four if "ssn" in held else None,
                birth_date=self.ALL.birth_date if "birth_date" in held else None,
                phones=self.ALL.phones if "phone" in held else (),
            )
        )
        assert found.met is met
        assert [name.value for name in found.missing] == missing.split()
        assert {name.value for name, tick in found.ticks if tick} == held
        assert [name for name, _tick in found.ticks] == list(Identifier)


def test_every_refusal_has_its_sentence():
    from portal.people.wording import REFUSALS

    assert REFUSALS.keys() == set(Refusal)
