"""Mail templates: a folder each, with ``subject.txt``, ``body.txt`` and ``body.html`` (interface.md "Mail").

The HTML is compiled once for each language: the template is rendered with a hole in the place of each value, its
CSS is written into the elements, and the result, again a template, is filled person by person. A value is never
part of a template: what stands in it, ``{{ 7*7 }}`` or ``<b>``, arrives literally.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from css_inline import CSSInliner
from flask import current_app
from flask_babel import get_locale
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from portal.mail.registry import Composed, Inline

COLOUR, COLOUR_AT_NIGHT = "#1f4e79", "#8db8e2"
"""As ``email/layout.html`` has them."""
_holes = Environment(autoescape=True, undefined=StrictUndefined)
_inliner = CSSInliner(load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class Paper:
    """What all mails of one practice have in common."""

    from_name: str
    from_address: str | None = None
    reply_to: str | None = None
    colours: tuple[str, str] = (COLOUR, COLOUR_AT_NIGHT)
    """``#rrggbb`` of edge, links and button: by day, and where the mail is read in the dark."""
    pictures: tuple[Inline, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One practice's paper in one language, and what is printed on it: the same for all who are written to."""

    paper: Paper
    values: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail before it is filled in: which one it is, on whose paper, and what is its own."""

    name: str
    sheet: Sheet
    values: dict[str, str | None]
    unsubscribe: str | None = None
    """The address of List-Unsubscribe, of a mail that nobody asked for one by one."""

    def composed(self) -> Composed:
        """What it says, in the current language."""
        filled = fill(self.name, dict(self.sheet.values) | self.values, self.sheet.paper)
        return replace(filled, automatic=self.unsubscribe is not None)


def fill(name: str, values: dict[str, str | None], paper: Paper) -> Composed:
    """The mail ``name`` in the current language with these values.

    Args:
        values: a template may ask of each whether there is one (``{% if practice_phone %}``) and print it;
            it sees nothing else of it.
    """
    language = str(get_locale() or "en")
    present = frozenset(key for key, value in values.items() if value)
    html = _compiled(name, language, present, frozenset(values))
    plain = {key: value or None for key, value in values.items()} | {"language": language}
    return Composed(
        subject=_text(f"email/{name}/subject.txt", plain).strip(),
        text=_text(f"email/{name}/body.txt", plain).strip() + "\n",
        html=html.render(
            values, mail_colour=paper.colours[0], mail_colour_at_night=paper.colours[1]
        ),
        from_name=paper.from_name,
        from_address=paper.from_address,
        reply_to=paper.reply_to,
        pictures=paper.pictures,
    )


def _text(path: str, values: dict[str, str | None]) -> str:
    return current_app.jinja_env.get_template(path).render(values)


@lru_cache(maxsize=200)
def _compiled(name: str, language: str, present: frozenset[str], keys: frozenset[str]) -> Template:
    holes: dict[str, str | None] = {
        key: Markup(f"{{{{ {key} }}}}") if key in present else None  # noqa: S704 (our own names)
        for key in keys
    }
    template = current_app.jinja_env.get_template(f"email/{name}/body.html")
    html = _inliner.inline(template.render(holes | {"language": language}))
    # a hole in a style would be no style: the colours of the layout stand for the practice's until the CSS is read
    html = html.replace(COLOUR, "{{ mail_colour }}")
    return _holes.from_string(html.replace(COLOUR_AT_NIGHT, "{{ mail_colour_at_night }}"))
