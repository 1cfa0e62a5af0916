"""How many batches may be in flight (semantics §4.2: 5 at first, 300 more a minute, to 1,250)."""

from __future__ import annotations

from lambdad.events.scaling import CEILING, FLOOR, INITIAL, Scaling


def test_grows_by_300_a_minute_while_everything_is_busy_up_to_the_ceiling() -> None:
    scaling = Scaling()
    assert scaling.limit == INITIAL
    for second in range(61):
        scaling.saturated(second * 1000)
    assert scaling.limit == INITIAL + 300
    for second in range(61, 400):
        scaling.saturated(second * 1000)
    assert scaling.limit == CEILING


def test_time_without_a_backlog_does_not_count() -> None:
    scaling = Scaling()
    scaling.saturated(0)
    scaling.idle()
    scaling.saturated(60_000)
    assert scaling.limit == INITIAL


def test_maximum_concurrency_bounds_it() -> None:
    scaling = Scaling(maximum=7)
    for second in range(60):
        scaling.saturated(second * 1000)
    assert scaling.limit == 7
    assert Scaling(maximum=2).limit == 2


def test_failures_halve_it_and_success_brings_it_back() -> None:
    scaling = Scaling()
    for second in range(11):
        scaling.saturated(second * 1000)
    assert scaling.limit == 55
    scaling.failed(11_000)
    assert scaling.limit == 27
    for _ in range(10):
        scaling.failed(11_000)
    assert scaling.limit == FLOOR
    scaling.idle()
    assert scaling.limit == FLOOR
    scaling.succeeded()
    assert scaling.limit == INITIAL


def test_only_failures_in_a_row_put_off_reading_longer_each_time() -> None:
    scaling = Scaling()
    for _ in range(4):
        scaling.failed(0)
    assert scaling.paused_until_ms == 0
    pauses = []
    for _ in range(12):
        scaling.failed(1000)
        pauses.append(scaling.paused_until_ms - 1000)
    assert pauses == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, *[30_000] * 3]
    scaling.succeeded()
    assert scaling.paused_until_ms == 0
