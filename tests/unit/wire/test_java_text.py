"""Values and enums as AWS's Java services print them."""

from __future__ import annotations

import pytest

from lambdad.wire.java_text import lower_first, set_order, shown
from lambdad.wire.model import ServiceCatalog


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("x", "x"),
        (1025, "1025"),
        (2.0, "2.0"),
        (["a", "b"], "[a, b]"),
        ({"k": 1.0, "l": [True]}, "{k=1.0, l=[true]}"),
        (b"abc", "java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert shown(value, None) == text


def test_secrets_inside_a_structure_are_not_shown() -> None:
    shape = ServiceCatalog().service("lambda").operation("CreateFunction").input
    assert shape is not None
    text = shown({"Environment": {"Variables": {"A": "topsecret"}}}, shape)
    assert "topsecret" not in text
    assert "environment=Environment(variables=*** Sensitive Data Redacted ***)" in text


# Recorded sets, each of the size it had when it was recorded.
RECORDED = [
    "INSUFFICIENT_DATA, ALARM, OK",
    "BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY",
    "HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512",
    "x86_64, arm64",
    "Terminate, Allow",
    "PRIVATE, EDGE, REGIONAL",
    "add, remove, move, test, replace, copy",
]


@pytest.mark.parametrize("recorded", RECORDED)
def test_enums_are_listed_in_the_order_of_a_hash_table(recorded: str) -> None:
    members = recorded.split(", ")
    assert set_order(sorted(members)) == members
    assert set_order(reversed(members)) == members


def test_members_in_one_bucket_come_in_reverse_order() -> None:
    model = ["DEFAULT_4XX", "UNAUTHORIZED", "ACCESS_DENIED", "AUTHORIZER_FAILURE"]
    expected = ["AUTHORIZER_FAILURE", "UNAUTHORIZED", "ACCESS_DENIED", "DEFAULT_4XX"]
    assert set_order(model) == expected


def test_field_names() -> None:
    assert [lower_first(name) for name in ("FunctionName", "KMSKeyArn", "")] == [
        "functionName",
        "kMSKeyArn",
        "",
    ]
