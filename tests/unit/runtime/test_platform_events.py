"""Records of the platform's events, field by field (Lambda developer guide, "Lambda Telemetry API
Event schema reference"), and what makes their figures."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.clock import ManualClock
from lambdad.runtime.extensions import Extension, ExtensionState
from lambdad.runtime.platform_events import JsonLines
from lambdad.runtime.purpose import ON_DEMAND, Purpose
from lambdad.runtime.reports import InitReport, Report, Response, RestoreReport
from support.functions import Bench, make_request, make_version, run, running
from support.sandboxes import PlayedDriver, Runtime, echo

NOW_MS = 1_735_689_600_123
NOW = "2025-01-01T00:00:00.123Z"
STREAM = "2025/01/01/[$LATEST]" + "e" * 32
TRACE = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled="
TRACING = {"tracing": {"type": "X-Amzn-Trace-Id", "value": f"{TRACE}1"}}
RESPONSE = Response(NOW_MS, 5.25, 2.0, 16)
SPANS = [
    {"name": "responseLatency", "start": NOW, "durationMs": 5.25},
    {"name": "responseDuration", "start": "2025-01-01T00:00:00.128Z", "durationMs": 2.0},
]
INSTANCE = {
    "runtimeVersion": "python:3.11.v1",
    "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:0123",
    "functionName": "f",
    "functionVersion": "$LATEST",
    "instanceId": STREAM,
    "instanceMaxMemory": 134_217_728,
}
FIGURES = {
    "durationMs": 7.25, "billedDurationMs": 8, "memorySizeMB": 128, "maxMemoryUsedMB": 36,
}  # fmt: skip


def lines(purpose: Purpose = ON_DEMAND) -> JsonLines:
    version = make_version(Path("/code"), name="f", system_log_level="DEBUG")
    return JsonLines(version, STREAM, purpose)


def events(text: str) -> list[tuple[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(event.keys() == {"time", "type", "record"} for event in found)
    assert all(event["time"] == NOW for event in found)
    return [(event["type"], event["record"]) for event in found]


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {"trace_header": f"{TRACE}1", "response": RESPONSE}
    return Report("id", 7.25, 8, 36, **(fields | changes))


def test_init() -> None:
    how = {"initializationType": "on-demand", "phase": "init"}
    assert events(lines().init_start(NOW_MS, "init")) == [("platform.initStart", how | INSTANCE)]
    good = InitReport(70.5, "init")
    done, ended = how | {"status": "success"}, {"metrics": {"durationMs": 70.5}}
    assert events(lines().init_done(NOW_MS, good)) == [("platform.initRuntimeDone", done)]
    assert events(lines().init_report(NOW_MS, good)) == [("platform.initReport", done | ended)]
    bad = InitReport(70.5, "invoke", "error", "Runtime.ExitError")
    done = how | {"phase": "invoke", "status": "error", "errorType": "Runtime.ExitError"}
    assert events(lines().init_done(NOW_MS, bad)) == [("platform.initRuntimeDone", done)]
    assert events(lines().init_report(NOW_MS, bad)) == [("platform.initReport", done | ended)]


def test_restore() -> None:
    snapshot = lines(Purpose("snap-start"))
    assert events(snapshot.restore_start(NOW_MS)) == [("platform.restoreStart", INSTANCE)]
    metrics = {"metrics": {"durationMs": 15.19}}
    assert events(snapshot.restore_report(NOW_MS, RestoreReport(15.19))) == [
        ("platform.restoreRuntimeDone", {"status": "success"}),
        ("platform.restoreReport", {"status": "success"} | metrics),
    ]
    assert events(snapshot.restore_report(NOW_MS, RestoreReport(15.19, "timeout"))) == [
        ("platform.restoreRuntimeDone", {"status": "timeout"}),
        ("platform.restoreReport", {"status": "timeout"} | metrics),
    ]


def test_a_run() -> None:
    start = {"requestId": "id", "version": "$LATEST"}
    assert events(lines().start(NOW_MS, "id", f"{TRACE}1")) == [("platform.start", start | TRACING)]
    outcome = {"requestId": "id", "status": "success"} | TRACING
    metrics = {"durationMs": 7.25, "producedBytes": 16}
    assert events(lines().end(NOW_MS, report())) == [
        ("platform.runtimeDone", outcome | {"spans": SPANS, "metrics": metrics})
    ]
    assert events(lines().report(NOW_MS, report())) == [
        ("platform.report", outcome | {"metrics": FIGURES})
    ]


def test_a_trace_that_nobody_samples_is_not_told() -> None:
    assert "tracing" not in lines().start(NOW_MS, "id", f"{TRACE}0")
    assert "tracing" not in lines().report(NOW_MS, report(trace_header=f"{TRACE}0"))


@pytest.mark.parametrize(
    ("status", "error_type", "outcome"),
    [
        ("timeout", "Sandbox.Timedout", {"status": "timeout"}),
        ("error", "Runtime.ExitError", {"status": "error", "errorType": "Runtime.ExitError"}),
    ],
)
def test_a_run_without_a_response(status: str, error_type: str, outcome: dict[str, str]) -> None:
    failed = report(status=status, error_type=error_type, response=None, trace_header="")
    outcome = {"requestId": "id"} | outcome
    assert events(lines().end(NOW_MS, failed)) == [
        ("platform.runtimeDone", outcome | {"metrics": {"durationMs": 7.25, "producedBytes": 0}})
    ]
    assert events(lines().report(NOW_MS, failed)) == [
        ("platform.report", outcome | {"metrics": FIGURES})
    ]


def test_extensions_that_go_on_after_the_runtime() -> None:
    """It is told as done when it is; the report has what they took."""
    late = report(response=None, extensions_ms=100.0, trace_header="")
    assert events(lines().runtime_done(NOW_MS, late))[0][0] == "platform.runtimeDone"
    assert lines().end(NOW_MS, late) == ""
    [(_, record)] = events(lines().report(NOW_MS, late))
    assert record["spans"] == [
        {"name": "extensionOverhead", "start": "2025-01-01T00:00:00.023Z", "durationMs": 100.0}
    ]


def test_a_managed_instance_knows_no_more_of_a_run_than_its_times() -> None:
    managed = lines(Purpose("lambda-managed-instances", ahead=True))
    assert managed.end(NOW_MS, report()) == ""
    outcome = {"requestId": "id", "status": "success"} | TRACING
    assert events(managed.report(NOW_MS, report())) == [
        ("platform.report", outcome | {"metrics": {"durationMs": 7.25}, "spans": SPANS})
    ]


def test_extensions_and_subscriptions() -> None:
    extension = Extension("e", external=True, events=("INVOKE",), state=ExtensionState.READY)
    record: dict[str, Any] = {"name": "e", "state": "Ready", "events": ["INVOKE"]}
    assert events(lines().extension(NOW_MS, extension)) == [("platform.extension", record)]
    extension.state, extension.error_type = ExtensionState.INIT_ERROR, "My.Reason"
    record |= {"state": "InitError", "errorType": "My.Reason"}
    assert events(lines().extension(NOW_MS, extension)) == [("platform.extension", record)]
    record = {"name": "e", "state": "Subscribed", "types": ["platform", "function"]}
    for api, kind in (
        ("Telemetry", "platform.telemetrySubscription"),
        ("Logs", "platform.logsSubscription"),
    ):
        told = lines().subscription(NOW_MS, "e", api, ("platform", "function"))
        assert events(told) == [(kind, record)]


# -- the figures of a run -------------------------------------------------------------------------


async def ended(bench: Bench, name: str) -> dict[str, Any]:
    """The record of its platform.runtimeDone."""
    found = [json.loads(line) for line in bench.log.messages(name) if '"platform.runtime' in line]
    assert len(found) == 1
    record: dict[str, Any] = found[0]["record"]
    return record


def figures(play: Any, clock: ManualClock, *, stream: bool = False) -> dict[str, Any]:
    """The record of platform.runtimeDone, of one run of a function that is played."""

    async def main() -> dict[str, Any]:
        async with running(PlayedDriver(play), clock) as bench:
            version = bench.python("", log_format="JSON", system_log_level="DEBUG")
            if stream:
                chunks = await bench.invoker.stream(version, make_request(version))
                async for _ in chunks:
                    pass
                await asyncio.sleep(0)
            else:
                await bench.invoke(version)
            return await ended(bench, version.name)

    record: dict[str, Any] = run(main())
    return record


def spans(record: dict[str, Any]) -> list[tuple[str, float]]:
    return [(span["name"], span["durationMs"]) for span in record["spans"]]


def test_a_response_that_comes_in_parts_takes_time() -> None:
    clock = ManualClock()

    async def slow(runtime: Runtime) -> None:
        event = await runtime.next()
        clock.advance(0.5)
        path = f"invocation/{event.request_id}/response"
        await runtime.begin(path, {"Expect": "100-continue"})
        assert (await runtime.receive())[0] == 100
        clock.advance(0.25)
        await runtime.chunk(b"[1,2]")
        await runtime.finish()
        await echo(runtime)

    for stream in (False, True):
        record = figures(slow, clock, stream=stream)
        assert spans(record) == [("responseLatency", 500.0), ("responseDuration", 250.0)]
        assert record["metrics"] == {"durationMs": 750.0, "producedBytes": 5}


def test_a_response_that_comes_whole_takes_none() -> None:
    clock = ManualClock()

    async def play(runtime: Runtime) -> None:
        event = await runtime.next()
        clock.advance(0.5)
        await runtime.respond(event, b'"1234"')
        await echo(runtime)

    record = figures(play, clock)
    assert spans(record) == [("responseLatency", 500.0), ("responseDuration", 0.0)]
    assert record["spans"][0]["start"] == "2026-01-01T00:00:00.000Z"
    assert record["spans"][1]["start"] == "2026-01-01T00:00:00.500Z"
    assert record["metrics"] == {"durationMs": 500.0, "producedBytes": 6}


def test_an_environment_is_known_by_its_log_stream() -> None:
    async def scenario() -> None:
        async with running(PlayedDriver(echo)) as bench:
            version = bench.python("", log_format="JSON")
            await bench.invoke(version)
            _, event = bench.log.events[0]
            started = json.loads(event.message)
            assert started["type"] == "platform.initStart"
            assert started["record"]["instanceId"] == event.stream

    run(scenario())


def test_an_error_is_no_response() -> None:
    async def fail(runtime: Runtime) -> None:
        event = await runtime.next()
        await runtime.call("POST", f"invocation/{event.request_id}/error", b'{"errorType":"E"}')
        await echo(runtime)

    record = figures(fail, ManualClock())
    assert "spans" not in record
    assert record["metrics"]["producedBytes"] == 0


def test_what_was_streamed_before_an_error_is_counted() -> None:
    clock = ManualClock()

    async def fail(runtime: Runtime) -> None:
        event = await runtime.next()
        clock.advance(0.5)
        path = f"invocation/{event.request_id}/response"
        await runtime.begin(path, {"Expect": "100-continue"})
        assert (await runtime.receive())[0] == 100
        await runtime.chunk(b"123")
        body = base64.b64encode(b'{"errorType":"E"}').decode()
        kind, text = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"
        await runtime.finish({kind: "E", text: body})
        await echo(runtime)

    record = figures(fail, clock, stream=True)
    assert [name for name, _ in spans(record)] == ["responseLatency", "responseDuration"]
    assert record["metrics"]["producedBytes"] == 3
