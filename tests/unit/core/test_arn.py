"""ARNs come apart and together again."""

from __future__ import annotations

import pytest

from lambdad.core.arn import Arn, function_arn, parse_arn


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:lambda:us-east-1:000000000000:function:f:1",
        "arn:aws:iam::000000000000:role/a/b",
        "arn:aws-cn:s3:::bucket/key:with:colons",
    ],
)
def test_parsing_and_printing_are_inverse(text: str) -> None:
    arn = parse_arn(text)
    assert arn is not None
    assert str(arn) == text


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:lambda:us-east-1:0", "urn:a:b:c:d:e"])
def test_other_texts_are_no_arns(text: str) -> None:
    assert parse_arn(text) is None


def test_function_arns() -> None:
    assert (
        function_arn("eu-west-1", "1" * 12, "f")
        == f"arn:aws:lambda:eu-west-1:{'1' * 12}:function:f"
    )
    assert function_arn("eu-west-1", "1" * 12, "f", "$LATEST").endswith(":function:f:$LATEST")
    assert Arn("s3", "", "", "b").partition == "aws"
