"""Function URLs under attack: hostile functions behind them, hostile clients before them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambdad.core.errors import AccessDeniedException
from lambdad.gateway.function_urls.response import InvalidResult, response_of
from lambdad.gateway.origin import refuse_web_pages
from lambdad.wire.http import Request
from support.browser import document_of
from support.lambda_client import lambda_of
from support.server import LambdadServer
from support.url_client import ask, path_form, public_url

REPLAY = """
import base64, json
def handler(event, context):
    print("INVOKED")
    body = event["body"]
    return json.loads(base64.b64decode(body) if event["isBase64Encoded"] else body)
"""
FORGED = "HTTP/1.1 200 OK\r\nX-Forged: yes\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="module")
def victim(client: Any) -> tuple[str, str]:
    """A public function that returns what it is sent, and its URL."""
    return public_url(client, REPLAY)


@pytest.fixture(scope="module")
def url(victim: tuple[str, str]) -> str:
    return victim[1]


def exchange(server: LambdadServer, data: bytes) -> bytes:
    """Bytes to the server, and all that comes back until it closes."""
    parts = urlsplit(server.endpoint)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(data)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


def post(url: str, body: bytes, headers: str = "") -> bytes:
    head = f"POST / HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nConnection: close\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def invocations(client: Any, server: LambdadServer, name: str) -> int:
    logs = server.client("logs")
    found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="INVOKED")
    return len(found["events"])


# Hostile functions.


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": 200, "headers": {"X": f"a\r\n\r\n{FORGED}"}},
        {"statusCode": 200, "headers": {f"X: a\r\n\r\n{FORGED}": "b"}},
        {"statusCode": 200, "cookies": [f"a=1\r\n\r\n{FORGED}"]},
        {"statusCode": 200, "headers": {"Content-Type": f"a\n\n{FORGED}"}},
        {"statusCode": 101, "headers": {"Upgrade": "h2c"}},
        {"statusCode": 100, "body": FORGED},
        {"statusCode": "200 OK\r\nX-Forged: yes", "body": ""},
    ],
)
def test_no_result_forges_an_answer(server: LambdadServer, url: str, result: Any) -> None:
    received = exchange(server, post(url, json.dumps(result).encode()))
    assert received.startswith(b"HTTP/1.1 502 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"Forged" not in received


def test_no_result_speaks_for_the_connection(server: LambdadServer, url: str) -> None:
    hostile = {
        "Content-Length": "0", "content-length": "999", "Transfer-Encoding": "chunked",
        "Connection": "x-own", "Keep-Alive": "timeout=1000", "Trailer": "x", "Upgrade": "h2c",
        "Date": "never",
    }  # fmt: skip
    result = {"statusCode": 200, "headers": hostile, "body": "0\r\n\r\n" + FORGED}
    received = exchange(server, post(url, json.dumps(result).encode()))
    head, _, body = received.partition(b"\r\n\r\n")
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]]
    assert names.count(b"content-length") == 1
    assert b"transfer-encoding" not in names
    assert names.count(b"connection") == 1
    assert names.count(b"date") == 1
    assert body == result["body"].encode()
    assert f"Content-Length: {len(body)}".encode() in head
    assert {name for name in names if b"remapped" in name} == {
        f"x-amzn-remapped-{name}".lower().encode() for name in hostile
    }


def test_a_cookie_cannot_be_set_for_other_functions(server: LambdadServer, url: str) -> None:
    cookies = [
        "own=1; Path=/",
        "wide=1; Domain=localhost",
        "wider=1; domain=.lambda-url.us-east-1.localhost",
    ]
    body = json.dumps({"statusCode": 200, "cookies": cookies}).encode()
    answer = ask(server, url, method="POST", body=body)
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == cookies[:1]
    below = ask(server, path_form(server, url), method="POST", body=body)
    prefix = urlsplit(path_form(server, url)).path
    assert [value for name, value in below.headers if name == "Set-Cookie"] == [
        f"{name}=1; Path={prefix}" for name in ("own", "wide", "wider")
    ]


@pytest.mark.parametrize(
    "header",
    ["Alt-Svc", "Clear-Site-Data", "NEL", "Report-To", "Strict-Transport-Security",
     "Service-Worker-Allowed"],
)  # fmt: skip
def test_in_the_form_by_path_no_function_speaks_for_the_origin_of_all(
    server: LambdadServer, url: str, header: str
) -> None:
    """With Report-To and NEL, for one, a browser would tell it of the others' requests."""
    body = json.dumps({"statusCode": 200, "headers": {header: "x", "X-Own": "y"}}).encode()
    shared = ask(server, path_form(server, url), method="POST", body=body)
    assert (header.lower() in {name.lower() for name, _ in shared.headers}) is False
    assert ("X-Own", "y") in shared.headers
    assert (header, "x") in ask(server, url, method="POST", body=body).headers


@pytest.mark.parametrize(
    "result",
    [
        rb'"\ud800"',
        rb'{"statusCode": 200, "body": "\ud800"}',
        rb'{"statusCode": 200, "headers": {"X": "\ud800"}}',
        rb'{"statusCode": 200, "cookies": ["\ud800"]}',
    ],
)
def test_half_a_character_is_no_answer(result: bytes) -> None:
    with pytest.raises(InvalidResult):
        response_of(result)


@pytest.mark.parametrize(
    "origin",
    ["http://{id}.lambda-url.us-east-1.localhost:4566", "http://x.lambda-url.eu-west-1.localhost"],
)
def test_a_functions_page_cannot_use_the_api_of_a_server_without_signatures(origin: str) -> None:
    headers = {"host": "localhost:4566", "origin": origin.format(id="a" * 32)}
    with pytest.raises(AccessDeniedException):
        refuse_web_pages(Request("POST", "/2015-03-31/functions", "", headers))


PAGE = """<p id=o></p><p id=c></p><script>
o.textContent = 'origin ' + window.origin;
try { c.textContent = 'cookies ' + document.cookie; } catch (e) { c.textContent = 'no cookies'; }
</script>"""


def test_in_a_browser_every_url_is_an_origin_and_one_by_path_is_none(
    server: LambdadServer, client: Any, tmp_path: Path
) -> None:
    answer = {
        "statusCode": 200,
        "headers": {"Content-Type": "text/html"},
        "cookies": ["a=1"],
        "body": PAGE,
    }
    url = public_url(client, f"def handler(event, context): return {answer!r}")[1]
    by_host = document_of(url, tmp_path)
    assert f"origin {url.rstrip('/')}<" in by_host
    assert "cookies a=1<" in by_host
    by_path = document_of(path_form(server, url), tmp_path)
    assert "origin null<" in by_path
    assert "no cookies<" in by_path


# Hostile clients.


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 60\r\n\r\n",
        "Content-Length : 0\r\n\r\n",
        "X: y\nContent-Length: 60\r\n\r\n",
    ],
)
def test_nothing_is_smuggled_behind_a_body(
    server: LambdadServer, client: Any, victim: tuple[str, str], framing: str
) -> None:
    name, url = victim
    before = invocations(client, server, name)
    host = urlsplit(url).netloc
    smuggled = f"GET /_lambdad/health HTTP/1.1\r\nHost: {host}\r\n\r\n"
    received = exchange(server, f"POST / HTTP/1.1\r\nHost: {host}\r\n{framing}{smuggled}".encode())
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert invocations(client, server, name) == before


def test_a_body_that_is_a_request_stays_a_body(server: LambdadServer, url: str) -> None:
    inner = b'"GET /_lambdad/health HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"'
    received = exchange(server, post(url, inner))
    assert received.count(b"HTTP/1.1 200 OK") == 1
    assert received.endswith(b"GET /_lambdad/health HTTP/1.1\r\nHost: x\r\n\r\n")


def test_huge_heads_are_refused_before_anything_runs(
    server: LambdadServer, client: Any, victim: tuple[str, str]
) -> None:
    name, url = victim
    before = invocations(client, server, name)
    for headers in ("X: y\r\n" * 300, f"X: {'y' * 1_500_000}\r\n"):
        assert exchange(server, post(url, b"", headers)).startswith(b"HTTP/1.1 431 ")
    assert invocations(client, server, name) == before


def test_a_body_of_more_than_a_function_takes_is_not_even_received(
    server: LambdadServer, url: str
) -> None:
    host = urlsplit(url).netloc
    for announced in ("Content-Length: 6291457\r\n\r\n", "Content-Length: 70000000\r\n\r\n"):
        received = exchange(server, f"POST / HTTP/1.1\r\nHost: {host}\r\n{announced}".encode())
        assert received.startswith(b"HTTP/1.1 413 ")
        assert received.endswith(
            b'{"Message":"Request must be smaller than 6291456 bytes for the '
            b'InvokeFunction operation"}'
        )


@pytest.mark.parametrize(
    "path",
    ["/_lambdad/url/../health", "/_lambdad/url/", "/_lambdad/url/%2e%2e/health",
     "/_lambdad/url//health", "/_lambdad/url/{id}%2f..%2f..%2fhealth", "/_lambdad/url/{id}x/"],
)  # fmt: skip
def test_no_path_leads_out_of_the_form_by_path(server: LambdadServer, url: str, path: str) -> None:
    url_id = urlsplit(url).netloc.partition(".")[0]
    answer = ask(server, server.endpoint, path.format(id=url_id))
    assert (answer.status, answer.body) == (403, b'{"Message":null}')


def test_dots_in_the_form_by_path_are_the_functions(server: LambdadServer, client: Any) -> None:
    source = "def handler(event, context): return event['rawPath']"
    by_path = path_form(server, public_url(client, source)[1])
    assert ask(server, by_path, "/../../health").body == b"/../../health"


def test_a_functions_name_never_leads_to_the_api(server: LambdadServer, client: Any) -> None:
    source = "def handler(event, context): return 'function'"
    host = urlsplit(public_url(client, source)[1]).netloc
    for path in ("/2015-03-31/functions/", "/_lambdad/health", "/_lambdad/accounts/list"):
        received = exchange(
            server, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
        assert received.endswith(b"\r\n\r\nfunction")


def test_a_guessed_id_and_a_forbidden_one_tell_nothing_of_the_function(
    server: LambdadServer, client: Any, victim: tuple[str, str]
) -> None:
    name = victim[0]
    client.create_alias(FunctionName=name, Name="closed", FunctionVersion="$LATEST")
    made = client.create_function_url_config(FunctionName=name, Qualifier="closed", AuthType="NONE")
    closed = ask(server, made["FunctionUrl"])
    guessed = ask(server, f"http://{'q' * 32}.lambda-url.us-east-1.localhost/")
    for answer in (closed, guessed):
        assert answer.status == 403
        assert name.encode() not in answer.body
        assert b"000000000000" not in answer.body
