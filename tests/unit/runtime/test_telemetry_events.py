"""The events of each API and schema; the Logs API's records are the examples of the Lambda
developer guide, "Using the Lambda Logs API"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdad.runtime.extensions import Extension, ExtensionState
from lambdad.runtime.purpose import ON_DEMAND
from lambdad.runtime.reports import InitReport, Report, Response, RestoreReport
from lambdad.runtime.telemetry_events import EventLines, event_lines
from lambdad.runtime.telemetry_subscription import parse_subscription
from support.functions import make_version

TRACE = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=1"
FIGURES = {
    "durationMs": 101.51, "billedDurationMs": 300, "memorySizeMB": 128, "maxMemoryUsedMB": 33,
}  # fmt: skip


def lines(schema: str, log_format: str = "Text") -> EventLines:
    api = "Telemetry" if schema > "2022" else "Logs"
    destination = {"protocol": "TCP", "port": 1}
    asked = {"schemaVersion": schema, "types": ["platform"], "destination": destination}
    subscription = parse_subscription(json.dumps(asked).encode(), api)
    version = make_version(Path("/code"), log_format=log_format)
    return event_lines(subscription, version, "stream", ON_DEMAND)


def events(text: str) -> list[tuple[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(event.keys() == {"time", "type", "record"} for event in found)
    assert all(event["time"] == "1970-01-01T00:00:00.007Z" for event in found)
    return [(event["type"], event["record"]) for event in found]


def report(**changes: Any) -> Report:
    return Report("id", 101.51, 300, 33, **({"response": Response(0, 1.0, 1.0, 1)} | changes))


LOGS = lines("2020-08-15")
WITH_DONE = lines("2021-03-18")


def test_a_run_in_the_logs_api() -> None:
    start = ("platform.start", {"requestId": "id", "version": "$LATEST"})
    assert events(LOGS.start(7, "id", TRACE)) == [start]
    assert events(LOGS.end(7, report())) == [("platform.end", {"requestId": "id"})]
    told = report(init_ms=116.67)
    metrics = FIGURES | {"initDurationMs": 116.67}
    assert events(LOGS.report(7, told)) == [
        ("platform.report", {"requestId": "id", "metrics": metrics})
    ]


def test_the_report_of_a_traced_run_in_the_logs_api() -> None:
    [(_, record)] = events(LOGS.report(7, report(trace_header=TRACE)))
    assert record["tracing"] == {"type": "X-Amzn-Trace-Id", "value": TRACE}


@pytest.mark.parametrize(
    ("status", "error_type", "said", "fault"),
    [
        (None, None, "success", None),
        ("timeout", "Sandbox.Timedout", "timeout", "RequestId: id Status: timeout"),
        (
            *("error", "Runtime.ExitError", "failure"),
            "RequestId: id Status: error\tErrorType: Runtime.ExitError",
        ),
    ],
)
def test_the_end_of_a_run_in_the_logs_api(
    status: str | None, error_type: str | None, said: str, fault: str | None
) -> None:
    ended = report(status=status, error_type=error_type)
    done = [("platform.runtimeDone", {"requestId": "id", "status": said})]
    rest: list[tuple[str, Any]] = [("platform.fault", fault)] if fault else []
    rest.append(("platform.end", {"requestId": "id"}))
    assert events(LOGS.end(7, ended)) == rest
    assert events(WITH_DONE.end(7, ended)) == done + rest
    ended.extensions_ms = 5.0
    assert events(WITH_DONE.runtime_done(7, ended)) == done
    assert events(WITH_DONE.end(7, ended)) == rest
    assert LOGS.runtime_done(7, ended) == ""


def test_init_and_restore_in_the_logs_api() -> None:
    assert LOGS.init_start(7, "init") == ""
    good, bad = InitReport(731.79, "init"), InitReport(731.79, "init", "error", "E")
    how = {"initializationType": "on-demand"}
    assert events(LOGS.init_done(7, good) + LOGS.init_done(7, bad)) == [
        ("platform.initRuntimeDone", how | {"status": "success"}),
        ("platform.initRuntimeDone", how | {"status": "failure"}),
    ]
    metrics = {"metrics": {"durationMs": 731.79, "billedDurationMs": 732}}
    assert events(LOGS.init_report(7, good)) == [("platform.initReport", how | metrics)]
    assert events(LOGS.restore_start(7)) == [("platform.restoreStart", {})]
    assert events(LOGS.restore_report(7, RestoreReport(731.79))) == [
        ("platform.restoreRuntimeDone", {"status": "success"}),
        ("platform.restoreReport", metrics),
    ]


def test_extensions_and_subscriptions_in_the_logs_api() -> None:
    both = ("INVOKE", "SHUTDOWN")
    extension = Extension("Foo.bar", external=True, events=both, state=ExtensionState.READY)
    assert events(LOGS.extension(7, extension)) == [
        ("platform.extension", {"name": "Foo.bar", "state": "Ready", "events": list(both)})
    ]
    record = {"name": "Foo.bar", "state": "Subscribed", "types": ["function", "platform"]}
    assert events(LOGS.subscription(7, "Foo.bar", "Logs", ("function", "platform"))) == [
        ("platform.logsSubscription", record)
    ]


@pytest.mark.parametrize("kind", ["function", "extension"])
@pytest.mark.parametrize(
    ("schema", "log_format", "record"),
    [
        ("2020-08-15", "JSON", '{"level":"INFO"}\n'),
        ("2021-03-18", "Text", '{"level":"INFO"}\n'),
        ("2022-07-01", "JSON", '{"level":"INFO"}'),
        ("2022-12-13", "Text", '{"level":"INFO"}'),
        ("2022-12-13", "JSON", {"level": "INFO"}),
        ("2025-01-29", "JSON", {"level": "INFO"}),
    ],
)
def test_a_logged_line(kind: str, schema: str, log_format: str, record: object) -> None:
    """An object only where the function's log is JSON, and the schema knows that; the Logs API
    keeps the end of the line."""
    told = lines(schema, log_format).logged(7, kind, '{"level":"INFO"}\n')
    assert events(told) == [(kind, record)]


def test_a_line_that_is_not_json_after_all() -> None:
    assert events(lines("2025-01-29", "JSON").logged(7, "function", "{x")) == [("function", "{x")]


def test_the_telemetry_api_tells_all_whatever_the_log_leaves_out() -> None:
    told = lines("2022-07-01").end(7, report())
    assert events(told)[0][0] == "platform.runtimeDone"
    assert events(lines("2025-01-29").init_done(7, InitReport(1.0, "init")))
