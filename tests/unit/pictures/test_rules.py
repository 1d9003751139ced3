"""What may be a picture, and what is left of one (security.md "Uploads")."""

from __future__ import annotations

import time
import tracemalloc
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.pictures.headers import Kind, kind_of, size_of
from portal.pictures.rules import LARGEST_FILE, LARGEST_KEPT, PictureRefused, Problem, clean, fit
from tests.pictures import jpeg_flood, noise, picture, png_flood, png_text_flood, webp_flood

FORMS = ["PNG", "JPEG", "WEBP"]


def refused(raw: bytes) -> Problem:
    with pytest.raises(PictureRefused) as caught:
        clean(raw)
    return caught.value.problem


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("form", FORMS)
def test_the_three_kinds_are_taken_and_drawn_anew(form) -> None:
    raw = picture(form, (240, 80))
    made = clean(raw)
    assert made.data != raw
    assert (made.width, made.height) == (240, 80) == opened(made.data).size
    assert made.media_type == {"PNG": "image/png"}.get(form, "image/jpeg")
    red, green, blue = opened(made.data).convert("RGB").getpixel((200, 60))
    assert abs(red - 31) + abs(green - 78) + abs(blue - 121) < 30


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (7, 900), (2400, 1000), (600, 600), (601, 1)])
def test_the_header_is_read_without_decoding_and_nothing_is_wider_than_it_may_be(
    form, size
) -> None:
    raw = picture(form, size)
    kind = kind_of(raw)
    assert kind is Kind(form)
    assert size_of(raw, kind) == size
    made = clean(raw)
    assert max(made.width, made.height) <= 600
    assert opened(made.data).size == (made.width, made.height)


@pytest.mark.parametrize(
    "size_and_options", [((300, 200), {"lossless": True}), ((300, 200), {"quality": 30})]
)
def test_each_way_of_writing_webp_tells_its_size(size_and_options) -> None:
    size, options = size_and_options
    for mode in ("RGB", "RGBA"):
        assert size_of(picture("WEBP", size, mode=mode, **options), Kind.WEBP) == size


def test_what_lets_the_ground_through_stays_so() -> None:
    see_through = BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(see_through, "PNG")
    made = clean(see_through.getvalue())
    assert made.media_type == "image/png"
    assert opened(made.data).convert("RGBA").getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "I;16", "CMYK"])
def test_every_way_to_keep_colours(mode) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    target = BytesIO()
    source = Image.new("L", (30, 20), 90)
    source.convert("I").convert("I;16").save(target, form) if mode == "I;16" else source.convert(
        mode
    ).save(target, form)
    assert clean(target.getvalue()).width == 30


@pytest.mark.parametrize("form", FORMS)
def test_where_it_was_taken_and_what_was_written_in_it_is_gone(form) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    exif.get_ifd(0x8825)[2] = (40.0, 26.0, 46.0)
    more = {"exif": exif}
    if form == "JPEG":
        more["comment"] = b"secret comment"
    if form == "PNG":
        from PIL.PngImagePlugin import PngInfo

        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_text("Author", "secret author")
    raw = picture(form, **more)
    assert b"secret" in raw
    made = clean(raw)
    assert b"secret" not in made.data
    image = opened(made.data)
    assert not image.getexif()
    assert not set(image.info) - {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "transparency",
    }


def test_a_photograph_taken_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = clean(picture("JPEG", (200, 100), exif=exif))
    assert (made.width, made.height) == (100, 200)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("payload", [b"<script>alert(1)</script>", b"PK\x03\x04evil", b"%PDF-1.7"])
def test_a_second_file_behind_the_picture_is_gone(form, payload) -> None:
    raw = picture(form) + payload
    assert payload not in clean(raw).data


@pytest.mark.parametrize(
    "raw",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<?xml version='1.0'?><svg/>",
        b"GIF89a<script>",
        b"BM" + bytes(60),
        b"%PDF-1.7",
        b"<html>",
        b"RIFF\x10\0\0\0WAVEfmt ",
        b"\x89PN",
        b"x",
    ],
)
def test_nothing_else_is_a_picture(raw) -> None:
    assert refused(raw) is Problem.NO_PICTURE


def test_an_empty_and_a_large_file() -> None:
    assert refused(b"") is Problem.EMPTY
    assert refused(picture() + bytes(LARGEST_FILE)) is Problem.TOO_LARGE


@pytest.mark.parametrize(
    "raw", [png_flood(), webp_flood(), jpeg_flood()], ids=["png", "webp", "jpeg"]
)
def test_a_flood_of_pixels_is_refused_before_it_is_decoded(raw) -> None:
    tracemalloc.start()
    begun = time.perf_counter()
    assert refused(raw) is Problem.TOO_MANY_PIXELS
    assert time.perf_counter() - begun < 0.5
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_flood_in_a_comment_is_refused() -> None:
    raw = png_text_flood()
    assert len(raw) < LARGEST_FILE
    assert refused(raw) is Problem.DAMAGED


@pytest.mark.parametrize("form", FORMS)
def test_half_a_file_is_refused(form) -> None:
    raw = noise(form, (120, 120))
    for cut in (4, 12, 20, 40, len(raw) // 2):
        assert refused(raw[:cut]) in {Problem.DAMAGED, Problem.NO_PICTURE}


def test_an_animation_shows_its_first_picture() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for form in ("PNG", "WEBP"):
        target = BytesIO()
        frames[0].save(target, form, save_all=True, append_images=frames[1:], duration=50)
        red, _, blue = opened(clean(target.getvalue()).data).convert("RGB").getpixel((10, 10))
        assert red > 200 > 60 > blue


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_what_is_kept_is_small_whatever_it_shows(mode) -> None:
    made = clean(noise("PNG", (600, 500), mode=mode))
    assert len(made.data) <= LARGEST_KEPT
    assert opened(made.data).size == (made.width, made.height)


@settings(max_examples=150)
@given(
    form=st.sampled_from(FORMS),
    edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 10**6),
    tail=st.binary(max_size=40),
)
def test_a_broken_file_is_refused_or_drawn_anew_and_nothing_else_happens(
    form, edits, cut, tail
) -> None:
    raw = bytearray(SOUND[form])
    for place, value in edits:
        raw[place % len(raw)] = value
    hostile = bytes(raw[: len(raw) - cut % 200 if cut % 3 == 0 else None]) + tail
    try:
        made = clean(hostile)
    except PictureRefused:
        return
    assert len(made.data) <= LARGEST_KEPT
    image = opened(made.data)
    assert max(image.size) <= 600


SOUND = {form: noise(form, (24, 24)) for form in FORMS}


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]), st.binary())
def test_magic_bytes_alone_are_no_picture(magic, rest) -> None:
    assert refused(magic + rest) in {Problem.DAMAGED, Problem.TOO_MANY_PIXELS}


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_shown_picture_fits_its_box_and_is_never_blown_up(width, height) -> None:
    shown = fit(width, height, within=(240, 64))
    assert 1 <= shown[0] <= min(240, width)
    assert 1 <= shown[1] <= min(64, height)
