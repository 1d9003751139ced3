"""How bounces come in: by LMTP from a mail server, and by command from files or a pipe."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from portal import clock
from portal.dev.catcher import Catcher
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail.addresses import bounce_address
from portal.mail.bounces import intake
from portal.mail.bounces.listener import Listener
from portal.mail.delivery import deliver
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from portal.transaction import atomic
from tests.conftest import free_port
from tests.factories import make_house, make_invitation, make_patient
from tests.faults.conftest import wait_for
from tests.integration.mail.test_bounces import GONE, forged, message_of
from tests.unit.mail.test_bounce_reading import mail


@pytest.fixture
def invitation(app):
    return make_invitation(make_house())


@pytest.fixture
def lmtp(app) -> Iterator[smtplib.LMTP]:
    """A conversation with our server, as a mail server has one."""
    listener = Listener(app, host="127.0.0.1", port=free_port())
    listener.start()
    client = smtplib.LMTP("127.0.0.1", listener.port, local_hostname="mx.example.org")
    yield client
    client.close()
    listener.stop()


def state_of(invitation) -> str:
    db.session.rollback()
    return message_of(invitation).state


def test_a_mail_server_hands_a_bounce_over(invitation, lmtp) -> None:
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    assert lmtp.sendmail("<>", [address.upper()], GONE) == {}
    assert state_of(invitation) == "bounced"
    assert db.session.get_one(Patient, invitation.patient_id).email_bounced_at is not None
    assert lmtp.sendmail("<>", [address], GONE) == {}  # again, on the same connection


def test_it_knows_no_other_address(invitation, lmtp) -> None:
    address = bounce_address(message_of(invitation).public_id)
    for wrong in forged(address)[:6]:
        lmtp.ehlo_or_helo_if_needed()
        lmtp.mail("<>")
        assert lmtp.rcpt(wrong)[0] == 550
        lmtp.rset()
    assert state_of(invitation) == "accepted"


def test_one_recipient_at_a_time(invitation, lmtp) -> None:
    address = bounce_address(message_of(invitation).public_id)
    lmtp.ehlo_or_helo_if_needed()
    lmtp.mail("<>")
    assert lmtp.rcpt(address)[0] == 250
    assert lmtp.rcpt(address)[0] == 452


def test_the_mail_server_keeps_what_cannot_be_recorded_yet(invitation, lmtp) -> None:
    with atomic():
        message = message_of(invitation)
        message.state, message.lease = "sending", "somebody"
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        lmtp.sendmail("<>", [address], GONE)
    assert refused.value.smtp_code == 451
    assert state_of(invitation) == "sending"


def test_hostile_bytes_do_not_stop_it(invitation, lmtp) -> None:
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    for raw in (b"", b"\xff\xfe\0\0", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 500):
        lmtp.sendmail("<>", [address], raw)
    assert lmtp.sendmail("<>", [address], GONE) == {}
    assert state_of(invitation) == "bounced"


def test_an_error_of_our_own_is_told_without_words(
    app, invitation, lmtp, monkeypatch, capsys
) -> None:
    def fail(*_args, **_more) -> None:
        raise RuntimeError("secret@example.com")

    monkeypatch.setattr(intake, "record", fail)
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        lmtp.sendmail("<>", [address], GONE)
    assert refused.value.smtp_code == 554
    assert "secret" not in "".join(capsys.readouterr())


def addressed(raw: bytes, header: str, address: str) -> bytes:
    return f"{header}: {address}\n".encode() + raw


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "To"])
def test_the_command_reads_files(app, invitation, tmp_path: Path, header) -> None:
    address = bounce_address(message_of(invitation).public_id)
    file, other = tmp_path / "one.eml", tmp_path / "two.eml"
    file.write_bytes(addressed(GONE, header, f"Bounces <{address}>"))
    other.write_bytes(addressed(mail("hello"), "To", address))
    db.session.rollback()
    done = app.test_cli_runner().invoke(args=["mail", "bounce", str(file), str(other)])
    assert done.exit_code == 0, done.output
    assert "one.eml: recorded" in done.output
    assert "two.eml: nothing new" in done.output
    assert state_of(invitation) == "bounced"


def test_the_command_reads_a_pipe(app, invitation) -> None:
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    run = app.test_cli_runner()
    assert run.invoke(args=["mail", "bounce", "--to", address], input=GONE).exit_code == 0
    assert state_of(invitation) == "bounced"


def test_its_exit_codes(app, invitation) -> None:
    run = app.test_cli_runner()
    forged_one = run.invoke(args=["mail", "bounce", "--to", "bounce+x.y@localhost"], input=GONE)
    assert (forged_one.exit_code, forged_one.output) == (1, "-: not ours, ignored\n")
    with atomic():
        message = message_of(invitation)
        message.state, message.lease = "sending", "somebody"
    address = bounce_address(message_of(invitation).public_id)
    db.session.rollback()
    assert run.invoke(args=["mail", "bounce", "--to", address], input=GONE).exit_code == 75
    assert db.session.scalars(select(OutboxMessage.state)).all() == ["sending"]


@pytest.mark.parametrize(
    ("address", "reason"), [("bounce@example.com", "no_such_mailbox"), ("full@example.com", "mailbox_full")]
)  # fmt: skip
def test_the_catcher_of_development_sends_back(
    app, configure, tmp_path: Path, address, reason
) -> None:
    listener = Listener(app, host="127.0.0.1", port=free_port())
    catcher = Controller(
        Catcher(tmp_path / "mailbox", ("127.0.0.1", listener.port)),
        hostname="127.0.0.1",
        port=free_port(),
    )
    configure(mail_server="127.0.0.1", mail_port=catcher.port)
    house = make_house()
    with running(listener), running(catcher):
        invitation = invitations.enable_and_invite(
            patient=make_patient(house, email=address), by=house.hand, now=clock.now()
        )
        assert deliver().accepted == 1
        wait_for(lambda: state_of(invitation) == "bounced")
    assert message_of(invitation).reason == reason
    assert len(list((tmp_path / "mailbox" / "new").iterdir())) == 1


@contextmanager
def running(server: Controller) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()
