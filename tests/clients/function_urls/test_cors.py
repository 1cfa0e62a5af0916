"""Cors of a function URL, as a browser meets it."""

from __future__ import annotations

from typing import Any

import pytest

from support.lambda_client import lambda_of
from support.server import LambdadServer
from support.url_client import ask, public_url

ORIGIN = "https://app.example.com"
JSON = ("Content-Type", "application/json")
SOURCE = """
def handler(event, context):
    own = {"Access-Control-Allow-Origin": "*", "access-control-max-age": "1", "X-Own": "1"}
    return {"statusCode": 200, "headers": own, "body": event["requestContext"]["http"]["method"]}
"""
CORS = {
    "AllowOrigins": [ORIGIN],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["content-type"],
    "ExposeHeaders": ["x-own"],
    "AllowCredentials": True,
    "MaxAge": 300,
}
ASKING = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="module")
def url(client: Any) -> str:
    return public_url(client, SOURCE, Cors=CORS)[1]


def test_a_preflight_is_answered_without_the_function(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, method="OPTIONS", headers=ASKING)
    assert (answer.status, answer.headers, answer.body) == (
        200,
        [
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", ORIGIN),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "GET,PUT"),
            ("Access-Control-Allow-Headers", "content-type"),
            ("Access-Control-Max-Age", "300"),
            ("Content-Length", "0"),
        ],
        b"",
    )


def test_a_preflight_of_another_origin_allows_nothing(server: LambdadServer, url: str) -> None:
    stranger = ASKING | {"Origin": "https://evil.example.com"}
    answer = ask(server, url, method="OPTIONS", headers=stranger)
    assert (answer.status, answer.headers) == (200, [("Vary", "Origin"), ("Content-Length", "0")])


def test_the_settings_headers_replace_the_functions(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers, answer.body) == (
        200,
        [
            JSON,
            ("X-Own", "1"),
            ("Vary", "Origin"),
            ("Access-Control-Allow-Origin", ORIGIN),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Expose-Headers", "x-own"),
            ("Content-Length", "3"),
        ],
        b"GET",
    )


def test_errors_can_be_read_by_the_page_too(server: LambdadServer, client: Any) -> None:
    source = "def handler(event, context): raise ValueError"
    url = public_url(client, source, Cors={"AllowOrigins": ["*"]})[1]
    answer = ask(server, url, headers={"Origin": ORIGIN})
    assert answer.status == 502
    assert ("Access-Control-Allow-Origin", ORIGIN) in answer.headers


def test_without_a_setting_everything_is_the_functions(server: LambdadServer, client: Any) -> None:
    url = public_url(client, SOURCE)[1]
    answer = ask(server, url, method="OPTIONS", headers=ASKING)
    assert (answer.headers, answer.body) == (
        [
            JSON,
            ("Access-Control-Allow-Origin", "*"),
            ("access-control-max-age", "1"),
            ("X-Own", "1"),
            ("Content-Length", "7"),
        ],
        b"OPTIONS",
    )


def test_a_preflight_needs_no_signature(server: LambdadServer, client: Any) -> None:
    name, url = public_url(client, SOURCE, Cors=CORS)
    client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    assert ask(server, url, method="OPTIONS", headers=ASKING).status == 200
    assert ask(server, url, headers={"Origin": ORIGIN}).status == 403


def test_a_url_made_with_the_aws_cli(server: LambdadServer, client: Any) -> None:
    name, _ = public_url(client, SOURCE)
    changed = server.aws(
        "lambda", "update-function-url-config", "--function-name", name,
        "--cors", f"AllowOrigins={ORIGIN},AllowMethods=GET,MaxAge=60",
    )  # fmt: skip
    url = changed.pop("FunctionUrl")
    assert changed["Cors"] == {"AllowOrigins": [ORIGIN], "AllowMethods": ["GET"], "MaxAge": 60}
    listed = server.aws("lambda", "list-function-url-configs", "--function-name", name)
    assert listed["FunctionUrlConfigs"][0]["FunctionUrl"] == url
    answer = ask(server, url, headers={"Origin": ORIGIN})
    assert ("Access-Control-Allow-Origin", ORIGIN) in answer.headers
    server.aws("lambda", "delete-function-url-config", "--function-name", name)
    assert ask(server, url).status == 403
