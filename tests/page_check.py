"""Every page that a test fetches is checked: valid HTML, unique ids, labels, real forms, hx rules, nothing inline.

Source: style.md, habit 9; interface.md "Known traps" of htmx 4.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextvars import Context
from hashlib import sha256
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask import has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.extensions import db

_HX_KNOWN = {
    "hx-get", "hx-post", "hx-target", "hx-swap", "hx-swap-oob", "hx-trigger", "hx-select", "hx-indicator",
    "hx-include", "hx-headers", "hx-disable", "hx-sync", "hx-push-url", "hx-vals", "hx-confirm", "hx-boost",
}  # fmt: skip
_ON_EVERY_PAGE: set[str | None] = {"dialogs", "main"}
"""Of base.html: a fragment may aim at them."""
_INPUT_WITHOUT_LABEL = {"hidden", "submit", "button", "image", "reset"}
_good: set[bytes] = set()
"""Digests of the pages in which this process found nothing wrong."""


class BadPage(AssertionError):
    """The page breaks a rule; the message lists every one."""


class CheckedClient(FlaskClient):
    """Flask's test client; an HTML answer that breaks a rule fails the test that asked for it."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        # the context that the test has pushed is not the request's: in it ``g``, with whoever is logged on, would stay
        response = Context().run(super().open, *args, **kwargs)
        if has_app_context():
            db.session.rollback()  # what the test looks at next is what the request has left
        # a mail in a frame is no page of ours: it stands in a sandbox, where nothing of it can act
        mail = "sandbox" in response.headers.get("Content-Security-Policy", "")
        if response.mimetype == "text/html" and response.data and not mail:
            _check_once(response.get_data(as_text=True))
        return response


def _check_once(html: str) -> None:
    """A page that was found good already, as nearly every log-on page was, need not be looked through again."""
    page = sha256(html.encode()).digest()
    if page not in _good:
        check(html)
        _good.add(page)


def check(html: str) -> None:
    """Raise :class:`BadPage` with all that is wrong."""
    whole = html.lstrip().lower().startswith("<!doctype")
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    container = "tbody" if html.lstrip().startswith("<tr") else "div"
    root = parser.parse(html) if whole else parser.parseFragment(html, container=container)
    elements = list(root.iter())
    problems = [*_syntax(parser)]
    problems += _ids(elements)
    problems += _labels(elements, whole=whole)
    problems += _forms(elements)
    problems += _inline(elements)
    problems += _hx(elements, whole=whole)
    if problems:
        raise BadPage("\n".join(problems) + "\n\n" + html[:4000])


def _syntax(parser: html5lib.HTMLParser) -> Iterator[str]:
    for (line, column), code, data in parser.errors:
        if code != "expected-doctype-but-got-start-tag":
            yield f"invalid HTML at {line}:{column}: {code} {data}"


def _ids(elements: list[Element]) -> Iterator[str]:
    counts = Counter(e.get("id") for e in elements if e.get("id") is not None)
    for name, times in counts.items():
        if times > 1:
            yield f"id {name!r} stands {times} times"
        if not name or re.search(r"\s", name):
            yield f"id {name!r} is not one word"


def _labels(elements: list[Element], *, whole: bool) -> Iterator[str]:
    ids = {e.get("id") for e in elements}
    labelled = {e.get("for") for e in elements if e.tag == "label"}
    wrapped = {id(child) for e in elements if e.tag == "label" for child in e.iter()}
    for e in elements:
        if e.tag == "label" and e.get("for") and e.get("for") not in ids:
            yield f"label for {e.get('for')!r} points nowhere"
        if e.tag in {"input", "select", "textarea"} and e.get("type") not in _INPUT_WITHOUT_LABEL:
            named = e.get("aria-label") or e.get("aria-labelledby") or e.get("id") in labelled
            if not named and id(e) not in wrapped:
                yield f"{e.tag} {e.get('name')!r} has no label"
        if e.tag == "button" and not _name(e):
            yield "a button has no name"
        if e.tag == "a" and e.get("href") is not None and not _name(e):
            yield f"link to {e.get('href')!r} has no name"
        if e.tag == "img" and e.get("alt") is None:
            yield f"img {e.get('src')!r} has no alt"
        if whole:
            for attribute in ("aria-describedby", "aria-labelledby", "aria-controls"):
                for target in (e.get(attribute) or "").split():
                    if target not in ids:
                        yield f"{attribute}={target!r} points nowhere"


def _name(e: Element) -> str:
    if e.get("aria-label") or e.get("aria-labelledby"):
        return "named"
    told = "".join(e.itertext()).strip()
    return told or "".join(x.get("alt") or x.get("aria-label") or "" for x in e.iter())


def _forms(elements: list[Element]) -> Iterator[str]:
    for form in (e for e in elements if e.tag == "form"):
        method = (form.get("method") or "").lower()
        if method == "dialog":
            continue
        if not form.get("action"):
            yield "a form has no action"
        if method not in {"get", "post"}:
            yield f"form {form.get('action')!r} has no method"
        names = [e.get("name") for e in form.iter("input")]
        if method == "post" and names.count("csrf_token") != 1:
            yield f"form {form.get('action')!r} has {names.count('csrf_token')} CSRF tokens"
        if form.get("hx-get") or (form.get("hx-post") and method != "post"):
            yield f"form {form.get('action')!r} does something else with htmx"


def _inline(elements: list[Element]) -> Iterator[str]:
    for e in elements:
        for name in e.attrib:
            if name.startswith("on"):
                yield f"inline handler {name} on {e.tag}"
        if e.get("style") is not None:
            yield f"inline style on {e.tag}"
        if e.tag == "style" or (e.tag == "script" and not e.get("src")):
            yield f"inline {e.tag}"
        for attribute in ("src", "href", "action"):
            value = e.get(attribute) or ""
            if value.lower().startswith("javascript:"):
                yield f"{attribute} runs a script"
            if attribute == "src" and re.match(r"(https?:)?//", value):
                yield f"{e.tag} loads from another host"
            if e.tag == "link" and re.match(r"(https?:)?//", value):
                yield "a stylesheet or icon comes from another host"


def _hx(elements: list[Element], *, whole: bool) -> Iterator[str]:
    ids = {e.get("id") for e in elements} | _ON_EVERY_PAGE
    in_forms = {id(e) for form in elements if form.tag == "form" for e in form.iter("input")}
    for e in elements:
        for name in e.attrib:
            if not name.startswith("hx-"):
                continue
            base = name.split(":", 1)[0]
            if base == "hx-on" or base not in _HX_KNOWN:
                yield f"{name} is not allowed"
        for verb in ("hx-get", "hx-post"):
            url = e.get(verb)
            if url is not None and not url.startswith("/"):
                yield f"{verb}={url!r} is not a path of this site"
        by_itself = e.get("data-poll") is not None  # nothing that a person does
        alone = e.tag != "form" and e.get("formaction") is None and id(e) not in in_forms
        if e.get("hx-post") and alone and not by_itself:
            yield f"hx-post on a {e.tag} without a form around it"
        if e.get("hx-get") and e.tag == "a" and not e.get("href"):
            yield "a link that only htmx can follow"
        target = e.get("hx-target") or ""
        if whole and target.startswith("#") and target[1:] not in ids:
            yield f"hx-target {target!r} is not on the page"
        if e.get("hx-swap-oob") and not e.get("id"):
            yield "an out-of-band part has no id"
