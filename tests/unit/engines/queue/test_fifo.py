"""FIFO queues: groups, deduplication, receipts that expire, repeated receives."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.engines.queue.records import NewMessage, QueueSettings, Receipted, Redrive
from support.functions import run
from support.queues import Yard, grouped, key, yard


async def make(on: Yard, name: str = "q", **settings: object) -> None:
    await on.make(name, fifo=True, **settings)


async def send(on: Yard, *pairs: tuple[str, str], name: str = "q") -> None:
    await on.engine.send(key(name), grouped(*pairs))


def test_a_receive_takes_as_much_of_a_group_as_there_is_and_blocks_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on)
            await send(on, ("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3"))
            first = await on.receive("q", 2)
            assert [m.body for m in first] == [b"a1", b"a2"]
            assert await on.bodies("q") == ["b1", "b2"]
            assert await on.bodies("q") == []
            await on.delete("q", first[0])
            assert await on.bodies("q") == []  # a2 is in flight
            await on.delete("q", first[1])
            assert await on.bodies("q") == ["a3"]
            assert await on.counts("q") == (0, 3, 0)

    run(scenario())


def test_a_group_goes_on_in_order_after_timeouts_and_changes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, visibility_s=10)
            await send(on, *[("a", str(n)) for n in range(5)])
            first = await on.receive("q", 3)
            assert await on.change("q", first[0], 20) is Receipted.DONE
            assert await on.change("q", first[1], 0) is Receipted.DONE
            assert await on.bodies("q") == []  # 0 and 2 are in flight
            on.advance(10)
            assert await on.bodies("q") == []  # 0 is
            on.advance(10)
            again = await on.receive("q", 2)
            assert [m.body for m in again] == [b"0", b"1"]
            await on.delete("q", *again)
            assert await on.bodies("q") == ["2", "3", "4"]

    run(scenario())


def test_a_group_s_first_message_waits_for_the_others_in_flight(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, visibility_s=10)
            await send(on, ("a", "1"), ("a", "2"))
            first, _ = await on.receive("q")
            assert await on.change("q", first, 0) is Receipted.DONE
            assert await on.bodies("q") == []
            on.advance(10)
            assert await on.bodies("q") == ["1", "2"]

    run(scenario())


def test_an_expired_receipt_deletes_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, visibility_s=1)
            await send(on, ("a", "1"))
            (message,) = await on.receive("q")
            on.advance(1)
            assert await on.delete("q", message) == [Receipted.EXPIRED]
            assert await on.change("q", message, 5) is Receipted.EXPIRED
            (again,) = await on.receive("q")
            assert await on.delete("q", message) == [Receipted.EXPIRED]
            assert await on.delete("q", again, again) == [Receipted.DONE] * 2
            assert await on.change("q", again, 5) is Receipted.GONE

    run(scenario())


def test_duplicates_within_five_minutes_also_after_deletion(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on)
            message = NewMessage(b"1", group="a", deduplication_id="d")
            (sent,) = await on.engine.send(key("q"), [message])
            assert not sent.duplicate
            await on.delete("q", *await on.receive("q"))
            on.advance(299.999)
            other = NewMessage(b"2", group="b", deduplication_id="d")
            both = await on.engine.send(key("q"), [other, *grouped(("b", "3"))])
            assert [(s.message_id == sent.message_id, s.duplicate) for s in both] == [
                (True, True),
                (False, False),
            ]
            assert both[0].sequence == sent.sequence
            on.advance(0.001)
            (fresh,) = await on.engine.send(key("q"), [message])
            assert not fresh.duplicate
            assert await on.bodies("q") == ["3", "1"]

    run(scenario())


def test_deduplication_by_content_and_by_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, content_based_deduplication=True, deduplication_scope="messageGroup")
            a, b = NewMessage(b"1", group="a"), NewMessage(b"1", group="b")
            sent = await on.engine.send(key("q"), [a, b, a])
            assert [s.duplicate for s in sent] == [False, False, True]
            (first, _) = await on.receive("q")
            digest = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
            assert first.deduplication_id == digest
            await make(on, "plain")
            with pytest.raises(ValueError, match="group and a deduplication id"):
                await on.engine.send(key("plain"), [a])

    run(scenario())


def test_a_purge_forgets_duplicates_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on)
            await send(on, ("a", "1"))
            await on.engine.purge(key("q"))
            await send(on, ("a", "1"))
            assert await on.bodies("q") == ["1"]

    run(scenario())


def test_a_delay_holds_a_group_and_its_change_holds_for_what_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, delay_s=60)
            await send(on, ("a", "1"))
            on.advance(30)
            await send(on, ("a", "2"), ("b", "3"))
            on.advance(30)
            assert await on.bodies("q") == ["1"]
            assert await on.counts("q") == (0, 1, 2)
            settings = QueueSettings(fifo=True, delay_s=10)
            await on.engine.update(key("q"), settings=settings)
            assert await on.bodies("q") == ["3"]
            assert await on.counts("q") == (1, 2, 0)

    run(scenario())


def test_dead_letters_of_a_group_keep_their_order_and_begin_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, "dead")
            await make(on, redrive=Redrive(key("dead"), 1))
            await send(on, ("a", "1"), ("a", "2"), ("a", "3"))
            await on.receive("q", 2, visibility_s=0)
            on.advance(5)
            moved_ms = on.clock.wall_ms()
            assert await on.bodies("q") == ["3"]
            letters = await on.receive("dead")
            assert [m.body for m in letters] == [b"1", b"2"]
            assert [m.sent_ms for m in letters] == [moved_ms] * 2
            assert [m.deduplication_id for m in letters] == [m.message_id for m in letters]
            assert letters[0].dead_letter_source == key("q")

    run(scenario())


def test_an_attempt_is_repeated_while_nothing_of_it_has_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, visibility_s=60)
            await send(on, ("a", "1"), ("a", "2"), ("b", "3"))
            first = await on.receive("q", 2, attempt_id="t")
            on.advance(50)
            assert await on.receive("q", 2, attempt_id="t") == first
            on.advance(50)  # within the timeout that the repetition began
            assert await on.receive("q", 2, attempt_id="t") == first
            await on.delete("q", first[0])
            assert [m.body for m in await on.receive("q", 2, attempt_id="t")] == [b"3"]

    run(scenario())


def test_an_attempt_is_not_repeated_after_its_timeout_or_five_minutes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, visibility_s=3600)
            await send(on, ("a", "1"))
            (first,) = await on.receive("q", visibility_s=10, attempt_id="t")
            on.advance(10)
            (second,) = await on.receive("q", attempt_id="t")
            assert (first.receive_count, second.receive_count) == (1, 2)
            on.advance(300)
            assert await on.receive("q", attempt_id="t") == []

    run(scenario())


def test_at_the_bound_a_fifo_queue_answers_as_if_empty(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path, queue_in_flight_fifo=2) as on:
            await make(on)
            await send(on, ("a", "1"), ("b", "2"), ("c", "3"))
            messages = await on.receive("q")
            assert [m.body for m in messages] == [b"1", b"2"]
            assert await on.bodies("q") == []
            await on.delete("q", messages[0])
            on.advance(1)
            assert await on.bodies("q") == ["3"]

    run(scenario())


def test_expiry_frees_a_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on, retention_s=60, visibility_s=600)
            await send(on, ("a", "1"))
            await on.receive("q")
            on.advance(30)
            await send(on, ("a", "2"))
            on.advance(30)
            await on.engine.upkeep.once()
            assert await on.counts("q") == (1, 0, 0)
            assert await on.bodies("q") == ["2"]

    run(scenario())


def test_a_deep_group_is_received_in_order_to_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await make(on)
            await send(on, *[("a", str(n)) for n in range(100)])
            seen: list[str] = []
            while messages := await on.receive("q", 30):
                seen += [m.body.decode() for m in messages]
                await on.delete("q", *messages[::-1])
            assert seen == [str(n) for n in range(100)]

    run(scenario())
