"""Every code has words."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import Babel

from portal.mail.rules import Reason
from portal.mail.wording import WORDS, explain


@pytest.fixture(autouse=True)
def _language():
    app = Flask(__name__)
    Babel(app)
    with app.app_context():
        yield


def test_every_reason_has_its_own_sentence() -> None:
    sentences = {str(words) for words in WORDS.values()}
    assert set(WORDS) == set(Reason)
    assert len(sentences) == len(Reason)
    assert all(sentence.endswith(".") for sentence in sentences)


def test_the_next_try_is_told_with_its_time() -> None:
    assert explain("unreachable", again_at="3:04 p.m.") == (
        "The mail server could not be reached. Trying again at 3:04 p.m."
    )
    assert explain("waits_for_limit", again_at="3:04 p.m.").endswith("It waits until 3:04 p.m.")
    assert explain("no_such_mailbox") == "The mail server says there is no such mailbox."


def test_a_code_of_another_version_says_nothing() -> None:
    assert explain("from_the_future") == explain(None) == ""
