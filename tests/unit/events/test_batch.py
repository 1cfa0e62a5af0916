"""Batches: full by number, by window, by size; order kept, nothing lost (semantics §4.2)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.events.batch import BatchRules, Gathering
from lambdad.events.record import Record, event_of


def record(name: str, size: int = 1) -> Record:
    return Record(name, {}, b"x" * size, handle=name)


def names(batches: list[object]) -> list[list[str]]:
    return [[each.id for each in batch] for batch in batches]  # type: ignore[attr-defined]


def test_a_full_batch_is_closed_and_the_next_begins() -> None:
    gathering = Gathering(BatchRules(size=2, window_ms=1000, payload_bytes=1000))
    assert gathering.room == 2
    closed = gathering.add([record(name) for name in "abcde"], 0)
    assert names(closed) == [["a", "b"], ["c", "d"]]
    assert (gathering.room, gathering.closes_ms) == (1, 1000)


def test_the_window_is_counted_from_the_first_record() -> None:
    gathering = Gathering(BatchRules(size=10, window_ms=1000, payload_bytes=1000))
    assert gathering.closes_ms is None
    gathering.add([record("a")], 100)
    gathering.add([record("b")], 900)
    assert gathering.due(1099) == []
    assert names(gathering.due(1100)) == [["a", "b"]]
    assert (gathering.closes_ms, gathering.due(5000)) == (None, [])


def test_without_a_window_a_batch_is_due_at_once() -> None:
    gathering = Gathering(BatchRules(size=10, window_ms=0, payload_bytes=1000))
    gathering.add([record("a")], 5)
    assert names(gathering.due(5)) == [["a"]]


def test_the_event_never_exceeds_its_bound() -> None:
    gathering = Gathering(BatchRules(size=10, window_ms=0, payload_bytes=40))
    closed = gathering.add([record("a", 10), record("b", 10), record("c", 10)], 0)
    assert names([*closed, gathering.take()]) == [["a", "b"], ["c"]]
    assert len(event_of(closed[0])) <= 40


def test_a_record_that_is_too_large_alone_is_a_batch_of_its_own() -> None:
    gathering = Gathering(BatchRules(size=10, window_ms=0, payload_bytes=40))
    closed = gathering.add([record("a"), record("b", 100), record("c")], 0)
    assert names([*closed, gathering.take()]) == [["a"], ["b"], ["c"]]


@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 50)), max_size=60),
    st.integers(1, 7),
    st.integers(0, 100),
)
def test_every_record_is_in_one_batch_in_order(
    arrivals: list[tuple[int, int]], size: int, window_ms: int
) -> None:
    gathering = Gathering(BatchRules(size, window_ms, payload_bytes=120))
    now_ms, closed = 0, []
    for number, (length, pause_ms) in enumerate(arrivals):
        now_ms += pause_ms
        closed += gathering.due(now_ms)
        closed += gathering.add([record(str(number), length)], now_ms)
        assert gathering.closes_ms is None or gathering.closes_ms >= now_ms
    closed += [gathering.take()]
    assert [each for batch in names(closed) for each in batch] == [
        str(number) for number in range(len(arrivals))
    ]
    assert all(len(batch) <= size and len(event_of(batch)) <= 120 for batch in closed)
