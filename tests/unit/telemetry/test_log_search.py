"""Searching many streams: pages put together are the whole, in order, whatever the budget."""

from __future__ import annotations

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.value import replace
from lambdad.storage.connection import SqliteTransaction
from lambdad.telemetry import log_search
from lambdad.telemetry.log_events import store_lines
from lambdad.telemetry.log_groups import find_group
from lambdad.telemetry.log_pattern import compile_pattern
from lambdad.telemetry.log_records import Line, LogEvent, LogStream, TimeRange
from lambdad.telemetry.log_schema import LOG_MIGRATIONS
from lambdad.telemetry.log_search import Budget, Search, search
from lambdad.telemetry.log_streams import streams_with_events
from support.log_stores import group, stream

LINES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 30), st.sampled_from(["x", "yy", "ü" * 9])),
    max_size=60,
)
BUDGETS = st.builds(
    Budget,
    scanned_events=st.integers(1, 20),
    scanned_bytes=st.integers(1, 60),
    events=st.integers(1, 8),
    bytes=st.integers(1, 40),
)


def filled(lines: list[tuple[str, int, str]]) -> SqliteTransaction:
    connection = apsw.Connection(":memory:")
    connection.execute(LOG_MIGRATIONS[0])
    tx = SqliteTransaction(connection)
    for start in range(0, len(lines), 7):  # several writes, late arrivals among them
        batch = [Line(stream(name), time, text) for name, time, text in lines[start : start + 7]]
        store_lines(tx, batch, 1000 + start)
    return tx


def all_pages(
    tx: SqliteTransaction, streams: list[LogStream], wanted: Search, budget: Budget
) -> list[LogEvent]:
    events: list[LogEvent] = []
    while True:
        page = search(tx, streams, wanted, budget)
        assert len(page.events) <= budget.events
        size = sum(len(event.message.encode()) for event in page.events)
        assert size <= budget.bytes or len(page.events) == 1
        events += page.events
        if page.end is None:
            return events
        wanted = replace(wanted, after=page.end)


@settings(max_examples=300)
@given(
    lines=LINES,
    start=st.integers(0, 31),
    length=st.integers(0, 31),
    descending=st.booleans(),
    pattern=st.sampled_from(["", "x", "-yy", "ü"]),
    budget=BUDGETS,
    keys_at_once=st.sampled_from([1, 2, 128]),
)
def test_pages_put_together_are_everything_in_order(
    lines, start, length, descending, pattern, budget, keys_at_once
) -> None:
    tx = filled(lines)
    times = TimeRange(start, start + length)
    compiled = compile_pattern(pattern) if pattern else None
    streams = (
        streams_with_events(tx, find_group(tx, group()).id, times.start_ms, times.end_ms, "")
        if lines
        else []
    )
    usual, log_search.KEYS_AT_ONCE = log_search.KEYS_AT_ONCE, keys_at_once
    try:
        found = all_pages(tx, streams, Search(times, descending, None, compiled), budget)
    finally:
        log_search.KEYS_AT_ONCE = usual
    expected = [
        (time, name, text)
        for name, time, text in lines
        if start <= time < start + length and (compiled is None or compiled.matches(text))
    ]
    assert sorted((e.position.timestamp_ms, e.stream, e.message) for e in found) == sorted(expected)
    positions = [event.position for event in found]
    assert positions == sorted(set(positions), reverse=descending)
    # Of one stream and moment, the order is that of arrival.
    for name in "abcd":
        arrived = sorted((line for line in expected if line[1] == name), key=lambda line: line[0])
        own = [(e.position.timestamp_ms, name, e.message) for e in found if e.stream == name]
        assert own == arrived if not descending else own[::-1] == arrived


def test_a_page_opens_only_the_streams_that_it_shows() -> None:
    tx = filled([(name, number * 100, "x") for number, name in enumerate("abcdefghij")])
    streams = streams_with_events(tx, find_group(tx, group()).id, 0, 10**6, "")
    opened: list[int] = []

    class Watching(SqliteTransaction):
        def execute(self, sql, parameters=()):
            opened.append(parameters[0])
            return super().execute(sql, parameters)

    watching = Watching(tx._connection)
    page = search(watching, streams, Search(TimeRange(start_ms=0)), Budget(2, 10**6, 2, 10**6))
    assert [event.stream for event in page.events] == ["a", "b"]
    assert set(opened) == {streams[0].id, streams[1].id, streams[2].id}


def test_queries_use_the_order_of_the_table() -> None:
    tx = filled([("a", 1, "x")])
    plans: list[str] = []

    class Explaining(SqliteTransaction):
        def execute(self, sql, parameters=()):
            plan = super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
            plans.extend(str(step[3]) for step in plan)
            return super().execute(sql, parameters)

    explaining = Explaining(tx._connection)
    streams = streams_with_events(explaining, find_group(explaining, group()).id, 0, 9, "")
    for descending in (False, True):
        search(explaining, streams, Search(TimeRange(), descending), Budget(9, 9, 9, 9))
    assert plans
    assert [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan] == []
