"""Wildcards, policy variables and ARNs by segment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.iam.matching import (
    Context,
    Template,
    any_of,
    compile_arn,
    compile_pattern,
    compile_texts,
    complete_arn,
    read_text,
)

FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:"


def matches(pattern: str, text: str) -> bool:
    marked = read_text(pattern, wildcards=True, variables=False)
    assert isinstance(marked, str)
    return compile_pattern(marked)(text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("a", "a", True),
        ("a", "A", False),
        ("?", "a", True),
        ("?", "", False),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("ab*bc", "abc", False),
        ("ab*bc", "abbc", True),
        ("*b*", "abc", True),
        ("*log*", "arn:aws:s3:::my:logs", True),
        ("a*b*c", "aXbXbXc", True),
        ("a*b*c", "aXcXb", False),
        ("a**c", "ac", True),
        ("a?c*", "abcd", True),
        ("*?", "", False),
        ("*?b", "ab", True),
        ("a*?c", "ac", False),
        ("a.c", "abc", False),
        ("[a]", "a", False),
        ("a\n*", "a\nb\n", True),
        ("a?b", "a\nb", True),
    ],
)
def test_wildcards(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def slow_match(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return slow_match(pattern[1:], text) or (bool(text) and slow_match(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and slow_match(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_match_like_their_definition(pattern: str, text: str) -> None:
    assert matches(pattern, text) is slow_match(pattern, text)


@given(st.lists(st.text("ab*?", max_size=5), max_size=5), st.text("ab", max_size=6))
def test_a_group_matches_if_one_of_it_does(patterns: list[str], text: str) -> None:
    marked = [str(read_text(each, wildcards=True, variables=False)) for each in patterns]
    assert any_of(marked)(text) is any(slow_match(each, text) for each in patterns)


def resolved(text: str, context: Context) -> str | None:
    template = read_text(text, wildcards=False, variables=True)
    return template.resolve(context) if isinstance(template, Template) else template


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # IAM user guide, "Variables and tags".
        ("home/${aws:username}/", "home/ann/"),
        ("home/${AWS:UserName}/", "home/ann/"),
        ("${aws:PrincipalTag/cost center}", "42"),
        ("${aws:userid, 'anonymous'}", "anonymous"),
        ("${aws:username, 'anonymous'}", "ann"),
        ("${aws:userid,''}", ""),
        ("${*}${?}${$}", "*?$"),
        ("${aws:userid}", None),
        ("${aws:tagkeys}", None),
        ("${aws:one}", "1"),
        # What is not of a variable's form stays what it is.
        ("$ {aws:username}", "$ {aws:username}"),
        ("${aws:username", "${aws:username"),
        ("${}", "${}"),
        ("$${aws:username}", "$ann"),
    ],
)
def test_variables(text: str, expected: str | None) -> None:
    context: Context = {
        "aws:username": "ann",
        "aws:principaltag/cost center": "42",
        "aws:tagkeys": ("a", "b"),
        "aws:one": ("1",),
    }
    assert resolved(text, context) == expected


def test_older_policies_have_no_variables() -> None:
    assert read_text("${aws:username}", wildcards=False, variables=False) == "${aws:username}"


def test_what_a_variable_brings_in_is_never_a_wildcard() -> None:
    text = read_text("data/${aws:username}/*", wildcards=True, variables=True)
    test = compile_texts([text], unresolved=False)
    assert test("data/*/x", {"aws:username": "*"})
    assert not test("data/bob/x", {"aws:username": "*"})
    assert not test("data/bob/x", {"aws:username": "b?b"})
    assert not test("data/bob/x", {"aws:username": "\x00"})
    assert not test("data/bob/x", {"aws:username": "b\x01b"})


def test_control_characters_of_an_author_are_no_wildcards() -> None:
    assert not matches("a\x00", "ab")
    assert not matches("a\x01", "ab")


def test_a_literal_asterisk_beside_a_wildcard() -> None:
    text = read_text("${*}*", wildcards=True, variables=True)
    assert isinstance(text, str)
    assert compile_pattern(text)("*a")
    assert not compile_pattern(text)("a")


@pytest.mark.parametrize(("unresolved", "expected"), [(False, False), (True, True)])
def test_an_unresolved_variable_counts_as_told(unresolved: bool, expected: bool) -> None:
    text = read_text("${aws:userid}", wildcards=True, variables=True)
    assert compile_texts([text], unresolved=unresolved)("x", {}) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        # IAM user guide, "ARN condition operators": a `*` stays within its segment.
        (
            "arn:aws:someservice:*:111122223333:finance/*",
            "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/doc.txt",
            False,
        ),
        (f"{FUNCTION}*", f"{FUNCTION}a:live", True),
        ("arn:aws:lambda:*:*:function:*", f"{FUNCTION}a", True),
        ("arn:aws:lambda", f"{FUNCTION}a", True),
        ("*", f"{FUNCTION}a", True),
        ("*", "not an arn", False),
        ("arn:aws:s3:::data", "arn:aws:s3:::data", True),
        ("arn:aws:s3:::data", "arn:aws:s3:::DATA", False),
    ],
)
def test_arns_match_by_segment(pattern: str, arn: str, expected: bool) -> None:
    assert compile_arn(pattern.replace("*", "\x00"))(arn) is expected


def test_incomplete_resource_arns_are_completed() -> None:
    # IAM user guide, "Resource", incomplete ARNs.
    assert complete_arn("arn:aws:sqs").replace("\x00", "*") == "arn:aws:sqs:*:*:*"
    assert complete_arn("arn:aws:s3:::data") == "arn:aws:s3:::data"
    assert complete_arn("\x00") == "\x00"
