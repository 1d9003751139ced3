"""Each class that a template names is one that a style sheet knows: Bootstrap is cut to what is used (decision 26)."""

from __future__ import annotations

import re

from tests.conftest import ROOT

STATIC = ROOT / "portal" / "static"
PLAIN = re.compile(r'class="([^"{]*)"')
UNSTYLED = {"chart-content", "chart-status", "field-checked"}
"""Names that tests and scripts go by."""


def test_every_class_of_a_template_has_a_style() -> None:
    sheets = [STATIC / "app.css", *(STATIC / "vendor").glob("*.css")]
    styled = {
        name for sheet in sheets for name in re.findall(r"\.([a-zA-Z][\w-]*)", sheet.read_text())
    }
    pages = [
        page
        for page in (ROOT / "portal" / "templates").rglob("*.html")
        if "email" not in page.parts and page.name != "mail.html"  # mails have styles of their own
    ]
    named = {
        name
        for page in pages
        for classes in PLAIN.findall(page.read_text())
        for name in classes.split()
    }
    assert len(named) > 50
    assert named - styled - UNSTYLED == set()
