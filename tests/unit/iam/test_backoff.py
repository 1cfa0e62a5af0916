"""Backoff: when it begins, how it grows, whom it leaves alone."""

from __future__ import annotations

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.iam.backoff import UNKNOWN, Backoff
from lambdad.iam.errors import Dialect

LIMITS = replace(DEFAULT_LIMITS, failed_signatures=3, failed_signature_buckets=4)
HERE, KEY = "192.0.2.1", "AKIAEXAMPLE"


def blocked(backoff: Backoff, now_s: float, address: str = HERE, key: str = KEY) -> bool:
    try:
        backoff.check(address, key, now_s, Dialect.JSON)
    except AwsError:
        return True
    return False


def fail(backoff: Backoff, times: int, now_s: float = 0.0, address: str = HERE) -> None:
    for _ in range(times):
        backoff.failed(address, KEY, now_s)


def test_some_mistakes_cost_nothing() -> None:
    backoff = Backoff(LIMITS)
    assert backoff.quiet
    fail(backoff, 2)
    assert not blocked(backoff, 0.0)
    fail(backoff, 1)
    assert blocked(backoff, 0.4)
    assert not blocked(backoff, 0.5)


def test_the_pause_doubles_up_to_a_minute() -> None:
    backoff = Backoff(LIMITS)
    fail(backoff, 3)
    for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        fail(backoff, 1)
        assert blocked(backoff, pause_s - 0.01)
        assert not blocked(backoff, pause_s)
    fail(backoff, 2000)
    assert not blocked(backoff, 60.0)


def test_nobody_else_is_slowed_down() -> None:
    backoff = Backoff(LIMITS)
    fail(backoff, 9)
    assert not blocked(backoff, 0.0, address="192.0.2.2")
    assert not blocked(backoff, 0.0, key="AKIAOTHER")
    assert not blocked(backoff, 0.0, key=UNKNOWN)


def test_an_ipv6_customer_counts_as_one() -> None:
    backoff = Backoff(LIMITS)
    for number in range(3):
        fail(backoff, 1, address=f"2001:db8::{number}")
    assert blocked(backoff, 0.0, address="2001:db8::ffff")
    assert not blocked(backoff, 0.0, address="2001:db8:0:1::1")


def test_success_and_time_forgive() -> None:
    backoff = Backoff(LIMITS)
    fail(backoff, 9)
    backoff.succeeded(HERE, KEY)
    assert backoff.quiet
    fail(backoff, 9)
    fail(backoff, 1, now_s=10_000.0)
    assert not blocked(backoff, 10_000.0)


def test_memory_is_bounded() -> None:
    backoff = Backoff(LIMITS)
    fail(backoff, 3)
    for number in range(4):
        fail(backoff, 1, address=f"198.51.100.{number}")
    assert not blocked(backoff, 0.0)  # the oldest went


@pytest.mark.parametrize(
    ("dialect", "code"),
    [
        (Dialect.JSON, "ThrottlingException"),
        (Dialect.QUERY, "Throttling"),
        (Dialect.S3, "SlowDown"),
    ],
)
def test_each_kind_of_service_has_its_word(dialect: Dialect, code: str) -> None:
    backoff = Backoff(LIMITS)
    fail(backoff, 3)
    with pytest.raises(AwsError) as error:
        backoff.check(HERE, KEY, 0.0, dialect)
    assert error.value.code == code
