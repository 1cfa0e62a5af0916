"""Numbers, instants, networks and bytes inside conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.iam.literals import (
    NS_PER_S,
    parse_address,
    parse_binary,
    parse_instant,
    parse_network,
    parse_number,
)

NEW_YEAR_NS = 1_704_067_200 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1704067200", NEW_YEAR_NS),
        ("2024-01-01", NEW_YEAR_NS),
        ("2024-01", NEW_YEAR_NS),
        ("2024-01-01T00:00Z", NEW_YEAR_NS),
        ("2024-01-01t00:00:00z", NEW_YEAR_NS),
        ("2024-01-01T00:00:00", NEW_YEAR_NS),
        ("2024-01-01T01:00:00+01:00", NEW_YEAR_NS),
        ("2023-12-31T16:00:00-08:00", NEW_YEAR_NS),
        ("2024-01-01T23:00:00+23", NEW_YEAR_NS),
        ("2024-01-01T00:00:00.5Z", NEW_YEAR_NS + NS_PER_S // 2),
        ("2024-01-01T00:00:00.000000001Z", NEW_YEAR_NS + 1),
        ("0", 0),
    ],
)
def test_instants(text: str, expected: int) -> None:
    assert parse_instant(text) == expected


# What IAM takes and refuses, as moto's public test suite records it.
@pytest.mark.parametrize("text", ["01T", "-292275054", "2016-12-13t2:00:00.593194+23"])
def test_odd_instants_that_iam_takes(text: str) -> None:
    assert parse_instant(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sdfdsf",
        "234-13",
        "2016-12-13t2:00:00.593194+1",
        "2016-12-13t2:00:00.1999999999+10:59",
        "9223372036854775808",
        "2024-01-32",
        "2024-01-01T24:00Z",
        "2024-01-01T00:60Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00+24:00",
        "292278994-01-01",
        "٣",
        "9" * 5000,
    ],
)
def test_what_is_no_instant(text: str) -> None:
    assert parse_instant(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_agree_with_the_standard_library(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    assert parse_instant(moment.isoformat()) == microseconds * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("-1.50", Decimal("-1.5")), ("+2", 2), (".5", Decimal("0.5")), ("1e3", 1000)],
)
def test_numbers(text: str, expected: Decimal) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize("text", ["", ".", "x", "NaN", "Infinity", "1_0", "0x1", " 1", "9" * 65])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_large_numbers_are_exact() -> None:
    assert parse_number("9007199254740993") != parse_number("9007199254740992")


def test_addresses_and_networks() -> None:
    network = parse_network("203.0.113.7/24")
    assert network is not None
    assert parse_address("203.0.113.255") in network
    assert parse_address("::ffff:203.0.113.1") in network
    assert parse_address("203.0.114.1") not in network
    assert parse_address("2001:db8::1") not in network
    assert parse_network("203.0.113.7") == parse_network("203.0.113.7/32")
    assert parse_network("203.0.113.0/33") is None
    assert parse_address("203.0.113.0/24") is None


def test_binary() -> None:
    assert parse_binary("QmluYXJ5VmFsdWVJbkJhc2U2NA==") == b"BinaryValueInBase64"
    assert parse_binary("no base64!") is None
