"""The events that a subscriber gets, in the shapes of the API and schema that it subscribed with.

Owns the records of the older Logs API, and of logged lines in both (Lambda developer guide, "Lambda
Telemetry API Event schema reference" and "Using the Lambda Logs API"). The Telemetry API's other
events are those of a JSON log, `runtime/platform_events.py`. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Protocol

from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.extensions import Extension
from lambdad.runtime.platform_events import (
    JsonLines,
    event_line,
    extension_event,
    report_metrics,
    subscription_event,
    tracing,
)
from lambdad.runtime.platform_log import PlatformLines
from lambdad.runtime.purpose import Purpose
from lambdad.runtime.reports import InitReport, Report, RestoreReport
from lambdad.runtime.telemetry_subscription import Subscription

_STRINGS_ONLY = "2022-07-01"
"""The Telemetry API's schema in which the record of a logged line is always a string."""
_WITH_RUNTIME_DONE = "2021-03-18"
"""The Logs API's schema that has `platform.runtimeDone`."""
_LOGS_STATUS = {None: "success", "success": "success", "error": "failure", "timeout": "timeout"}


class EventLines(PlatformLines, Protocol):
    """Makes a subscriber's events, one a line; an empty one is not for it."""

    def logged(self, now_ms: int, kind: str, text: str) -> str:
        """A line that a `function` or an `extension` wrote."""
        ...


Tell = Callable[[EventLines], str]
"""An event, told to whoever wants it in its own shape."""


def event_lines(
    subscription: Subscription, version: FunctionVersion, stream: str, purpose: Purpose
) -> EventLines:
    """What makes the events of this subscription."""
    if subscription.api == "Logs":
        return LogsEvents(subscription.schema, version, purpose)
    return TelemetryEvents(subscription.schema, version, stream, purpose)


class TelemetryEvents(JsonLines):
    """All of the Telemetry API's, whatever the log leaves out."""

    def __init__(
        self, schema: str, version: FunctionVersion, stream: str, purpose: Purpose
    ) -> None:
        super().__init__(replace(version, system_log_level="DEBUG"), stream, purpose)
        self._objects = version.log_format == "JSON" and schema != _STRINGS_ONLY

    def logged(self, now_ms: int, kind: str, text: str) -> str:
        text = text.removesuffix("\n")
        return event_line(now_ms, kind, _object_in(text) if self._objects else text)


class LogsEvents:
    """The Logs API's. What its schemas do not have is not told."""

    def __init__(self, schema: str, version: FunctionVersion, purpose: Purpose) -> None:
        self._with_runtime_done = schema == _WITH_RUNTIME_DONE
        self._version = version
        self._initialization_type = purpose.initialization_type

    def logged(self, now_ms: int, kind: str, text: str) -> str:
        return event_line(now_ms, kind, text)

    def init_start(self, now_ms: int, phase: str) -> str:
        return ""

    def init_done(self, now_ms: int, report: InitReport) -> str:
        status = _LOGS_STATUS[report.status]
        record = {"initializationType": self._initialization_type, "status": status}
        return event_line(now_ms, "platform.initRuntimeDone", record)

    def init_report(self, now_ms: int, report: InitReport) -> str:
        metrics = _billed(report.duration_ms)
        record = {"initializationType": self._initialization_type, "metrics": metrics}
        return event_line(now_ms, "platform.initReport", record)

    def restore_start(self, now_ms: int) -> str:
        return event_line(now_ms, "platform.restoreStart", {})

    def restore_report(self, now_ms: int, report: RestoreReport) -> str:
        done = {"status": _LOGS_STATUS[report.status]}
        figures = {"metrics": _billed(report.duration_ms)}
        return event_line(now_ms, "platform.restoreRuntimeDone", done) + event_line(
            now_ms, "platform.restoreReport", figures
        )

    def start(self, now_ms: int, request_id: str, trace_header: str) -> str:
        record = {"requestId": request_id, "version": self._version.version}
        return event_line(now_ms, "platform.start", record)

    def runtime_done(self, now_ms: int, report: Report) -> str:
        if not self._with_runtime_done:
            return ""
        record = {"requestId": report.request_id, "status": _LOGS_STATUS[report.status]}
        return event_line(now_ms, "platform.runtimeDone", record)

    def end(self, now_ms: int, report: Report) -> str:
        done = "" if report.extensions_ms is not None else self.runtime_done(now_ms, report)
        fault = self._fault(now_ms, report)
        return done + fault + event_line(now_ms, "platform.end", {"requestId": report.request_id})

    def _fault(self, now_ms: int, report: Report) -> str:
        if report.status is None:
            return ""
        text = f"RequestId: {report.request_id} Status: {report.status}"
        if report.status == "error":
            text += f"\tErrorType: {report.error_type}"
        return event_line(now_ms, "platform.fault", text)

    def report(self, now_ms: int, report: Report) -> str:
        metrics = report_metrics(report, self._version.memory_mib)
        record = {"requestId": report.request_id, "metrics": metrics}
        return event_line(now_ms, "platform.report", record | tracing(report.trace_header))

    def extension(self, now_ms: int, extension: Extension) -> str:
        return extension_event(now_ms, extension)

    def subscription(self, now_ms: int, name: str, api: str, types: Sequence[str]) -> str:
        return subscription_event(now_ms, name, api, types)


def _billed(duration_ms: float) -> dict[str, float]:
    return {"durationMs": round(duration_ms, 3), "billedDurationMs": math.ceil(duration_ms)}


def _object_in(text: str) -> object:
    """A function that logs JSON has its records as objects."""
    if text.startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
