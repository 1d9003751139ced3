"""The page check itself: each rule refuses what breaks it."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.page_check import BadPage, CheckedClient, check

GOOD = """<!doctype html><html lang="en"><head><title>t</title></head><body><main>
<form method="post" action="/a"><input type="hidden" name="csrf_token" value="x">
<label for="n">Name</label><input id="n" name="n"><button>Save</button></form></main></body></html>"""


def test_a_good_page_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("</main>", "</div></main>", "invalid HTML"),
        ('<label for="n">', '<label for="m">', "points nowhere"),
        ('<label for="n">Name</label>', "", "has no label"),
        ("<button>", '<p id="n">x</p><button>', "stands 2 times"),
        (' action="/a"', "", "no action"),
        ('<input type="hidden" name="csrf_token" value="x">', "", "CSRF"),
        ("<main>", '<main onclick="x()">', "inline handler"),
        ("<main>", '<main style="color:red">', "inline style"),
        ("<main>", "<main><script>x()</script>", "inline script"),
        ("<main>", '<main hx-on:click="x()">', "not allowed"),
        ("<main>", '<main><a href="javascript:x()">y</a>', "runs a script"),
        ("<main>", '<main><img alt="" src="https://example.com/x.png">', "another host"),
        ("<main>", '<main><div hx-post="/x">y</div>', "without a form"),
        ("<main>", '<main><a hx-get="/x">y</a>', "only htmx can follow"),
        ("<button>Save</button>", "<button></button>", "no name"),
        (
            "<main>",
            '<main><input name="q" aria-describedby="nowhere" aria-label="q">',
            "points nowhere",
        ),
    ],
)
def test_each_rule_refuses_what_breaks_it(before: str, after: str, told: str) -> None:
    assert before in GOOD
    with pytest.raises(BadPage, match=told):
        check(GOOD.replace(before, after, 1))


def test_a_bad_page_fails_whoever_gets_it_and_a_good_one_nobody() -> None:
    bad = GOOD.replace("<button>Save</button>", "<button></button>")
    pages = Flask("pages")
    pages.test_client_class = CheckedClient
    pages.add_url_rule("/<name>", view_func=lambda name: bad if name == "bad" else GOOD)
    client = pages.test_client()
    for _ in range(2):
        assert client.get("/good").status_code == 200
        with pytest.raises(BadPage, match="a button has no name"):
            client.get("/bad")
