"""What mail servers write when they do not deliver, as one of our reasons. Pure.

The words come before the codes: servers send ``5.1.1`` for a full mailbox and ``5.7.1`` for an unknown user. The
first line of the table that matches decides, so what is said about our server stands before what is said about
the address ("sender address … does not exist"), and what is particular before what is general.
"""

from __future__ import annotations

import re

from portal.mail.rules import Reason

_PHRASES: tuple[tuple[Reason, str], ...] = (
    (Reason.NOT_IN_TIME, r"not found, try again"),
    # about us, the mail, or a rule of theirs: the address may well work
    (
        Reason.CONTENT_REFUSED,
        r"(domain of )?sender('s)? (address|domain|verify|rejected|id\b)"
        r"|(address|domain|host)s? of sender|envelope sender|purported responsible|sender is not allowed"
        r"|sender rejected|your (domain|ip|server|host|reverse dns)|sending (domain|ip|server|mta)"
        r"|email address is not verified|addresses in from: header|unauthenticated senders"
        r"|not authenticated|authentication required"
        r"|\bspf\b|\bdkim\b|\bdmarc\b|reverse (dns|lookup|host)|\bptr\b|ip name lookup|fcrdns|domain key"
        r"|black ?list|block ?list|\brbl\b|\bdnsbl\b|spamhaus|spamcop|blocked|blocage|bloquee|banned"
        r"|reputation|access denied|denied by|not allowed to (connect|send)|(?<!not )listed (in|at|by)"
        r"|\bspam\b|spamming|\bube\b|\bvirus|malware|suspicious|unsolicited|looks like|threat"
        r"|content[- ]rejected|content (is )?(not accepted|rejected|filter)|message (content )?rejected"
        r"|rejected due to (content|security|local|domain)|refused by (content|policy)"
        r"|policy (reasons?|violation)|violation|security (policy|policies|reasons)|denied by policy"
        r"|relay(ing)? (access )?denied|relaying (prohibited|not permitted|not allowed)|unable to relay"
        r"|not permitted to relay|we do not relay|is not permitted to|not a member|permission to post"
        r"|posting to|post (messages )?to (the|this) group|moderated|mail (was )?rejected by"
        r"|unexpected volume|user complaints|too many (connections|messages|concurrent|hops)? ?from"
        r"|frequency limited|rate[- ]?limit|not accepting connections|refused to talk|service refus"
        r"|not compliant|rfc ?(2822|5322)|has been rejected|\bhelo\b|\behlo\b|from: domain"
        r"|valid from:|(relay|sending) (quota|limit)|unwanted messages"
    ),
    (
        Reason.MAILBOX_FULL,
        r"mail(box|drop|folder)?( .{0,24})? (is |was |has )?(over)?(full|exceed|quota)"
        r"|mailbox[_ -]?full|inbox (is )?full"
        r"|(over|exceed(s|ed|ing)?|beyond|above|out ?of|reached) .{0,24}(quota|storage|disk"
        r"|mailbox size|mail ?storage|space)"
        r"|quota (is )?(exceed|full|violation|limit|reached|over)|quotaexceeded|not enough (storage|space|disk)"
        r"|insufficient (disk|storage|system storage)|no (more )?space|disk(space)? (full|quota|usage)"
        r"|user is overquota|overquota|account is full|storage (limit|allocation|space)|full mailbox"
        r"|too much (mail|data)|mailbox size limit|disc quota|mail ?box exceeds"
        r"|messages in recipient's mailbox exceed",
    ),
    (
        Reason.TOO_LARGE,
        r"(message|mail|size|data).{0,20} (too (big|large)|exceed(s|ed)? .{0,24}(size|limit|maximum))"
        r"|too (large|big) for|size limit|exceeds fixed|larger than the (current )?(system )?limit"
        r"|message length exceeds",
    ),
    (
        Reason.MAILBOX_DISABLED,
        r"(account|mail ?box|user|address|recipient|e-?mail).{0,40} (is |was |has been |been "
        r"|currently |temporarily )*"
        r"(disabled|suspended|inactive|deactivated|discontinued|frozen|not active|locked|closed|terminated"
        r"|expired|cancell?ed)"
        r"|(inactive|disabled|suspended|deactivated|locked) (e-?mail|user|account|mail ?box|recipient|address)"
        r"|account not subscribed|is not accepting (any )?(mail|messages) at this time|domain has been disabled"
        r"|(user|account|recipient) (suspended|disabled)|out of service",
    ),
    (
        Reason.NO_SUCH_DOMAIN,
        r"host(name)? (or domain name )?(is )?(unknown|not (be )?(found|known)(?!, try again)"
        r"|does not exist|lookup failed)"
        r"|(unknown|no such|bad|invalid|cannot find|can't find|couldn't find|unrouteable) (host"
        r"|domain|mail domain|destination host)"
        r"|(no|find any) (host|mx|mail server).{0,30}(found|named|record|answers|exist)|nxdomain|null ?mx"
        r"|domain.{0,60}(does(n't| not) (exist|receive|accept)|not (be )?found(?!, try again)"
        r"|unknown|invalid|no longer|is not reachable)"
        r"|no relevant answers|dns error|no smtp service"
        r"|does not accept mail|(does|do)(n't| not) (accept|receive) (any )?(mail|e-?mail|smtp)"
        r"|no mail exchanger"
        r"|name or service not known|could(n't| not) be resolved|hostname nor servname"
        r"|all host address lookups failed"
        r"|illegal host|address family for hostname|domain must resolve|no longer (accepts|receives) mail"
        r"|mail receiving disabled|not found in dns|points? to (localhost|127)|unrouteable mail domain",
    ),
    (
        Reason.MOVED,
        r"(has )?moved to|user has moved|no longer at this address|address has changed"
        r"|not our (user|customer)|has been replaced by|(is )?no longer with (us|the company|this)"
        r"|no longer (works|employed)",
    ),
    (
        Reason.NO_SUCH_MAILBOX,
        r"(user|recipient|account|address|mail ?box|addressee|customer|person|subscriber|alias"
        r"|destinataire|login|name|userid"
        r"|participant|e-?mail|local ?part)s?\b.{0,60}"
        r"(unknown|not (be )?(found|known|exist|listed|recogni[sz]ed|valid|available|local|here"
        r"|a (known|valid)|have)"
        r"|(does|do|did)(n't| not) (exist|match|have|work)|doesn't have|no longer (exist|valid"
        r"|available|active|in use|on)"
        r"|nonexist|non-exist|invalid|unavailable|not in |is bad|unrouteable|undeliverable|inconnu"
        r"|unbekannt)|見つかりません|リストにありません"
        r"|(no|not an?|unknown|invalid|bad|illegal|nonexist[ae]nt|non-existent|unrouteable"
        r"|unroutable|undeliverable|wrong"
        r"|unresolvable|can'?t find|could not find|couldn't find)"
        r" (such |a |any |the |valid |local |known |active |existing )*"
        r"(user|recipient|account|address|mail ?box|addressee|person|customer|subscriber|alias"
        r"|destination address|destinataire"
        r"|name|local ?part|userid|email)\b(?!.{0,12}host)"
        r"|no mail ?box (here )?(by that|with that)|no (account|mailbox) by that name"
        r"|no such (person|login|mail drop|here)|this user doesn'?t have|recipientnotfound|recipnotfound"
        r"|cannot find (your )?(recipient|user)|domino.{0,6}directory|is not (a |listed )?in .{0,40}directory"
        r"|mailbox unavailable|rejected.{0,6}(user|recipient)|(recipient|address) rejected(?! ?[:\w])"
        r"|delivery to (this|the following) (address|recipient).{0,40}(not possible|prohibited)"
        r"|not a mailbox|mail receiving disabled|there is no one (here|at this)|delivery failed: no such"
        r"|the following address(es)? (had|have) permanent|adresse .{0,40}invalide|was not found at"
        r"|not listed in domino"
        r"|no users here by that name|unable to chdir to maildir|this address no longer accepts|dead address"
        r"|couldn.t be found|invalid (final delivery )?userid",
    ),
    (
        Reason.NOT_IN_TIME,
        r"expired|time(d)?[ -]?out|too long|retry (time|timeout|limit)|could not be delivered (for"
        r"|in|within|after)"
        r"|not been delivered (for|within)|undeliver(ed|able) for|delivery time|connection (refused"
        r"|lost|reset|dropped|died)"
        r"|could(n't| not) connect|(unable|failed) to connect|cannot (reach|connect)|no route to"
        r"|network is unreachable"
        r"|unreachable|wasn't able to establish|not able to connect|did not (respond"
        r"|accept our requests)|no answer from"
        r"|routing loop|mail loop|loop(ing)? (detected|count)|too many hops|hop count"
        r"|delivery attempts|was not delivered within"
        r"|giving up|failing for a long time|host not reachable|not found, try again"
        r"|unable to contact|host.{0,12}is (down|busy)|has been in the queue|been deferred",
    ),
)  # fmt: skip

_TABLE = tuple((reason, re.compile(pattern, re.IGNORECASE)) for reason, pattern in _PHRASES)
_NOT_WORDS = re.compile(r"(?<=://)([^\s/]*)/\S*|<?[^\s<>]{1,80}@[^\s<>]+>?")
"""Addresses and links hold words that nobody meant: ``virus@…``, ``…/help#mailboxfull``."""
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BY_STATUS: dict[tuple[str, str], Reason] = {
    ("1", "0"): Reason.NO_SUCH_MAILBOX,
    ("1", "1"): Reason.NO_SUCH_MAILBOX,
    ("1", "2"): Reason.NO_SUCH_DOMAIN,
    ("1", "3"): Reason.BAD_ADDRESS,
    ("1", "6"): Reason.MOVED,
    ("1", "7"): Reason.CONTENT_REFUSED,
    ("1", "8"): Reason.CONTENT_REFUSED,
    ("1", "10"): Reason.NO_SUCH_DOMAIN,
    ("2", "1"): Reason.MAILBOX_DISABLED,
    ("2", "2"): Reason.MAILBOX_FULL,
    ("2", "3"): Reason.TOO_LARGE,
    ("3", "4"): Reason.TOO_LARGE,
    ("4", "1"): Reason.NOT_IN_TIME,
    ("4", "2"): Reason.NOT_IN_TIME,
    ("4", "4"): Reason.NO_SUCH_DOMAIN,
    ("4", "6"): Reason.NOT_IN_TIME,
    ("4", "7"): Reason.NOT_IN_TIME,
}
"""Subject and detail of an enhanced status code (RFC 3463, RFC 7505)."""


def reason_in(text: str, *, longest: int = 4000) -> Reason | None:
    """The reason that these words give; None when they give none."""
    line = " ".join(_NOT_WORDS.sub(r" \1 ", text[:longest]).split())
    for reason, pattern in _TABLE:
        if pattern.search(line):
            return reason
    return None


def reason_of_status(text: str) -> Reason | None:
    """The reason of the first enhanced status code that tells one."""
    for found in _STATUS.finditer(text[:4000]):
        reason = _BY_STATUS.get((found[2], found[3]))
        if reason is not None:
            return reason
        if found[2] == "7":
            return Reason.CONTENT_REFUSED
    return None
