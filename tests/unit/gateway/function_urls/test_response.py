"""Results as HTTP answers: every inference, and what a hostile function cannot send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.gateway.function_urls.response import InvalidResult, head_of, response_of
from lambdad.wire.http import Response

JSON = ("Content-Type", "application/json")


def answer(result: Any) -> Response:
    return response_of(json.dumps(result).encode())


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"hello": "world"}', b'{"hello": "world"}'),
        (b'["hello",3,true]', b'["hello",3,true]'),
        (b'"hello"', b"hello"),  # recorded: no quotation marks
        ('"né"'.encode(), "né".encode()),
        (b"3", b"3"),
        (b"3.1", b"3.1"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b'{"body":"x"}', b'{"body":"x"}'),
        (b'{"id":36893488147419103232}', b'{"id":36893488147419103232}'),
    ],
)
def test_without_a_status_code_the_result_is_the_body(payload: bytes, body: bytes) -> None:
    assert response_of(payload) == Response(200, [JSON], body)


def test_a_structured_answer() -> None:
    assert answer(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/plain", "X-Number": 7, "x-yes": True, "x-none": None},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "né",
            "unknown": {},
        }
    ) == Response(
        201,
        [
            ("Content-Type", "text/plain"),
            ("X-Number", "7"),
            ("x-yes", "true"),
            ("x-none", ""),
            ("Set-Cookie", "a=1; Path=/"),
            ("Set-Cookie", "b=2"),
        ],
        "né".encode(),
    )


def test_what_is_left_out() -> None:
    assert answer({"statusCode": 204}) == Response(204, [JSON], b"")
    assert answer({"statusCode": "404", "body": None}) == Response(404, [JSON], b"")
    assert answer({"statusCode": 200.0, "headers": None}) == Response(200, [JSON], b"")


def test_binary() -> None:
    binary = {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}
    assert answer(binary).body == b"\x00\xff"
    assert answer(binary | {"isBase64Encoded": "true"}).body == b"AP8="


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": None},
        {"statusCode": "abc"},
        {"statusCode": True},
        {"statusCode": []},
        {"statusCode": 200.5},
        {"statusCode": 101},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": -200},
        {"statusCode": "+20"},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": 7},
        {"statusCode": 200, "body": "***", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": "a: b"},
        {"statusCode": 200, "headers": {"a": ["b"]}},
        {"statusCode": 200, "headers": {"a": {}}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "cookies": [["a=1"]]},
    ],
)
def test_what_is_no_answer(result: Any) -> None:
    with pytest.raises(InvalidResult):
        answer(result)


def test_what_is_not_json() -> None:
    for payload in (b"<html>", b"", b"NaN", b'{"a":Infinity}', b"[" * 100_000, b'"\xff"'):
        with pytest.raises(InvalidResult):
            response_of(payload)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x7f"])
def test_no_header_can_end_the_head(break_: str) -> None:
    for hostile in (
        {"headers": {"x": f"a{break_}Set-Cookie: b"}},
        {"headers": {f"x{break_}y": "a"}},
        {"cookies": [f"a=1{break_}x: y"]},
    ):
        with pytest.raises(InvalidResult):
            head_of(hostile)


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "é", "a\t", '"', "(x)"])
def test_header_names_are_tokens(name: str) -> None:
    with pytest.raises(InvalidResult):
        head_of({"headers": {name: "x"}})


@pytest.mark.parametrize(
    "name",
    ["Connection", "content-length", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Date",
     "Server", "keep-alive", "WWW-Authenticate", "x-amzn-RequestId"],
)  # fmt: skip
def test_what_is_not_the_functions_to_say_is_renamed(name: str) -> None:
    assert head_of({"headers": {name: "1"}}).headers == [(f"x-amzn-Remapped-{name}", "1")]


def test_values_are_trimmed_and_in_utf_8() -> None:
    assert head_of({"headers": {"x": " a\t"}}).headers == [("x", "a")]
    assert head_of({"headers": {"x": "né"}}).headers == [("x", "né".encode().decode("latin-1"))]
