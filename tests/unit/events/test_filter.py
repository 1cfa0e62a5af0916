"""Filter criteria: the language, its refusals, and the table of formats (semantics §4.5)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.events.filter import DataKey, InvalidPattern, compile_filters

BODY = DataKey("body")


def accepts(pattern: Any, record: dict[str, Any]) -> bool:
    return compile_filters([json.dumps(pattern)], BODY).accept(record)


def body(document: Any) -> dict[str, Any]:
    return {"body": json.dumps(document)}


LANGUAGE: list[tuple[Any, Any, Any]] = [
    # (pattern of the body, a body that is accepted, one that is not)
    ({"a": ["x"]}, {"a": "x"}, {"a": "y"}),
    ({"a": ["x", "y"]}, {"a": "y"}, {"a": "z"}),
    ({"a": [""]}, {"a": ""}, {"a": None}),
    ({"a": [None]}, {"a": None}, {"a": ""}),
    ({"a": [1]}, {"a": 1.0}, {"a": True}),
    ({"a": [True]}, {"a": True}, {"a": 1}),
    ({"a": ["1"]}, {"a": "1"}, {"a": 1}),
    ({"a": ["x"], "b": ["y"]}, {"a": "x", "b": "y"}, {"a": "x"}),
    ({"a": {"b": {"c": ["x"]}}}, {"a": {"b": {"c": "x"}}}, {"a": {"b": {"d": "x"}}}),
    ({"a": ["x"]}, {"a": ["w", "x"]}, {"a": ["w", ["x"]]}),
    ({"a": {"b": ["x"]}}, {"a": [{"b": "w"}, {"b": "x"}]}, {"a": [{"b": "w"}]}),
    ({"a": [{"prefix": "us-"}]}, {"a": "us-east-1"}, {"a": "eu-us-"}),
    ({"a": [{"suffix": ".png"}]}, {"a": "x.png"}, {"a": "x.png.gz"}),
    ({"a": [{"equals-ignore-case": "Yes"}]}, {"a": "yES"}, {"a": "no"}),
    ({"a": [{"anything-but": ["x", 1]}]}, {"a": "y"}, {"a": "x"}),
    ({"a": [{"anything-but": "x"}]}, {"a": 2}, {}),
    ({"a": [{"anything-but": {"prefix": "init"}}]}, {"a": "ready"}, {"a": "initial"}),
    ({"a": [{"numeric": ["=", 100]}]}, {"a": 100}, {"a": "100"}),
    ({"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 20}, {"a": 10}),
    ({"a": [{"numeric": ["<", 1e3]}]}, {"a": -5.5}, {"a": True}),
    ({"a": [{"exists": True}]}, {"a": None}, {"b": 1}),
    ({"a": [{"exists": True}]}, {"a": 0}, {"a": {"b": 1}}),
    ({"a": [{"exists": False}]}, {"b": 1}, {"a": 1}),
    ({"a": {"b": [{"exists": False}]}}, {}, {"a": {"b": 0}}),
    ({"$or": [{"a": ["x"]}, {"b": [2]}]}, {"b": 2}, {"a": "y", "b": 3}),
    ({"c": [1], "$or": [{"a": ["x"]}, {"b": [2]}]}, {"c": 1, "a": "x"}, {"c": 2, "a": "x"}),
    ({"$or": ["x"]}, None, None),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), LANGUAGE[:-1])
def test_language(pattern: Any, good: Any, bad: Any) -> None:
    assert accepts({"body": pattern}, body(good))
    assert not accepts({"body": pattern}, body(bad))


def test_the_last_of_equal_keys_counts() -> None:
    filters = compile_filters(['{"body": {"a": [1], "a": [2]}}'], BODY)
    assert filters.accept(body({"a": 2}))
    assert not filters.accept(body({"a": 1}))


def test_one_filter_of_several_is_enough_and_none_lets_everything_through() -> None:
    patterns = ['{"body": {"a": [1]}}', '{"body": {"b": [1]}}']
    filters = compile_filters(patterns, BODY)
    assert [filters.accept(body(each)) for each in ({"a": 1}, {"b": 1}, {"c": 1})] == [
        True, True, False,
    ]  # fmt: skip
    assert compile_filters([], BODY).accept({"body": "anything"})


JSON_BODY, PLAIN_BODY = '{"a": "x"}', "plain words"
FORMATS: list[tuple[str, Any, bool]] = [
    # AWS's table: the message, the pattern, whether it passes
    (PLAIN_BODY, {"body": [PLAIN_BODY]}, True),
    (PLAIN_BODY, {"body": ["other words"]}, False),
    (PLAIN_BODY, {"body": {"a": ["x"]}}, False),
    (PLAIN_BODY, {"body": {"a": [{"exists": False}]}}, False),
    (JSON_BODY, {"body": {"a": ["x"]}}, True),
    (JSON_BODY, {"body": [JSON_BODY]}, False),
    (JSON_BODY, {"messageId": ["1"]}, True),
    (PLAIN_BODY, {"messageId": ["1"]}, True),
    (PLAIN_BODY, {"messageId": ["2"]}, False),
    (PLAIN_BODY, {"body": [PLAIN_BODY], "messageId": ["2"]}, False),
    ("42", {"body": ["42"]}, True),
    ("{not json", {"body": ["{not json"]}, True),
]


@pytest.mark.parametrize(("message", "pattern", "passes"), FORMATS)
def test_formats_of_message_and_pattern(message: str, pattern: Any, passes: bool) -> None:
    assert accepts(pattern, {"messageId": "1", "body": message}) is passes


INVALID: list[Any] = [
    [],
    "text",
    {"body": "x"},
    {"body": 1},
    {"body": []},
    {"body": None},
    {"body": {"a": "x"}},
    {"body": {"a": [["x"]]}},
    {"body": {"a": [{}]}},
    {"body": {"a": [{"prefix": "x", "suffix": "y"}]}},
    {"body": {"a": [{"prefix": 1}]}},
    {"body": {"a": [{"no-such-operator": 1}]}},
    {"body": {"a": [{"wildcard": "a*"}]}},  # EventBridge's alone
    {"body": {"a": [{"cidr": "10.0.0.0/8"}]}},
    {"body": {"a": [{"exists": "true"}]}},
    {"body": {"a": [{"anything-but": []}]}},
    {"body": {"a": [{"anything-but": [True]}]}},
    {"body": {"a": [{"anything-but": {"numeric": ["=", 1]}}]}},
    {"body": {"a": [{"numeric": []}]}},
    {"body": {"a": [{"numeric": ["!", 1]}]}},
    {"body": {"a": [{"numeric": ["=", "1"]}]}},
    {"body": {"a": [{"numeric": [">", 20, "<", 10]}]}},
    {"body": {"a": [{"numeric": ["<", 10, ">", 1]}]}},
    {"body": {"a": [{"numeric": [["=", 1], 1]}]}},
    {"body": {"$or": [{"a": ["x"]}]}},
    {"body": {"$or": ["x", "y"]}},
]


@pytest.mark.parametrize("pattern", INVALID)
def test_what_is_no_pattern(pattern: Any) -> None:
    with pytest.raises(InvalidPattern):
        compile_filters([json.dumps(pattern)], BODY)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", "[" * 100_000])
def test_what_is_not_even_json(text: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_filters([text], BODY)


def test_no_pattern_is_so_deep_that_it_exhausts_the_stack() -> None:
    with pytest.raises(InvalidPattern):
        compile_filters(['{"a":' * 500 + '["x"]' + "}" * 500], BODY)


def test_streams_take_no_plain_patterns() -> None:
    with pytest.raises(InvalidPattern):
        compile_filters(['{"data": ["x"]}'], DataKey("data", plain_patterns=False))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@given(VALUES, st.text(max_size=20) | VALUES.map(json.dumps))
def test_any_pattern_is_refused_or_decides_about_any_message(pattern: Any, message: str) -> None:
    try:
        filters = compile_filters([json.dumps({"body": pattern})], BODY)
    except InvalidPattern:
        return
    assert filters.accept({"body": message}) in (True, False)
