"""Counts in the shape of metrics."""

from __future__ import annotations

from lambdad.telemetry import counters
from lambdad.telemetry.counters import Counters, Metric


def metric(name: str) -> Metric:
    return Metric("AWS/Lambda", name, (("FunctionName", "f"),))


def test_sums() -> None:
    counts = Counters()
    counts.add(metric("Errors"))
    counts.add(metric("Errors"), 2)
    assert (counts.sum(metric("Errors")), counts.sum(metric("Throttles"))) == (3, 0)


def test_what_was_counted_longest_ago_is_forgotten_at_the_bound() -> None:
    counts = Counters()
    for number in range(counters._SERIES):
        counts.add(metric(str(number)))
    counts.add(metric("0"))
    counts.add(metric("one more"))
    assert counts.sum(metric("0")) == 2
    assert counts.sum(metric("1")) == 0
