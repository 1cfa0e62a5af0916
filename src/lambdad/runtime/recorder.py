"""Writes down what happens in one execution environment, and sums up each run.

Owns: when which platform line is logged, Max Memory Used, billed time, the result's figures.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from lambdad.core.clock import Clock
from lambdad.core.limits import MIB
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.catalog.identifiers import family_of
from lambdad.runtime.collector import LogCollector
from lambdad.runtime.entry import foreign_program, misplaced_module
from lambdad.runtime.extensions import Extension
from lambdad.runtime.faults import OUT_OF_MEMORY, UNHANDLED, Fault
from lambdad.runtime.invocation import Invocation, InvokeResult
from lambdad.runtime.platform_log import PlatformLines, platform_lines
from lambdad.runtime.purpose import ON_DEMAND, Purpose
from lambdad.runtime.reports import InitReport, Report, Response, RestoreReport, billed_ms
from lambdad.runtime.telemetry_events import EventLines, Tell, event_lines
from lambdad.runtime.telemetry_subscription import Subscription

_FRESH_NS = 50_000_000
_MODULE_SUFFIXES = {"python": (".py",), "nodejs": (".js", ".mjs", ".cjs")}


class Feed(Protocol):
    """Wants to have the events: `runtime/telemetry_feed.py`."""

    on_subscribed: Callable[[str, Subscription], None]
    lines_for: Callable[[Subscription], EventLines] | None

    def begin(self, tell: Tell) -> None:
        """The first event."""

    def platform(self, tell: Tell) -> None:
        """Another one."""


class Recorder:
    """The platform's voice in one environment's log."""

    def __init__(
        self,
        version: FunctionVersion,
        stream: str,
        collector: LogCollector,
        clock: Clock,
        read_memory: Callable[[], int],
        purpose: Purpose = ON_DEMAND,
    ) -> None:
        self.init_ms: float | None = None
        """The init that the next run's report owns up to."""
        self.restore_ms: float | None = None
        """Likewise the restore."""
        self._version = version
        self._stream = stream
        self._purpose = purpose
        self._feed: Feed | None = None
        self._in_detail = False
        """Somebody wants to know of the response too."""
        self._lines = platform_lines(version, stream, purpose)
        self._collector = collector
        self._clock = clock
        self._read_memory = read_memory
        self.memory_peak_mib = 0
        """The most memory that was read so far."""
        self._memory_read_ns = 0

    def init_started(self, phase: str) -> None:
        now_ms = self._clock.wall_ms()
        if self._purpose.note and phase == "init":
            self.note(self._purpose.note)
        self._collector.platform(now_ms, self._lines.init_start(now_ms, phase))
        if self._feed is not None:
            self._feed.begin(lambda lines: lines.init_start(now_ms, phase))

    def feed_with(self, feed: Feed | None) -> None:
        """Tell it all platform events of the next start of the environment."""
        self._feed = feed
        self._in_detail = feed is not None or self._version.log_format == "JSON"
        if feed is not None:
            feed.on_subscribed = self._subscribed
            feed.lines_for = self._lines_for

    def _lines_for(self, subscription: Subscription) -> EventLines:
        return event_lines(subscription, self._version, self._stream, self._purpose)

    def _subscribed(self, name: str, subscription: Subscription) -> None:
        api, types = subscription.api, subscription.types
        now_ms = self._clock.wall_ms()
        self._tell(now_ms, lambda lines: lines.subscription(now_ms, name, api, types))

    def _tell(self, now_ms: int, tell: Callable[[PlatformLines], str]) -> None:
        self._collector.platform(now_ms, tell(self._lines))
        if self._feed is not None:
            self._feed.platform(tell)

    def init_ended(self, report: InitReport, extensions: Iterable[Extension] = ()) -> None:
        self._collector.drain()
        self._read_memory_peak()
        if report.error_type == "Runtime.ImportModuleError":
            self._explain_missing_module()
        if report.status == "error":
            self._explain_foreign_program()
        now_ms = self._clock.wall_ms()
        self._tell(now_ms, lambda lines: lines.init_done(now_ms, report))
        for extension in extensions:
            self._tell(now_ms, partial(_extension_line, now_ms, extension))
        self._tell(now_ms, lambda lines: lines.init_report(now_ms, report))

    def restore_started(self) -> None:
        now_ms = self._clock.wall_ms()
        self._tell(now_ms, lambda lines: lines.restore_start(now_ms))

    def restore_ended(self, report: RestoreReport) -> None:
        if report.status == "success":
            self.restore_ms = report.duration_ms
        self._collector.drain()
        now_ms = self._clock.wall_ms()
        self._tell(now_ms, lambda lines: lines.restore_report(now_ms, report))

    def note(self, text: str) -> None:
        """A word of lambdad's own to the function's owner."""
        self._collector.platform(self._clock.wall_ms(), f"[lambdad] {text}\n")

    def started(self, invocation: Invocation, now_ms: int) -> None:
        request_id, trace_header = invocation.request.request_id, invocation.request.trace_header
        line = self._lines.start(now_ms, request_id, trace_header)
        self._collector.platform(now_ms, line)
        if self._feed is not None:
            self._feed.platform(lambda lines: lines.start(now_ms, request_id, trace_header))

    def answered(
        self, invocation: Invocation, payload: bytes, fault: Fault | None, now_ns: int
    ) -> InvokeResult:
        """The function is done, and its extensions are not, which may wait for nothing but to be
        told so. What its caller is told: the figures so far."""
        self._collector.end_run()
        report = self._report(invocation, payload, fault, now_ns)
        invocation.answered_ns = now_ns
        now_ms = self._clock.wall_ms()
        self._tell(now_ms, lambda lines: lines.runtime_done(now_ms, report))
        return self._result(report, payload, fault)

    def finished(
        self, invocation: Invocation, payload: bytes, fault: Fault | None, now_ns: int
    ) -> None:
        """The end of a run at `now_ns` (monotonic): tell its caller, and log it. The caller goes
        first, in the same turn of the loop, so that nobody can look between; not where the log is
        part of the answer, or where the environment ends."""
        report = self._report(invocation, payload, fault, now_ns)
        self.init_ms = self.restore_ms = None
        caller_first = fault is None and not invocation.request.tail
        if not caller_first:
            self._ended(report)
        invocation.succeed(self._result(report, payload, fault))
        if caller_first:
            asyncio.get_running_loop().call_soon(self._ended, report)

    def _report(
        self, invocation: Invocation, payload: bytes, fault: Fault | None, now_ns: int
    ) -> Report:
        duration_ms = (now_ns - invocation.started_ns) / 1e6
        if fault is not None and fault.status == "timeout":
            duration_ms = self._version.timeout_s * 1000.0
        report = Report(
            request_id=invocation.request.request_id,
            duration_ms=duration_ms,
            billed_ms=billed_ms(duration_ms, self.init_ms, self.restore_ms),
            memory_peak_mib=self._memory_peak(now_ns, fault),
            init_ms=self.init_ms,
            restore_ms=self.restore_ms,
            status=fault.status if fault else None,
            error_type=fault.error_type if fault else None,
            trace_header=invocation.request.trace_header,
        )
        if invocation.answered_ns:
            report.extensions_ms = (now_ns - invocation.answered_ns) / 1e6
        elif self._in_detail:
            report.response = self._response(invocation, payload, fault, now_ns)
        return report

    def _response(
        self, invocation: Invocation, payload: bytes, fault: Fault | None, now_ns: int
    ) -> Response | None:
        """None where the function reported an error instead, or never came so far."""
        began_ns = invocation.response_ns or (0 if fault else now_ns)
        if not began_ns:
            return None
        started_ns, sink = invocation.started_ns, invocation.sink
        return Response(
            delivered_ms=self._clock.wall_ms() - (now_ns - started_ns) // 1_000_000,
            latency_ms=(began_ns - started_ns) / 1e6,
            duration_ms=(now_ns - began_ns) / 1e6,
            produced_bytes=(sink.written_bytes if sink else 0) + (0 if fault else len(payload)),
        )

    def _result(self, report: Report, payload: bytes, fault: Fault | None) -> InvokeResult:
        return InvokeResult(
            payload=payload,
            function_error=UNHANDLED if fault else None,
            executed_version=self._version.version,
            log_tail=self._collector.take_tail(),
            duration_ms=report.duration_ms,
            billed_ms=report.billed_ms,
            init_ms=report.init_ms,
            memory_peak_mib=report.memory_peak_mib,
            error_type=report.error_type,
        )

    def _ended(self, report: Report) -> None:
        self._collector.end_run()
        now_ms = self._clock.wall_ms()
        self._collector.platform(now_ms, self._lines.end(now_ms, report))
        self._collector.platform(now_ms, self._lines.report(now_ms, report))
        if self._feed is not None:
            self._feed.platform(lambda lines: lines.end(now_ms, report))
            self._feed.platform(lambda lines: lines.report(now_ms, report))

    def _memory_peak(self, now_ns: int, fault: Fault | None) -> int:
        """In MiB. Read anew when the last reading is old, so after every run of some length: in a
        loop of short runs a reading costs more than all else here. Who ran out of memory used all
        of it, whatever is left to be read."""
        if now_ns - self._memory_read_ns > _FRESH_NS:
            self._memory_read_ns = now_ns
            self._read_memory_peak()
        if fault is not None and fault.error_type == OUT_OF_MEMORY:
            return self._version.memory_mib
        return self.memory_peak_mib

    def _read_memory_peak(self) -> None:
        self.memory_peak_mib = max(self.memory_peak_mib, -(-self._read_memory() // MIB))

    def _explain_missing_module(self) -> None:
        """The commonest packaging mistake, in the function's own log."""
        version = self._version
        suffixes = _MODULE_SUFFIXES.get(family_of(version.runtime) or "")
        if suffixes is None:
            return
        folder = misplaced_module(version.code_dir, version.handler, suffixes)
        if folder is not None:
            self.note(
                f"The module of handler '{version.handler}' is in the folder "
                f"'{folder}' of the deployment package, not at its root: zip the contents of the "
                f"folder, or set the handler to '{folder}/{version.handler}'."
            )

    def _explain_foreign_program(self) -> None:
        """The second: it was built on another kind of machine."""
        folders = (self._version.code_dir, *self._version.layer_dirs)
        if found := foreign_program(folders):
            path, architecture = found
            self.note(
                f"'{path}' is for {architecture}, and this machine is {platform.machine()}: "
                "build the package for that. Functions run on the machine's own processor, "
                "whatever Architectures says."
            )


def _extension_line(now_ms: int, extension: Extension, lines: PlatformLines) -> str:
    return lines.extension(now_ms, extension)
