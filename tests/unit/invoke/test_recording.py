"""Recorded events: only what is asked for, bounded, sealed, gone with the function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from lambdad.core.clock import ManualClock
from lambdad.core.ids import RequestId
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import Catalog, FunctionVersion
from lambdad.invoke.invoker import Invoker
from lambdad.invoke.recording import EventRecorder
from lambdad.invoke.recording_rows import MIGRATIONS
from lambdad.runtime.invocation import InvokeRequest
from lambdad.storage.sealing import AesGcmSealer, BrokenSeal
from lambdad.storage.sqlite import open_lane
from support.functions import make_function, make_version


class Watched:
    """As much of an Invoker as a recorder touches."""

    observer: Any = None


@dataclass
class Bench:
    folder: Path
    recorder: EventRecorder
    invoker: Watched
    catalog: Catalog
    version: FunctionVersion
    lane: Any

    @property
    def key(self) -> FunctionKey:
        return FunctionKey(self.version.account, self.version.region, self.version.name)

    def send(self, request_id: str, payload: bytes = b"{}", **changes: Any) -> None:
        request = InvokeRequest(RequestId(request_id), payload, self.version.arn, **changes)
        if self.invoker.observer is not None:
            self.invoker.observer.seen(self.version, request)

    async def ids(self) -> list[str]:
        return [event.request_id for event in await self.recorder.events(self.key)]


@asynccontextmanager
async def bench(folder: Path, key: bytes = bytes(32), **limits: Any) -> AsyncIterator[Bench]:
    lane = open_lane(folder / "recorded.db", MIGRATIONS)
    invoker, catalog = Watched(), Catalog()
    version = make_version(folder, name="f")
    catalog.publish(make_function(version))
    sealer = AesGcmSealer(key)
    recorder = EventRecorder(
        lane,
        lambda _: sealer,
        cast(Invoker, invoker),
        ManualClock(),
        replace(DEFAULT_LIMITS, **limits),
    )
    await recorder.load(catalog)
    try:
        yield Bench(folder, recorder, invoker, catalog, version, lane)
    finally:
        await recorder.close()
        await lane.close()


def play(
    folder: Path, scenario: Callable[[Bench], Coroutine[Any, Any, None]], **options: Any
) -> None:
    async def run() -> None:
        async with bench(folder, **options) as b:
            await scenario(b)

    asyncio.run(run())


def test_an_invoker_is_watched_only_while_something_is_recorded(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        assert b.invoker.observer is None
        await b.recorder.start(b.key)
        assert b.invoker.observer is b.recorder
        await b.recorder.stop(b.key)
        assert b.invoker.observer is None

    play(tmp_path, scenario)


def test_other_functions_are_not_recorded(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(FunctionKey(b.version.account, b.version.region, "other"))
        b.send("1")
        assert await b.ids() == []

    play(tmp_path, scenario)


def test_an_event_comes_back_as_it_was(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(b.key)
        b.send("1", b'{"secret":"hunter2"}', client_context='{"custom":{}}')
        (event,) = await b.recorder.events(b.key)
        assert event.payload == b'{"secret":"hunter2"}'
        assert event.client_context == '{"custom":{}}'
        assert (event.request_id, event.invoked_arn) == ("1", b.version.arn)

    play(tmp_path, scenario)
    for path in tmp_path.glob("recorded.db*"):
        assert b"hunter2" not in path.read_bytes()
        assert b"custom" not in path.read_bytes()


def test_a_retry_is_the_same_event(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(b.key)
        b.send("1")
        b.send("1")
        assert await b.ids() == ["1"]
        b.send("1")
        assert await b.ids() == ["1"]

    play(tmp_path, scenario)


def test_the_newest_are_kept_by_number_and_size(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(b.key)
        for number in range(5):
            b.send(str(number))
        assert await b.ids() == ["4", "3", "2"]
        b.send("large", b"x" * 1000)
        assert await b.ids() == ["large"]
        b.send("small")
        assert await b.ids() == ["small"]

    play(tmp_path, scenario, recorded_events=3, recorded_bytes=500)


def test_what_storage_cannot_follow_is_left_out(tmp_path: Path) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(b.key)
        b.send("1", b"x" * 60)
        b.send("2", b"x" * 60)  # would be more than may wait
        b.send("3", b"x" * 40)
        assert await b.ids() == ["3", "1"]

    play(tmp_path, scenario, recorded_waiting_bytes=100)


def test_a_closed_database_disturbs_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(b: Bench) -> None:
        await b.recorder.start(b.key)
        await b.lane.close()
        b.send("1")
        await b.recorder.close()

    play(tmp_path, scenario)
    assert "recorded events were not stored" in caplog.text


def test_recording_goes_on_after_a_restart_and_ends_with_the_function(tmp_path: Path) -> None:
    async def first(b: Bench) -> None:
        await b.recorder.start(b.key)
        b.send("1")

    async def second(b: Bench) -> None:
        b.send("2")
        assert await b.ids() == ["2", "1"]
        b.catalog.remove(*b.key)
        assert b.invoker.observer is None
        b.catalog.publish(make_function(b.version))
        await b.recorder.start(b.key)
        assert await b.ids() == []

    play(tmp_path, first)
    play(tmp_path, second)


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    async def first(b: Bench) -> None:
        await b.recorder.start(b.key)
        b.send("1")

    async def second(b: Bench) -> None:
        with pytest.raises(BrokenSeal):
            await b.recorder.events(b.key)

    play(tmp_path, first)
    play(tmp_path, second, key=bytes([1]) * 32)
