"""What Jackson says of bad JSON. The first two texts are recorded from AWS (semantics §2.1); the
others follow the source of its byte parser."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.services.lambda_.jackson import complaint

VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "


@pytest.mark.parametrize(
    ("text", "problem", "line", "column"),
    [
        (
            b"\x99\xeb,j\x07\xa1zYh",
            f"Unexpected character ((CTRL-CHAR, code 153)): expected a valid value {VALUES}",
            1,
            1,
        ),
        (b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "Invalid UTF-8 start byte 0x87", 1, 3),
        (b"hello", f"Unrecognized token 'hello': was expecting {VALUES}", 1, 6),
        (b"nulls", f"Unrecognized token 'nulls': was expecting {VALUES}", 1, 6),
        (b"tru", f"Unrecognized token 'tru': was expecting {VALUES}", 1, 4),
        (b"'a'", f"Unexpected character (''' (code 39)): expected a valid value {VALUES}", 1, 1),
        (b"   ", "No content to map due to end-of-input", 1, 4),
        (b"]", f"Unexpected close marker ']': expected '}}' (for root starting at {SOURCE}line: 1, "
               "column: 0])", 1, 2),
        (b"[1,]", "Unexpected character (']' (code 93)): expected a value", 1, 4),
        (b"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array "
                   "entries", 1, 4),
        (b'{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start "
                      "field name", 1, 8),
        (b"{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start "
                   "field name", 1, 2),
        ("{\N{GREEK SMALL LETTER ALPHA}:1}".encode(),
         "Unexpected character ('α' (code 945 / 0x3b1)): was expecting double-quote to start field "
         "name", 1, 3),
        (b'{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate "
                     "field name and value", 1, 6),
        (b'{"a":1]', f"Unexpected close marker ']': expected '}}' (for Object starting at {SOURCE}"
                     "line: 1, column: 1])", 1, 8),
        (b'{\n "a": 1,\n "b"', "Unexpected end-of-input within/between Object entries", 3, 5),
        (b'{"a":1', "Unexpected end-of-input: expected close marker for Object (start marker at "
                    f"{SOURCE}line: 1, column: 1])", 1, 7),
        (b'"abc', "Unexpected end-of-input in VALUE_STRING", 1, 5),
        (b'{"abc', "Unexpected end-of-input in field name", 1, 6),
        (b'"a\nb"', "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using "
                    "backslash to be included in string value", 1, 3),
        (b'"\\x"', "Unrecognized character escape 'x' (code 120)", 1, 3),
        (b'"\\u12g4"', "Unexpected character ('g' (code 103)): expected a hex-digit for character "
                       "escape sequence", 1, 6),
        (b'"\xff"', "Invalid UTF-8 start byte 0xff", 1, 3),
        (b'"\xc3("', "Invalid UTF-8 middle byte 0x28", 1, 4),
        (b"01", "Invalid numeric value: Leading zeroes not allowed", 1, 3),
        (b"-x", "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to "
                "follow minus sign, for valid numeric value", 1, 2),
        (b"1.x", "Unexpected character ('x' (code 120)) in numeric value: Decimal point not "
                 "followed by a digit", 1, 3),
        (b"1ex", "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not "
                 "followed by a digit", 1, 3),
        (b"12a", "Unexpected character ('a' (code 97)): Expected space separating root-level "
                 "values", 1, 3),
        (b"NaN", "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to "
                 "allow", 1, 4),
        (b"[-Infinity]", "Non-standard token '-Infinity': enable "
                         "`JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow", 1, 11),
        (b"/* c */ 1", "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? "
                       "(not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for "
                       "parser)", 1, 1),
        (b"[\x01]", "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, "
                    "\\t) is allowed between tokens", 1, 2),
        (b"[" * 1001, "Document nesting depth (1001) exceeds the maximum allowed (1000, from "
                      "`StreamReadConstraints.getMaxNestingDepth()`)", 1, 1002),
    ],
)  # fmt: skip
def test_a_complaint(text: bytes, problem: str, line: int, column: int) -> None:
    assert complaint(text) == f"{problem}\n at {SOURCE}line: {line}, column: {column}]"


@pytest.mark.parametrize(
    "text",
    [
        b'"\\ud800"',  # half a surrogate pair: Jackson does not mind, fast parsers do
        b"{} trailing",  # one value is read and no further
        b"1" * 400,
        b"[" * 1000 + b"]" * 1000,
        b' \r\n\t{"a": [1, -2.5e+3, true, false, null, "\\u00e4\xc3\xa4\\n"], "b": {}} ',
    ],
)
def test_no_complaint(text: bytes) -> None:
    assert complaint(text) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values, st.booleans())
def test_whatever_is_json_is_no_complaint(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        text.decode()
    except UnicodeDecodeError:
        return
    assert complaint(text) is None


@given(st.binary(max_size=30) | st.text(alphabet='[]{}:,"\\ue1.-+0 antrulfs\n', max_size=30))
def test_never_stricter_than_a_strict_parser(given: bytes | str) -> None:
    text = given.encode() if isinstance(given, str) else given
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        complaint(text)  # may see it either way, but never fails
    else:
        assert complaint(text) is None
