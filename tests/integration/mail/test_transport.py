"""The conversation with the mail server, where a whole mail is not needed."""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from portal.mail.dialogue import Dialogue
from portal.mail.rules import Kind, Reason
from portal.mail.transport import Letter, Transport
from tests.smtp import DROP, DROP_MID_DATA, ONE_BYTE_A_TIME

pytestmark = pytest.mark.any_database
SMALL = Letter(
    raw=b"Subject: x\r\n\r\n.hidden dot\r\nend", sender="a@example.com", recipient="b@example.com"
)


def yes() -> bool:
    return True


@pytest.fixture
def transport(smtp):
    with Transport() as made:
        yield made


def test_dots_and_line_ends_arrive_as_they_were(transport, smtp) -> None:
    assert transport.connect() is None
    assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    assert smtp.received[0].raw == SMALL.raw + b"\r\n"


@pytest.mark.parametrize(
    "address", ["b@example.com", '"b c"@example.com', "o'b+c.d@sub.example.com"]
)
def test_addresses_go_out_as_smtplib_writes_them(transport, smtp, address) -> None:
    transport.connect()
    one = Letter(raw=SMALL.raw, sender="bounce+abc.def@example.com", recipient=address)
    assert transport.send(one, before_data=yes).kind is Kind.ACCEPTED
    [mail] = smtp.received
    assert f"<{mail.sender}>" == smtplib.quoteaddr(one.sender)
    assert f"<{mail.recipient}>" == smtplib.quoteaddr(address)


@pytest.fixture
def sent(monkeypatch) -> list[bytes]:
    """What goes out, piece by piece."""
    pieces: list[bytes] = []
    real = Dialogue.send

    def send(self, told) -> None:
        pieces.append(told.encode() if isinstance(told, str) else bytes(told))
        real(self, told)

    monkeypatch.setattr(Dialogue, "send", send)
    return pieces


BOTH = rb"mail FROM:<a@example\.com> size=\d+\r\nrcpt TO:<b@example\.com>\r\n"


@pytest.mark.parametrize("ahead", [True, False])
def test_sender_and_recipient_go_together_where_the_server_reads_ahead(
    transport, smtp, sent, ahead
) -> None:
    smtp.pipelining = ahead
    transport.connect()
    for _ in range(2):
        assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    assert [bool(re.fullmatch(BOTH, piece)) for piece in sent].count(True) == 2 * ahead
    assert len(smtp.received) == 2
    assert smtp.connections == 1


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize(
    ("stage", "answer", "kind", "connections"),
    [
        ("sender", "451 4.3.0 Later", Kind.TEMPORARY, 1),
        ("sender", "550 5.7.1 No", Kind.TEMPORARY, 1),
        ("sender", "421 4.3.2 Bye", Kind.TEMPORARY, 2),
        ("sender", DROP, Kind.TEMPORARY, 2),
        ("recipient", "550 5.1.1 No such user", Kind.PERMANENT, 1),
        ("recipient", "421 4.3.2 Bye", Kind.TEMPORARY, 2),
        ("recipient", DROP, Kind.TEMPORARY, 2),
        ("ask", "451 4.7.1 Later", Kind.TEMPORARY, 1),
        ("ask", "554 5.7.1 No", Kind.PERMANENT, 1),
        ("ask", "421 4.3.2 Bye", Kind.TEMPORARY, 2),
        ("data", "451 4.7.1 Later", Kind.TEMPORARY, 1),
        ("data", "421 4.3.2 Bye", Kind.TEMPORARY, 2),
    ],
)
def test_the_next_mail_hears_its_own_answers(
    transport, smtp, ahead, stage, answer, kind, connections
) -> None:
    """A "no" to the sender leaves an answer to the recipient behind, which is nobody else's."""
    smtp.pipelining = ahead
    smtp.program(stage, answer)
    transport.connect()
    refused = transport.send(SMALL, before_data=yes)
    assert refused.kind is kind
    assert answer == DROP or refused.said == answer
    if not transport.connected:
        assert transport.connect() is None
    assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    assert [mail.recipient for mail in smtp.received] == [SMALL.recipient]
    assert smtp.connections == connections


@pytest.mark.parametrize("ahead", [True, False])
def test_a_mail_that_is_taken_back_leaves_nothing_behind(transport, smtp, ahead) -> None:
    smtp.pipelining = ahead
    transport.connect()
    assert transport.send(SMALL, before_data=lambda: False).kind is Kind.NOT_WANTED
    assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    assert len(smtp.received) == smtp.connections == 1


@pytest.mark.parametrize("ahead", [True, False])
def test_no_address_brings_a_command_of_its_own(transport, smtp, ahead) -> None:
    smtp.pipelining = ahead
    transport.connect()
    for recipient in "b@example.com>\r\nDATA", "b@example.com\n":
        with pytest.raises(ValueError, match="one line"):
            transport.send(Letter(SMALL.raw, SMALL.sender, recipient), before_data=yes)
        transport.connect()
    assert smtp.received == []


def test_a_reset_while_the_bytes_go_out_is_no_doubt(transport, smtp) -> None:
    """The final dot had not left, so the server must forget the mail (RFC 5321 §4.1.1.4)."""
    huge = Letter(
        raw=b"x" * 70 + b"\r\n" + b"y" * 12_000_000, sender="a@example.com", recipient="b@x.com"
    )
    transport.connect()
    smtp.program("data", DROP_MID_DATA)
    result = transport.send(huge, before_data=yes)
    assert (result.kind, result.reason) == (Kind.TEMPORARY, Reason.CONNECTION_LOST)
    assert not transport.connected


def test_a_reset_when_all_bytes_are_out_is_doubt(transport, smtp) -> None:
    transport.connect()
    smtp.program("data", DROP_MID_DATA)
    assert transport.send(SMALL, before_data=yes).kind is Kind.UNKNOWN


def test_a_server_that_sends_a_byte_now_and_then_does_not_hold_the_worker(smtp, configure) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=0.2)
    smtp.always("greet", ONE_BYTE_A_TIME)
    began = time.monotonic()
    with Transport() as transport:
        result = transport.connect()
    smtp.go_on()
    assert result is not None
    assert result.reason is Reason.NO_ANSWER
    assert time.monotonic() - began < 2.0


def test_a_mail_taken_back_at_the_last_moment_leaves_the_connection_usable(transport, smtp) -> None:
    transport.connect()
    assert transport.send(SMALL, before_data=lambda: False).kind is Kind.NOT_WANTED
    assert smtp.at_stage["data"] == 0
    assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    assert smtp.connections == 1


def test_an_error_of_ours_at_the_last_moment_sends_nothing(transport, smtp) -> None:
    def broken() -> bool:
        raise RuntimeError

    transport.connect()
    with pytest.raises(RuntimeError):
        transport.send(SMALL, before_data=broken)
    assert not transport.connected
    assert smtp.received == []


def test_a_name_or_password_that_is_refused_is_the_servers_trouble(smtp, configure) -> None:
    configure(
        mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=1.0, mail_username="portal"
    )
    smtp.program("logon", "535 5.7.8 Wrong")
    with Transport() as transport:
        result = transport.connect()
        assert result is not None
        assert (result.kind, result.reason) == (Kind.TEMPORARY, Reason.LOGON_FAILED)
        assert result.whole_server
        assert transport.connect() is None
    assert smtp.logons == ["\0portal\0a password"] * 2


def test_mail_goes_over_tls_only_to_a_server_whose_certificate_is_good(
    smtp, configure, tmp_path, monkeypatch
) -> None:
    configure(mail_server="localhost", mail_port=smtp.port, mail_timeout=2.0, mail_use_tls=True)
    with Transport() as transport:
        without = transport.connect()
    smtp.offer_tls(self_signed(tmp_path, "localhost"))
    with Transport() as transport:
        stranger = transport.connect()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    with Transport() as transport:
        assert transport.connect() is None
        assert transport.send(SMALL, before_data=yes).kind is Kind.ACCEPTED
    for result in (without, stranger):
        assert result is not None
        assert (result.reason, result.whole_server) == (Reason.TLS_FAILED, True)
    assert len(smtp.received) == 1


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_the_real_waits_are_those_of_the_standard(app) -> None:
    """Everything before the dot within a minute, the answer to the dot within ten (faults.md F5, RFC 5321 §4.5.3.2)."""
    from config import Settings
    from portal.mail import transport

    patience = Settings.model_fields["mail_timeout"].default
    assert transport.BEFORE_DOT * patience == 60
    assert transport.AFTER_DOT * patience == 600
