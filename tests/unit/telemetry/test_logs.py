"""The log store: what is appended or put is found, kept as long as it should be, and counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lambdad.core.ids import DEFAULT_ACCOUNT, DEFAULT_REGION, Region
from lambdad.storage.errors import CommitFailed
from lambdad.telemetry import log_flusher
from lambdad.telemetry.log_admission import DAY_MS, Admission
from lambdad.telemetry.log_buffer import STREAMS_WITH_DROPS, LogBuffer
from lambdad.telemetry.log_ceiling import Excess, oldest_events
from lambdad.telemetry.log_events import Place
from lambdad.telemetry.log_records import (
    MAX_INTEGER,
    GroupExists,
    GroupKey,
    GroupMissing,
    GroupProtected,
    Line,
    NewGroup,
    Position,
    StreamExists,
    StreamKey,
    StreamMissing,
    TimeRange,
    TooManyTags,
    position_of,
)
from lambdad.telemetry.log_retention import remove_before
from lambdad.telemetry.log_search import Search
from lambdad.telemetry.log_streams import StreamListing
from support.log_stores import append, group, run_store, stream
from support.patience import PATIENCE_S

EVERYTHING = Search(TimeRange())


async def messages(store, key=None) -> list[str]:
    page = await store.read_stream(key or stream(), EVERYTHING, 10_000)
    return [event.message for event in page.events]


def test_appended_lines_are_found_at_once_and_after_reopening(tmp_path: Path) -> None:
    async def write(store, clock, lane):
        now = clock.wall_ms()
        for number in range(5):
            append(store, f"line {number}", now + number)
        append(store, "other", now, stream("t", "/aws/lambda/f"))
        return await messages(store), await store.find_group(group("/aws/lambda/f"))

    async def read(store, clock, lane):
        return await messages(store)

    found, created = run_store(tmp_path, write)
    assert found == [f"line {number}" for number in range(5)]
    assert (created.retention_days, created.stored_bytes) == (None, 5 + 26)
    assert run_store(tmp_path, read) == found


def test_lines_of_one_moment_keep_their_order(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        for number in range(500):
            append(store, str(number), clock.wall_ms())
            if number % 100 == 0:
                await store.flush()
        return await messages(store)

    assert run_store(tmp_path, scenario) == [str(number) for number in range(500)]


def test_the_background_stores_without_being_asked(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        append(store, "line", clock.wall_ms())
        async with asyncio.timeout(PATIENCE_S):
            while True:
                rows = await lane.read(lambda tx: tx.execute("SELECT message FROM log_events"))
                if rows:
                    return rows
                await asyncio.sleep(log_flusher.FLUSH_SECONDS)

    assert run_store(tmp_path, scenario) == [("line",)]


def test_past_the_bound_lines_are_dropped_and_the_log_says_so(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        for number in range(100):
            append(store, "x" * 1000, clock.wall_ms() + number)
        dropped = store.dropped_lines
        await store.flush()
        append(store, "after", clock.wall_ms() + 100)
        return dropped, await messages(store)

    dropped, found = run_store(tmp_path, scenario, log_buffer_bytes=50_000)
    kept = [line for line in found if line.startswith("x")]
    assert dropped > 0
    assert len(kept) + dropped == 100
    assert found[-2:] == [
        f"LAMBDAD dropped {dropped} log lines here: 50000 bytes were waiting to be stored.",
        "after",
    ]


def test_many_streams_that_drop_do_not_grow_the_memory(tmp_path: Path) -> None:
    buffer = LogBuffer(limit_bytes=0)
    for number in range(STREAMS_WITH_DROPS + 500):
        buffer.append(Line(stream(f"s{number}"), 0, "line"))
    assert buffer.dropped_lines == STREAMS_WITH_DROPS + 500
    assert len(buffer._dropped) == STREAMS_WITH_DROPS


def test_a_full_disk_keeps_the_lines_and_stores_them_once_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_flusher, "RETRY_SECONDS", 0.01)

    async def scenario(store, clock, lane):
        write, failures = lane.write, 0

        async def failing(work):
            nonlocal failures
            failures += 1
            raise CommitFailed(tmp_path, "disk full")

        lane.write = failing
        append(store, "first", clock.wall_ms())
        await store.flush()  # gives up waiting, not the line
        with pytest.raises(GroupMissing):
            await messages(store)
        append(store, "second", clock.wall_ms())
        while failures < 5:
            await asyncio.sleep(0.01)
        lane.write = write
        while True:
            await asyncio.sleep(0.01)
            try:
                return await messages(store)
            except GroupMissing:
                continue

    assert run_store(tmp_path, scenario) == ["first", "second"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]  # said once
    assert "free space" in caplog.text


def test_lines_that_cannot_be_stored_do_not_stop_the_others(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        append(store, "half a pair \ud800 and\0nul", clock.wall_ms())
        append(store, "impossible", 1 << 70, stream("t"))
        await store.flush()
        append(store, "fine", clock.wall_ms())
        append(store, "half a pair \ud800 and\0nul", clock.wall_ms())
        return store.dropped_lines, await messages(store)

    assert run_store(tmp_path, scenario) == (2, ["fine", "half a pair ? and\0nul"])


def test_closing_stores_what_was_appended(tmp_path: Path) -> None:
    async def write(store, clock, lane):
        append(store, "last words", clock.wall_ms())

    run_store(tmp_path, write)
    assert run_store(tmp_path, lambda store, clock, lane: messages(store)) == ["last words"]


def test_groups_and_streams_exist_once(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        with pytest.raises(GroupMissing):
            await store.create_stream(stream())
        await store.create_group(group(), NewGroup())
        with pytest.raises(GroupExists):
            await store.create_group(group(), NewGroup())
        await store.create_stream(stream())
        with pytest.raises(StreamExists):
            await store.create_stream(stream())
        with pytest.raises(StreamMissing):
            await store.put_events(stream("t"), [(clock.wall_ms(), "x")])
        with pytest.raises(StreamMissing):
            await store.delete_stream(stream("t"))
        await store.delete_stream(stream())
        await store.delete_group(group())
        for call in (
            store.delete_group(group()),
            store.put_events(stream(), [(clock.wall_ms(), "x")]),
            store.list_streams(group(), StreamListing()),
            store.set_retention(group(), 1),
            store.tags_of(group()),
        ):
            with pytest.raises(GroupMissing):
                await call

    run_store(tmp_path, scenario)


def test_a_deleted_group_does_not_come_back_with_late_lines(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        append(store, "before", clock.wall_ms())
        await store.delete_group(group())
        with pytest.raises(GroupMissing):
            await store.find_group(group())
        append(store, "after", clock.wall_ms())
        return await messages(store)

    assert run_store(tmp_path, scenario) == ["after"]


def test_a_protected_group_stays(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        await store.create_group(group(), NewGroup(deletion_protection=True))
        with pytest.raises(GroupProtected):
            await store.delete_group(group())
        await store.set_protection(group(), False)
        await store.delete_group(group())

    run_store(tmp_path, scenario)


def test_tags_are_bounded(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        await store.create_group(group(), NewGroup(tags=(("a", "1"), ("b", "2"))))
        await store.tag_group(group(), {"b": "3", "c": "4"})
        with pytest.raises(TooManyTags):
            await store.tag_group(group(), {"d": "5"})
        await store.untag_group(group(), ["a", "unknown"])
        return await store.tags_of(group())

    assert run_store(tmp_path, scenario, tags_per_resource=3) == {"b": "3", "c": "4"}


def test_retention_removes_what_is_too_old_in_virtual_time(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        start = clock.wall_ms()
        for number in range(5_000):
            append(store, "old", start + number)
        append(store, "young", start + DAY_MS)
        append(store, "kept for ever", start, stream("s", "other"))
        await store.set_retention(group(), 1)
        before = await store.find_group(group())
        clock.advance(86_400 + 2.5)  # 2,500 of the old ones are older than a day now
        await store.sweep()  # the background does it too, in its time
        half = await store.find_group(group())
        clock.advance(86_400 / 2)
        await store.sweep()
        (listed,) = await store.list_streams(group(), StreamListing())
        return (
            await store.sweep(), before.stored_bytes, half.stored_bytes,
            await messages(store), await messages(store, stream("s", "other")),
            (await store.find_group(group())).stored_bytes,
            (listed.first_event_ms - start, listed.last_event_ms - start),
        )  # fmt: skip

    again, before, half, found, other, after, ends = run_store(tmp_path, scenario)
    assert again == 0
    assert (before, half, after) == (5000 * 29 + 31, 2500 * 29 + 31, 31)
    assert (found, other) == (["young"], ["kept for ever"])
    assert ends == (DAY_MS, DAY_MS)


def in_region(name: str, region: str) -> StreamKey:
    return StreamKey(GroupKey(DEFAULT_ACCOUNT, Region(region), "g"), name)


def test_the_oldest_events_go_where_there_are_too_many(tmp_path: Path) -> None:
    """Of whatever stream and group; what another region has is another matter."""

    async def scenario(store, clock, lane):
        start = clock.wall_ms()
        streams = (stream("a"), stream("b"), stream("s", "other"))
        for number in range(999):
            append(store, f"{number:0100d}", start + number, streams[number % 3])
        for number in range(500):
            append(store, "x" * 100, start + number, in_region("s", "eu-west-1"))
        await store.flush()
        untouched = await store.sweep()
        full = (await store.find_group(group())).stored_bytes
        append(store, f"{999:0100d}", start + 999)
        await store.flush()
        await asyncio.gather(store.sweep(), store.sweep(), store.sweep())
        kept = [text for key in (*streams, stream()) for text in await messages(store, key)]
        sizes = [(await store.find_group(group(name))).stored_bytes for name in ("g", "other")]
        return untouched, full, kept, sizes, await messages(store, in_region("s", "eu-west-1"))

    untouched, full, kept, sizes, elsewhere = run_store(
        tmp_path, scenario, log_stored_bytes=999 * 126
    )
    assert (untouched, full) == (0, 666 * 126)
    numbers = sorted(map(int, kept))
    assert 900 <= len(numbers) <= 936, "a sixteenth of the limit, and what was too much"
    assert numbers[0] >= 63, "all that is as old as the first sixteenth of the time"
    assert set(range(126, 1000)) <= set(numbers), "nothing behind the second"
    assert sum(sizes) == 126 * len(numbers)
    assert len(elsewhere) == 500


def test_the_oldest_streams_come_first(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        start = clock.wall_ms()
        for name, age in (("a", 2), ("b", 1), ("c", 3), ("new", -1000), ("c", -900)):
            append(store, "x", start - age, stream(name))
        await store.flush()
        excess = Excess(DEFAULT_ACCOUNT, DEFAULT_REGION, 1)
        found = await lane.read(lambda tx: oldest_events(tx, excess))
        return [expiry.stream_id for expiry in found], {expiry.before_ms for expiry in found}, start

    ids, before, start = run_store(tmp_path, scenario)
    assert ids == [3, 1, 2]
    assert before == {start - 3 + 1003 // 16 + 1}


@pytest.mark.parametrize("put", [False, True])
def test_too_many_events_go_by_themselves(tmp_path: Path, caplog, put: bool) -> None:
    async def scenario(store, clock, lane):
        await store.create_group(group(), NewGroup())
        await store.create_stream(stream())
        start = clock.wall_ms()
        for number in range(20):
            events = [(start + number, "x" * 974)] * 10
            if put:
                await store.put_events(stream(), events)
            else:
                for time_ms, text in events:
                    append(store, text, time_ms)
                await store.flush()
        async with asyncio.timeout(10):
            while (await store.find_group(group())).stored_bytes > 100_000:
                await asyncio.sleep(0.001)
        return await messages(store)

    found = run_store(tmp_path, scenario, log_stored_bytes=100_000)
    assert 60 <= len(found) <= 100
    assert "more than log_stored_bytes (100000)" in caplog.text


def test_large_events_go_in_small_pieces(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        for number in range(40):
            append(store, "x" * 250_000, clock.wall_ms() + number)
        await store.flush()
        removed = await lane.write(lambda tx: remove_before(tx, 1, Place(MAX_INTEGER, 0)))
        assert (removed.events, removed.more) == (17, True)
        assert removed.stored_bytes == 17 * 250_026
        removed = await lane.write(lambda tx: remove_before(tx, 1, Place(MAX_INTEGER, 0)))
        assert (removed.events, removed.more) == (17, True)
        removed = await lane.write(lambda tx: remove_before(tx, 1, Place(MAX_INTEGER, 0)))
        assert (removed.events, removed.more) == (6, False)

    run_store(tmp_path, scenario)


def test_deleted_streams_and_groups_free_their_events(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        for name in ("a", "b"):
            for number in range(2_500):
                append(store, "x", clock.wall_ms() + number, stream(name))
        append(store, "y", clock.wall_ms(), stream("s", "other"))
        await store.delete_stream(stream("a"))
        after_stream = (await store.find_group(group())).stored_bytes
        await store.delete_group(group())
        await store.sweep()
        rows = await lane.read(
            lambda tx: [
                tx.execute(f"SELECT count(*) FROM {table}")[0][0]
                for table in ("log_events", "log_streams", "log_groups", "log_doomed_streams")
            ]
        )
        return after_stream, rows

    assert run_store(tmp_path, scenario) == (2500 * 27, [1, 1, 1, 0])


def test_put_events_takes_only_the_right_age(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        await store.create_group(group(), NewGroup())
        await store.create_stream(stream())
        await store.set_retention(group(), 3)
        now, hour = clock.wall_ms(), 3_600_000
        times = [
            now - 15 * DAY_MS, now - 14 * DAY_MS - 1, now - 4 * DAY_MS, now - 3 * DAY_MS,
            now, now + 2 * hour, now + 2 * hour + 1,
        ]  # fmt: skip
        put = await store.put_events(stream(), [(time, str(n)) for n, time in enumerate(times)])
        return put.admission, await messages(store)

    assert run_store(tmp_path, scenario) == (
        Admission(start=3, stop=6, too_old_end=2, expired_end=3, too_new_start=6),
        ["3", "4", "5"],
    )


def test_event_ids_sort_like_positions_and_are_read_back() -> None:
    positions = [
        Position(time, stream_id, seq)
        for time in (0, 1_000_000_000_000, 1_767_225_600_000)
        for stream_id in (1, 2**40)
        for seq in (0, 1, 2**40)
    ]
    ids = [position.event_id() for position in positions]
    assert ids == sorted(ids)
    assert {len(event_id) for event_id in ids} == {56}
    assert [position_of(event_id) for event_id in ids] == positions
    for wrong in ("", "1", "x" * 56, "٣" * 56, "-" + "1" * 55, f"{(1 << 144) + (1 << 71):056d}"):
        assert position_of(wrong) is None


def test_streams_are_listed_by_name_or_time(tmp_path: Path) -> None:
    async def scenario(store, clock, lane):
        for offset, name in ((3, "b"), (1, "c"), (2, "a"), (2, "ab")):
            append(store, "x", clock.wall_ms() + offset, stream(name))
        await store.create_stream(stream("empty"))

        async def listed(**choice) -> list[str]:
            names, after = [], None
            while found := await store.list_streams(
                group(), StreamListing(**choice, after=after, limit=2)
            ):
                names += [each.name for each in found]
                after = (found[-1].last_event_ms or 0, found[-1].name)
            return names

        return (
            await listed(),
            await listed(descending=True),
            await listed(prefix="a"),
            await listed(by_time=True),
            await listed(by_time=True, descending=True),
        )

    assert run_store(tmp_path, scenario) == (
        ["a", "ab", "b", "c", "empty"],
        ["empty", "c", "b", "ab", "a"],
        ["a", "ab"],
        ["empty", "c", "a", "ab", "b"],
        ["b", "ab", "a", "c", "empty"],
    )
