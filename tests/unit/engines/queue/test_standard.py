"""Standard queues: what is visible when, receipt handles, dead letters, retention, counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.engines.queue.errors import (
    MessageTooLong,
    QueueExists,
    QueueMissing,
    TooManyInFlight,
)
from lambdad.engines.queue.records import (
    Message,
    Metrics,
    NewMessage,
    QueueSettings,
    Receipted,
    Redrive,
)
from support.functions import run
from support.queues import key, yard


def test_a_message_comes_out_as_it_went_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            trace = {"AWSTraceHeader": "Root=1"}
            new = NewMessage(b"\xc3\xa9", b"document", 8, trace, None, "tenant", "d")
            (sent,) = await on.engine.send(key("q"), [new])
            sent_ms = on.clock.wall_ms()
            on.advance(2)
            (message,) = await on.receive("q")
            assert message == Message(
                message_id=sent.message_id,
                receipt_handle=message.receipt_handle,
                body=b"\xc3\xa9",
                attributes=b"document",
                system=trace,
                sequence=sent.sequence,
                sent_ms=sent_ms,
                first_received_ms=sent_ms + 2000,
                receive_count=1,
                group="tenant",
                deduplication_id="d",
                dead_letter_source=None,
            )

    run(scenario())


def test_messages_come_in_the_order_of_sending_and_not_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.send("q", *"abcdef")
            assert await on.bodies("q", 4) == list("abcd")
            assert await on.bodies("q", 4) == list("ef")
            assert await on.bodies("q", 4) == []
            assert await on.counts("q") == (0, 6, 0)

    run(scenario())


def test_a_message_comes_back_after_its_visibility_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", visibility_s=10)
            await on.send("q", "a")
            (first,) = await on.receive("q")
            on.advance(9.999)
            assert await on.receive("q") == []
            on.advance(0.001)
            (second,) = await on.receive("q", visibility_s=3)
            assert (second.message_id, second.receive_count) == (first.message_id, 2)
            assert second.first_received_ms == first.first_received_ms
            assert second.receipt_handle != first.receipt_handle
            on.advance(3)
            assert await on.bodies("q") == ["a"]

    run(scenario())


def test_delays_of_the_queue_and_of_the_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", delay_s=10)
            await on.send("q", "queue's")
            await on.send("q", "none", delay_s=0)
            await on.send("q", "own", delay_s=5)
            assert await on.counts("q") == (1, 0, 2)
            assert await on.bodies("q") == ["none"]
            on.advance(5)
            assert await on.bodies("q") == ["own"]
            on.advance(5)
            assert await on.bodies("q") == ["queue's"]

    run(scenario())


def test_only_the_latest_receipt_deletes_also_after_the_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", visibility_s=1)
            await on.send("q", "a", "b")
            old = await on.receive("q")
            on.advance(1)
            new = await on.receive("q")
            assert await on.delete("q", *old) == [Receipted.DONE] * 2
            on.advance(1)
            assert await on.counts("q") == (2, 0, 0)
            assert await on.delete("q", new[0], new[0]) == [Receipted.DONE] * 2
            assert await on.counts("q") == (1, 0, 0)

    run(scenario())


@pytest.mark.parametrize("handle", ["", "garbage", "AQFscQ==", "é", "A" * 40])
def test_a_handle_that_is_none_is_told_apart(tmp_path: Path, handle: str) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("other")
            await on.send("q", "a")
            (message,) = await on.receive("q")
            outcomes = await on.engine.delete_messages(key("q"), [handle, message.receipt_handle])
            assert outcomes == (Receipted.MALFORMED, Receipted.DONE)
            assert await on.delete("other", message) == [Receipted.FOREIGN]
            changed = await on.engine.change_visibility(key("q"), [(handle, 1)])
            assert changed == (Receipted.MALFORMED,)

    run(scenario())


def test_visibility_is_changed_for_what_is_in_flight(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", visibility_s=10)
            await on.send("q", "a")
            (message,) = await on.receive("q")
            assert await on.change("q", message, 20) is Receipted.DONE
            on.advance(19)
            assert await on.receive("q") == []
            assert await on.change("q", message, 0) is Receipted.DONE
            assert await on.change("q", message, 5) is Receipted.NOT_IN_FLIGHT
            (again,) = await on.receive("q")
            assert await on.change("q", message, 5) is Receipted.NOT_IN_FLIGHT
            assert await on.delete("q", again) == [Receipted.DONE]
            assert await on.change("q", again, 5) is Receipted.GONE

    run(scenario())


def test_a_message_stays_invisible_for_twelve_hours_at_most(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", visibility_s=7200)
            await on.send("q", "a")
            (message,) = await on.receive("q")
            on.advance(3600)
            assert await on.change("q", message, 11 * 3600 + 1) is Receipted.TOO_LONG
            assert await on.change("q", message, 11 * 3600) is Receipted.DONE

    run(scenario())


def test_a_message_received_too_often_becomes_a_dead_letter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("dead")
            await on.make("q", visibility_s=1, redrive=Redrive(key("dead"), 2))
            (message_id,) = await on.send("q", "poison")
            sent_ms = on.clock.wall_ms()
            for _ in range(2):
                assert await on.bodies("q") == ["poison"]
                on.advance(1)
            await on.send("q", "good")
            assert await on.bodies("q") == ["good"]
            (letter,) = await on.receive("dead")
            assert letter.message_id == message_id
            assert letter.dead_letter_source == key("q")
            assert (letter.sent_ms, letter.receive_count) == (sent_ms, 3)
            assert [q.key for q in on.engine.sources_of(key("dead"))] == [key("q")]
            assert on.engine.metrics(key("q")).messages_moved == 1

    run(scenario())


def test_a_dead_letter_queue_counts_its_own_receives(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("deader")
            await on.make("dead", redrive=Redrive(key("deader"), 1))
            await on.make("q", redrive=Redrive(key("dead"), 1))
            await on.send("q", "a")
            for name in ("q", "dead"):
                assert await on.bodies(name, visibility_s=0) == ["a"]
                assert await on.bodies(name, visibility_s=0) == []
            assert await on.bodies("deader") == ["a"]

    run(scenario())


def test_without_its_dead_letter_queue_a_message_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", redrive=Redrive(key("nowhere"), 1))
            await on.send("q", "a")
            for count in (1, 2, 3):
                (message,) = await on.receive("q", visibility_s=0)
                assert message.receive_count == count

    run(scenario())


def test_one_receive_buries_everything_that_is_due_to_be(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("dead")
            await on.make("q", redrive=Redrive(key("dead"), 1))
            await on.send("q", *map(str, range(50)))
            for _ in range(5):
                await on.receive("q", visibility_s=0)
                on.advance(0.001)
            assert await on.receive("q", 1) == []
            assert await on.counts("q") == (0, 0, 0)
            assert await on.counts("dead") == (50, 0, 0)

    run(scenario())


def test_expired_messages_are_not_received_and_go_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", retention_s=60)
            await on.send("q", "old", "old as well")
            on.advance(30)
            await on.send("q", "young")
            on.advance(30)
            assert await on.bodies("q", 1) == ["young"]
            assert await on.counts("q") == (0, 1, 0)
            await on.send("q", "idle")
            on.advance(60)
            await on.engine.upkeep.once()
            assert await on.counts("q") == (0, 0, 0)
            assert on.engine.metrics(key("q")).messages_expired == 4

    run(scenario())


def test_a_dead_letter_keeps_its_age_and_a_changed_retention_holds_at_once(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("dead", retention_s=100)
            await on.make("q", redrive=Redrive(key("dead"), 1))
            sent_ms = on.clock.wall_ms()
            await on.send("q", "a")
            await on.receive("q", visibility_s=0)
            on.advance(90)
            assert await on.receive("q") == []
            assert await on.engine.oldest_ms(key("dead")) == sent_ms
            on.advance(10)
            assert await on.receive("dead") == []
            await on.send("q", "b")
            on.advance(70)
            await on.engine.update(key("q"), settings=QueueSettings(retention_s=60))
            assert await on.receive("q") == []

    run(scenario())


def test_a_purge_takes_everything_and_nothing_that_comes_after(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.make("other")
            await on.send("other", "kept")
            await on.send("q", "delayed", delay_s=9)
            await on.send("q", *map(str, range(1200)))
            (flying,) = await on.receive("q", 1)
            await on.engine.purge(key("q"))
            await on.send("q", "new")
            assert await on.counts("q") == (1, 0, 0)
            assert await on.delete("q", flying) == [Receipted.DONE]
            await on.engine.upkeep.once()
            assert await on.bodies("q") == ["new"]
            assert await on.bodies("other") == ["kept"]
            assert on.engine.get(key("q")).purged_ms == on.clock.wall_ms()
            left = await on.lane.read(lambda tx: tx.execute("SELECT COUNT(*) FROM queue_bodies"))
            assert left == [(2,)]

    run(scenario())


def test_queues_by_name_and_their_records(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            made = await on.make("ab", delay_s=3)
            await on.make("aa")
            with pytest.raises(QueueExists) as exists:
                await on.make("ab")
            assert exists.value.queue == made
            account, region, _ = made.key
            names = [q.key.name for q in on.engine.queues(account, region, "a")]
            assert names == ["aa", "ab"]
            assert on.engine.queues(account, region, "ab") == [made]
            on.advance(1)
            tagged = await on.engine.update(key("ab"), tags={"k": "v"})
            assert (tagged.tags, tagged.modified_ms) == ({"k": "v"}, made.modified_ms)
            edited = await on.engine.update(key("ab"), attributes={"Policy": "{}"})
            assert edited.modified_ms == made.modified_ms + 1000
        async with yard(tmp_path, on.clock) as on:
            assert on.engine.get(key("ab")) == edited
            await on.engine.delete(key("ab"))
            assert on.engine.find(key("ab")) is None
            assert on.engine.deleted_ms(key("ab")) == on.clock.wall_ms()
            with pytest.raises(QueueMissing):
                await on.send("ab", "x")
            again = await on.make("ab")
            assert again.id != edited.id
            assert await on.counts("ab") == (0, 0, 0)
            on.advance(60)
            assert on.engine.deleted_ms(key("ab")) is None

    run(scenario())


def test_the_bound_of_messages_in_flight(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path, queue_in_flight=5) as on:
            await on.make("q", visibility_s=10)
            await on.send("q", *"abcdefgh")
            assert len(await on.receive("q")) == 5
            with pytest.raises(TooManyInFlight):
                await on.receive("q")
            on.advance(9)
            with pytest.raises(TooManyInFlight):
                await on.receive("q")
            on.advance(1)  # they are visible again, and the count is taken anew
            messages = await on.receive("q")
            assert len(messages) == 5
            await on.delete("q", *messages[:2])
            on.advance(1)
            assert len(await on.receive("q")) == 2

    run(scenario())


def test_too_long_messages_are_refused_all_together(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q", max_message_bytes=1024)
            long = NewMessage(b"x" * 1000, attributes_bytes=25)
            with pytest.raises(MessageTooLong) as refused:
                await on.engine.send(key("q"), [NewMessage(b"short"), long])
            assert refused.value.limit_bytes == 1024
            assert await on.counts("q") == (0, 0, 0)

    run(scenario())


def test_peeking_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.send("q", *"abc")
            await on.receive("q", 1)
            seen = await on.engine.peek(key("q"), 2)
            assert [(m.body, m.receive_count, m.receipt_handle) for m in seen] == [
                (b"a", 1, ""),
                (b"b", 0, ""),
            ]
            assert await on.counts("q") == (2, 1, 0)

    run(scenario())


def test_what_cloudwatch_would_count(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with yard(tmp_path) as on:
            await on.make("q")
            await on.engine.send(key("q"), [NewMessage(b"123", attributes_bytes=4)] * 2)
            messages = await on.receive("q")
            await on.receive("q")
            await on.delete("q", messages[0])
            assert on.engine.metrics(key("q")) == Metrics(
                messages_sent=2,
                sent_bytes=14,
                messages_received=2,
                messages_deleted=1,
                empty_receives=1,
            )

    run(scenario())
