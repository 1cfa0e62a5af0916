"""Function URLs of InvokeMode RESPONSE_STREAM: what is sent when, and how it ends."""

from __future__ import annotations

import http.client
import shutil
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.lambda_client import lambda_of, make
from support.packages import zip_of
from support.server import LambdadServer
from support.url_client import Answer, allow_everyone, ask, connect, public_url

NODE = "nodejs20.x"
CHUNKED = ("Transfer-Encoding", "chunked")
JSON = ("Content-Type", "application/json")
FAILED = (502, [JSON, ("Content-Length", "21")], b"Internal Server Error")
SOURCE = """
const { once } = require('node:events');
const from = awslambda.HttpResponseStream.from;
const scripts = {
  '/plain': async (stream) => { stream.setContentType('text/plain'); stream.write('a'); stream.end('b'); },
  '/untyped': async (stream) => { stream.end('bytes'); },
  '/empty': async (stream) => { stream.setContentType('text/plain'); stream.end(); },
  '/http': async (stream) => {
    const body = from(stream, { statusCode: 202, headers: { 'X-A': '1' }, cookies: ['a=1', 'b=2'] });
    body.end('accepted');
  },
  '/forged': async (stream) => { from(stream, { headers: { x: 'a\\r\\nb: c' } }).end('x'); },
  '/early': async () => { throw new Error('the password is hunter2'); },
  '/late': async (stream) => {
    const body = from(stream, { statusCode: 200 });
    body.write('begun');
    await new Promise((resolve) => setTimeout(resolve, 50));
    throw new Error('the password is hunter2');
  },
  '/open': async (stream) => { stream.write('first'); await new Promise(() => setTimeout(() => {}, 600000)); },
  '/large': async (stream) => {
    const part = Buffer.alloc(65536, 'x');
    for (let n = 0; n < 160; n += 1) if (!stream.write(part)) await once(stream, 'drain');
    stream.end();
  },
};
exports.handler = awslambda.streamifyResponse((event, stream) => scripts[event.rawPath](stream));
"""  # noqa: E501

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="module")
def name(client: Any) -> str:
    code = {"ZipFile": zip_of({"index.js": SOURCE})}
    made = make(client, Runtime=NODE, Code=code, Timeout=60)
    allow_everyone(client, made)
    return made


@pytest.fixture(scope="module")
def url(client: Any, name: str) -> str:
    made = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM",
        Cors={"AllowOrigins": ["https://a.example"]},
    )  # fmt: skip
    found: str = made["FunctionUrl"]
    return found


def shown(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [pair for pair in answer.headers if pair[0] != "Vary"]
    return answer.status, headers, answer.body


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/plain", (200, [("Content-Type", "text/plain"), CHUNKED], b"ab")),
        ("/untyped", (200, [("Content-Type", "application/octet-stream"), CHUNKED], b"bytes")),
        ("/empty", (200, [("Content-Type", "text/plain"), CHUNKED], b"")),
        (
            "/http",
            (
                202,
                [
                    ("Content-Type", "application/octet-stream"),
                    ("X-A", "1"),
                    ("Set-Cookie", "a=1"),
                    ("Set-Cookie", "b=2"),
                    CHUNKED,
                ],
                b"accepted",
            ),
        ),
        ("/forged", FAILED),
        ("/early", FAILED),
    ],
)
def test_whole_answers(server: LambdadServer, url: str, path: str, expected: Any) -> None:
    assert shown(ask(server, url, path)) == expected


def test_the_first_part_comes_before_the_handler_ends(server: LambdadServer, url: str) -> None:
    connection = connect(server)
    connection.request("GET", "/open", headers={"Host": urlsplit(url).netloc})
    response = connection.getresponse()
    assert response.read(5) == b"first"  # the handler goes on for ten minutes, or its timeout
    response.close()
    connection.close()


def test_a_failure_in_the_middle_is_no_complete_answer(server: LambdadServer, url: str) -> None:
    connection = connect(server)
    connection.request("GET", "/late", headers={"Host": urlsplit(url).netloc})
    response = connection.getresponse()
    assert response.read(5) == b"begun"
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()
    assert "hunter2" not in server.log_text()


def test_more_than_a_buffered_answer_may_hold(server: LambdadServer, url: str) -> None:
    assert ask(server, url, "/large").body == b"x" * (160 * 65_536)


def test_a_head_request_has_no_body(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, "/plain", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_cors_of_a_stream(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, "/plain", headers={"Origin": "https://a.example"})
    assert ("Access-Control-Allow-Origin", "https://a.example") in answer.headers


def test_a_function_that_does_not_stream_behind_a_url_that_does(
    server: LambdadServer, client: Any
) -> None:
    """Its result is the body as it is, `statusCode` and all, as on AWS."""
    source = "def handler(event, context): return {'statusCode': 201, 'body': 'x'}"
    url = public_url(client, source, InvokeMode="RESPONSE_STREAM")[1]
    assert shown(ask(server, url)) == (200, [JSON, CHUNKED], b'{"statusCode": 201, "body": "x"}')
