"""Runs in words: what one would do, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_babel.speaklater import LazyString

from portal.bulk.models import BulkRun
from portal.bulk.preview import Preview
from portal.bulk.states import RunKind, SkipReason

_Counted = Callable[[int, str], str]

_PASSED_OVER: dict[SkipReason, _Counted] = {
    SkipReason.OUTSIDE_SCOPE: lambda n, num: ngettext(
        "%(count)s is not among your patients.",
        "%(count)s are not among your patients.",
        n,
        count=num,
    ),
    SkipReason.DECEASED: lambda n, num: ngettext(
        "%(count)s is recorded as deceased.", "%(count)s are recorded as deceased.", n, count=num
    ),
    SkipReason.END_DATED: lambda n, num: ngettext(
        "%(count)s is end-dated.", "%(count)s are end-dated.", n, count=num
    ),
    SkipReason.ENABLED_ALREADY: lambda n, num: ngettext(
        "%(count)s is enabled already.", "%(count)s are enabled already.", n, count=num
    ),
    SkipReason.NOT_ENABLED: lambda n, num: ngettext(
        "%(count)s is not enabled.", "%(count)s are not enabled.", n, count=num
    ),
    SkipReason.ENDED_BY_PERSON: lambda n, num: ngettext(
        "%(count)s lost access by somebody’s decision: enable that one singly.",
        "%(count)s lost access by somebody’s decision: enable those one by one.",
        n,
        count=num,
    ),
}

_TITLES: dict[RunKind, LazyString] = {
    RunKind.ENABLE: _l("Enable access of many"),
    RunKind.DISABLE: _l("Disable access of many"),
    RunKind.INVITE: _l("Invitations to many"),
}


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What a run would do, and the button that carries its number."""

    title: str
    lead: str
    lines: tuple[str, ...]
    button: str
    """Empty when there is nobody to act upon."""
    danger: bool
    fields: dict[str, str]


def number(value: int) -> str:
    """ "12,430"."""
    return f"{value:,}"


def title(kind: RunKind) -> str:
    """What a page about a run of this kind is called."""
    return str(_TITLES[kind])


def preview_view(preview: Preview, *, fields: dict[str, str]) -> PreviewView:
    """A preview of enabling or disabling the selected."""
    disables = preview.kind is RunKind.DISABLE
    lines = [*_losses(preview)] if disables else []
    lines += [_PASSED_OVER[reason](n, number(n)) for reason, n in preview.reasons.items()]
    return PreviewView(
        title=title(preview.kind),
        lead=_lead(preview, disables=disables),
        lines=tuple(lines),
        button=_button(preview, disables=disables) if preview.eligible else "",
        danger=disables,
        fields=fields | {"total": str(preview.total), "number": str(preview.eligible)},
    )


def done_sentence(run: BulkRun) -> str:
    """What a run that was done at once has done."""
    count = number(run.done)
    match RunKind(run.kind):
        case RunKind.ENABLE:
            return ngettext(
                "Enabled %(count)s patient.", "Enabled %(count)s patients.", run.done, count=count
            )
        case RunKind.DISABLE:
            return ngettext(
                "Disabled access of %(count)s patient.",
                "Disabled access of %(count)s patients.",
                run.done,
                count=count,
            )
        case RunKind.INVITE:
            return ngettext(
                "Invited %(count)s patient.", "Invited %(count)s patients.", run.done, count=count
            )


def _lead(preview: Preview, *, disables: bool) -> str:
    total, eligible = number(preview.total), preview.eligible
    if disables:
        return ngettext(
            "Of %(total)s selected: %(count)s will lose access.",
            "Of %(total)s selected: %(count)s will lose access.",
            eligible,
            total=total,
            count=number(eligible),
        )
    return ngettext(
        "Of %(total)s selected: %(count)s will be enabled.",
        "Of %(total)s selected: %(count)s will be enabled.",
        eligible,
        total=total,
        count=number(eligible),
    )


def _button(preview: Preview, *, disables: bool) -> str:
    n, count = preview.eligible, number(preview.eligible)
    if disables:
        return ngettext(
            "Disable access of %(count)s patient",
            "Disable access of %(count)s patients",
            n,
            count=count,
        )
    return ngettext("Enable %(count)s patient", "Enable %(count)s patients", n, count=count)


def _losses(preview: Preview) -> Iterator[str]:
    """Who loses what."""
    if preview.pending:
        yield ngettext(
            "%(count)s pending invitation stops working for good.",
            "%(count)s pending invitations stop working for good.",
            preview.pending,
            count=number(preview.pending),
        )
    if preview.active:
        yield ngettext(
            "%(count)s active patient loses the log-on to this chart.",
            "%(count)s active patients lose the log-on to their chart.",
            preview.active,
            count=number(preview.active),
        )
    if preview.ready:
        yield ngettext(
            "%(count)s was enabled and not invited yet.",
            "%(count)s were enabled and not invited yet.",
            preview.ready,
            count=number(preview.ready),
        )
    if preview.eligible:
        yield _("Afterwards access is given back one by one only.")


def run_url(run: BulkRun) -> str:
    """Where a run is followed."""
    return url_for("staff.bulk_run", public_id=run.public_id)


def too_many() -> str:
    """Why a role cannot do it."""
    return _(
        "Your role may act on up to 100 patients at once. A provider or an administrator can do more."
    )
