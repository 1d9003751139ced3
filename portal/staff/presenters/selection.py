"""Who is selected in the Onboarding Tool, and what can be done with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

_ACTS = {
    "enable": _l("Enable access"),
    "disable": _l("Disable access"),
    "invite": _l("Send Invites"),
}


@dataclass(frozen=True, slots=True)
class SelectionAct:
    """A button that does something with everybody who is selected."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class SelectionView:
    """The bar below the list."""

    number: int
    words: str
    """How many; empty: nobody."""
    elsewhere: str
    """How many of them are not on this page."""
    all_label: str
    """Select everybody who matches; empty when just those are selected."""
    ticked: frozenset[str]
    """Public ids of those on this page."""
    acts: tuple[SelectionAct, ...]


def selection_view(
    *,
    number: int,
    ticked: Collection[str],
    shown: int,
    matching: tuple[int, bool],
    acts: Collection[str],
) -> SelectionView:
    """The bar.

    Args:
        number: how many are selected.
        ticked: those of them whom the page shows.
        shown: how many the page shows.
        matching: how many there are under the filters, and whether there are more than that.
        acts: what can be done, by name.
    """
    elsewhere = number - len(ticked)
    count, more = matching
    everybody = not more and number == count and elsewhere == max(0, count - shown)
    return SelectionView(
        number=number,
        words=ngettext("%(count)s selected", "%(count)s selected", number, count=f"{number:,}")
        if number
        else "",
        elsewhere=_("%(count)s of them not on this page", count=f"{elsewhere:,}")
        if elsewhere > 0
        else "",
        all_label=""
        if everybody or not count
        else _("Select all %(count)s that match", count=f"{count:,}{'+' if more else ''}"),
        ticked=frozenset(ticked),
        acts=tuple(SelectionAct(name, str(_ACTS[name])) for name in acts),
    )
