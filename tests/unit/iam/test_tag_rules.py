"""iam/tag_rules: which tags may stand together (IAM user guide, "Rules for tagging in IAM and AWS
STS")."""

from __future__ import annotations

import pytest

from lambdad.iam.tag_rules import tags_complaint

DUPLICATE = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
RESERVED = "aws: prefixed tag key names are not allowed for external use."


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        ([], None),
        ([("a", "1"), ("b", "1")], None),
        ([("awsx", "aws"), ("x-aws:", " aws:")], None),
        ([("a", "1"), ("A", "2")], DUPLICATE),
        ([("aws:a", "")], RESERVED),
        ([("a", ""), ("AwS:b", "")], RESERVED),
        ([("a", "aws:")], RESERVED),
        ([("aws:a", ""), ("AWS:a", "")], DUPLICATE),
    ],
)
def test_complaint(tags: list[tuple[str, str]], complaint: str | None) -> None:
    assert tags_complaint(tags) == complaint
