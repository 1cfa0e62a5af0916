"""Function URLs by plain HTTP: whole events, whole answers (semantics §5.6)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest

from lambdad.invoke.lineage import MAXIMUM_RUNS, new_trace, with_run
from support.functions import make_function, make_version
from support.lambda_client import ACCOUNT, lambda_of
from support.server import REGION, LambdadServer
from support.url_client import ask, connect, path_form, public_url

JSON = ("Content-Type", "application/json")
REPLAY = """
import json
def handler(event, context):
    return json.loads(event["body"])
"""
FAILED = (502, [JSON, ("Content-Length", "21")], b"Internal Server Error")


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="module")
def echo(client: Any) -> str:
    return public_url(client)[1]


@pytest.fixture(scope="module")
def replay(client: Any) -> str:
    """Returns whatever JSON it is sent."""
    return public_url(client, REPLAY)[1]


def returned(server: LambdadServer, url: str, result: Any, **request: Any) -> Any:
    body = json.dumps(result).encode()
    headers = {"Content-Type": "application/json", **request.pop("headers", {})}
    return ask(server, url, method="POST", body=body, headers=headers, **request)


def shown(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status, answer.headers, answer.body


def test_the_whole_event(server: LambdadServer, echo: str) -> None:
    answer = ask(
        server, echo, "/a%20b/c?x=1&y=%C3%A9&x=2", method="PUT", body=b'{"n":1}',
        headers={"Content-Type": "application/json", "Cookie": "a=1; b=2", "X-Own": "Value",
                 "User-Agent": "test", "Accept-Encoding": "identity"},
    )  # fmt: skip
    host = urlsplit(echo)
    url_id = host.netloc.partition(".")[0]
    assert answer.status == 200
    assert answer.json == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a b/c",
        "rawQueryString": "x=1&y=%C3%A9&x=2",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "accept-encoding": "identity",
            "content-length": "7",
            "content-type": "application/json",
            "host": host.netloc,
            "user-agent": "test",
            "x-amzn-trace-id": answer.trace,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": str(host.port),
            "x-forwarded-proto": "http",
            "x-own": "Value",
        },
        "queryStringParameters": {"x": "1,2", "y": "é"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": host.hostname,
            "domainPrefix": url_id,
            "http": {
                "method": "PUT",
                "path": "/a b/c",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": answer.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": ANY,
            "timeEpoch": ANY,
        },
        "body": '{"n":1}',
        "isBase64Encoded": False,
    }


def test_the_form_by_path(server: LambdadServer, echo: str) -> None:
    by_path = path_form(server, echo)
    url_id = urlsplit(echo).netloc.partition(".")[0]
    answer = ask(server, by_path, "/a/../b//c?d")
    assert answer.json["rawPath"] == "/a/../b//c"
    assert answer.json["requestContext"]["domainName"] == f"{url_id}.lambda-url.us-east-1.on.aws"
    assert answer.headers[1] == (
        "Content-Security-Policy",
        "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
    )


def test_the_name_that_aws_gives_leads_here_too(server: LambdadServer, echo: str) -> None:
    url_id = urlsplit(echo).netloc.partition(".")[0]
    answer = ask(server, f"https://{url_id}.lambda-url.us-east-1.on.aws/")
    assert answer.json["requestContext"]["domainName"] == f"{url_id}.lambda-url.us-east-1.on.aws"


@pytest.mark.parametrize(
    ("result", "body"),
    [({"a": [1]}, b'{"a": [1]}'), (["x"], b'["x"]'), ("hello", b"hello"), (3, b"3"),
     (True, b"true"), (None, b"null")],
)  # fmt: skip
def test_inferred_answers(server: LambdadServer, replay: str, result: Any, body: bytes) -> None:
    length = ("Content-Length", str(len(body)))
    assert shown(returned(server, replay, result)) == (200, [JSON, length], body)


def test_a_structured_answer(server: LambdadServer, replay: str) -> None:
    result = {
        "statusCode": 418,
        "headers": {"Content-Type": "image/x", "x-a": "1", "www-authenticate": "Basic"},
        "cookies": ["a=1; HttpOnly", "b=2"],
        "body": "AP8=",
        "isBase64Encoded": True,
    }
    assert shown(returned(server, replay, result)) == (
        418,
        [
            ("Content-Type", "image/x"),
            ("x-a", "1"),
            ("x-amzn-Remapped-www-authenticate", "Basic"),
            ("Set-Cookie", "a=1; HttpOnly"),
            ("Set-Cookie", "b=2"),
            ("Content-Length", "2"),
        ],
        b"\x00\xff",
    )


def test_without_a_body(server: LambdadServer, replay: str) -> None:
    assert shown(returned(server, replay, {"statusCode": 204})) == (204, [JSON], b"")
    head = ask(server, replay, method="HEAD")
    assert (head.status, head.body) == (502, b"")


@pytest.mark.parametrize(
    "result",
    [{"statusCode": "x"}, {"statusCode": 100}, {"statusCode": 200, "body": {}},
     {"statusCode": 200, "headers": {"a": "b\r\nc: d"}}, {"statusCode": 200, "cookies": "a=1"}],
)  # fmt: skip
def test_what_is_no_answer(server: LambdadServer, replay: str, result: Any) -> None:
    assert shown(returned(server, replay, result)) == FAILED


def test_binary_bodies(server: LambdadServer, echo: str) -> None:
    sent = bytes(range(256))
    answer = ask(server, echo, method="POST", body=sent, headers={"Content-Type": "image/png"})
    assert answer.json["isBase64Encoded"] is True
    assert base64.b64decode(answer.json["body"]) == sent


def test_errors_of_the_function_stay_inside(server: LambdadServer, client: Any) -> None:
    source = "def handler(event, context):\n    raise ValueError('the password is hunter2')\n"
    assert shown(ask(server, public_url(client, source)[1])) == FAILED


def test_a_timeout(server: LambdadServer, client: Any) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(30)\n"
    assert shown(ask(server, public_url(client, source, Timeout=1)[1])) == FAILED


def test_a_result_that_is_too_large(server: LambdadServer, client: Any) -> None:
    source = "def handler(event, context):\n    return 'x' * 6291600\n"
    assert shown(ask(server, public_url(client, source)[1])) == FAILED


def test_a_request_that_is_too_large(server: LambdadServer, echo: str) -> None:
    text = (
        b'{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}'
    )
    expected = (
        413,
        [
            JSON,
            ("x-amzn-ErrorType", "RequestEntityTooLargeException"),
            ("Content-Length", str(len(text))),
        ],
        text,
    )
    body = b"x" * 6_291_456
    answer = ask(server, echo, method="POST", body=body, headers={"Content-Type": "text/plain"})
    assert shown(answer) == expected
    binary = b"x" * 5_000_000  # only as base64 it is too large
    assert shown(ask(server, echo, method="POST", body=binary)) == expected


def test_a_throttled_function(server: LambdadServer, client: Any) -> None:
    name, url = public_url(client)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    text = b'{"Message":"Rate Exceeded."}'
    assert shown(ask(server, url)) == (
        429,
        [
            JSON,
            ("x-amzn-ErrorType", "TooManyRequestsException"),
            ("Content-Length", str(len(text))),
        ],
        text,
    )


def test_an_unknown_url(server: LambdadServer, echo: str) -> None:
    text = b'{"Message":null}'
    expected = (
        403,
        [JSON, ("x-amzn-ErrorType", "AccessDeniedException"), ("Content-Length", str(len(text)))],
        text,
    )
    url_id = urlsplit(echo).netloc.partition(".")[0]
    for unknown in (
        f"http://{'z' * 32}.lambda-url.us-east-1.localhost/",
        f"http://{url_id}.lambda-url.eu-west-1.localhost/",
        f"http://x.{url_id}.lambda-url.us-east-1.localhost/",
    ):
        assert shown(ask(server, unknown)) == expected


def test_a_url_is_the_same_after_a_restart(fresh_server: LambdadServer) -> None:
    client = fresh_server.client("lambda")
    name, url = public_url(client)
    fresh_server.restart()
    client = fresh_server.client("lambda")
    again = client.get_function_url_config(FunctionName=name)["FunctionUrl"]
    assert urlsplit(again).hostname == urlsplit(url).hostname
    assert ask(fresh_server, again).status == 200
    client.delete_function_url_config(FunctionName=name)
    assert ask(fresh_server, again).status == 403


def test_a_kept_connection_serves_functions_and_the_api(server: LambdadServer, echo: str) -> None:
    connection = connect(server)
    for host, path, status in (
        (urlsplit(echo).netloc, "/", 200),
        ("localhost", "/_lambdad/health", 200),
        (urlsplit(echo).netloc, "/_lambdad/health", 200),
    ):
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        body = response.read()
        assert response.status == status
        assert (b"rawPath" in body) == (host != "localhost")
    connection.close()


def test_a_loop_through_urls_is_stopped_and_seen(server: LambdadServer, client: Any) -> None:
    name, url = public_url(client)
    version = make_version(Path("/code"), name=name, account=ACCOUNT, region=REGION)
    trace = new_trace(1_700_000_000)
    for _ in range(MAXIMUM_RUNS):
        trace = with_run(trace, make_function(version))
    answer = ask(server, url, headers={"X-Amzn-Trace-Id": trace})
    text = (
        f"Lambda stopped the invocation of {name}: it has already run {MAXIMUM_RUNS} times in this "
        "chain of calls, which looks like a recursive loop."
    )
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    assert shown(answer) == (
        400,
        [
            JSON,
            ("x-amzn-ErrorType", "RecursiveInvocationException"),
            ("Content-Length", str(len(body))),
        ],
        body,
    )
    assert text in server.log_text()
