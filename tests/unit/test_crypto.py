"""Field encryption, keyed hashes and tokens (ASVS 11.3, 11.5.1)."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask

from config import new_encryption_key
from portal import crypto, tokens
from portal.crypto import Keys, KeyUnknown
from portal.tokens import OpenedDoor

SECRET = "a secret of at least thirty-two characters"
OLD, NEW = new_encryption_key(1), new_encryption_key(2)


def app_with(encryption: str, secret: str = SECRET) -> Flask:
    app = Flask(__name__)
    app.secret_key = secret
    app.extensions["vestibule.keys"] = Keys.read(secret=secret, encryption=encryption)
    return app


def test_a_value_is_bound_to_its_row() -> None:
    with app_with(OLD).app_context():
        sealed = crypto.encrypt("536904399", bound_to="row-1")
        assert b"536904399" not in sealed
        assert crypto.decrypt(sealed, bound_to="row-1") == "536904399"
        assert sealed != crypto.encrypt("536904399", bound_to="row-1"), (
            "a nonce is never used twice"
        )
        with pytest.raises(InvalidTag):
            crypto.decrypt(sealed, bound_to="row-2")
        with pytest.raises(InvalidTag):
            crypto.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), bound_to="row-1")


def test_two_key_versions_are_alive_and_a_third_is_not() -> None:
    with app_with(OLD).app_context():
        sealed = crypto.encrypt("536904399", bound_to="row-1")
    with app_with(f"{NEW},{OLD}").app_context():
        assert crypto.decrypt(sealed, bound_to="row-1") == "536904399"
        assert crypto.encrypt("x", bound_to="y")[0] == 2, "the newest seals"
    with app_with(NEW).app_context(), pytest.raises(KeyUnknown):
        crypto.decrypt(sealed, bound_to="row-1")


def test_keys_must_be_whole() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keys.read(secret=SECRET, encryption="1:c2hvcnQ=")


def test_one_key_per_purpose() -> None:
    with app_with(OLD).app_context():
        assert crypto.keyed_hash("x", purpose="a") != crypto.keyed_hash("x", purpose="b")
        assert crypto.keyed_hash("x", purpose="a") == crypto.keyed_hash("x", purpose="a")
    with app_with(OLD, SECRET + "!").app_context():
        other = crypto.keyed_hash("x", purpose="a")
    with app_with(OLD).app_context():
        assert crypto.keyed_hash("x", purpose="a") != other


def test_a_link_is_rederived_from_its_nonce() -> None:
    with app_with(OLD).app_context():
        nonce = tokens.new_secret()
        assert tokens.link_token(nonce) == tokens.link_token(nonce)
        assert len(tokens.link_token(nonce)) == 43, "256 bits"
        assert tokens.link_token(nonce) != tokens.link_token(tokens.new_secret())
    with app_with(OLD, SECRET + "!").app_context():
        assert len(tokens.link_token(nonce)) == 43


def test_a_door_is_signed_and_belongs_to_its_handle() -> None:
    with app_with(OLD).app_context():
        sealed = OpenedDoor.seal("handle", "invitation-link", "invitation")
        opened = OpenedDoor.read("handle", sealed)
        assert opened is not None
        assert (opened.purpose, opened.subject) == ("invitation-link", "invitation")
        assert OpenedDoor.read("another", sealed) is None
        assert OpenedDoor.read("handle", sealed[:-2]) is None
    with app_with(OLD, SECRET + "!").app_context():
        assert OpenedDoor.read("handle", sealed) is None, "another installation's cookie"


def test_public_ids_are_not_guessable() -> None:
    seen = {tokens.public_id() for _ in range(1000)}
    assert len(seen) == 1000
    assert all(len(one) == 22 for one in seen)
