"""Portal settings: one form for each tab (6.1). Each carries what its tab held when the page was drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Generic, TypeVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, SelectMultipleField, ValidationError
from wtforms.fields import FileField
from wtforms.widgets import CheckboxInput, ColorInput

from portal.mail.addresses import BadAddress, is_ours, on_the_wire, own_domain
from portal.people import rules
from portal.pictures.models import Purpose
from portal.pictures.rules import CleanPicture, PictureRefused, clean
from portal.practices.models import Practice, Provider
from portal.practices.rules import (
    LONGEST_LIFE,
    SHORTEST_LIFE,
    USUAL_COLOUR,
    carries_white,
    nearest_that_carries_white,
    parse_colour,
)
from portal.practices.settings import Appointments, Communication, Doctor, Style
from portal.staff.forms.fields import ParsedField, RememberedField
from portal.staff.settings_wording import LABELS, picture_refusal

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""
Tab = TypeVar("Tab", Communication, Appointments, Style, Doctor)


class TabForm(FlaskForm, Generic[Tab]):  # type: ignore[misc]
    """What every tab's form can do."""

    was = RememberedField()

    def __init__(self, held: Tab, shown: Mapping[str, Any], **more: Any) -> None:
        self.held: Tab = held
        was = json.dumps({"held": asdict(held), "shown": shown})
        super().__init__(data={**shown, "was": was}, **more)

    @property
    def seen(self) -> Tab | None:
        """What the tab held when the page was drawn; None when the page does not say so."""
        kind: type[Tab] = type(self.held)
        try:
            seen: Tab = kind(**self.was.held["held"])
        except (KeyError, TypeError):
            return None
        same_kinds = all(
            isinstance(getattr(seen, name), type(value)) or None in (value, getattr(seen, name))
            for name, value in asdict(self.held).items()
        )
        return seen if same_kinds else None

    @property
    def shown_before(self) -> dict[str, Any]:
        """What the fields showed when the page was drawn."""
        shown = self.was.held.get("shown")
        return shown if isinstance(shown, dict) else {}

    def take_over(self, current: TabForm[Tab]) -> None:
        """Show what is on file now in every field that was left as it was; what was typed stays."""
        for name, before in self.shown_before.items():
            if name in self and self[name].data == before:
                self[name].data = current[name].data
        self.was.data = current.was.data

    def refuse(self, name: str, sentence: str) -> None:
        """Say beside a field what only the service could know."""
        self[name].errors = [*self[name].errors, sentence]


class CommunicationForm(TabForm[Communication]):
    """Invitation life, reminder, whom mail comes from, phone."""

    invitation_days = ParsedField(LABELS["invitation_days"])
    reminder_days = ParsedField(LABELS["reminder_days"])
    sender_name = ParsedField(LABELS["sender_name"], rules.clean_text)
    no_reply_email = ParsedField(LABELS["no_reply_email"])
    reply_to_email = ParsedField(LABELS["reply_to_email"])
    phone = ParsedField(LABELS["phone"])

    def __init__(self, practice: Practice, **more: Any) -> None:
        held = Communication.of(practice)
        shown = {name: str(value or "") for name, value in asdict(held).items()}
        shown["reminder_days"] = str(held.reminder_days)
        shown["phone"] = rules.format_phone(held.phone, practice.country) if held.phone else ""
        super().__init__(held, shown, **more)
        self.invitation_days.parse = whole_number(SHORTEST_LIFE, LONGEST_LIFE)
        self.reminder_days.parse = whole_number(0, LONGEST_LIFE - 1)
        self.no_reply_email.parse = _no_reply
        self.reply_to_email.parse = _mailable
        self.phone.parse = lambda text: _phone(text, practice.country)

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by its rule, and the reminder before the end."""
        right: bool = super().validate(extra_validators)
        days = (self.invitation_days, self.reminder_days)
        for entry in days:
            if not entry.text:
                self.refuse(entry.name, _("Enter a number of days."))
        if any(entry.errors for entry in days):
            return False
        life, reminder = (int(entry.text) for entry in days)
        if reminder >= life:
            self.refuse(
                "reminder_days",
                _("The reminder must come after the invitation: enter fewer days than its life."),
            )
            return False
        return right

    @property
    def wanted(self) -> Communication:
        """The tab as it is to be; of a form that is valid."""
        held = asdict(self.held)
        return Communication(
            **{name: self[name].value if self[name].changed else held[name] for name in held}
        )


class StyleForm(TabForm[Style]):
    """The colour: typed, or picked in the browser's own box; ``offered`` is a button's."""

    mail_colour = ParsedField(LABELS["mail_colour"])
    picked = ParsedField(_l("Pick a color"), widget=ColorInput())
    offered = HiddenField()
    nearest: str | None = None
    """The colour to offer in place of one on which white words could not be read."""

    def __init__(self, practice: Practice, **more: Any) -> None:
        held = Style.of(practice)
        colour = held.mail_colour or USUAL_COLOUR
        super().__init__(held, {"mail_colour": colour, "picked": colour}, **more)

    def validate(self, extra_validators: Any = None) -> bool:
        """A colour that carries white words."""
        right: bool = super().validate(extra_validators)
        colour = parse_colour(self._typed)
        if colour is None:
            self.refuse("mail_colour", _("Enter a color as # and six digits, such as #1f4e79."))
            return False
        self.mail_colour.data = self.picked.data = colour
        if carries_white(colour):
            return right
        self.nearest = nearest_that_carries_white(colour)
        self.refuse(
            "mail_colour",
            _(
                "White words on %(color)s would be hard to read. The nearest color that works is %(nearest)s.",
                color=colour,
                nearest=self.nearest,
            ),
        )
        return False

    @property
    def wanted(self) -> Style:
        """The tab as it is to be; of a form that is valid."""
        colour = parse_colour(self._typed)
        return Style(None if colour == USUAL_COLOUR else colour)

    @property
    def _typed(self) -> str:
        if self.offered.data:
            return str(self.offered.data)
        before = self.shown_before.get("mail_colour")
        # without JavaScript the two do not follow each other: the one that was touched counts
        untouched = self.mail_colour.text in ("", before) and self.picked.text not in ("", before)
        return self.picked.text if untouched else self.mail_colour.text


class DoctorForm(TabForm[Doctor]):
    """The two pictures, and which providers share their patients."""

    profile = FileField(LABELS["profile"])
    remove_profile = BooleanField(_l("Remove this picture"))
    logo = FileField(LABELS["logo"])
    remove_logo = BooleanField(_l("Remove this logo"))
    sharing = SelectMultipleField(
        LABELS["sharing"], option_widget=CheckboxInput(), validate_choice=False
    )

    def __init__(self, practice: Practice, providers: list[Provider], **more: Any) -> None:
        held = Doctor.of(practice)
        shown = {"sharing": sorted(p for p, shares in held.sharing.items() if shares)}
        super().__init__(held, shown, **more)
        self.provider_names = {p.public_id: p.name for p in providers}
        self.sharing.choices = list(self.provider_names.items())
        self.new_pictures: dict[Purpose, CleanPicture | None] = {}

    def validate(self, extra_validators: Any = None) -> bool:
        """Every picture that was sent is read and made anew."""
        right: bool = super().validate(extra_validators)
        for purpose in Purpose:
            right = self._read(purpose) and right
        return right

    @property
    def wanted_sharing(self) -> dict[str, bool]:
        """Of every provider that the page showed."""
        seen = self.seen.sharing if self.seen else {}
        ticked = set(self.sharing.data or ())
        return {provider: provider in ticked for provider in {*seen, *ticked}}

    def take_over(self, current: TabForm[Doctor]) -> None:
        """As elsewhere, provider by provider."""
        seen = self.seen.sharing if self.seen else {}
        before = {provider for provider, shares in seen.items() if shares}
        ticked, now = set(self.sharing.data or ()), set(current["sharing"].data or ())
        self.sharing.data = sorted((now - (before - ticked)) | (ticked - before))
        self.was.data = current.was.data

    def _read(self, purpose: Purpose) -> bool:
        name = purpose.value
        upload = self[name].data
        sent = upload.read() if getattr(upload, "filename", "") else None
        if sent is not None and self[f"remove_{name}"].data:
            self.refuse(name, _("Either choose a new picture or remove the one that is there."))
            return False
        if sent is not None:
            try:
                self.new_pictures[purpose] = clean(sent)
            except PictureRefused as refused:
                self.refuse(name, picture_refusal(refused.problem))
                return False
        elif self[f"remove_{name}"].data:
            self.new_pictures[purpose] = None
        return True


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number between these two."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 5 and least <= int(text) <= most):
            raise ValidationError(
                _("Enter a whole number from %(least)s to %(most)s.", least=least, most=most)
            )
        return int(text)

    return parse


def _mailable(text: str) -> str:
    """An address that can stand in a mail's header as it goes over the wire."""
    try:
        address = rules.parse_email(text)
        on_the_wire(address)
    except rules.ValueRefused as refused:
        if refused.refusal is rules.Refusal.EMAIL_SEVERAL:  # its sentence speaks of a patient
            raise ValidationError(_("Enter one email address only.")) from refused
        raise
    except BadAddress as error:
        raise ValidationError(
            _("Use an address whose part before the @ has only plain letters, digits and signs.")
        ) from error
    return address


def _no_reply(text: str) -> str:
    address = _mailable(text)
    if not is_ours(address):
        raise ValidationError(
            _(
                "Mail can come only from an address that ends in @%(domain)s: mail servers refuse or"
                " hide mail that we send in another domain's name. Enter your own address as reply-to.",
                domain=own_domain(),
            )
        )
    return address


def _phone(text: str, country: str) -> str:
    number = rules.parse_phone(text, country)
    if number.extension:
        raise ValidationError(_("Enter the number without an extension."))
    return number.e164
