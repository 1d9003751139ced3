"""Which passwords are refused (NIST 63B-4 §3.1.1.2) and what hashing costs (ASVS appendix C)."""

from __future__ import annotations

import pytest
from flask import Flask

from portal import passwords
from portal.passwords import PasswordProblem

CONTEXT = ("Jenny Harris", "jenny.harris@example.com", "jharris", "Family Practice")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("short", PasswordProblem.TOO_SHORT),
        ("fourteen chars", PasswordProblem.TOO_SHORT),
        ("x" * 257, PasswordProblem.TOO_LONG),
        ("aaaaaaaaaaaaaaaaaaaa", PasswordProblem.REPETITIVE),
        ("abcabcabcabcabcabc", PasswordProblem.REPETITIVE),
        ("123456789012345678", PasswordProblem.REPETITIVE),
        ("password12345678", PasswordProblem.COMMON),
        ("passwordpassword", PasswordProblem.COMMON),
        ("jennyharris1980!", PasswordProblem.PERSONAL),
        ("familypractice2026", PasswordProblem.PERSONAL),
        ("a quiet orchard in november", None),
        ("ten green bottles", None),
        ("correct horse battery staple " * 4, None),
        ("пароль для врача и для меня", None),
        ("🌳🌲🌴 three trees 🌵🌿🍀☘️🍁🍂🍃", None),
    ],
)
def test_refusals(password: str, expected: PasswordProblem | None) -> None:
    assert passwords.problem(password, context=CONTEXT) is expected


def test_eight_do_with_a_second_factor() -> None:
    assert passwords.problem("k4!vobzq", context=CONTEXT, second_factor=True) is None
    assert (
        passwords.problem("k4!vobz", context=CONTEXT, second_factor=True)
        is PasswordProblem.TOO_SHORT
    )


def test_the_real_cost_is_argon2id_with_46_mib() -> None:
    app = Flask(__name__)
    with app.app_context():
        hashed = passwords.hash_password("a quiet orchard in november")
        assert hashed.startswith("$argon2id$v=19$m=47104,t=1,")
        assert passwords.matches("a quiet orchard in november", hashed)
        assert not passwords.matches("a quiet orchard in november ", hashed), (
            "verified exactly as typed"
        )
        assert not passwords.matches("a quiet orchard in november", None)


def test_the_same_letters_in_another_form_are_the_same_password() -> None:
    app = Flask(__name__)
    with app.app_context():
        hashed = passwords.hash_password("caf\u00e9 del mar y del sol")
        assert passwords.matches("cafe\u0301 del mar y del sol", hashed)
