"""What may be a picture, and how it is made anew (security.md "Uploads"). Pure.

Nothing of the file that was sent is kept: its pixels are drawn into a new picture, so that what hid in it (EXIF with
the place it was taken, comments, a web page behind the last pixel) is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

from PIL import Image, ImageOps

from portal.pictures.headers import Kind, kind_of, size_of

LARGEST_FILE = 2 * 1024 * 1024
"""Bytes of an upload."""
MOST_PIXELS = 25_000_000
"""Of an upload: a telephone's photograph, and at most 100 MB while it is decoded."""
WIDEST = 600
"""Pixels of what is kept, in either direction."""
LARGEST_KEPT = 60 * 1024
"""Bytes of what is kept: it goes out with every mail."""
_QUALITIES = (85, 75, 60, 45)


class Problem(StrEnum):
    """Why a file is refused; the words are the page's."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NO_PICTURE = "no_picture"
    TOO_MANY_PIXELS = "too_many_pixels"
    DAMAGED = "damaged"


class PictureRefused(ValueError):
    """The file is not taken. It never carries anything of the file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class CleanPicture:
    """A picture of our own making."""

    data: bytes
    media_type: str
    """``image/png`` or ``image/jpeg``."""
    width: int
    height: int


def clean(raw: bytes) -> CleanPicture:
    """The picture that the file shows, upright, at most :data:`WIDEST` and :data:`LARGEST_KEPT`.

    Of several pictures in one file (an animation) the first.

    Raises:
        PictureRefused: and why. What the header promises is judged before anything is decoded.
    """
    if not raw:
        raise PictureRefused(Problem.EMPTY)
    if len(raw) > LARGEST_FILE:
        raise PictureRefused(Problem.TOO_LARGE)
    kind = kind_of(raw)
    if kind is None:
        raise PictureRefused(Problem.NO_PICTURE)
    size = size_of(raw, kind)
    if size is None:
        raise PictureRefused(Problem.DAMAGED)
    if size[0] * size[1] > MOST_PIXELS:
        raise PictureRefused(Problem.TOO_MANY_PIXELS)
    try:
        drawn = _draw(raw, kind, size)
    except PictureRefused:
        raise
    except Exception as error:
        raise PictureRefused(Problem.DAMAGED) from error
    return _written(drawn, photograph=kind is not Kind.PNG)


def fit(width: int, height: int, *, within: tuple[int, int]) -> tuple[int, int]:
    """The size at which a picture is shown in a box: never larger than it is, at least one pixel."""
    scale = min(1.0, within[0] / width, within[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _draw(raw: bytes, kind: Kind, size: tuple[int, int]) -> Image.Image:
    with Image.open(BytesIO(raw), formats=[kind.value]) as opened:
        if (
            opened.size != size
        ):  # the decoder would follow another header than the one that was judged
            raise PictureRefused(Problem.DAMAGED)
        opened.draft("RGB", (2 * WIDEST, 2 * WIDEST))
        opened.load()
        upright = ImageOps.exif_transpose(opened)
    see_through = "A" in upright.mode or "transparency" in upright.info
    drawn = upright.convert("RGBA" if see_through else "RGB")
    drawn.thumbnail((WIDEST, WIDEST), reducing_gap=2.0)
    drawn.info = {}
    return drawn


def _written(drawn: Image.Image, *, photograph: bool) -> CleanPicture:
    """As PNG where it has few colours or lets the ground through, else as JPEG, as fine as the limit allows."""
    while True:
        if drawn.mode == "RGBA" or not photograph:
            for picture in (drawn, drawn.quantize(256, method=Image.Quantize.FASTOCTREE)):
                data = _save(picture, "PNG", optimize=True)
                if len(data) <= LARGEST_KEPT:
                    return CleanPicture(data, "image/png", *drawn.size)
        if drawn.mode == "RGB":
            for quality in _QUALITIES:
                data = _save(drawn, "JPEG", quality=quality, optimize=True)
                if len(data) <= LARGEST_KEPT:
                    return CleanPicture(data, "image/jpeg", *drawn.size)
        drawn = drawn.resize((max(1, drawn.width * 3 // 4), max(1, drawn.height * 3 // 4)))


def _save(picture: Image.Image, form: str, *, optimize: bool, quality: int = 85) -> bytes:
    target = BytesIO()
    picture.save(target, form, optimize=optimize, quality=quality)
    return target.getvalue()
