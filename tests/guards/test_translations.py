"""Every string that a person may see is in Spanish too."""

from __future__ import annotations

import re
import string
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.conftest import ROOT

PORTAL = ROOT / "portal"
SPANISH = PORTAL / "translations" / "es" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%[sd]")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    with (SPANISH / "messages.po").open("rb") as file:
        return read_po(file, locale="es")


def extracted() -> set[str | tuple[str, ...]]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
    keywords = {
        "_": None,
        "_l": None,
        "gettext": None,
        "lazy_gettext": None,
        "ngettext": (1, 2),
        "lazy_ngettext": (1, 2),
    }
    return {
        found[2]
        for found in extract_from_dir(str(PORTAL), method_map=methods, keywords=keywords)
        if found[2] and found[2] != ""
    }


def test_every_string_is_translated(catalog: Catalog) -> None:
    missing = []
    for message in extracted():
        key = message[0] if isinstance(message, tuple) else message
        held = catalog.get(key)
        texts = (
            held.string
            if held and isinstance(held.string, (tuple, list))
            else [held.string if held else ""]
        )
        if held is None or held.fuzzy or not all(texts):
            missing.append(key)
    assert not missing, f"{len(missing)} without Spanish: {sorted(missing)[:20]}"


def test_placeholders_survive_translation(catalog: Catalog) -> None:
    for message in catalog:
        if not message.id or isinstance(message.id, (tuple, list)):
            continue
        assert sorted(PLACEHOLDER.findall(message.id)) == sorted(
            PLACEHOLDER.findall(str(message.string))
        ), message.id


def test_what_is_compiled_is_what_is_written(catalog: Catalog) -> None:
    compiled = read_mo(BytesIO((SPANISH / "messages.mo").read_bytes()))
    for message in catalog:
        if message.id and message.string and not message.fuzzy:
            key = message.id[0] if isinstance(message.id, (tuple, list)) else message.id
            held = compiled.get(key)
            assert held is not None, key
            assert list(held.string) == list(message.string), f"run `make messages`: {key}"


LOOSE = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
TRANS = re.compile(r"\{%-?\s*trans\b.*?%\}.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
CLASSES = re.compile(
    r"\{% (block|set) \w*(class|described) %\}.*?\{% end(block|set) %\}", re.DOTALL
)
"""Blocks and captures that hold class names and ids, not text."""
NAMES = {"Vestibule", "UTC"}


def loose_text(template: str) -> list[str]:
    """Text nodes with letters that stand outside of ``_()`` and ``{% trans %}``."""
    text = TRANS.sub("", template)
    text = CLASSES.sub("", text)
    text = LOOSE.sub("", text)
    text = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    pieces = re.split(r"<[^>]*>", text)
    found = (piece.strip() for piece in pieces)
    return [
        piece
        for piece in found
        if any(c in string.ascii_letters for c in re.sub(r"&\w+;", "", piece))
        and piece not in NAMES
        and not all(word.startswith("-") for word in piece.split())  # the ends of ids
    ]


@pytest.mark.parametrize(
    "path", sorted((PORTAL / "templates").rglob("*.html")), ids=lambda p: str(p.relative_to(PORTAL))
)
def test_no_template_holds_loose_text(path: Path) -> None:
    assert loose_text(path.read_text(encoding="utf-8")) == []


def test_loose_text_is_noticed() -> None:
    assert loose_text("<p>{{ _('Good') }}</p><p>Bad {{ name }}</p>") == ["Bad"]
