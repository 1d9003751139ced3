"""English and Spanish: a link switches, a cookie keeps it, the browser's wish decides before that."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, has_request_context, request
from flask_babel import get_locale

from portal.extensions import babel
from portal.web import cookies

LANGUAGES = {"en": "English", "es": "Español"}


def init_app(app: Flask) -> None:
    """Choose per request; remember a choice made by ``?lang=``."""
    babel.init_app(app, default_locale="en", locale_selector=_choose)
    app.after_request(_remember)


def current_language() -> str:
    """The language of this page: ``en`` or ``es``."""
    locale = get_locale()
    return str(locale.language) if locale else "en"


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """This page in one of the languages."""

    code: str
    label: str
    url: str
    current: bool


def language_links() -> list[LanguageLink]:
    """This page in each of the languages, each named in itself."""
    path, asked = _own_address()
    here = current_language()
    return [
        LanguageLink(code, name, f"{path}?{urlencode({**asked, 'lang': code})}", code == here)
        for code, name in LANGUAGES.items()
    ]


def _own_address() -> tuple[str, dict[str, str]]:
    """Path and query of this page, as a GET serves it (a form answered with errors stands at its own address).

    An address that is none of ours, or that is a link's secret, is never echoed: its page leads to the front.
    """
    rule = request.url_rule
    if rule is None or "GET" not in (rule.methods or ()) or "token" in rule.arguments:
        return "/", {}
    return quote(request.path), {
        name: value for name, value in request.args.items() if name != "lang"
    }


def _choose() -> str:
    if not has_request_context():
        return "en"
    wished = request.args.get("lang")
    if wished in LANGUAGES:
        g.wished_language = wished
        return str(wished)
    kept = request.cookies.get(cookies.LANGUAGE)
    if kept in LANGUAGES:
        return str(kept)
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def _remember(response: Response) -> Response:
    wished = g.get("wished_language")
    if wished:
        cookies.remember_language(response, wished)
    return response
