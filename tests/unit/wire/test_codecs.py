"""The formats themselves: CBOR against cbor2, XML bombs, event stream frames, scalars."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.wire.codecs import cbor, form, scalars, xml
from lambdad.wire.codecs.event_stream import frame
from lambdad.wire.codecs.shapes import Malformed

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123_000, UTC)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(TREES)
def test_cbor_agrees_with_cbor2(tree: Any) -> None:
    assert cbor2.loads(cbor.encode(tree)) == tree
    assert cbor.decode(cbor2.dumps(tree)) == tree
    assert cbor.decode(cbor2.dumps(tree, canonical=True)) == tree


@settings(max_examples=500)
@given(st.binary(max_size=60))
def test_cbor_of_strangers_is_read_or_refused(data: bytes) -> None:
    with suppress(Malformed):
        cbor.decode(data)


def test_cbor_of_indefinite_length() -> None:
    assert cbor.decode(
        b"\xbf\x61a\x9f\x01\x02\xff\x61b\x7f\x61x\x61y\xff\x61c\x5f\x41z\xff\xff"
    ) == {
        "a": [1, 2],
        "b": "xy",
        "c": b"z",
    }


def test_cbor_timestamps_and_not_a_number() -> None:
    assert cbor.decode(cbor.encode(MOMENT)) == MOMENT
    assert cbor2.loads(cbor.encode(MOMENT)) == MOMENT
    assert math.isnan(cbor.decode(cbor.encode(math.nan)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x01",  # two items
        b"\xff",  # a break alone
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",  # an array of 2^64 items
        b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff",  # a string of a terabyte
        b"\xa1\x01\x02",  # a key that is not text
        b"\x81" * 10_000 + b"\x01",  # nesting
        b"\xa1\x61a" * 10_000 + b"\x01",
        b"\xc1" * 10_000 + b"\x01",
        b"\x9f" * 10_000,
        b"\x61\xff",  # not UTF-8
        b"\x7f\x41x\xff",  # text made of bytes
        b"\x5f\x5f\xff\xff",
        b"\xc1\x61x",  # a time that is text
        b"\xc1\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",  # a time at infinity
        b"\xc2\x41\x01",  # a tag that AWS does not use
        b"\xe0",
        b"\x1c",
        b"\xbf\x61a\xff",  # a key without a value
    ],
)
def test_cbor_attacks_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        cbor.decode(data)


def test_cbor_refuses_what_it_cannot_write() -> None:
    with pytest.raises(TypeError):
        cbor.encode({"a": object()})


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_xml_text_survives(text: str) -> None:
    written = f'<a b="{xml.escape_attribute(text)}">{xml.escape(text)}</a>'
    read = xml.parse(written.encode())
    expected = (
        "".join(
            character if character in "\t\n\r" or character >= " " else "\ufffd"
            for character in text
        )
        .replace("\ufffe", "\ufffd")
        .replace("\uffff", "\ufffd")
    )
    assert read.text == expected
    assert read.attributes == {"b": expected}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"not xml",
        b"<a>\xff</a>",
        b"<a>&undefined;</a>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "http://169.254.169.254/"><a/>',
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b"<a>" * 100 + b"</a>" * 100,
        b"<r>" + b"<a/>" * 100_001 + b"</r>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
    ],
)
def test_xml_attacks_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        xml.parse(body)


def test_the_billion_laughs_are_not_heard() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "lol">{entities}]><a>&l9;</a>'
    with pytest.raises(Malformed):
        xml.parse(bomb.encode())


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text(alphabet="<>/a&;!'\"= [\n", max_size=60))
def test_xml_of_strangers_is_read_or_refused(body: bytes | str) -> None:
    with suppress(Malformed):
        xml.parse(body if isinstance(body, bytes) else body.encode())


def test_namespaces_are_dropped() -> None:
    read = xml.parse(b'<s:a xmlns:s="u" xmlns:xsi="v" xsi:type="T"><s:b>x</s:b></s:a>')
    assert (read.tag, read.children[0].tag, read.attributes["type"]) == ("a", "b", "T")


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.text("abc-:", min_size=1, max_size=20),
        st.text(max_size=20) | st.binary(max_size=20) | st.booleans(),
        max_size=4,
    ),
    st.binary(max_size=200),
)
def test_frames_are_read_by_botocore(headers: dict[str, Any], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(frame(headers.items(), payload))
    (event,) = buffer
    assert event.payload == payload
    assert event.headers == headers


def test_frame_headers_of_numbers_and_times() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(frame([("n", -5), ("t", MOMENT)], b""))
    (event,) = buffer
    assert event.headers == {"n": -5, "t": int(MOMENT.timestamp() * 1000)}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", MOMENT.replace(microsecond=0)),
        ("2026-01-31T12:00:00.123Z", MOMENT),
        ("2026-01-31T13:00:00.123+01:00", MOMENT),
        ("Sat, 31 Jan 2026 12:00:00 GMT", MOMENT.replace(microsecond=0)),
        ("1769860800.123", MOMENT),
        ("1769860800", MOMENT.replace(microsecond=0)),
    ],
)
def test_timestamps_are_read_in_every_format(text: str, moment: datetime) -> None:
    assert scalars.timestamp_from_text(text) == moment


def test_timestamps_are_written_in_three() -> None:
    assert scalars.iso8601(MOMENT) == "2026-01-31T12:00:00.123Z"
    assert scalars.rfc822(MOMENT) == "Sat, 31 Jan 2026 12:00:00 GMT"
    assert scalars.epoch_seconds(MOMENT) == 1769860800.123
    assert scalars.epoch_seconds(MOMENT.replace(microsecond=0)) == 1769860800


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (scalars.timestamp_from_text, "yesterday"),
        (scalars.timestamp_from_text, ""),
        (scalars.timestamp_from_text, "9" * 20),
        (scalars.timestamp_from_text, "0001-01-01T00:00:00+23:59"),
        (scalars.boolean_from_text, "yes"),
        (scalars.float_from_text, "1e999"),
        (scalars.float_from_text, "1_0"),
        (scalars.float_from_text, "nan"),
        (scalars.blob_from_text, "a"),
        (scalars.blob_from_text, "é==="),
        (scalars.json_from_text, "bm90IGpzb24="),
        (lambda text: scalars.integer_from_text(text, "integer"), "2147483648"),
        (lambda text: scalars.integer_from_text(text, "long"), "9" * 5000),
        (lambda text: scalars.integer_from_text(text, "long"), "1.5"),
    ],
)
def test_scalars_that_are_none_are_refused(read: Any, text: str) -> None:
    with pytest.raises(Malformed):
        read(text)


@settings(max_examples=300)
@given(st.text(max_size=30) | st.text(alphabet="0123456789-:TZ+., JanSatGM", max_size=30))
def test_any_text_is_a_scalar_or_refused(text: str) -> None:
    readers = [
        scalars.timestamp_from_text,
        scalars.float_from_text,
        scalars.blob_from_text,
        scalars.json_from_text,
    ]
    for read in readers:
        with suppress(Malformed):
            read(text)


def test_a_form_becomes_a_tree() -> None:
    fields = form.form(b"A.member.2=y&A.member.1=x&B=a+b%26&B=later&A=")
    assert form.tree(fields) == {"A": {"member": {"2": "y", "1": "x"}}, "B": "a b&"}


@pytest.mark.parametrize(
    "body",
    [b"\xff=1", b"a." * 100 + b"=1", b"&a" * 20_001],
)
def test_forms_that_are_none_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        form.tree(form.form(body))
