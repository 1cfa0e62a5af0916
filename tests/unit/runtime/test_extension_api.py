"""The Extensions and Telemetry APIs on the wire, extension and runtime played by the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from lambdad.sandbox.driver import Exit, Tier
from support.functions import run, running
from support.patience import PATIENCE_S, until
from support.sandboxes import PlayedDriver, PlayedSandbox, Runtime, echo

BASE = "/2020-01-01/extension"
REGISTERED = {"functionVersion": "$LATEST", "handler": "app.handler"}
UUID = "00000000-0000-4000-8000-000000000000"


class Client:
    """A connection of its own to the API."""

    def __init__(self, sandbox: PlayedSandbox) -> None:
        self._runtime = Runtime(sandbox)

    async def ask(
        self, method: str, path: str, body: object = None, **named: str
    ) -> tuple[int, dict[str, str], Any]:
        headers = {f"Lambda-Extension-{key.replace('_', '-')}": text for key, text in named.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, received, answer = await self._runtime.call(method, path, data, headers)
        return status, received, json.loads(answer)

    async def error(self, method: str, path: str, body: object = None, **named: str) -> Any:
        status, _, answer = await self.ask(method, path, body, **named)
        return status, answer["errorType"], answer["errorMessage"]

    async def register(self, name: str, *events: str) -> str:
        body = {"events": list(events)}
        status, headers, _ = await self.ask("POST", f"{BASE}/register", body, Name=name)
        assert status == 200
        return headers["lambda-extension-identifier"]

    async def next(self, identifier: str) -> Any:
        status, _, event = await self.ask("GET", f"{BASE}/event/next", Identifier=identifier)
        assert status == 200
        return event


async def answer_one(runtime: Runtime) -> None:
    event = await runtime.next()
    await runtime.respond(event, b"1")
    await runtime.next()


def test_an_internal_extension() -> None:
    order: list[str] = []
    let_go = asyncio.Event()

    async def play(runtime: Runtime) -> None:
        client = Client(runtime.sandbox)
        identifier = await client.register("inside", "INVOKE")

        async def extension() -> None:
            event = await client.next(identifier)
            order.append(event["eventType"])
            await let_go.wait()
            order.append("extension is done")
            with contextlib.suppress(asyncio.IncompleteReadError):  # until the environment ends
                await client.next(identifier)

        async def function() -> None:
            event = await runtime.next()
            order.append("runtime runs")
            await runtime.respond(event, b"1")
            await runtime.next()

        await asyncio.gather(extension(), function())

    async def scenario() -> None:
        async with running(PlayedDriver(play)) as bench:
            version = bench.python("")
            assert await bench.answer(version) == 1
            order.append("caller has its answer")
            log = bench.log
            assert "END RequestId" not in log.text(version.name)
            let_go.set()
            while "REPORT RequestId" not in log.text(version.name):
                await asyncio.sleep(0.001)
        assert order[-2:] == ["caller has its answer", "extension is done"]
        assert sorted(order[:-2]) == ["INVOKE", "runtime runs"]
        line = "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]\n"
        assert line in log.messages(version.name)

    run(scenario())


def test_answers_to_registration() -> None:
    seen: list[Any] = []

    async def play(runtime: Runtime) -> None:
        client = Client(runtime.sandbox)
        path, body = f"{BASE}/register", {"events": ["INVOKE"]}
        seen.append(await client.ask("POST", path, body, Name="a", Accept_Feature="accountId"))
        seen.append(await client.ask("POST", path, {"events": []}, Name="b"))
        seen.append(await client.error("POST", path, body))
        seen.append(await client.error("POST", path, b"{", Name="c"))
        seen.append(await client.error("POST", path, {"events": ["SHUTDOWN"]}, Name="c"))
        runtime.exit(Exit(1, None))

    async def scenario() -> None:
        async with running(PlayedDriver(play)) as bench:
            version = bench.python("")
            await bench.invoke(version)
        known = {**REGISTERED, "functionName": version.name}
        assert [(status, body) for status, _, body in seen[:2]] == [
            (200, {**known, "accountId": "000000000000"}),
            (200, known),
        ]
        assert seen[2:5] == [
            (403, "Extension.InvalidExtensionName", "Empty extension name"),
            (403, "InvalidRequestFormat", "The request's body is not valid"),
            (403, "Extension.InvalidEventType", "SHUTDOWN: invalid event type"),
        ]

    run(scenario())


def test_who_may_not_speak() -> None:
    seen: list[Any] = []

    async def play(runtime: Runtime) -> None:
        client = Client(runtime.sandbox)
        event = await runtime.next()
        for path, method in (("/event/next", "GET"), ("/init/error", "POST")):
            seen.append(await client.error(method, BASE + path))
            seen.append(await client.error(method, BASE + path, Identifier="me"))
        seen.append(await client.error("GET", f"{BASE}/event/next", Identifier=UUID))
        seen.append(await client.error("POST", f"{BASE}/exit/error", Identifier=UUID))
        body = {"events": ["INVOKE"]}
        seen.append(await client.error("POST", f"{BASE}/register", body, Name="late"))
        destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:1"}
        body = {"types": ["platform"], "destination": destination}
        seen.append(await client.error("PUT", "/2022-07-01/telemetry", body, Identifier=UUID))
        seen.append(await client.error("PUT", "/2020-08-15/logs", {}, Identifier=UUID))
        await runtime.respond(event, b"1")
        await runtime.next()

    async def scenario() -> None:
        async with running(PlayedDriver(play)) as bench:
            assert await bench.answer(bench.python("")) == 1
        missing = (
            403,
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        )
        invalid = (
            403,
            "Extension.InvalidExtensionIdentifier",
            "Invalid Lambda-Extension-Identifier",
        )
        unknown = (403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {UUID}")
        assert seen == [
            missing,
            invalid,
            missing,
            invalid,
            unknown,
            (403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"),
            (403, "Extension.RegistrationClosed", "Extension registration closed already"),
            unknown,
            (
                400,
                "Logs.ValidationError",
                "types should not be empty; destination should not be empty",
            ),
        ]

    run(scenario())


def test_telemetry_is_not_offered_where_nothing_can_deliver_it() -> None:
    seen: list[Any] = []

    async def play(runtime: Runtime) -> None:
        client = Client(runtime.sandbox)
        identifier = await client.register("inside", "INVOKE")
        destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:1"}
        body = {"types": ["platform"], "destination": destination}
        for path in ("/2022-07-01/telemetry", "/2020-08-15/logs"):
            seen.append(await client.error("PUT", path, body, Identifier=identifier))
        working = asyncio.ensure_future(client.next(identifier))
        event = await runtime.next()
        await runtime.respond(event, b"1")
        await working

    async def scenario() -> None:
        driver = PlayedDriver(play)
        driver.tier = Tier.HARDENED_PROCESS
        async with running(driver) as bench:
            assert await bench.answer(bench.python("")) == 1
        assert seen == [
            (202, "Telemetry.NotSupported", "Telemetry API is not supported"),
            (202, "Logs.NotSupported", "Logs API is not supported"),
        ]

    run(scenario())


def test_an_internal_extension_gets_telemetry_and_a_sigterm() -> None:
    told: list[str] = []
    events: list[Any] = []

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.partition("Content-Length: ")[2].split()[0])
        events.extend(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async def play(runtime: Runtime) -> None:
        runtime.print("before it is there\n")
        server = await asyncio.start_server(sink, "127.0.0.1", 0)
        uri = f"http://sandbox.localdomain:{server.sockets[0].getsockname()[1]}"
        client = Client(runtime.sandbox)
        identifier = await client.register("inside")
        body = {
            "types": ["platform", "function"],
            "buffering": {"timeoutMs": 25},
            "destination": {"protocol": "HTTP", "URI": uri},
        }
        answer = await client.ask("PUT", "/2022-07-01/telemetry", body, Identifier=identifier)
        assert answer[0] == 200
        assert await client.error("PUT", "/2020-08-15/logs", body, Identifier=identifier) == (
            403,
            "Logs.SubscriptionClosed",
            "The extension is subscribed with the Telemetry API already",
        )

        def on_terminate() -> None:
            told.append("SIGTERM")
            runtime.exit(Exit(0, None))

        runtime.sandbox.on_terminate = on_terminate
        await asyncio.gather(client.next(identifier), answer_one(runtime))

    async def scenario() -> None:
        async with running(PlayedDriver(play), internal_extension_shutdown_s=30.0) as bench:
            assert await bench.answer(bench.python("")) == 1
            await until(lambda: events and events[-1]["type"] == "platform.report")
            assert told == []
        assert told == ["SIGTERM"]
        kinds = [event["type"] for event in events]
        assert kinds == [
            "platform.initStart", "function", "platform.telemetrySubscription",
            "platform.initRuntimeDone", "platform.extension", "platform.initReport",
            "platform.start", "platform.runtimeDone", "platform.report",
        ]  # fmt: skip
        assert events[1]["record"] == "before it is there"

    run(scenario())


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/2022-07-01/telemetry", ["platform.report"]),
        ("/2020-08-15/logs", ["platform.end", "platform.report"]),
    ],
)
def test_an_extension_may_wait_for_the_end_of_the_runtimes_work(
    path: str, kinds: list[str]
) -> None:
    """It asks for its next event when it has heard of that, as extensions do that send what a run
    has told before the environment is frozen."""
    events: list[Any] = []
    heard = asyncio.Event()

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            events.append(json.loads(line))
            heard.set()
        writer.close()

    async def until(kind: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while kind not in [event["type"] for event in events]:
                heard.clear()
                await heard.wait()

    async def play(runtime: Runtime) -> None:
        server = await asyncio.start_server(sink, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(runtime.sandbox)
        identifier = await client.register("inside", "INVOKE")
        schema = {"schemaVersion": "2021-03-18"} if "logs" in path else {}
        body = {
            "types": ["platform"],
            "buffering": {"timeoutMs": 25},
            "destination": {"protocol": "TCP", "port": port},
        } | schema
        assert (await client.ask("PUT", path, body, Identifier=identifier))[0] == 200

        async def extension() -> None:
            assert (await client.next(identifier))["eventType"] == "INVOKE"
            await until("platform.runtimeDone")
            assert kinds[0] not in [event["type"] for event in events]
            with contextlib.suppress(asyncio.IncompleteReadError):  # the end of the environment
                await client.next(identifier)

        working = asyncio.ensure_future(extension())
        event = await runtime.next()
        await runtime.respond(event, b"1")
        await runtime.next()
        await working

    async def scenario() -> None:
        async with running(PlayedDriver(play)) as bench:
            version = bench.python("", timeout_s=20)
            assert await bench.answer(version) == 1
            await until("platform.report")
        done = [event["type"] for event in events].index("platform.runtimeDone")
        assert [event["type"] for event in events[done + 1 :]] == kinds

    run(scenario())


def test_one_that_ignores_its_sigterm_is_ended() -> None:
    async def play(runtime: Runtime) -> None:
        client = Client(runtime.sandbox)
        identifier = await client.register("inside")
        await asyncio.gather(client.next(identifier), answer_one(runtime))

    async def scenario() -> None:
        driver = PlayedDriver(play)
        async with running(driver, internal_extension_shutdown_s=0.01) as bench:
            assert await bench.answer(bench.python("")) == 1
        assert driver.sandboxes[0].terminated
        assert driver.alive == 0

    run(scenario())


def test_without_extensions_there_is_no_shutdown_phase() -> None:
    async def scenario() -> None:
        driver = PlayedDriver(echo)
        async with running(driver) as bench:
            assert await bench.answer(bench.python(""), 5) == 5
        assert not driver.sandboxes[0].terminated

    run(scenario())
