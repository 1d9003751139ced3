"""How many pixels a file says it has, read from its first bytes: nothing is decoded to learn it. Pure.

Sources: PNG (W3C) 11.2.1 IHDR; JPEG (ITU-T T.81) B.2.2 frame header; WebP container specification.
"""

from __future__ import annotations

from enum import StrEnum

Size = tuple[int, int]
"""Width and height in pixels."""


class Kind(StrEnum):
    """The kinds of file that are taken; the values are Pillow's names for them."""

    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WEBP"


_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length behind them."""


def kind_of(raw: bytes) -> Kind | None:
    """By its magic bytes; neither a name nor what the browser says counts."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if raw.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return Kind.WEBP
    return None


def size_of(raw: bytes, kind: Kind) -> Size | None:
    """What the header says; None when it cannot be read."""
    size = {Kind.PNG: _png, Kind.JPEG: _jpeg, Kind.WEBP: _webp}[kind](raw)
    return size if size and min(size) > 0 else None


def _png(raw: bytes) -> Size | None:
    if len(raw) < 24 or raw[12:16] != b"IHDR":
        return None
    return int.from_bytes(raw[16:20]), int.from_bytes(raw[20:24])


def _jpeg(raw: bytes) -> Size | None:
    at = 2
    while at + 4 <= len(raw):
        if raw[at] != 0xFF:
            return None
        marker = raw[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES and at + 9 <= len(raw):
            return int.from_bytes(raw[at + 7 : at + 9]), int.from_bytes(raw[at + 5 : at + 7])
        else:
            at += 2 + max(2, int.from_bytes(raw[at + 2 : at + 4]))
    return None


def _webp(raw: bytes) -> Size | None:
    if len(raw) < 30:
        return None
    match raw[12:16]:
        case b"VP8X":
            return _little(raw[24:27]) + 1, _little(raw[27:30]) + 1
        case b"VP8L" if raw[20] == 0x2F:
            bits = _little(raw[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if raw[23:26] == b"\x9d\x01\x2a":
            return _little(raw[26:28]) & 0x3FFF, _little(raw[28:30]) & 0x3FFF
    return None


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
