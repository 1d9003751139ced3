"""Colours that can be read, texts that are one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.practices.rules import (
    at_night,
    carries_white,
    contrast,
    is_one_line,
    nearest_that_carries_white,
    parse_colour,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert contrast("#ff0000", "#ffffff") == pytest.approx(4.0, abs=0.01)
    assert not carries_white("#777777")
    assert carries_white("#767676")


@given(COLOURS)
def test_the_offered_colour_works_and_a_good_one_is_left_alone(colour) -> None:
    offered = nearest_that_carries_white(colour)
    assert carries_white(offered)
    assert (offered == colour) is carries_white(colour)


@given(COLOURS)
def test_the_offered_colour_is_no_darker_than_it_must_be(colour) -> None:
    offered = nearest_that_carries_white(colour)
    if offered != colour:
        assert contrast(offered, "#ffffff") < 4.75


@given(COLOURS.filter(carries_white))
def test_at_night_a_link_can_be_read_and_so_can_the_words_on_the_button(colour) -> None:
    assert contrast(at_night(colour), "#1b222b") >= 4.5
    assert contrast(at_night(colour), "#10161d") >= 4.5


@pytest.mark.parametrize(
    ("typed", "colour"),
    [
        ("#1F4E79", "#1f4e79"),
        (" 1f4e79 ", "#1f4e79"),
        ("#abc", "#aabbcc"),
        ("##1f4e79", None),
        ("#1f4e7", None),
        ("#1f4e7g", None),
        ("١٢٣٤٥٦", None),
        ("", None),
    ],
)
def test_a_colour_is_six_digits(typed, colour) -> None:
    assert parse_colour(typed) == colour


@given(st.text())
def test_whatever_is_typed_is_a_colour_or_none(typed) -> None:
    colour = parse_colour(typed)
    assert colour is None or (len(colour) == 7 and int(colour[1:], 16) >= 0)


@pytest.mark.parametrize("sign", ["\r", "\n", "\x00", "\x0b", "\x85", "\u2028", "\u2029", "\ud800"])
def test_a_header_is_one_line(sign) -> None:
    assert not is_one_line(f"Clinic{sign}Bcc: x")
    assert is_one_line("Clínica Ñandú: “Dr. Who” & co.")
