"""Read a returned message: the machine's part first, then flufl.bounce, then the words. Pure."""

from __future__ import annotations

import logging
import re
from email.message import Message

from flufl.bounce import all_failures

from portal.mail.bounces import phrases
from portal.mail.bounces.meaning import ADDRESS_REASONS, Meaning, Reading
from portal.mail.bounces.reports import Recipient, recipients
from portal.mail.bounces.taming import Unreadable, field, parts, tame, text_of
from portal.mail.rules import Reason

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
"""It logs what it stumbles over, with the trace; logs hold no words of strangers (security.md)."""

NOTHING = Reading(Meaning.NOT_A_BOUNCE)

_COMPLAINTS = frozenset(
    {"abuse", "fraud", "other", "opt-out", "opt-out-list", "virus", "miscategorized", ""}
)
"""Feedback types (RFC 5965, RFC 6650) that say "I do not want this"; ``not-spam`` and ``auth-failure`` do not."""
_COPY_BEGINS = re.compile(
    r"^([^\w\n]*(below this line is a copy|original message (follows|below|text)|this is a copy of the"
    r"|(this is )?the (first|beginning).{0,30}original|returned message follows|(start of )?returned message"
    r"|unsent message (below|follows)|message (headers?|text) follows?"
    r"|your (original )?message (follows|reads|begins)"
    r"|the message that caused this|----- (original|forwarded) message|included is a copy"
    r"|header of the original"
    r"|received: (from|by)|return-path:)|[^\w\n]*original message[^\w\n]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_AWAY_SUBJECT = re.compile(
    r"^\W*(auto(matic|mated)?[ -]?(reply|response|antwort)|auto:|autoreply"
    r"|out of( the)? (office|town)|away from|on (vacation|leave)"
    r"|vacation|abwesen|respuesta autom|fuera de|réponse auto|absence|i am (away|out)|i'm (away|out))",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"(please |you must |need to )?(confirm|verify|validate) (that )?(you|your (message|e-?mail"
    r"|address|request|identity))"
    r".{0,60}(human|person|sen[dt]|deliver|real)|challenge[- ]response|human verification"
    r"|spam ?arrest|boxbe|tmda"
    r"|click (on )?(the|this) link.{0,80}(to (be )?deliver|approved sender)",
    re.IGNORECASE,
)
_FAILURE_SUBJECT = re.compile(
    r"undeliver|returned mail|deliver(y|ed)? (status|failure|fail|notif|report|has failed"
    r"|problem)|failure notice|failed|mail (system )?error"
    r"|non[- ]?(delivery|remis)|nondeliver|not delivered|could not|rejected|returned to sender"
    r"|mail could|undelivered|error|warning"
    r"|delay(ed)?|unzustellbar|bounce|user unknown|mailer-daemon|unable to deliver|message status",
    re.IGNORECASE,
)
_FAILED_SUBJECT = re.compile(
    r"undeliver|returned (mail|to)|failure|failed|non[- ]?deliver|not (be )?delivered|rejected",
    re.IGNORECASE,
)
_NOT_DELIVERED = re.compile(r"(could|can|was|has) ?not (be |been )?deliver", re.IGNORECASE)
_DAEMON = re.compile(
    r"mailer-daemon|post_?master|mail delivery|mdaemon|mail system|mail administrator",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"delay(ed)?\b|still (being )?(try|trying|retry|attempt)|will (continue|keep|be retried"
    r"|retry|try)|warning message only"
    r"|do not need to (resend|send)|not need to resend|this is (only )?a warning|delivery.{0,20}deferred",
    re.IGNORECASE,
)
_ADDRESS = re.compile(rb"[^\s<>(){}\[\],;:\\]{1,64}@[^\s<>(){}\[\],;:\\\"]{1,255}")
"""A guard against what detectors cut out of running text."""
_SES = re.compile(r'"notificationType"\s*:\s*"(Bounce|Complaint|Delivery)"')
"""Amazon SES tells by JSON in a mail."""
_CODE = re.compile(r"(?<![\d.\-#])(5\d\d)[ \-](?=[#<A-Za-z'\d])")


def read(raw: bytes) -> Reading:
    """What these bytes mean. Any bytes mean something: what cannot be read is not a bounce."""
    try:
        return _read(tame(raw))
    except (Unreadable, RecursionError):
        return NOTHING


def _read(message: Message) -> Reading:
    complaint = _complaint(message)
    if complaint is not None:
        return complaint
    blocks = recipients(message)
    told = _told_by_machine(message, blocks)
    if told is not None:
        return told
    if any(block.action for block in blocks):
        return NOTHING  # delivered, relayed, expanded
    words = _words(message)
    told_by_ses = _SES.search(words)
    if told_by_ses and told_by_ses[1] != "Bounce":
        return Reading(Meaning.ABUSE) if told_by_ses[1] == "Complaint" else NOTHING
    if _is_challenge(message, words):
        return Reading(Meaning.CHALLENGE)
    if _is_auto_reply(message) and not _from_a_machine(message):
        return Reading(Meaning.AUTO_REPLY)
    return _told_by_words(message, words)


def _complaint(message: Message) -> Reading | None:
    for part in parts(message):
        if part.get_content_type() != "message/feedback-report":
            continue
        payload = part.get_payload()
        block = payload[0] if isinstance(payload, list) and payload else None
        kind = field(block, "feedback-type") if isinstance(block, Message) else _feedback(part)
        return Reading(Meaning.ABUSE) if kind.lower() in _COMPLAINTS else NOTHING
    if field(message, "subject").lower().startswith("complaint about message from"):
        # Outlook.com's complaints are not in the form of RFC 5965
        return Reading(Meaning.ABUSE)
    return None


def _feedback(part: Message) -> str:
    found = re.search(r"(?im)^feedback-type:\s*(\S+)", text_of(part))
    return found[1] if found else ""


def _told_by_machine(message: Message, blocks: list[Recipient]) -> Reading | None:
    failed = [block for block in blocks if block.failed]
    if failed:
        words = _words(message)
        reasons = [_why(block, words if len(failed) == 1 else "") for block in failed]
        worst = next((reason for reason in reasons if reason in ADDRESS_REASONS), reasons[0])
        return _returned(worst, _addresses(failed, message))
    delayed = [block for block in blocks if block.delayed]
    if delayed:
        reason = _why(delayed[0], "")
        shown = reason if reason is Reason.MAILBOX_FULL else Reason.TRY_LATER
        return Reading(Meaning.SOFT, _addresses(delayed, message), shown)
    return None


def _why(block: Recipient, words: str) -> Reason:
    status = block.status
    exact = phrases.reason_of_status(status)
    return (
        phrases.reason_in(block.diagnostic)
        or phrases.reason_in(status)
        or phrases.reason_of_status(block.diagnostic)
        or exact
        or phrases.reason_in(words)
        or phrases.reason_of_status(words)
        or Reason.RETURNED
    )


def _told_by_words(message: Message, words: str) -> Reading:
    temporary, permanent = _flufl(message)
    subject = field(message, "subject")
    signs = (
        temporary or permanent or _from_a_machine(message)
        or _SES.search(words) or _FAILURE_SUBJECT.search(subject) or _NOT_DELIVERED.search(words)
    )  # fmt: skip
    if not signs:
        return NOTHING
    reason = (
        phrases.reason_in(words) or phrases.reason_of_status(words) or phrases.reason_in(subject)
    )
    if temporary or (not permanent and _DELAY.search(f"{subject} {words}")):
        shown = reason if reason is Reason.MAILBOX_FULL else Reason.TRY_LATER
        return Reading(Meaning.SOFT, temporary, shown)
    if permanent or reason is not None or _CODE.search(words) or _FAILED_SUBJECT.search(subject):
        return _returned(reason or Reason.RETURNED, permanent)
    return NOTHING


def _returned(reason: Reason, addresses: frozenset[str]) -> Reading:
    meaning = Meaning.HARD if reason in ADDRESS_REASONS else Meaning.SOFT
    return Reading(meaning, addresses, reason, final=True)


def _addresses(blocks: list[Recipient], message: Message) -> frozenset[str]:
    temporary, permanent = _flufl(message)
    return (temporary | permanent) or frozenset(block.address for block in blocks if block.address)


def _flufl(message: Message) -> tuple[frozenset[str], frozenset[str]]:
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 (its detectors meet bytes that nobody foresaw; what it cannot read it did not find)
        return frozenset(), frozenset()
    return _as_text(temporary), _as_text(permanent)


def _as_text(found: frozenset[bytes]) -> frozenset[str]:
    return frozenset(
        address.decode("ascii", "replace") for address in found if _ADDRESS.fullmatch(address)
    )


def _words(message: Message) -> str:
    """What the report says to people, without the mail that came back."""
    told = []
    for part in parts(message):
        kind = part.get_content_type()
        if kind == "text/html":
            told.append(re.sub(r"<[^>]{0,400}>", " ", text_of(part)))
        elif part.get_content_maintype() == "text" and kind != "text/rfc822-headers":
            told.append(text_of(part))
        elif part.get_content_maintype() == "multipart" and isinstance(part.get_payload(), str):
            told.append(str(part.get_payload()))  # its boundary is lost
    text = "\n".join(told).replace("\r", "")[:20_000]
    copy = _COPY_BEGINS.search(text)
    return text[: copy.start()] if copy and copy.start() > 40 else text


def _is_auto_reply(message: Message) -> bool:
    if message.get_content_type() == "multipart/report":
        return False
    automatic = field(message, "auto-submitted").lower()
    if automatic.startswith("auto-replied"):
        return True
    if field(message, "precedence").lower() in {"auto_reply", "auto-reply"}:
        return True
    if any(
        field(message, name)
        for name in ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autorespond-to")
    ):
        return True
    return bool(_AWAY_SUBJECT.search(field(message, "subject")))


def _from_a_machine(message: Message) -> bool:
    """Exim marks its reports as automatic replies, too."""
    failed = field(message, "x-failed-recipients")
    return bool(failed or _DAEMON.search(field(message, "from")))


def _is_challenge(message: Message, words: str) -> bool:
    if field(message, "x-delivery-agent").startswith("TMDA"):
        return True
    from_daemon = message.get_content_type() == "multipart/report"
    return not from_daemon and bool(_CHALLENGE.search(" ".join(words[:4000].split())))
