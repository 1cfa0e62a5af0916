"""Platform lines to the byte (semantics §2.3, §2.4)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdad.runtime.platform_events import runtime_version
from lambdad.runtime.platform_log import PlatformLines, log_stream, platform_lines
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.reports import InitReport, Report, RestoreReport, billed_ms
from support.functions import make_version

NOW_MS = 1_735_689_600_123  # 2025-01-01T00:00:00.123Z
TRACE = "Root=1-62e900b2-710d76f009d6e7785905449a;Parent=0efbd19962d95b05;Sampled=0"
TEXT = platform_lines(make_version(Path("/code"), version="7"), "e" * 32)


def json_lines(level: str = "INFO") -> PlatformLines:
    version = make_version(Path("/code"), name="f", log_format="JSON", system_log_level=level)
    return platform_lines(version, "e" * 32)


def test_text_lines() -> None:
    report = Report("id", 3.01, 114, 36, init_ms=110.1)
    assert TEXT.init_start(NOW_MS, "init") == (
        "INIT_START Runtime Version: python:3.11.v1\t"
        "Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:0123\n"
    )
    assert TEXT.start(NOW_MS, "id", TRACE) == "START RequestId: id Version: 7\n"
    assert TEXT.end(NOW_MS, report) == "END RequestId: id\n"
    assert TEXT.report(NOW_MS, report) == (
        "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"
    )


@pytest.mark.parametrize(
    ("status", "error_type", "tail"),
    [
        (None, None, ""),
        ("timeout", "Sandbox.Timedout", "Status: timeout\t"),
        ("error", "Runtime.ExitError", "Status: error\tError Type: Runtime.ExitError\t"),
    ],
)
def test_the_end_of_report(status: str | None, error_type: str | None, tail: str) -> None:
    report = Report("id", 1000.0, 1000, 9, status=status, error_type=error_type)
    assert TEXT.report(NOW_MS, report).endswith(f"Max Memory Used: 9 MB\t{tail}\n")


def test_the_restore_of_a_snapshot_in_text() -> None:
    """As in published logs of SnapStart functions; failures: Lambda developer guide, "Lambda
    execution environment lifecycle"."""
    assert TEXT.restore_start(NOW_MS) == (
        "RESTORE_START Runtime Version: python:3.11.v1\t"
        "Runtime Version ARN: arn:aws:lambda:us-east-1::runtime:0123\n"
    )
    good = RestoreReport(511.25)
    assert TEXT.restore_report(NOW_MS, good) == "RESTORE_REPORT Restore Duration: 511.25 ms\n"
    late = RestoreReport(1236.04, "timeout")
    assert TEXT.restore_report(NOW_MS, late) == (
        "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: timeout\n"
    )
    failed = RestoreReport(1236.04, "error", "Runtime.ExitError")
    assert TEXT.restore_report(NOW_MS, failed) == (
        "RESTORE_REPORT Restore Duration: 1236.04 ms\tStatus: error\t"
        "Error Type: Runtime.ExitError\n"
    )
    report = Report("id", 306.34, billed_ms(306.34, None, 302.6), 155, restore_ms=302.6)
    assert TEXT.report(NOW_MS, report) == (
        "REPORT RequestId: id\tDuration: 306.34 ms\tBilled Duration: 610 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 155 MB\t"
        "Restore Duration: 302.60 ms\tBilled Restore Duration: 303 ms\t\n"
    )


def test_the_restore_of_a_snapshot_in_json() -> None:
    """Lambda developer guide, "Lambda Telemetry API Event schema reference"."""
    lines = json_lines("DEBUG")
    instance = {
        "runtimeVersion": "python:3.11.v1",
        "runtimeVersionArn": "arn:aws:lambda:us-east-1::runtime:0123",
        "functionName": "f",
        "functionVersion": "$LATEST",
        "instanceId": "e" * 32,
        "instanceMaxMemory": 134_217_728,
    }
    assert json.loads(lines.restore_start(NOW_MS)) == {
        "time": "2025-01-01T00:00:00.123Z",
        "type": "platform.restoreStart",
        "record": instance,
    }
    failed = RestoreReport(5.0, "error", "Runtime.AfterRestoreError")
    record = {"status": "error", "errorType": "Runtime.AfterRestoreError"}
    assert [json.loads(line) for line in lines.restore_report(NOW_MS, failed).splitlines()] == [
        {
            "time": "2025-01-01T00:00:00.123Z",
            "type": "platform.restoreRuntimeDone",
            "record": record,
        },
        {
            "time": "2025-01-01T00:00:00.123Z",
            "type": "platform.restoreReport",
            "record": record | {"metrics": {"durationMs": 5.0}},
        },
    ]
    report = json.loads(lines.report(NOW_MS, Report("id", 1.0, 4, 9, restore_ms=2.5)))
    assert report["record"]["metrics"] == {
        "durationMs": 1.0,
        "billedDurationMs": 4,
        "memorySizeMB": 128,
        "maxMemoryUsedMB": 9,
        "restoreDurationMs": 2.5,
        "billedRestoreDurationMs": 3,
    }


def test_an_init_ahead_of_invocations_is_always_reported() -> None:
    ahead = Purpose("provisioned-concurrency", ahead=True)
    lines = platform_lines(make_version(Path("/code")), "e" * 32, ahead)
    assert lines.init_report(NOW_MS, InitReport(5.0, "init")) == (
        "INIT_REPORT Init Duration: 5.00 ms\tPhase: init\n"
    )
    version = make_version(Path("/code"), log_format="JSON")
    report = platform_lines(version, "e" * 32, ahead).init_report(NOW_MS, InitReport(5.0, "init"))
    assert json.loads(report) == {
        "time": "2025-01-01T00:00:00.123Z",
        "type": "platform.initReport",
        "record": {
            "initializationType": "provisioned-concurrency",
            "phase": "init",
            "status": "success",
            "metrics": {"durationMs": 5.0},
        },
    }


def test_init_report_only_for_failures() -> None:
    assert TEXT.init_report(NOW_MS, InitReport(5.0, "init")) == ""
    assert TEXT.init_report(NOW_MS, InitReport(10000.5, "init", "timeout")) == (
        "INIT_REPORT Init Duration: 10000.50 ms\tPhase: init\tStatus: timeout\n"
    )
    failed = InitReport(206.72, "invoke", "error", "Runtime.ExitError")
    assert TEXT.init_report(NOW_MS, failed) == (
        "INIT_REPORT Init Duration: 206.72 ms\tPhase: invoke\tStatus: error\t"
        "Error Type: Runtime.ExitError\n"
    )


def test_json_report() -> None:
    line = json_lines().report(NOW_MS, Report("id", 3.0104, 114, 36, init_ms=110.1))
    assert line.endswith("\n")
    assert json.loads(line) == {
        "time": "2025-01-01T00:00:00.123Z",
        "type": "platform.report",
        "record": {
            "requestId": "id",
            "status": "success",
            "metrics": {
                "durationMs": 3.01,
                "billedDurationMs": 114,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 36,
                "initDurationMs": 110.1,
            },
        },
    }


def test_json_levels() -> None:
    good, bad = Report("id", 1, 1, 1), Report("id", 1, 1, 1, status="error", error_type="T")
    for level, visible in [("DEBUG", "srd"), ("INFO", "sr"), ("WARN", "")]:
        lines = json_lines(level)
        shown = "s" if lines.start(NOW_MS, "id", TRACE) else ""
        shown += "r" if lines.report(NOW_MS, good) else ""
        shown += "d" if lines.end(NOW_MS, good) else ""
        assert shown == visible
        assert json.loads(lines.report(NOW_MS, bad))["record"]["errorType"] == "T"
        assert json.loads(lines.end(NOW_MS, bad))["type"] == "platform.runtimeDone"
        assert bool(lines.init_report(NOW_MS, InitReport(1.0, "init"))) is (level == "DEBUG")


@pytest.mark.parametrize(
    ("runtime", "name"),
    [
        ("python3.12", "python:3.12.v1"),
        ("nodejs22.x", "nodejs:22.v1"),
        ("provided.al2023", "provided:al2023.v1"),
        ("java8.al2", "java:8.al2.v1"),
        ("ruby3.3", "ruby:3.3.v1"),
        ("dotnet8", "dotnet:8.v1"),
    ],
)
def test_runtime_names(runtime: str, name: str) -> None:
    assert runtime_version(runtime) == name


def test_the_log_stream_has_date_version_and_environment() -> None:
    assert log_stream(NOW_MS, "$LATEST", "ab" * 16) == f"2025/01/01/[$LATEST]{'ab' * 16}"


@pytest.mark.parametrize(
    ("duration", "init", "billed"), [(3.01, 110.10, 114), (1.0, None, 1), (1.001, None, 2)]
)
def test_billing_rounds_up_with_init(duration: float, init: float | None, billed: int) -> None:
    assert billed_ms(duration, init) == billed
