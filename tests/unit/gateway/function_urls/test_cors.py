"""The Cors setting applied: every member, preflight and actual (Fetch standard)."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.gateway.function_urls.cors import is_preflight, rules_of
from lambdad.wire.http import Request

ORIGIN = "https://app.example.com"
VARY = ("Vary", "Origin")
ALLOW = ("Access-Control-Allow-Origin", ORIGIN)
FULL = {
    "AllowOrigins": [ORIGIN, "http://localhost:3000"],
    "AllowMethods": ["GET", "POST"],
    "AllowHeaders": ["content-type", "x-custom"],
    "ExposeHeaders": ["x-total", "date"],
    "AllowCredentials": True,
    "MaxAge": 600,
}


def asking(origin: str | None = ORIGIN, **headers: str) -> Request:
    sent = {"access-control-request-method": "PUT", **headers}
    return Request("OPTIONS", "/", "", sent if origin is None else {"origin": origin, **sent})


def rules(**setting: Any) -> Any:
    made = rules_of(setting)
    assert made is not None
    return made


def test_no_setting_no_rules() -> None:
    assert rules_of(None) is None
    assert rules_of({}) is None


def test_a_preflight_tells_everything_that_is_allowed() -> None:
    assert rules(**FULL).preflight(asking()) == [
        VARY,
        ALLOW,
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "GET,POST"),
        ("Access-Control-Allow-Headers", "content-type,x-custom"),
        ("Access-Control-Max-Age", "600"),
    ]


def test_an_actual_answer_tells_who_may_read_what() -> None:
    assert rules(**FULL).actual(asking()) == [
        VARY,
        ALLOW,
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "x-total,date"),
    ]


@pytest.mark.parametrize(
    "origin",
    [None, "https://evil.example.com", "http://app.example.com", f"{ORIGIN}.evil.com", "null", ""],
)
def test_other_origins_are_told_nothing(origin: str | None) -> None:
    assert rules(**FULL).preflight(asking(origin)) == [VARY]
    assert rules(**FULL).actual(asking(origin)) == [VARY]


def test_every_origin_is_repeated_where_all_may() -> None:
    assert rules(AllowOrigins=["*"]).actual(asking()) == [VARY, ALLOW]


def test_a_wildcard_is_one_only_without_credentials() -> None:
    every = {"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"]}
    request = asking(**{"access-control-request-headers": "x-a,x-b"})
    assert rules(**every).preflight(request) == [
        VARY,
        ALLOW,
        ("Access-Control-Allow-Methods", "*"),
        ("Access-Control-Allow-Headers", "*"),
    ]
    assert rules(**every, AllowCredentials=True).preflight(request) == [
        VARY,
        ALLOW,
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "x-a,x-b"),
    ]


def test_a_max_age_of_zero_is_said() -> None:
    made = rules(AllowOrigins=["*"], MaxAge=0).preflight(asking())
    assert made == [VARY, ALLOW, ("Access-Control-Max-Age", "0")]


def test_what_a_preflight_is() -> None:
    assert is_preflight(asking())
    assert not is_preflight(asking(None))
    assert not is_preflight(Request("OPTIONS", "/", "", {"origin": ORIGIN}))
    assert not is_preflight(Request("GET", "/", "", asking().headers))
