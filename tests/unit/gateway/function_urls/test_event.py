"""Requests as events of payload format 2.0: whole events (semantics §5.6)."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from lambdad.core.ids import AccountId, RequestId
from lambdad.gateway.function_urls.event import Circumstances, event_of
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.wire.http import Request

ID = "a1" * 16
DOMAIN = f"{ID}.lambda-url.us-east-1.localhost"
REQUEST_ID = RequestId("11111111-2222-4333-8444-555555555555")
TRACE = "Root=1-67748580-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0"
ALICE = Principal(
    PrincipalKind.USER, AccountId("000000000000"), "arn:aws:iam::000000000000:user/alice",
    "AKIAALICE", "AIDAALICE",
)  # fmt: skip


def event(
    request: Request, path: str | None = None, caller: Principal | None = None
) -> dict[str, Any]:
    about = Circumstances(
        ID, DOMAIN, path or request.path, REQUEST_ID, TRACE, 1_583_348_638_390, caller
    )
    made: dict[str, Any] = orjson.loads(event_of(request, about))
    return made


def request(
    method: str = "GET", path: str = "/", query: str = "", body: bytes = b"", **headers: str
) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, query, {"host": f"{DOMAIN}:4566"} | named, body, "192.0.2.1")


def test_the_simplest_event() -> None:
    assert event(request(user_agent="curl/8.5.0", accept="*/*")) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "host": f"{DOMAIN}:4566",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": TRACE,
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": ID,
            "domainName": DOMAIN,
            "domainPrefix": ID,
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": REQUEST_ID,
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "isBase64Encoded": False,
    }


def test_a_signed_request_tells_who_signed_and_not_how() -> None:
    signed = request(authorization="AWS4-HMAC-SHA256 …", x_amz_security_token="t", x_amz_date="d")
    made = event(signed, caller=ALICE)
    assert made["requestContext"]["accountId"] == "000000000000"
    assert made["requestContext"]["authentication"] is None
    assert made["requestContext"]["authorizer"] == {
        "iam": {
            "accessKey": "AKIAALICE",
            "accountId": "000000000000",
            "callerId": "AIDAALICE",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::000000000000:user/alice",
            "userId": "AIDAALICE",
        }
    }
    assert made["headers"].keys() & {"authorization", "x-amz-security-token"} == set()


def test_without_iam_the_functions_own_authorization_reaches_it() -> None:
    assert event(request(authorization="Bearer x"))["headers"]["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("sent", "raw"),
    [
        ("/pa2%25Fth", "/pa2%Fth"),  # recorded
        ("/a%20b+c", "/a b+c"),
        ("/%C3%A9", "/é"),
        ("/a%2Fb", "/a/b"),
        ("/%ff", "/�"),
        ("//a/../b", "//a/../b"),
    ],
)
def test_the_raw_path_is_decoded_once(sent: str, raw: str) -> None:
    made = event(request(path=sent))
    assert made["rawPath"] == made["requestContext"]["http"]["path"] == raw


def test_the_path_is_the_functions_in_the_form_by_path_too() -> None:
    assert event(request(path=f"/_lambdad/url/{ID}/x"), path="/x")["rawPath"] == "/x"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("a=1&b=2&a=3", {"a": "1,3", "b": "2"}),
        ("q=a%20b+c%2B", {"q": "a b c+"}),
        ("flag&empty=", {"flag": "", "empty": ""}),
        ("a=b=c&&", {"a": "b=c"}),
        ("%C3%A9=%ff", {"é": "�"}),
    ],
)
def test_queries(query: str, parameters: dict[str, str]) -> None:
    made = event(request(query=query))
    assert made["rawQueryString"] == query
    assert made["queryStringParameters"] == parameters


def test_cookies_are_a_list_and_no_header() -> None:
    made = event(request(cookie="a=1; b=2;c"))
    assert made["cookies"] == ["a=1", "b=2", "c"]
    assert "cookie" not in made["headers"]


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/html; charset=utf-8", "application/json", "Application/XML",
     "application/javascript", "application/problem+json", "image/svg+xml"],
)  # fmt: skip
def test_text_stays_text(kind: str) -> None:
    made = event(request("POST", body="né".encode(), content_type=kind))
    assert (made["body"], made["isBase64Encoded"]) == ("né", False)
    assert made["headers"]["content-length"] == "3"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/octet-stream", b"abc"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("", b"abc"),
        ("text/plain", b"\xff\xfe"),
        ("application/json", b"\x80"),
    ],
)
def test_everything_else_is_base64(kind: str, body: bytes) -> None:
    made = event(request("POST", body=body, content_type=kind))
    assert (made["body"], made["isBase64Encoded"]) == (base64.b64encode(body).decode(), True)


def test_a_client_says_nothing_of_the_connection() -> None:
    made = event(
        request(
            x_forwarded_for="203.0.113.9", x_forwarded_proto="https", x_forwarded_port="1",
            x_amzn_trace_id="forged", x_amzn_tls_version="TLSv9", connection="x-secret",
            transfer_encoding="chunked", te="trailers", upgrade="websocket", expect="100-continue",
        )
    )  # fmt: skip
    assert made["headers"] == {
        "host": f"{DOMAIN}:4566",
        "x-amzn-trace-id": TRACE,
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-port": "4566",
        "x-forwarded-proto": "http",
    }


def test_the_port_of_an_address_without_one() -> None:
    secure = Request("GET", "/", "", {"host": DOMAIN}, b"", "192.0.2.1", secure=True)
    headers = event(secure)["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
