"""The sliding buffer: the same members as the standard decoder gives, however the pieces are
cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.exchange import json_document
from portal.exchange.json_document import members
from portal.exchange.record import UnreadableFile

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def told(path: Path) -> list[tuple[str, Any]]:
    return list(members(path, stream="entry"))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("json") / "x.json"


@given(
    document=st.dictionaries(st.sampled_from(["a", "b", "entry", "ü"]), VALUES),
    indent=st.sampled_from([None, 1]),
    chunk=st.integers(min_value=1, max_value=40),
)
@settings(max_examples=150)
def test_members_as_the_decoder_gives_them(document, indent, chunk, path):
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    expected: list[tuple[str, Any]] = []
    for name, value in document.items():
        if name == "entry" and isinstance(value, list):
            expected += [("entry", element) for element in value]
        else:
            expected.append((name, value))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_document, "_CHUNK", chunk)
        assert told(path) == expected


@given(
    document=st.dictionaries(st.sampled_from(["a", "entry"]), VALUES, min_size=1), data=st.data()
)
@settings(max_examples=100)
def test_a_document_that_was_cut_off_is_never_taken(document, data, path):
    whole = json.dumps(document)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    path.write_text(whole[:cut], encoding="utf-8")
    with pytest.raises(UnreadableFile):
        told(path)


@pytest.mark.parametrize(
    "text", ['{"a": 1} x', '{"a" 1}', '{"a": 1,}', "[1]", "", '{"entry": [1,]}']
)
def test_broken_json(text, path):
    path.write_text(text)
    with pytest.raises(UnreadableFile):
        told(path)


def test_a_value_that_is_too_large(path, monkeypatch):
    monkeypatch.setattr(json_document, "LARGEST_VALUE", 1000)
    monkeypatch.setattr(json_document, "_CHUNK", 100)
    path.write_text(json.dumps({"entry": ["x" * 100, "x" * 9000]}))
    with pytest.raises(UnreadableFile) as caught:
        told(path)
    assert caught.value.detail == {"row": 1}
