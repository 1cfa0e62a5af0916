"""Java's regular expressions: all of AWS's mean to us what they mean to AWS, and end in time."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.core.limits import WIRE_LIMITS
from lambdad.wire.model import ServiceCatalog
from lambdad.wire.patterns import LINEAR, compile_pattern, matcher

SERVICES = (
    "lambda", "s3", "sqs", "sns", "events", "scheduler", "dynamodb", "dynamodbstreams", "kinesis",
    "stepfunctions", "apigateway", "apigatewayv2", "logs", "cloudwatch", "xray", "iam", "sts",
    "kms", "secretsmanager", "ssm", "ecr", "cloudformation", "pipes",
)  # fmt: skip
UNREADABLE: dict[str, str] = {}  # pattern: why Python cannot read it; it would not be checked


def patterns() -> dict[str, int]:
    """Every pattern of the served services with the longest value that may be matched."""
    catalog = ServiceCatalog()
    found: dict[str, int] = {}
    for service in SERVICES:
        for traits in catalog.service(service)._definitions.values():
            if "pattern" in traits:
                longest = traits.get("max", WIRE_LIMITS.open_pattern_chars)
                longest = max(longest, WIRE_LIMITS.pattern_chars)
                found[traits["pattern"]] = max(longest, found.get(traits["pattern"], 0))
    return found


def test_every_pattern_compiles_without_a_warning() -> None:
    failed = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pattern in patterns():
            try:
                compile_pattern(pattern)
            except (re.error, Warning):
                failed.append(pattern)
    assert sorted(failed) == sorted(UNREADABLE)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "Größe 1", "名前", "a\u00a0b"], ["a!", "😀", "a\tb"]),
        (r"[\w-_]*", ["a-b_c"], ["a.b", "é"]),
        (r"\p{Print}+", ["a b~"], ["", "a\n", "é"]),
        (r"\p{ASCII}*", ["a\x00\x7f"], ["é"]),
        (r"\P{L}+", ["12"], ["a"]),
        (r"[&&a]+", ["&a"], ["b"]),
        (r"[a-zA-Z0-9-_]+", ["a-Z_9"], ["a b"]),
        (r"\d+", ["12"], ["١٢"]),
        (
            r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*",
            ["a😀\n"],
            ["\x00", "\x0b"],
        ),
    ],
)
def test_java_and_python_agree(pattern: str, good: list[str], bad: list[str]) -> None:
    matches = matcher(pattern, None)
    assert [value for value in good if not matches(value)] == []
    assert [value for value in bad if matches(value)] == []


def test_the_whole_value_must_match() -> None:
    matches = matcher("[a-z]+", 10)
    assert matches("abc")
    assert not matches("abc!")
    assert not matches("abc\n")


def test_long_values_are_not_matched() -> None:
    assert matcher("[a-z]+", 64)("A" * 5000)  # its length is a violation of its own
    assert not matcher("[a-z]+", 64)("A" * 100)
    assert not matcher("[a-z]+", None)("a" * (WIRE_LIMITS.open_pattern_chars + 1))


@pytest.mark.parametrize("pattern", sorted(LINEAR))
@settings(max_examples=150)
@given(value=st.text("a0 \t.-:*\x00é$/[]", max_size=9))
def test_rewritten_patterns_match_what_they_replace(pattern: str, value: str) -> None:
    slow, fast = compile_pattern(pattern), compile_pattern(LINEAR[pattern])
    assert (slow.fullmatch(value) is None) == (fast.fullmatch(value) is None)


def test_no_pattern_runs_away() -> None:
    """Strings that make nested and neighbouring repeats backtrack. The whole test would not end
    in years if one pattern took exponential time; the generous bound only names the culprit."""
    pumps = ("a", "0", "-", ".", "/", ":", " ", "a-", "a.", "a/", "a:", "aA0-", "[0]", "a b")
    for pattern, longest in patterns().items():
        compiled = compile_pattern(LINEAR.get(pattern, pattern))
        for pump in pumps:
            value = (pump * longest)[: min(longest, 2048)] + "\x00"
            started = time.process_time()
            compiled.fullmatch(value)
            assert time.process_time() - started < 5, pattern
