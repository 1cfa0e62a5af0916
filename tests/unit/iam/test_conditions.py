"""Condition operators one by one. The rules are the IAM user guide's, "Condition operators"."""

from __future__ import annotations

import pytest

from lambdad.iam.conditions import OPERATORS, Reading, compile_condition, is_operator
from lambdad.iam.matching import Context

MODERN_ALLOW = Reading(variables=True, allow=True)
TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"


def holds(
    operator: str,
    values: str | list[str],
    actual: str | tuple[str, ...] | None,
    reading: Reading = MODERN_ALLOW,
    **context: str,
) -> bool:
    listed = [values] if isinstance(values, str) else values
    asked: Context = {name.replace("_", ":"): value for name, value in context.items()}
    if actual is not None:
        asked = {**asked, "a:key": actual}
    return compile_condition(operator, "A:Key", listed, reading).holds(asked)


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", [], "b", False),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringNotEquals", [], "c", True),
        ("StringEqualsIgnoreCase", "aB", "Ab", True),
        ("StringNotEqualsIgnoreCase", "aB", "Ab", False),
        ("StringLike", "home/?*", "home/a", True),
        ("StringLike", "home/?*", "home/", False),
        ("StringLike", "Home/*", "home/a", False),
        ("StringNotLike", "home/*", "home/a", False),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", "10", "ten", False),
        ("NumericNotEquals", "10", "11", True),
        ("NumericLessThan", "10", "9.99", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "-1", "0", True),
        ("NumericGreaterThanEquals", "9", "10", True),
        ("DateEquals", "2020-01-01", "1577836800", True),
        ("DateNotEquals", "2020-01-01", "1577836800", False),
        ("DateLessThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z", True),
        ("DateLessThanEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", True),
        ("DateGreaterThan", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", False),
        ("DateGreaterThanEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", True),
        ("Bool", "true", "TRUE", True),
        ("Bool", "true", "false", False),
        ("Bool", "yes", "yes", False),
        ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
        ("BinaryEquals", "QQ==", "Qg==", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.255", True),
        ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::9", True),
        ("IpAddress", "203.0.113.7", "203.0.113.8", False),
        ("IpAddress", "rubbish", "203.0.113.8", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.255", False),
        ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:t?pic", TOPIC, True),
        ("ArnLike", "arn:aws:sns:us-east-1:*", TOPIC, True),
        ("ArnNotEquals", "arn:aws:sns:*:123456789012:t?pic", TOPIC, False),
        ("ArnNotLike", "arn:aws:sqs:*:*:*", TOPIC, True),
        ("Null", "true", "x", False),
        ("Null", "false", "x", True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", (), False),
    ],
)
def test_operators(
    operator: str, values: str | list[str], actual: str | tuple[str, ...] | None, expected: bool
) -> None:
    assert holds(operator, values, actual) is expected


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_an_absent_key_fails_what_is_not_negated(name: str) -> None:
    assert holds(name, "1", None) is ("Not" in name)
    assert holds(f"{name}IfExists", "1", None) is True
    assert holds(f"ForAllValues:{name}", "1", None) is True
    assert holds(f"ForAnyValue:{name}", "1", None) is False


@pytest.mark.parametrize(
    ("operator", "actual", "expected"),
    [
        # "Set operations" in the IAM user guide, with its own attribute names.
        ("ForAllValues:StringLike", ("PostDateTime", "Message"), True),
        ("ForAllValues:StringLike", ("PostDateTime", "ID"), False),
        ("ForAllValues:StringLike", (), True),
        ("ForAllValues:StringLike", "", True),
        ("ForAnyValue:StringLike", ("PostDateTime", "ID"), True),
        ("ForAnyValue:StringLike", ("UserName", "ID"), False),
        ("ForAnyValue:StringLike", (), False),
        ("ForAnyValue:StringLike", "", False),
        ("ForAllValues:StringNotLike", ("UserName", "ID"), True),
        ("ForAllValues:StringNotLike", ("UserName", "Tags"), False),
        ("ForAnyValue:StringNotLike", ("UserName", "Tags"), True),
        ("ForAnyValue:StringNotLike", ("Message", "Tags"), False),
        # Without a set operator: one may match, none may where the operator is negated.
        ("StringLike", ("UserName", "Tags"), True),
        ("StringNotLike", ("UserName", "Tags"), False),
        ("StringNotLike", ("UserName", "ID"), True),
    ],
)
def test_several_values(operator: str, actual: str | tuple[str, ...], expected: bool) -> None:
    assert holds(operator, ["PostDateTime", "Message", "Tags"], actual) is expected


def test_variables_in_texts_and_arns_only() -> None:
    assert holds("StringEquals", "${aws:username}", "ann", aws_username="ann")
    assert holds("StringEqualsIgnoreCase", "${aws:username}", "ann", aws_username="ANN")
    assert holds("ArnLike", "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::1:user/ann",
                 aws_username="ann")  # fmt: skip
    assert not holds("NumericEquals", "${aws:n}", "1", aws_n="1")
    assert not holds("Bool", "${aws:b}", "true", aws_b="true")


@pytest.mark.parametrize(
    ("allow", "operator", "expected"),
    [
        (True, "StringEquals", False),
        (True, "StringNotEquals", False),
        (False, "StringEquals", False),
        (False, "StringNotEquals", True),
    ],
)
def test_an_unresolved_variable_never_lets_anybody_in(
    allow: bool, operator: str, expected: bool
) -> None:
    assert holds(operator, "${aws:none}", "x", Reading(True, allow)) is expected


@pytest.mark.parametrize(
    "name",
    ["StringEquals", "ForAnyValue:StringEqualsIfExists", "Null", "ForAllValues:ArnLike"],
)
def test_names_of_operators(name: str) -> None:
    assert is_operator(name)


@pytest.mark.parametrize(
    "name",
    ["stringequals", "NullIfExists", "ForAnyValue::StringLike", "StringContains", "", "IfExists"],
)
def test_names_that_are_no_operators(name: str) -> None:
    assert not is_operator(name)


def test_a_value_is_fetched_only_when_it_is_asked_for() -> None:
    asked = []

    class Lazy(dict[str, str | tuple[str, ...]]):
        def get(self, key: str, default: object = None) -> str:  # type: ignore[override]
            asked.append(key)
            return "x"

    condition = compile_condition("StringEquals", "A:Key", ["x"], MODERN_ALLOW)
    assert asked == []
    assert condition.holds(Lazy())
    assert asked == ["a:key"]
