"""Picture files for tests, made by Pillow, and hostile ones made by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw


def picture(form: str = "PNG", size: tuple[int, int] = (240, 80), **more: Any) -> bytes:
    """A drawing in two colours; ``mode`` and whatever Pillow's ``save`` takes."""
    mode = more.pop("mode", "RGB")
    image = Image.new("RGBA", size, (31, 78, 121, 255))
    ImageDraw.Draw(image).ellipse((0, 0, size[0] // 2, size[1] // 2), fill=(230, 120, 40, 255))
    target = BytesIO()
    image.convert(mode).save(target, form, **more)
    return target.getvalue()


def noise(form: str = "PNG", size: tuple[int, int] = (600, 600), *, mode: str = "RGB") -> bytes:
    """What no encoder makes small."""
    state, grains = 12345, bytearray()
    for _ in range(size[0] * size[1] * len(mode)):
        state = (1103515245 * state + 12345) % 2**31
        grains.append(state >> 16 & 255)
    target = BytesIO()
    Image.frombytes(mode, size, bytes(grains)).save(target, form)
    return target.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_flood(width: int = 50_000, height: int = 50_000) -> bytes:
    """A few kilobytes that promise gigabytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_text_flood() -> bytes:
    """A small picture with a comment that unpacks to 200 MB."""
    whole = picture()
    text = b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9)
    return whole[:33] + chunk(b"zTXt", text) + whole[33:]


def webp_flood(width: int = 16_000, height: int = 16_000) -> bytes:
    """A WebP whose canvas is enormous."""
    body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0"
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def jpeg_flood() -> bytes:
    """A JPEG whose frame says 60,000 × 60,000."""
    whole = bytearray(picture("JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    return bytes(whole)
