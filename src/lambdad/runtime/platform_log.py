"""The platform's own log lines: INIT_START, START, END, REPORT, INIT_REPORT, as text or as JSON.

Owns the exact formats of semantics §2.3 and §2.4 and which lines a JSON log leaves out. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from lambdad.core.value import Struct, Value, replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.extensions import Extension
from lambdad.runtime.purpose import ON_DEMAND, Purpose

_LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}


class Report(Struct):
    """The figures of one run. `status` is None for success, else `error` or `timeout`.

    Made for every run: not frozen, because that makes it three times as slow."""

    request_id: str
    duration_ms: float
    billed_ms: int
    memory_peak_mib: int
    init_ms: float | None = None
    status: str | None = None
    error_type: str | None = None
    restore_ms: float | None = None


class RestoreReport(Value):
    """A restore phase (SnapStart). `status` is `success`, `error` or `timeout`."""

    duration_ms: float
    status: str = "success"
    error_type: str | None = None


class InitReport(Value):
    """An init phase that failed, or one that JSON logs want to see. `phase` is `init` or, for a
    repeated one, `invoke`."""

    duration_ms: float
    phase: str
    status: str = "success"
    error_type: str | None = None


class PlatformLines(Protocol):
    """Makes lines; an empty one is not to be logged. `now_ms` is the epoch's."""

    def init_start(self, now_ms: int, phase: str) -> str: ...
    def init_report(self, now_ms: int, report: InitReport) -> str: ...
    def restore_start(self, now_ms: int) -> str: ...
    def restore_report(self, now_ms: int, report: RestoreReport) -> str: ...
    def start(self, now_ms: int, request_id: str) -> str: ...
    def end(self, now_ms: int, report: Report) -> str: ...
    def report(self, now_ms: int, report: Report) -> str: ...
    def extension(self, now_ms: int, extension: Extension) -> str: ...
    def subscription(self, now_ms: int, name: str, types: Sequence[str]) -> str: ...


def platform_lines(
    version: FunctionVersion, environment_id: str, purpose: Purpose = ON_DEMAND
) -> PlatformLines:
    """The lines of an environment of this version."""
    if version.log_format == "JSON":
        return JsonLines(version, environment_id, purpose)
    return TextLines(version, purpose)


def telemetry_lines(version: FunctionVersion, environment_id: str, purpose: Purpose) -> JsonLines:
    """All events, as the Telemetry API has them whatever the log does."""
    return JsonLines(replace(version, system_log_level="DEBUG"), environment_id, purpose)


def billed_ms(duration_ms: float, init_ms: float | None, restore_ms: float | None = None) -> int:
    """What a run costs in time: init included, rounded up (AWS since 2025-08-01), and what is
    billed of the restore."""
    return math.ceil(duration_ms + (init_ms or 0.0) + billed_restore_ms(restore_ms))


def billed_restore_ms(restore_ms: float | None) -> int:
    """All of it: AWS bills loading the runtime and the hooks, and nothing else happens here."""
    return math.ceil(restore_ms or 0.0)


def runtime_version(runtime: str) -> str:
    """The name in INIT_START: `python:3.13.v1`. The build number is ours: always 1."""
    family = family_of(runtime) or runtime
    number = runtime.removeprefix(family).removesuffix(".x").lstrip(".")
    return f"{family}:{number}.v1"


class TextLines:
    """The classic format. A successful init is reported only where it ran ahead."""

    def __init__(self, version: FunctionVersion, purpose: Purpose) -> None:
        self._ahead = purpose.ahead
        runtime = (
            f"Runtime Version: {runtime_version(version.runtime)}\t"
            f"Runtime Version ARN: {version.runtime_version_arn}\n"
        )
        self._init_start = f"INIT_START {runtime}"
        self._restore_start = f"RESTORE_START {runtime}"
        self._version = f" Version: {version.version}\n"
        self._memory = f"Memory Size: {version.memory_mib} MB\tMax Memory Used: "

    def init_start(self, now_ms: int, phase: str) -> str:
        return self._init_start if phase == "init" else ""

    def init_report(self, now_ms: int, report: InitReport) -> str:
        line = f"INIT_REPORT Init Duration: {report.duration_ms:.2f} ms\tPhase: {report.phase}"
        if report.status == "success":
            return f"{line}\n" if self._ahead else ""
        line += f"\tStatus: {report.status}"
        return f"{line}\tError Type: {report.error_type}\n" if report.error_type else f"{line}\n"

    def restore_start(self, now_ms: int) -> str:
        return self._restore_start

    def restore_report(self, now_ms: int, report: RestoreReport) -> str:
        line = f"RESTORE_REPORT Restore Duration: {report.duration_ms:.2f} ms"
        if report.status != "success":
            line += f"\tStatus: {report.status}"
        return f"{line}\tError Type: {report.error_type}\n" if report.error_type else f"{line}\n"

    def start(self, now_ms: int, request_id: str) -> str:
        return f"START RequestId: {request_id}{self._version}"

    def end(self, now_ms: int, report: Report) -> str:
        return f"END RequestId: {report.request_id}\n"

    def report(self, now_ms: int, report: Report) -> str:
        line = (
            f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
            f"Billed Duration: {report.billed_ms} ms\t{self._memory}{report.memory_peak_mib} MB\t"
        )
        if report.init_ms is not None:
            line += f"Init Duration: {report.init_ms:.2f} ms\t"
        if report.restore_ms is not None:
            line += f"Restore Duration: {report.restore_ms:.2f} ms\t"
            line += f"Billed Restore Duration: {billed_restore_ms(report.restore_ms)} ms\t"
        if report.status is not None:
            line += f"Status: {report.status}\t"
            if report.status == "error":
                line += f"Error Type: {report.error_type}\t"
        return line + "\n"

    def extension(self, now_ms: int, extension: Extension) -> str:
        line = f"EXTENSION\tName: {extension.name}\tState: {extension.state}\t"
        line += f"Events: [{','.join(extension.events)}]"
        return (
            f"{line}\tError Type: {extension.error_type}\n" if extension.error_type else line + "\n"
        )

    def subscription(self, now_ms: int, name: str, types: Sequence[str]) -> str:
        shown = ", ".join(kind.capitalize() for kind in types)
        return f"TELEMETRY\tName: {name}\tState: Subscribed\tTypes: [{shown}]\n"


class JsonLines:
    """One JSON object per line, shaped as the Telemetry API's events, filtered by level. Where
    tenants are isolated, the events of a run name theirs; those of init do not (AWS,
    "Monitoring Lambda functions with tenant isolation")."""

    def __init__(self, version: FunctionVersion, environment_id: str, purpose: Purpose) -> None:
        self._version = version
        self._environment_id = environment_id
        self._purpose = purpose
        self._tenant = {"tenantId": purpose.tenant_id} if purpose.tenant_id else {}
        self._threshold = _LEVELS[version.system_log_level]

    def init_start(self, now_ms: int, phase: str) -> str:
        record = {"initializationType": self._purpose.initialization_type, "phase": phase}
        return self._line(now_ms, "INFO", "platform.initStart", record | self._instance())

    def _instance(self) -> dict[str, Any]:
        version = self._version
        return {
            "runtimeVersion": runtime_version(version.runtime),
            "runtimeVersionArn": version.runtime_version_arn,
            "functionName": version.name,
            "functionVersion": version.version,
            "instanceId": self._environment_id,
            "instanceMaxMemory": version.memory_mib * 1024 * 1024,
        }

    def restore_start(self, now_ms: int) -> str:
        return self._line(now_ms, "INFO", "platform.restoreStart", self._instance())

    def restore_report(self, now_ms: int, report: RestoreReport) -> str:
        record: dict[str, Any] = {"status": report.status}
        if report.error_type is not None:
            record["errorType"] = report.error_type
        good = report.status == "success"
        level = "DEBUG" if good else "WARN"
        done = self._line(now_ms, level, "platform.restoreRuntimeDone", dict(record))
        record["metrics"] = {"durationMs": round(report.duration_ms, 3)}
        level = "INFO" if good else "WARN"
        return done + self._line(now_ms, level, "platform.restoreReport", record)

    def init_report(self, now_ms: int, report: InitReport) -> str:
        record: dict[str, Any] = {
            "initializationType": self._purpose.initialization_type,
            "phase": report.phase,
            "status": report.status,
        }
        if report.error_type is not None:
            record["errorType"] = report.error_type
        level = "DEBUG" if report.status == "success" else "WARN"
        done = self._line(now_ms, level, "platform.initRuntimeDone", dict(record))
        record["metrics"] = {"durationMs": round(report.duration_ms, 3)}
        level = "INFO" if self._purpose.ahead else "DEBUG"
        return done + self._line(now_ms, level, "platform.initReport", record)

    def start(self, now_ms: int, request_id: str) -> str:
        record = {"requestId": request_id, "version": self._version.version} | self._tenant
        return self._line(now_ms, "INFO", "platform.start", record)

    def end(self, now_ms: int, report: Report) -> str:
        record = self._outcome(report)
        record["metrics"] = {"durationMs": round(report.duration_ms, 3)}
        return self._line(now_ms, _level(report, "DEBUG"), "platform.runtimeDone", record)

    def report(self, now_ms: int, report: Report) -> str:
        metrics: dict[str, Any] = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": report.billed_ms,
            "memorySizeMB": self._version.memory_mib,
            "maxMemoryUsedMB": report.memory_peak_mib,
        }
        if report.init_ms is not None:
            metrics["initDurationMs"] = round(report.init_ms, 3)
        if report.restore_ms is not None:
            metrics["restoreDurationMs"] = round(report.restore_ms, 3)
            metrics["billedRestoreDurationMs"] = billed_restore_ms(report.restore_ms)
        record = self._outcome(report)
        record["metrics"] = metrics
        return self._line(now_ms, _level(report, "INFO"), "platform.report", record)

    def subscription(self, now_ms: int, name: str, types: Sequence[str]) -> str:
        record = {"name": name, "state": "Subscribed", "types": list(types)}
        return self._line(now_ms, "INFO", "platform.telemetrySubscription", record)

    def extension(self, now_ms: int, extension: Extension) -> str:
        record: dict[str, Any] = {
            "name": extension.name,
            "state": extension.state,
            "events": list(extension.events),
        }
        if extension.error_type:
            record["errorType"] = extension.error_type
        return self._line(now_ms, "INFO", "platform.extension", record)

    def _outcome(self, report: Report) -> dict[str, Any]:
        record: dict[str, Any] = {
            "requestId": report.request_id,
            "status": report.status or "success",
        } | self._tenant
        if report.status == "error":
            record["errorType"] = report.error_type
        return record

    def _line(self, now_ms: int, level: str, kind: str, record: dict[str, Any]) -> str:
        if _LEVELS[level] < self._threshold:
            return ""
        event = {"time": iso_time(now_ms), "type": kind, "record": record}
        return json.dumps(event, separators=(",", ":")) + "\n"


def _level(report: Report, usual: str) -> str:
    return usual if report.status is None else "WARN"


def iso_time(now_ms: int) -> str:
    """`2026-01-01T00:00:00.000Z`."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z"


def log_stream(now_ms: int, version: str, environment_id: str) -> str:
    """`YYYY/MM/DD/[version]<32 hex>`, by UTC."""
    return f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y/%m/%d}/[{version}]{environment_id}"
