"""The platform's own log lines: INIT_START, START, END, REPORT, INIT_REPORT, as text or as JSON.

Owns the exact text of semantics §2.3; the JSON is platform_events.py's. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.extensions import Extension
from lambdad.runtime.platform_events import JsonLines, runtime_version
from lambdad.runtime.purpose import ON_DEMAND, Purpose
from lambdad.runtime.reports import InitReport, Report, RestoreReport, billed_restore_ms


class PlatformLines(Protocol):
    """Makes lines; an empty one is not to be logged. `now_ms` is the epoch's."""

    def init_start(self, now_ms: int, phase: str) -> str: ...
    def init_done(self, now_ms: int, report: InitReport) -> str: ...
    def init_report(self, now_ms: int, report: InitReport) -> str: ...
    def restore_start(self, now_ms: int) -> str: ...
    def restore_report(self, now_ms: int, report: RestoreReport) -> str: ...
    def start(self, now_ms: int, request_id: str, trace_header: str) -> str: ...

    def runtime_done(self, now_ms: int, report: Report) -> str:
        """The function has answered, and its extensions still work."""
        ...

    def end(self, now_ms: int, report: Report) -> str:
        """The run is over; with what `runtime_done` says, unless that was said before."""
        ...

    def report(self, now_ms: int, report: Report) -> str: ...
    def extension(self, now_ms: int, extension: Extension) -> str: ...

    def subscription(self, now_ms: int, name: str, api: str, types: Sequence[str]) -> str:
        """An extension has subscribed, with the `Telemetry` or the `Logs` API."""
        ...


def platform_lines(
    version: FunctionVersion, stream: str, purpose: Purpose = ON_DEMAND
) -> PlatformLines:
    """The lines of the environment of this version that writes to this log stream."""
    if version.log_format == "JSON":
        return JsonLines(version, stream, purpose)
    return TextLines(version, purpose)


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

    def init_done(self, now_ms: int, report: InitReport) -> str:
        return ""

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

    def start(self, now_ms: int, request_id: str, trace_header: str) -> str:
        return f"START RequestId: {request_id}{self._version}"

    def runtime_done(self, now_ms: int, report: Report) -> str:
        return ""

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

    def subscription(self, now_ms: int, name: str, api: str, types: Sequence[str]) -> str:
        shown = ", ".join(kind.capitalize() for kind in types)
        return f"{api.upper()}\tName: {name}\tState: Subscribed\tTypes: [{shown}]\n"


def log_stream(now_ms: int, version: str, environment_id: str) -> str:
    """`YYYY/MM/DD/[version]<32 hex>`, by UTC."""
    return f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y/%m/%d}/[{version}]{environment_id}"
