"""examples/streaming_site: a web site on a function URL that streams, by HTTP and in a browser."""

from __future__ import annotations

import http.client
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.browser import document_of
from support.lambda_client import lambda_of, make
from support.packages import zip_of
from support.server import LambdadServer
from support.url_client import allow_everyone, ask, connect

SITE = Path(__file__).parents[2] / "examples" / "streaming_site"
PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


def site(client: Any, pause_ms: int) -> str:
    """The example on a URL; it waits so long between two pieces."""
    name = make(
        client,
        Runtime=_runtime(),
        Timeout=60,
        Environment={"Variables": {"PAUSE_MS": str(pause_ms)}},
        Code={"ZipFile": zip_of({"index.mjs": (SITE / "index.mjs").read_text()})},
    )
    allow_everyone(client, name)
    made = client.create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
    )
    url: str = made["FunctionUrl"]
    return url


def _runtime() -> str:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return f"nodejs{version.stdout.removeprefix('v').partition('.')[0]}.x"


@pytest.fixture(scope="module")
def client(server: LambdadServer) -> Any:
    return lambda_of(server)


@pytest.fixture(scope="module")
def url(client: Any) -> str:
    return site(client, 1)


def test_the_page(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, headers={"Cookie": "visits=4"})
    assert (answer.status, answer.headers) == (
        200,
        [("content-type", "text/html; charset=utf-8"), ("Transfer-Encoding", "chunked")],
    )
    page = answer.body.decode()
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert "Visit 5." in page
    assert "".join(f"<li>{prime}</li>\n" for prime in PRIMES) in page


def test_the_event_stream(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, "/countdown?from=3")
    assert answer.headers == [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("Transfer-Encoding", "chunked"),
    ]
    assert answer.body == b"data: 3\n\ndata: 2\n\ndata: 1\n\nevent: end\ndata: 0\n\n"


def test_the_form(server: LambdadServer, url: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(server, url, "/greet", method="POST", body=b"name=J%C3%B6rg", headers=form)
    assert answer.body == "Hello, Jörg!\n".encode()
    assert ("Set-Cookie", "visits=1; Path=/; HttpOnly; SameSite=Lax") in answer.headers


def test_a_page_that_is_not_there(server: LambdadServer, url: str) -> None:
    answer = ask(server, url, "/nothing")
    assert (answer.status, answer.body) == (404, b"There is no /nothing here.\n")


def test_the_first_piece_is_there_before_the_last_is_made(
    server: LambdadServer, client: Any
) -> None:
    slow = urlsplit(site(client, 50_000)).netloc  # one piece a minute, nearly
    connection = connect(server)
    connection.request("GET", "/", headers={"Host": slow})
    response = connection.getresponse()
    assert response.status == 200
    assert response.readline() == b'<!doctype html><html lang="en"><meta charset="utf-8">' + (
        b"<title>Streaming</title>\n"
    )
    response.close()
    connection.close()


def test_http_1_0_clients_get_it_too(server: LambdadServer, url: str) -> None:
    class OldConnection(http.client.HTTPConnection):
        _http_vsn = 10
        _http_vsn_str = "HTTP/1.0"

    connection = OldConnection(urlsplit(server.endpoint).netloc, timeout=60)
    connection.request("GET", "/countdown?from=1", headers={"Host": urlsplit(url).netloc})
    response = connection.getresponse()
    assert response.getheader("Transfer-Encoding") is None
    assert response.read() == b"data: 1\n\nevent: end\ndata: 0\n\n"
    connection.close()


def test_a_browser_shows_the_page(url: str, tmp_path: Path) -> None:
    shown = document_of(url, tmp_path)
    assert "<h1>Streaming from a function</h1>" in shown
    for prime in PRIMES:
        assert f"<li>{prime}</li>" in shown
    assert "That was the last one." in shown
