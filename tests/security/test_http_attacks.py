"""Hostile clients at the HTTP front: smuggling, injection, floods. Everything malformed is answered
once, the connection closed, and no second request is ever read out of the first one's bytes."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest

from lambdad.core.errors import AccessDeniedException
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.gateway.origin import refuse_web_pages
from lambdad.wire.http import Request
from support.http_raw import Peer, Stage, on_stage, request

HOST = b"Host: h\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

AMBIGUOUS = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
    "the same length twice": b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 0\r\n\r\n",
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": b"Content-Length: 0x0\r\n\r\n",
    "an endless length": b"Content-Length: 99999999999999999999\r\n\r\n",
    "blank before the colon": b"Content-Length : 0\r\n\r\n",
    "a folded header": b"X: a\r\n Content-Length: 40\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunked not last": b"Transfer-Encoding: chunked, identity\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    "vertical tab": b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    "a bare line feed": b"X: y\nContent-Length: 40\r\n\r\n",
    "a bare return": b"X: y\rContent-Length: 40\r\n\r\n",
    "a null": b"X: \0\r\n\r\n",
    "no chunk size": b"Transfer-Encoding: chunked\r\n\r\n\r\n",
    "a wrong chunk size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a negative chunk size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "an endless chunk size": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "bytes behind a chunk": b"Transfer-Encoding: chunked\r\n\r\n1\r\naXX\r\n",
    "chunks ended by line feeds": b"Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "two hosts": b"Host: other\r\nContent-Length: 0\r\n\r\n",
    "two authorizations": b"Authorization: a\r\nAuthorization: b\r\nContent-Length: 0\r\n\r\n",
    "an upgrade with a body": b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\na",
}


@pytest.mark.parametrize("headers", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_framing_is_refused(headers: bytes) -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(b"POST / HTTP/1.1\r\n" + HOST + headers + SMUGGLED)
        assert everything.startswith(b"HTTP/1.1 400 ")
        assert everything.count(b"HTTP/1.1 ") == 1
        assert b"Connection: close" in everything
        assert stage.app.seen == []

    on_stage(play)


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        b"GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        b"CONNECT h:22 HTTP/1.1\r\nHost: h:22\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_nonsense_is_refused(start: bytes) -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(start)
        assert everything.startswith(b"HTTP/1.1 400 ")
        assert everything.count(b"HTTP/1.1 ") == 1
        assert stage.app.seen == []

    on_stage(play)


def test_nothing_is_read_behind_a_request_that_closes() -> None:
    async def play(stage: Stage) -> None:
        closing = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        everything = await stage.exchange(closing + SMUGGLED)
        assert everything.count(b"HTTP/1.1 200") == 1
        assert [asked.path for asked in stage.app.seen] == ["/"]

    on_stage(play)


def test_a_refusal_behind_pipelined_requests_comes_last_and_in_order() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(request("/1") + request("/2") + b"garbage\r\n\r\n")
        first, second, refusal = (everything.index(x) for x in (b"/1", b"/2", b"HTTP/1.1 400"))
        assert first < second < refusal

    on_stage(play)


def test_chunk_framing_cannot_outweigh_the_body() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        extension = b"1;" + b"x" * 60_000 + b"\r\na\r\n"
        for _ in range(100):
            peer.send(extension)
            await asyncio.sleep(0)
        assert (await peer.answer())[0] == 400
        assert stage.app.seen == []

    on_stage(play)


def test_trailers_are_bounded() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        for _ in range(40):
            peer.send((b"X-Trailer: " + b"t" * 50 + b"\r\n") * 1000)
            await asyncio.sleep(0)
        assert (await peer.answer())[0] == 400

    on_stage(play)


def test_random_bytes_never_hang_or_crash_it() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    whole = request("/x", b"body", headers="Transfer-Encoding: chunked\r\n") + SMUGGLED

    async def play(stage: Stage) -> None:
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            peer = await stage.connect()
            peer.send(bytes(data[: rng.randrange(1, len(data))]))
            peer.writer.write_eof()
            await asyncio.wait_for(peer.closed(), 5)
            peer.writer.close()
        peer = await stage.connect()
        peer.send(request(body=b"still here"))
        assert (await peer.answer())[2] == b"<still here>"

    on_stage(play)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:4566"},
        {"host": "127.0.0.1.evil.example:4566"},
        {"host": "localhost.evil.example"},
        {"host": ""},
        {"host": "127.0.0.1:4566", "origin": "https://evil.example"},
        {"host": "127.0.0.1:4566", "origin": "null"},
        {"host": "127.0.0.1:4566", "origin": "file://"},
        {"host": "127.0.0.1:4566", "sec-fetch-site": "cross-site"},
        {"host": "127.0.0.1:4566", "sec-fetch-site": "same-site"},
    ],
)
def test_web_pages_cannot_use_a_server_that_accepts_any_credentials(
    headers: dict[str, str],
) -> None:
    with pytest.raises(AccessDeniedException):
        refuse_web_pages(Request("POST", "/", "", headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:4566"},
        {"host": "[::1]:4566"},
        {"host": "localhost:4566"},
        {"host": "LOCALHOST."},
        {"host": "bucket.s3.localhost:4566"},
        {"host": "lambda.us-east-1.amazonaws.com"},
        {"host": "s3.localhost.localstack.cloud:4566"},
        {"host": "host.docker.internal:4566"},
        {"host": "lambdad:4566"},
        {"host": "169.254.100.1:4566"},
        {"host": "localhost:4566", "origin": "http://localhost:3000"},
        {"host": "localhost:4566", "sec-fetch-site": "none"},
    ],
)
def test_local_clients_can(headers: dict[str, str]) -> None:
    refuse_web_pages(Request("POST", "/", "", headers))


def test_a_function_cannot_crowd_out_the_servers_clients() -> None:
    """Its connections and bodies come through its own gate."""
    limits = replace(
        DEFAULT_LIMITS,
        http_connections=4,
        http_buffered_bytes=100,
        sandbox_http_connections=3,
        sandbox_http_buffered_bytes=50,
    )
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 80\r\n\r\n"

    async def play(stage: Stage) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        await stage.server.attach(listener)
        hostile = [Peer(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(10)]
        for peer in hostile:
            peer.send(head + bytes(40))
        await asyncio.sleep(0.1)
        for peer in hostile[3:]:
            assert (await peer.answer())[0] == 503
        clients = [await stage.connect() for _ in range(4)]
        clients[0].send(head + bytes(80))
        for client in clients[1:]:
            client.send(request())
        for client in clients:
            assert (await client.answer())[0] == 200
        stage.server.detach(listener)

    on_stage(play, limits=limits)
