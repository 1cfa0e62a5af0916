"""Which App gets a request; and a body that cannot be completed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from lambdad.functions.url_addresses import UrlAddress
from lambdad.gateway.app import CutShort
from lambdad.gateway.front import Front
from lambdad.wire.http import Request, Response
from support.http_raw import ScriptedApp, Stage, on_stage

ID = "a1" * 16
URL_HOST = f"{ID}.lambda-url.us-east-1.localhost"


class ScriptedUrls:
    """In the place of FunctionUrls."""

    def __init__(self) -> None:
        self.seen: list[UrlAddress] = []

    async def handle(self, request: Request, address: UrlAddress) -> Response:
        self.seen.append(address)
        return Response(200, [], b"function")

    def refuse(self, status: int, message: str) -> Response:
        return Response(status, [], b"refused by a function URL")


def front(*, ready: bool = True) -> tuple[Front, ScriptedApp, ScriptedUrls]:
    api, urls = ScriptedApp(), ScriptedUrls()
    made = Front(api)
    if ready:
        made.function_urls = urls  # type: ignore[assignment]
    return made, api, urls


def ask(app: Front, host: str, path: str = "/") -> Response:
    return asyncio.run(app.handle(Request("GET", path, "", {"host": host})))


def test_every_request_has_one_app() -> None:
    app, api, urls = front()
    assert ask(app, URL_HOST).body == b"function"
    assert ask(app, "localhost", f"/_lambdad/url/{ID}/x").body == b"function"
    assert (len(urls.seen), len(api.seen)) == (2, 0)
    assert ask(app, "localhost", "/_lambdad/health").body == b"<>"
    assert (len(urls.seen), len(api.seen)) == (2, 1)


def test_a_refusal_is_that_of_the_app() -> None:
    app, _, _ = front()
    to_url = Request("POST", "/", "", {"host": URL_HOST})
    assert app.refuse(to_url, 413, "x").body == b"refused by a function URL"
    assert app.refuse(Request("POST", "/", "", {"host": "h"}), 413, "x").body == b"x"
    assert app.refuse(None, 400, "x").body == b"x"


def test_before_there_are_urls_everything_is_the_apis() -> None:
    app, api, _ = front(ready=False)
    ask(app, URL_HOST)
    assert app.refuse(Request("POST", "/", "", {"host": URL_HOST}), 413, "x").body == b"x"
    assert len(api.seen) == 1


def test_a_client_can_tell_a_body_that_was_cut_short(caplog: pytest.LogCaptureFixture) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"begun"
        raise CutShort

    async def answer(request: Request) -> Response:
        return Response(200, [], parts())

    async def play(stage: Stage) -> None:
        received = await stage.exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert received.endswith(b"\r\n\r\n5\r\nbegun\r\n")

    with caplog.at_level(logging.WARNING):
        on_stage(play, answer)
    assert caplog.records == []
