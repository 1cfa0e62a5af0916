"""The platform's own events as JSON: lines of a log in that format, and of the Telemetry API.

Owns their records (semantics §2.4, §6.5; Lambda developer guide, "Lambda Telemetry API Event schema
reference") and which of them a log leaves out. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.extensions import Extension
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.reports import (
    InitReport,
    Report,
    Response,
    RestoreReport,
    billed_restore_ms,
)

_LEVELS = {"DEBUG": 0, "INFO": 1, "WARN": 2}


class JsonLines:
    """One JSON object per line, shaped as the Telemetry API's events, filtered by level. Where
    tenants are isolated, the events of a run name theirs; those of init do not (AWS,
    "Monitoring Lambda functions with tenant isolation"). An environment is known by its log
    stream, as AWS's runtime interface emulator has it. A managed instance runs several invocations
    at a time: no figure but the duration is one run's (Lambda developer guide, "Lambda Telemetry
    API Event schema reference")."""

    def __init__(self, version: FunctionVersion, stream: str, purpose: Purpose) -> None:
        self._version = version
        self._stream = stream
        self._purpose = purpose
        self._managed = purpose.initialization_type == "lambda-managed-instances"
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
            "instanceId": self._stream,
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

    def init_done(self, now_ms: int, report: InitReport) -> str:
        level = "DEBUG" if report.status == "success" else "WARN"
        return self._line(now_ms, level, "platform.initRuntimeDone", self._init(report))

    def init_report(self, now_ms: int, report: InitReport) -> str:
        record = self._init(report) | {"metrics": {"durationMs": round(report.duration_ms, 3)}}
        level = "INFO" if self._purpose.ahead else "DEBUG"
        return self._line(now_ms, level, "platform.initReport", record)

    def _init(self, report: InitReport) -> dict[str, Any]:
        record: dict[str, Any] = {
            "initializationType": self._purpose.initialization_type,
            "phase": report.phase,
            "status": report.status,
        }
        if report.error_type is not None:
            record["errorType"] = report.error_type
        return record

    def start(self, now_ms: int, request_id: str, trace_header: str) -> str:
        record = {"requestId": request_id, "version": self._version.version} | self._tenant
        return self._line(now_ms, "INFO", "platform.start", record | tracing(trace_header))

    def runtime_done(self, now_ms: int, report: Report) -> str:
        if self._managed:
            return ""
        record = self._outcome(report)
        if report.response is not None:
            record["spans"] = _response_spans(report.response)
        record["metrics"] = {
            "durationMs": round(report.duration_ms, 3),
            "producedBytes": report.response.produced_bytes if report.response else 0,
        }
        return self._line(now_ms, _level(report, "DEBUG"), "platform.runtimeDone", record)

    def end(self, now_ms: int, report: Report) -> str:
        return "" if report.extensions_ms is not None else self.runtime_done(now_ms, report)

    def report(self, now_ms: int, report: Report) -> str:
        record = self._outcome(report)
        if self._managed:
            record["metrics"] = {"durationMs": round(report.duration_ms, 3)}
            if report.response is not None:
                record["spans"] = _response_spans(report.response)
        else:
            record["metrics"] = report_metrics(report, self._version.memory_mib)
            if report.extensions_ms is not None:
                began_ms = now_ms - round(report.extensions_ms)
                record["spans"] = [_span("extensionOverhead", began_ms, report.extensions_ms)]
        return self._line(now_ms, _level(report, "INFO"), "platform.report", record)

    def subscription(self, now_ms: int, name: str, api: str, types: Sequence[str]) -> str:
        if _LEVELS["INFO"] < self._threshold:
            return ""
        return subscription_event(now_ms, name, api, types)

    def extension(self, now_ms: int, extension: Extension) -> str:
        if _LEVELS["INFO"] < self._threshold:
            return ""
        return extension_event(now_ms, extension)

    def _outcome(self, report: Report) -> dict[str, Any]:
        record: dict[str, Any] = {
            "requestId": report.request_id,
            "status": report.status or "success",
        } | self._tenant
        if report.status == "error":
            record["errorType"] = report.error_type
        return record | tracing(report.trace_header)

    def _line(self, now_ms: int, level: str, kind: str, record: dict[str, Any]) -> str:
        if _LEVELS[level] < self._threshold:
            return ""
        return event_line(now_ms, kind, record)


def _level(report: Report, usual: str) -> str:
    return usual if report.status is None else "WARN"


def event_line(now_ms: int, kind: str, record: object) -> str:
    """An event of the Telemetry API's family, with its newline."""
    event = {"time": iso_time(now_ms), "type": kind, "record": record}
    return json.dumps(event, separators=(",", ":")) + "\n"


def extension_event(now_ms: int, extension: Extension) -> str:
    """What became of an extension by the end of init."""
    record: dict[str, Any] = {
        "name": extension.name,
        "state": extension.state,
        "events": list(extension.events),
    }
    if extension.error_type:
        record["errorType"] = extension.error_type
    return event_line(now_ms, "platform.extension", record)


def subscription_event(now_ms: int, name: str, api: str, types: Sequence[str]) -> str:
    """`platform.telemetrySubscription` or `platform.logsSubscription`."""
    record = {"name": name, "state": "Subscribed", "types": list(types)}
    return event_line(now_ms, f"platform.{api.lower()}Subscription", record)


def report_metrics(report: Report, memory_mib: int) -> dict[str, Any]:
    """The figures of `platform.report`."""
    metrics: dict[str, Any] = {
        "durationMs": round(report.duration_ms, 3),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": memory_mib,
        "maxMemoryUsedMB": report.memory_peak_mib,
    }
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    if report.restore_ms is not None:
        metrics["restoreDurationMs"] = round(report.restore_ms, 3)
        metrics["billedRestoreDurationMs"] = billed_restore_ms(report.restore_ms)
    return metrics


def tracing(trace_header: str) -> dict[str, Any]:
    """The member of that name, which only a trace that is sampled has."""
    if "Sampled=1" not in trace_header:
        return {}
    return {"tracing": {"type": "X-Amzn-Trace-Id", "value": trace_header}}


def _response_spans(response: Response) -> list[dict[str, Any]]:
    """`runtimeOverhead` is not among them: a run is over here before the runtime asks for the
    next event."""
    began_ms = response.delivered_ms + round(response.latency_ms)
    return [
        _span("responseLatency", response.delivered_ms, response.latency_ms),
        _span("responseDuration", began_ms, response.duration_ms),
    ]


def _span(name: str, start_ms: int, duration_ms: float) -> dict[str, Any]:
    return {"name": name, "start": iso_time(start_ms), "durationMs": round(duration_ms, 3)}


def iso_time(now_ms: int) -> str:
    """`2026-01-01T00:00:00.000Z`."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}Z"


def runtime_version(runtime: str) -> str:
    """The name in INIT_START: `python:3.13.v1`. The build number is ours: always 1."""
    family = family_of(runtime) or runtime
    number = runtime.removeprefix(family).removesuffix(".x").lstrip(".")
    return f"{family}:{number}.v1"
