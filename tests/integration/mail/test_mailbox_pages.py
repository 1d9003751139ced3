"""``/dev/mailbox``: what was caught, for the developer on this machine and nobody else."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage

import pytest
from flask.testing import FlaskClient

from portal.dev.views import MAIL_CSP
from tests.factories import make_house, make_invitation
from tests.integration.patients.visitor import Visitor


@pytest.fixture
def caught(app, configure, tmp_path):
    configure(app_env="development", portal_data_dir=tmp_path)
    return mailbox.Maildir(tmp_path / "mailbox")


def put(box: mailbox.Maildir, subject: str = "Connect with us") -> str:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["To"] = "jenny@example.com"
    mail["From"] = '"Clínica <b>" <no-reply@localhost>'
    mail.set_content("Sign up:\nhttp://127.0.0.1:8000/i/abc_-. And <script>alert(1)</script>\n")
    mail.add_alternative(
        '<html><head><title>x</title></head><body><p style="color: red">Hi</p></body></html>',
        subtype="html",
    )
    return box.add(mail)


def test_an_empty_mailbox_says_so(client, caught) -> None:
    assert "No mail yet" in client.get("/dev/mailbox").text


def test_a_patient_who_is_logged_on_sees_no_menu_of_staff(app, caught, moment) -> None:
    visitor = Visitor(app, address="127.0.0.1")
    visitor.register(make_invitation(make_house()))
    page = visitor.get("/dev/mailbox")
    assert page.status_code == 200
    assert "My Links" not in page.text


def test_before_the_first_mail_there_is_no_folder_and_no_error(client, configure, tmp_path) -> None:
    configure(app_env="development", portal_data_dir=tmp_path / "nothing")
    assert client.get("/dev/mailbox").status_code == 200


def test_mails_are_listed_newest_first(client, caught) -> None:
    for subject in ("first", "second", "third"):
        put(caught, subject)
    page = client.get("/dev/mailbox").text
    assert page.index("third") < page.index("second") < page.index("first")


def test_a_mail_shows_headers_text_with_links_and_a_frame(client, caught) -> None:
    key = put(caught)
    page = client.get(f"/dev/mailbox/{key}").text
    assert '<a href="http://127.0.0.1:8000/i/abc_-">http://127.0.0.1:8000/i/abc_-</a>' in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Clínica &lt;b&gt;" in page
    assert f'src="/dev/mailbox/{key}/html"' in page
    assert "sandbox=" in page


def test_the_html_part_stands_alone_under_its_own_policy(app, caught) -> None:
    key = put(caught)
    answer = FlaskClient(app, app.response_class).get(f"/dev/mailbox/{key}/html")
    assert answer.headers["Content-Security-Policy"] == MAIL_CSP
    assert "sandbox" in MAIL_CSP
    assert "allow-scripts" not in MAIL_CSP
    assert '<p style="color: red">Hi</p>' in answer.text
    assert '<base target="_top">' in answer.text


@pytest.mark.parametrize(
    "key", ["nothing", "..", "../secrets.env", "%2e%2e%2fsecrets.env", "1.M1P1"]
)
def test_a_key_that_the_mailbox_does_not_list_is_not_found(client, caught, key) -> None:
    put(caught)
    for page in ("", "/html"):
        assert client.get(f"/dev/mailbox/{key}{page}").status_code == 404


@pytest.mark.parametrize("environment", ["production", "testing"])
def test_elsewhere_than_in_development_there_is_no_mailbox(
    client, caught, configure, environment
) -> None:
    key = put(caught)
    configure(app_env=environment)
    for path in ("/dev/mailbox", f"/dev/mailbox/{key}", f"/dev/mailbox/{key}/html"):
        assert client.get(path).status_code == 404


def test_other_machines_do_not_see_it(client, caught) -> None:
    put(caught)
    answer = client.get("/dev/mailbox", environ_overrides={"REMOTE_ADDR": "192.168.1.7"})
    assert answer.status_code == 404


def test_a_picture_that_travels_with_a_mail_is_shown(client, caught) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["From"] = "Logo", "jenny@example.com", "no-reply@localhost"
    mail.set_content("Hi")
    mail.add_alternative(
        '<!doctype html><html><head><title>x</title></head><body><img src="cid:a@b" alt=""></body></html>',
        subtype="html",
    )
    html = mail.get_body(("html",))
    html.add_related(b"not really one", maintype="image", subtype="png", cid="<a@b>")
    shown = client.get(f"/dev/mailbox/{caught.add(mail)}/html")
    assert 'src="data:image/png;base64,bm90IHJlYWxseSBvbmU="' in shown.text
    assert "img-src data:" in shown.headers["Content-Security-Policy"]
