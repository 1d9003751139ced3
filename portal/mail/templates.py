"""Mail templates: a folder each, with ``subject.txt``, ``body.txt`` and ``body.html`` (interface.md "Mail").

The HTML is compiled once for each language: the template is rendered with a hole in the place of each value, its
CSS is written into the elements, and the result, again a template, is filled person by person. A value is never
part of a template: what stands in it, ``{{ 7*7 }}`` or ``<b>``, arrives literally.
"""

from __future__ import annotations

from functools import lru_cache

from css_inline import CSSInliner
from flask import current_app
from flask_babel import get_locale
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from portal.mail.registry import Composed

_holes = Environment(autoescape=True, undefined=StrictUndefined)
_inliner = CSSInliner(load_remote_stylesheets=False)


def fill(
    name: str, values: dict[str, str | None], *, from_name: str, reply_to: str | None = None
) -> Composed:
    """The mail ``name`` in the current language with these values.

    Args:
        values: a template may ask of each whether there is one (``{% if practice_phone %}``) and print it;
            it sees nothing else of it.
    """
    language = str(get_locale() or "en")
    present = frozenset(key for key, value in values.items() if value)
    html = _compiled(name, language, present, frozenset(values))
    plain = {**values, "language": language}
    return Composed(
        subject=_text(f"email/{name}/subject.txt", plain).strip(),
        text=_text(f"email/{name}/body.txt", plain).strip() + "\n",
        html=html.render(values),
        from_name=from_name,
        reply_to=reply_to,
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
    return _holes.from_string(_inliner.inline(template.render(holes | {"language": language})))
