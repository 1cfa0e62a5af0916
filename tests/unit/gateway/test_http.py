"""gateway/http.py, connection.py, reading.py, encoding.py: HTTP/1.1 as clients speak it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.gateway.encoding import HeaderInjection, encode_head
from lambdad.wire.http import Request, Response
from support.http_raw import Peer, Stage, on_stage, request
from support.patience import until


def test_keep_alive_serves_one_request_after_the_other() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        for body in (b"one", b"", b"three"):
            peer.send(request("/a%20b?x=%2F", body))
            status, headers, answer = await peer.answer()
            assert (status, answer) == (200, b"<" + body + b">")
            assert headers["x-path"] == "/a%20b"
            assert "connection" not in headers
        assert stage.app.seen[0].query == "x=%2F"
        assert stage.app.seen[0].peer == "127.0.0.1"

    on_stage(play)


def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    running = 0

    async def answer(asked: Request) -> Response:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.02 if asked.body == b"0" else 0)
        running -= 1
        return Response(200, [], asked.body)

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"".join(request(body=str(n).encode()) for n in range(20)))
        assert [(await peer.answer())[2] for _ in range(20)] == [str(n).encode() for n in range(20)]

    on_stage(play, answer)


def test_a_flood_of_pipelined_requests_is_cut_but_what_was_taken_is_answered() -> None:
    limits = replace(DEFAULT_LIMITS, http_pipelined_requests=3)

    async def play(stage: Stage) -> None:
        everything = await stage.exchange(request() * 50)
        assert everything.count(b"HTTP/1.1 200") == len(stage.app.seen) == 4
        assert everything.count(b"Connection: close") == 1

    on_stage(play, limits=limits)


def test_a_request_may_come_byte_by_byte() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        for byte in request("/slow?q=1", b"body", headers="X-Two: a\r\nX-Two: b\r\n"):
            peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await peer.answer())[2] == b"<body>"
        asked = stage.app.seen[0]
        assert (asked.path, asked.query, asked.headers["x-two"]) == ("/slow", "q=1", "a,b")

    on_stage(play)


def test_chunked_bodies_and_trailers() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nAuthorization: forged\r\n\r\n"
        )
        assert (await peer.answer())[2] == b"<abcde>"
        assert "authorization" not in stage.app.seen[0].headers

    on_stage(play)


def test_expect_100_continue() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert (await peer.answer())[0] == 100
        peer.send(b"ok")
        assert (await peer.answer())[2] == b"<ok>"

    on_stage(play)


def test_continue_waits_for_the_answer_before_it() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(
            request(body=b"first")
            + b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await peer.answer())[2] == b"<first>"
        assert (await peer.answer())[0] == 100
        peer.send(b"ok")
        assert (await peer.answer())[2] == b"<ok>"

    on_stage(play)


def test_a_body_too_large_is_refused_before_it_is_sent() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(
            b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
        )
        assert everything.startswith(b"HTTP/1.1 413")
        assert b"100 Continue" not in everything

    on_stage(play, limits=replace(DEFAULT_LIMITS, http_body_bytes=10))


def test_the_refusal_reaches_a_client_that_sends_its_whole_body_first() -> None:
    size = 8_000_000

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(80):
            peer.send(bytes(100_000))
            await peer.writer.drain()
        assert (await peer.answer())[0] == 413
        assert stage.app.seen == []

    on_stage(play, limits=replace(DEFAULT_LIMITS, http_body_bytes=1000))


def test_a_chunked_body_too_large_is_refused() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"6\r\nabcdef\r\n6\r\nabcdef\r\n"
        )
        assert everything.startswith(b"HTTP/1.1 413")

    on_stage(play, limits=replace(DEFAULT_LIMITS, http_body_bytes=10))


def test_bodies_in_flight_are_bounded_over_all_connections_and_given_back() -> None:
    limits = replace(DEFAULT_LIMITS, http_buffered_bytes=100)
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 80\r\n\r\n"

    async def play(stage: Stage) -> None:
        first, second = await stage.connect(), await stage.connect()
        first.send(head + bytes(60))
        await until(lambda: stage.server._clients.budget._taken_bytes)
        second.send(head + bytes(60))
        assert (await second.answer())[0] == 503
        first.send(bytes(20))
        assert (await first.answer())[0] == 200
        third = await stage.connect()
        third.send(head + bytes(80))
        assert (await third.answer())[0] == 200

    on_stage(play, limits=limits)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + bytes(2000).replace(b"\0", b"a"),
        b"GET /" + b"a" * 2000,
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 20 + b"\r\n",
    ],
)
def test_headers_are_bounded(head: bytes) -> None:
    limits = replace(DEFAULT_LIMITS, http_header_bytes=1000, http_headers=10)

    async def play(stage: Stage) -> None:
        assert (await stage.exchange(head)).startswith(b"HTTP/1.1 431")

    on_stage(play, limits=limits)


def test_too_many_connections_are_told_so() -> None:
    async def play(stage: Stage) -> None:
        peers = [await stage.connect() for _ in range(2)]
        for peer in peers:
            peer.send(request())
            assert (await peer.answer())[0] == 200
        assert (await stage.exchange(b"")).startswith(b"HTTP/1.1 503")
        peers[0].writer.close()
        await until(lambda: len(stage.server._connections) == 1)
        third = await stage.connect()
        third.send(request())
        assert (await third.answer())[0] == 200

    on_stage(play, limits=replace(DEFAULT_LIMITS, http_connections=2))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHo", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nslow", b"HTTP/1.1 408"),
        (b"", b""),
    ],
)
def test_slow_clients_are_let_go(sent: bytes, expected: bytes) -> None:
    limits = replace(
        DEFAULT_LIMITS,
        http_header_timeout_s=0.5,
        http_body_grace_s=0.5,
        http_idle_timeout_s=0.5,
        http_linger_s=0.5,
    )

    async def play(stage: Stage) -> None:
        everything = await stage.exchange(sent)
        assert everything.startswith(expected)
        assert bool(everything) == bool(expected)

    on_stage(play, limits=limits)


def test_a_client_that_never_reads_is_let_go() -> None:
    async def answer(_: Request) -> Response:
        return Response(200, [], bytes(50_000_000))

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request())
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: stage.app.seen and not stage.server._connections)

    on_stage(play, answer, replace(DEFAULT_LIMITS, http_write_timeout_s=0.2))


def test_streamed_answers_are_chunked_and_wait_for_their_reader() -> None:
    made = 0

    async def answer(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            nonlocal made
            for _ in range(30):
                made += 1
                yield bytes(1_000_000)

        return Response(200, [], parts())

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        peer.send(request() + request())
        await asyncio.sleep(0.3)
        assert made < 25
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(2):
            _, headers, body = await peer.answer()
            assert headers["transfer-encoding"] == "chunked"
            assert len(body) == 30_000_000

    on_stage(play, answer)


def test_a_stream_ends_with_its_reader() -> None:
    ended = asyncio.Event()

    async def answer(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                yield b"hello"
                await asyncio.sleep(60)
            finally:
                ended.set()

        return Response(200, [], parts())

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request())
        await peer.reader.readuntil(b"hello\r\n")
        peer.writer.close()
        await ended.wait()

    on_stage(play, answer)


def test_an_operation_runs_to_its_end_when_its_client_leaves() -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def answer(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.1)
        ended.set()
        return Response(200, [], b"nobody reads this")

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request())
        await begun.wait()
        peer.writer.transport.abort()
        await ended.wait()

    on_stage(play, answer)


def test_a_stream_that_fails_is_cut_short_not_ended() -> None:
    async def answer(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise OSError("disk")

        return Response(200, [], parts())

    async def play(stage: Stage) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        peer = await stage.connect()
        peer.send(request())
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError, ValueError)):
            await peer.answer()

    on_stage(play, answer)


def test_streams_to_http_1_0_end_by_closing() -> None:
    async def answer(_: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return Response(200, [], parts())

    async def play(stage: Stage) -> None:
        everything = await stage.exchange(b"GET / HTTP/1.0\r\n\r\n")
        assert everything.endswith(b"\r\n\r\nonetwo")
        assert b"Transfer-Encoding" not in everything

    on_stage(play, answer)


def test_head_has_the_length_but_no_body() -> None:
    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + request(body=b"next"))
        assert (await peer.answer("HEAD"))[1]["content-length"] == "2"
        assert (await peer.answer())[2] == b"<next>"

    on_stage(play)


@pytest.mark.parametrize("status", [204, 304])
def test_bodiless_answers_carry_no_length(status: int) -> None:
    async def answer(_: Request) -> Response:
        return Response(status)

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request() * 2)
        for _ in range(2):
            got, headers, _ = await peer.answer()
            assert got == status
            assert "content-length" not in headers

    on_stage(play, answer)


def test_a_client_that_closes_its_half_still_gets_its_answer() -> None:
    async def answer(_: Request) -> Response:
        await asyncio.sleep(0.05)
        return Response(200, [], b"late")

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request())
        peer.writer.write_eof()
        assert (await peer.answer())[2] == b"late"
        assert await peer.closed() == b""

    on_stage(play, answer)


def test_closing_lets_the_running_request_end_and_drops_idle_connections() -> None:
    async def answer(_: Request) -> Response:
        await asyncio.sleep(0.1)
        return Response(200, [], b"done")

    async def play(stage: Stage) -> None:
        idle, busy = await stage.connect(), await stage.connect()
        busy.send(request())
        await until(lambda: stage.app.seen)
        closing = asyncio.create_task(stage.server.close(5))
        assert await idle.closed() == b""
        status, headers, _ = await busy.answer()
        assert (status, headers["connection"]) == (200, "close")
        await closing

    on_stage(play, answer)


def test_closing_cuts_what_outlasts_the_grace() -> None:
    cancelled = asyncio.Event()

    async def answer(_: Request) -> Response:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Response(200)

    async def play(stage: Stage) -> None:
        peer = await stage.connect()
        peer.send(request())
        await until(lambda: stage.app.seen)
        await stage.server.close(0.05)
        assert cancelled.is_set()

    on_stage(play, answer)


def test_upgrades_are_ignored_and_absolute_targets_understood() -> None:
    async def play(stage: Stage) -> None:
        everything = await stage.exchange(
            b"GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        )
        assert everything.startswith(b"HTTP/1.1 200")
        peer = await stage.connect()
        peer.send(b"GET http://h/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await peer.answer())[1]["x-path"] == "/p"
        assert stage.app.seen[-1].query == "q=1"

    on_stage(play)


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\rb"])
def test_a_line_break_in_a_header_never_leaves(value: str) -> None:
    with pytest.raises(HeaderInjection):
        encode_head(Response(200, [("X", value)]), date="now", keep_alive=True, chunked=False)


def test_a_sandboxes_own_listener_is_served_until_it_is_detached() -> None:
    async def play(stage: Stage) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        await stage.server.attach(listener)
        peer = Peer(*await asyncio.open_connection("127.0.0.1", port))
        peer.send(request(body=b"inside"))
        assert (await peer.answer())[2] == b"<inside>"
        stage.server.detach(listener)
        stage.server.detach(listener)
        listener.close()
        peer.writer.close()
        await until(lambda: not stage.server._connections)
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)

    on_stage(play)
