"""What a message may contain."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.contents import check_attributes, check_body, check_identifier
from lambdad.services.sqs.errors import (
    InvalidMessageContents,
    InvalidParameterValueException,
    UnsupportedOperation,
)

QUOTAS = SqsQuotas()


def text(value: str, data_type: str = "String") -> dict[str, Any]:
    return {"DataType": data_type, "StringValue": value}


@pytest.mark.parametrize("body", ["a", "\t\n\r", "\ud7ff\ue000\ufffd", "\U0001f600", '{"a":1}'])
def test_bodies_of_every_allowed_character(body: str) -> None:
    check_body(body.encode())


@pytest.mark.parametrize("character", ["\0", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_other_characters_are_refused(character: str) -> None:
    with pytest.raises(InvalidMessageContents) as refused:
        check_body(f"a{character}b".encode())
    assert refused.value.message == (
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF "
        "| #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )


@pytest.mark.parametrize("value", ["a", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "x" * 128])
def test_identifiers(value: str) -> None:
    check_identifier(value, "MessageGroupId", QUOTAS)


@pytest.mark.parametrize("value", ["", "a b", "ä", "x" * 129, "a\n"])
def test_identifiers_that_are_none(value: str) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_identifier(value, "MessageGroupId", QUOTAS)
    assert refused.value.message == (
        f"Value {value} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only "
        "include alphanumeric and punctuation characters. 1 to 128 in length."
    )


@pytest.mark.parametrize(
    "attribute",
    [
        text("x"),
        text("x", "String.my own label"),
        text("\U0001f600"),
        text("0", "Number"),
        text("-12.50", "Number.float"),
        text("1e126", "Number"),
        text("1e-128", "Number"),
        text("0.0001", "Number"),
        text("9" * 38, "Number"),
        text("1" + "0" * 60, "Number"),
        text("+.5E-3", "Number"),
        {"DataType": "Binary", "BinaryValue": b"\0"},
        {"DataType": "Binary.png", "BinaryValue": b"\0", "StringListValues": []},
    ],
)
def test_attributes(attribute: dict[str, Any]) -> None:
    check_attributes({"name": attribute}, QUOTAS)


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "ÄøÉ", "x" * 256, "Aws", "awsome.x"])
def test_names_of_attributes(name: str) -> None:
    check_attributes({name: text("x")}, QUOTAS)


@pytest.mark.parametrize(
    "name",
    ["", "x" * 257, ".a", "a.", "a..b", "AWS.x", "aMaZoN.x", "a b", "a!", 'a"', "a§", "a/b", "☃"],
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidParameterValueException):
        check_attributes({name: text("x")}, QUOTAS)


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        (
            {"StringValue": "x"},
            "Message (user) attribute 'k' must contain a non-empty attribute type.",
        ),
        (
            text("x", "string"),
            "The type of message (user) attribute 'k' is invalid. You must use only the following "
            "supported type prefixes: Binary, Number, String.",
        ),
        (
            text("x", "Stringy"),
            "The type of message (user) attribute 'k' is invalid. You must use only the following "
            "supported type prefixes: Binary, Number, String.",
        ),
        (
            text("1", "Number." + "L" * 256),
            "The type of message (user) attribute 'k' is invalid. It must be at most 256 "
            "characters long.",
        ),
        (text(""), "Message (user) attribute 'k' must contain a non-empty value of type 'String'."),
        (
            {"DataType": "Binary", "StringValue": "x"},
            "Message (user) attribute 'k' must contain a non-empty value of type 'Binary'.",
        ),
        (
            text("a\bb"),
            "Invalid characters found in the value of message (user) attribute 'k'. Valid unicode "
            "characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to "
            "#x10FFFF",
        ),
        *(
            (
                text(value, "Number"),
                "Can't cast the value of message (user) attribute 'k' to a number.",
            )
            for value in ("x", "1,5", "1e127", "1e-129", "1" * 39, ".", "e5", "٣", "1e99999", "NaN")
        ),
    ],
)
def test_values_that_are_refused(attribute: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_attributes({"k": attribute}, QUOTAS)
    assert refused.value.message == message


def test_lists_are_not_supported() -> None:
    with pytest.raises(UnsupportedOperation):
        check_attributes({"k": {"DataType": "String", "StringListValues": ["a"]}}, QUOTAS)


def test_more_attributes_than_ten() -> None:
    with pytest.raises(InvalidParameterValueException) as refused:
        check_attributes({f"k{number}": text("x") for number in range(11)}, QUOTAS)
    assert refused.value.message == (
        "Number of message attributes [11] exceeds the allowed maximum [10]."
    )
