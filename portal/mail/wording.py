"""The words for why a mail waits or failed, for staff."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.mail.rules import Reason

WORDS: dict[Reason, LazyString] = {
    Reason.WAITS_FOR_LIMIT: _l("This address has had three mails in the last hour."),
    Reason.WAITS_FOR_SERVER: _l("The mail server does not take any mail at the moment."),
    Reason.UNREACHABLE: _l("The mail server could not be reached."),
    Reason.NO_ANSWER: _l("The mail server did not answer in time."),
    Reason.TLS_FAILED: _l("No secure connection to the mail server could be made."),
    Reason.LOGON_FAILED: _l("The mail server refused our user name or password."),
    Reason.SENDER_REFUSED: _l("The mail server refused our sender address."),
    Reason.SERVER_REFUSES: _l("The mail server refuses all mail at the moment."),
    Reason.CONNECTION_LOST: _l(
        "The connection to the mail server was lost before the mail was handed over."
    ),
    Reason.TIMED_OUT: _l("The mail server stopped answering before the mail was handed over."),
    Reason.TRY_LATER: _l("The mail server asked us to try again later."),
    Reason.MAILBOX_FULL: _l("The mail server says the mailbox is full."),
    Reason.NO_SUCH_MAILBOX: _l("The mail server says there is no such mailbox."),
    Reason.MAILBOX_DISABLED: _l("The mail server says the mailbox is switched off."),
    Reason.NO_SUCH_DOMAIN: _l("The mail server says that the part after the @ receives no mail."),
    Reason.CONTENT_REFUSED: _l("The mail server refused this mail."),
    Reason.REFUSED: _l("The mail server refused this address."),
    Reason.BAD_ADDRESS: _l("Mail cannot be sent to this address."),
    Reason.MOVED: _l("The mailbox has moved, or its owner is not there any more."),
    Reason.TOO_LARGE: _l("The mail was too large for the mailbox."),
    Reason.NOT_IN_TIME: _l("Other mail servers could not pass the mail on in time."),
    Reason.RETURNED: _l("The mail came back, and the answer gives no clear reason."),
    Reason.CANNOT_COMPOSE: _l(
        "The mail could not be written. Please tell whoever looks after the portal."
    ),
    Reason.GAVE_UP: _l("The mail could not be delivered for 24 hours, so we stopped trying."),
    Reason.NOT_WANTED: _l("It was not sent, because it was no longer needed."),
    Reason.CUT_OFF: _l("The connection broke at the very end: the mail may have arrived."),
    Reason.SENDER_DIED: _l("Sending was interrupted at the very end: the mail may have arrived."),
}


def explain(reason: str | None, *, again_at: str | None = None) -> str:
    """Why, in one or two sentences.

    Args:
        reason: a code of :class:`portal.mail.rules.Reason`; one that an older or newer version wrote gives "".
        again_at: the time of the next try, ready to be shown; None when there is none.
    """
    if reason not in WORDS:
        return ""
    sentence = str(WORDS[Reason(reason)])
    if again_at is None:
        return sentence
    waits = reason == Reason.WAITS_FOR_LIMIT
    then = _("It waits until %(time)s.") if waits else _("Trying again at %(time)s.")
    # "3:04 p.m." brings its own dot
    return f"{sentence} {then % {'time': again_at}}".replace("..", ".")
