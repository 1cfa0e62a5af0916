"""What every event source does, on a real server with real functions: deliver to the field, tell
done from failed, filter, keep its order, survive kill -9."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from support.patience import wait_for
from support.server import LambdadServer
from support.sources_under_test import SOURCES, Consumer, Queue, in_order

FAIL_ONCE = """
    import os
    for each in event["Records"]:
        if each["attributes"]["ApproximateReceiveCount"] == "1":
            raise ValueError("not yet")
"""
FAIL_SOME = """
    return {"batchItemFailures": [
        {"itemIdentifier": each["%s"]}
        for each in event["Records"]
        if each["body"].startswith("b-") and each["attributes"]["ApproximateReceiveCount"] == "1"
    ]}
"""


@pytest.fixture(params=SOURCES, ids=[source.__name__ for source in SOURCES])
def kind(request: pytest.FixtureRequest) -> type[Queue]:
    found: type[Queue] = request.param
    return found


@pytest.fixture
def source(kind: type[Queue], server: LambdadServer) -> Queue:
    return kind(server)


def test_a_record_is_delivered_to_the_field_and_done(source: Queue) -> None:
    consumer = Consumer(source)
    source.put("a-0")
    wait_for(lambda: consumer.batches() != [] and source.left() == 0)
    ((record,),) = consumer.batches()
    assert record == source.shape(record, "a-0")


def test_everything_arrives_and_what_is_ordered_in_order(source: Queue) -> None:
    consumer = Consumer(source, BatchSize=3)
    texts = [f"{group}-{number}" for number in range(10) for group in "ab"]
    source.put(*texts)
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: len(consumer.texts()) >= len(texts))
    assert Counter(consumer.texts()) == Counter(texts)
    assert not source.ordered or in_order(consumer.texts())
    assert max(len(batch) for batch in consumer.batches()) <= 3


def test_what_failed_comes_back_until_it_is_done(source: Queue) -> None:
    consumer = Consumer(source, FAIL_ONCE, Enabled=False)
    source.put("a-0", "a-1")
    consumer.change(Enabled=True)
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: len(consumer.texts()) >= 4)
    assert Counter(consumer.texts()) == {"a-0": 2, "a-1": 2}
    assert not source.ordered or in_order(consumer.texts())


def test_only_reported_failures_come_back(source: Queue) -> None:
    reports = ["ReportBatchItemFailures"]
    consumer = Consumer(
        source, FAIL_SOME % source.identifier, FunctionResponseTypes=reports, Enabled=False
    )
    source.put("a-0", "b-0", "a-1")
    consumer.change(Enabled=True)
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: len(consumer.texts()) >= 4)
    assert Counter(consumer.texts()) == {"a-0": 1, "a-1": 1, "b-0": 2}


def test_what_filters_drop_is_done_without_a_run(source: Queue) -> None:
    pattern = {"body": [{"prefix": "a-"}]}
    consumer = Consumer(source, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    source.put("b-0", "a-0", "b-1")
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: consumer.texts() != [])
    assert consumer.texts() == ["a-0"]


def test_a_disabled_mapping_reads_nothing(source: Queue) -> None:
    consumer = Consumer(source)
    consumer.change(Enabled=False)
    source.put("a-0")
    assert (source.left(), consumer.texts()) == (1, [])
    consumer.change(Enabled=True)
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: consumer.texts() == ["a-0"])


def test_kill_9_in_the_middle_of_runs_loses_nothing(
    kind: type[Queue], fresh_server: LambdadServer
) -> None:
    source = kind(fresh_server)
    consumer = Consumer(source, "import time; time.sleep(0.2)", BatchSize=1)
    texts = [f"{group}-{number}" for number in range(5) for group in "abcd"]
    source.put(*texts)
    wait_for(lambda: len(set(consumer.texts())) >= 3)
    fresh_server.kill9()
    fresh_server.start()
    wait_for(lambda: source.left() == 0)
    wait_for(lambda: set(consumer.texts()) == set(texts))
    assert not source.ordered or in_order(consumer.texts())
