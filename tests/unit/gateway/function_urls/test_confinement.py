"""One function's page cannot act for another, nor for the server it is served from."""

from __future__ import annotations

import pytest

from lambdad.gateway.function_urls.confinement import confine, keep_to_host
from lambdad.wire.http import Response

HOST = "a1a1.lambda-url.us-east-1.localhost"
PREFIX = "/_lambdad/url/a1a1"


def cookies(response: Response) -> list[str]:
    return [value for name, value in response.headers if name == "Set-Cookie"]


@pytest.mark.parametrize(
    ("cookie", "below"),
    [
        ("a=1", "a=1; Path=/_lambdad/url/a1a1/"),
        ("a=1; Path=/", "a=1; Path=/_lambdad/url/a1a1/"),
        ("a=1;path=/x;HttpOnly", "a=1; HttpOnly; Path=/_lambdad/url/a1a1/x"),
        ("a=1; Domain=localhost; Secure", "a=1; Secure; Path=/_lambdad/url/a1a1/"),
        ("a=1; Path", "a=1; Path=/_lambdad/url/a1a1/"),
        ("a=1; Path=evil; Path=/y", "a=1; Path=/_lambdad/url/a1a1/y"),
        ("a=path=/; DOMAIN = x ; PATH = /z", "a=path=/; Path=/_lambdad/url/a1a1/z"),
    ],
)
def test_by_path_a_cookie_stays_below_the_prefix(cookie: str, below: str) -> None:
    response = Response(200, [("Set-Cookie", cookie)])
    confine(response, PREFIX)
    assert cookies(response) == [below]


def test_by_path_a_page_has_no_origin() -> None:
    own = ("Content-Security-Policy", "default-src *")
    response = Response(200, [own])
    confine(response, PREFIX)
    assert response.headers == [
        own,
        (
            "Content-Security-Policy",
            "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
        ),
    ]


@pytest.mark.parametrize(
    "cookie",
    ["a=1", "a=1; Path=/", f"a=1; Domain={HOST}", f"a=1; domain=.{HOST.upper()}", "a=1; Domain="],
)
def test_by_host_a_cookie_of_its_own_passes(cookie: str) -> None:
    response = Response(200, [("Set-Cookie", cookie)])
    keep_to_host(response, HOST)
    assert cookies(response) == [cookie]


@pytest.mark.parametrize(
    "cookie",
    ["a=1; Domain=lambda-url.us-east-1.localhost", "a=1; domain=.localhost", "a=1;DOMAIN = com",
     f"a=1; Domain={HOST}; Domain=localhost"],
)  # fmt: skip
def test_by_host_a_cookie_for_others_is_dropped(cookie: str) -> None:
    response = Response(200, [("Set-Cookie", cookie), ("x", "y")])
    keep_to_host(response, HOST)
    assert response.headers == [("x", "y")]
