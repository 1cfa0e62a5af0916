"""Collecting logs from pipes: order, levels, bounds."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.runtime.collector import LogCollector
from support.functions import MemoryLog, make_version, run

Scenario = Callable[["Pipes"], Awaitable[None]]


class Pipes:
    """A collector and the function's ends of its pipes."""

    def __init__(self, **version: object) -> None:
        self.log = MemoryLog()
        self.clock = ManualClock()
        made = make_version(Path("/code"), name="f", **version)
        self.collector = LogCollector(self.log, made, "s", self.clock, DEFAULT_LIMITS)
        output, self.output = os.pipe()
        telemetry, self.telemetry = os.pipe()
        self._reading = (output, telemetry)
        for fd in self._reading:
            os.set_blocking(fd, False)
        self.collector.attach(output, telemetry)

    def frame(self, text: str, kind: int, time_us: int | None = None) -> None:
        time_us = self.clock.wall_ms() * 1000 if time_us is None else time_us
        data = text.encode()
        head = kind.to_bytes(4, "big") + len(data).to_bytes(4, "big") + time_us.to_bytes(8, "big")
        os.write(self.telemetry, head + data)

    @property
    def messages(self) -> list[str]:
        return self.log.messages("f")

    def close(self) -> None:
        self.collector.detach()
        for fd in (*self._reading, self.output, self.telemetry):
            os.close(fd)


def collect(scenario: Scenario, **version: object) -> None:
    async def main() -> None:
        pipes = Pipes(**version)
        try:
            await scenario(pipes)
        finally:
            pipes.close()

    run(main())


def test_pipes_are_read_as_they_fill() -> None:
    async def scenario(pipes: Pipes) -> None:
        os.write(pipes.output, b"one\ntwo\npart")
        while len(pipes.messages) < 2:
            await asyncio.sleep(0.001)
        assert pipes.messages == ["one\n", "two\n"]
        pipes.collector.detach()
        assert pipes.messages == ["one\n", "two\n", "part\n"]

    collect(scenario)


def test_drain_takes_what_is_there_before_the_next_line_of_the_platform() -> None:
    async def scenario(pipes: Pipes) -> None:
        os.write(pipes.output, b"x" * 60_000 + b"\n")
        pipes.frame("framed", 0xA55A0003)
        pipes.collector.drain()
        pipes.collector.platform(0, "END\n")
        assert len(pipes.messages) == 3
        assert pipes.messages[-1] == "END\n"

    collect(scenario)


def test_a_run_has_its_last_line_though_it_ends_without_a_newline() -> None:
    async def scenario(pipes: Pipes) -> None:
        pipes.collector.begin_tail()
        os.write(pipes.output, b"whole\npart")
        pipes.collector.end_run()
        pipes.collector.platform(0, "END\n")
        assert pipes.messages == ["whole\n", "part\n", "END\n"]
        assert pipes.collector.take_tail() == b"whole\npart\nEND\n"
        os.write(pipes.output, b"next\n")
        pipes.collector.end_run()
        assert pipes.messages[3:] == ["next\n"]

    collect(scenario)


def test_a_function_cannot_set_the_time_of_its_log_far_off() -> None:
    async def scenario(pipes: Pipes) -> None:
        born_ms = pipes.clock.wall_ms()
        pipes.clock.advance(10)
        now_ms = pipes.clock.wall_ms()
        for time_ms in (0, born_ms + 3000, now_ms + 1, 2**63 // 1000):
            pipes.frame("x", 0xA55A0003, time_ms * 1000)
        pipes.collector.drain()
        times = [event.timestamp_ms for _, event in pipes.log.events]
        assert times == [now_ms, born_ms + 3000, now_ms, now_ms]

    collect(scenario)


def test_json_logs_are_filtered_by_level() -> None:
    lines = [
        json.dumps({"timestamp": "t", "level": "DEBUG", "message": "hidden"}),
        json.dumps({"timestamp": "t", "level": "error", "message": "shown"}),
        json.dumps({"level": "DEBUG", "message": "no timestamp: shown"}),
        "plain: shown",
        '{"broken": shown',
        "{" + '"a":[' * 5000,
    ]

    async def scenario(pipes: Pipes) -> None:
        os.write(pipes.output, "".join(f"{line}\n" for line in lines).encode())
        pipes.frame("debug frame", 0xA55A000A)
        pipes.frame("warn frame", 0xA55A0012)
        pipes.frame("frame without level", 0xA55A0002)
        pipes.collector.drain()
        shown = [line.strip() for line in pipes.messages]
        assert sorted(shown) == sorted([*lines[1:], "warn frame", "frame without level"])

    collect(scenario, log_format="JSON", application_log_level="WARN")


def test_text_logs_are_not_filtered() -> None:
    async def scenario(pipes: Pipes) -> None:
        pipes.frame("debug", 0xA55A000B)
        pipes.collector.drain()
        assert pipes.messages == ["debug"]

    collect(scenario, application_log_level="ERROR")


@pytest.mark.parametrize("count", [3, 500])
def test_the_tail_is_the_end_of_the_log(count: int) -> None:
    async def scenario(pipes: Pipes) -> None:
        pipes.collector.platform(0, "before\n")
        pipes.collector.begin_tail()
        for number in range(count):
            pipes.collector.platform(0, f"line {number}\n")
        whole = "".join(f"line {number}\n" for number in range(count)).encode()
        assert pipes.collector.take_tail() == whole[-4096:]
        assert pipes.collector.take_tail() is None

    collect(scenario)


def test_a_function_that_writes_without_end_does_not_stop_the_drain() -> None:
    async def scenario(pipes: Pipes) -> None:
        os.set_blocking(pipes.output, False)
        written = 0
        append = pipes.log.append

        def append_and_write_more(*event: object) -> None:
            nonlocal written
            written += os.write(pipes.output, b"more\n")
            append(*event)  # type: ignore[arg-type]

        pipes.collector._append = append_and_write_more
        os.write(pipes.output, b"more\n")
        pipes.collector.drain()
        assert 0 < len(pipes.messages) < 100

    collect(scenario)
