"""Every form of a function name (semantics §1.3)."""

from __future__ import annotations

import pytest

from lambdad.core.errors import AccessDeniedException, AwsError
from lambdad.core.ids import AccountId, Region
from lambdad.functions.errors import InvalidParameterValueException, ResourceNotFoundException
from lambdad.functions.names import refer, refer_new, refer_unqualified

ACCOUNT, REGION = AccountId("123456789012"), Region("us-east-1")
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.mark.parametrize(
    ("given", "name", "qualifier"),
    [
        ("f", "f", None),
        ("f:1", "f", "1"),
        ("f:$LATEST", "f", "$LATEST"),
        ("f:blue", "f", "blue"),
        ("function:f", "f", None),
        ("function:f:2", "f", "2"),
        ("123456789012:function:f", "f", None),
        ("123456789012:function:f:live", "f", "live"),
        ("us-east-1:123456789012:function:f", "f", None),
        (f"{ARN}:f", "f", None),
        (f"{ARN}:f:$LATEST.PUBLISHED", "f", "$LATEST.PUBLISHED"),
        (ARN, "function", None),  # an ARN without a name names the function "function"
        ("123456789012", "123456789012", None),
    ],
)
def test_a_name_in_any_form(given: str, name: str, qualifier: str | None) -> None:
    reference = refer(ACCOUNT, REGION, given)
    assert (reference.key.name, reference.qualifier) == (name, qualifier)
    assert reference.key[:2] == (ACCOUNT, REGION)


def test_a_reference_is_qualified_as_far_as_the_caller_qualified_it() -> None:
    assert refer(ACCOUNT, REGION, "f").arn == f"{ARN}:f"
    assert refer(ACCOUNT, REGION, "f", "7").arn == f"{ARN}:f:7"
    assert refer(ACCOUNT, REGION, "f:7", "7").arn == f"{ARN}:f:7"


@pytest.mark.parametrize(
    ("given", "qualifier", "error", "message"),
    [
        (
            f"{ARN}:f:1",
            "2",
            InvalidParameterValueException,
            "The derived qualifier from the function name does not match the specified qualifier.",
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:f",
            None,
            ResourceNotFoundException,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
        ),
        (
            "arn:aws:lambda:us-east-1:999999999999:function:f",
            None,
            AccessDeniedException,
            None,
        ),
    ],
)
def test_a_name_that_is_refused(
    given: str, qualifier: str | None, error: type[AwsError], message: str | None
) -> None:
    with pytest.raises(error) as caught:
        refer(ACCOUNT, REGION, given, qualifier)
    assert caught.value.message == message


def test_whole_functions_take_no_qualifier() -> None:
    assert refer_unqualified(ACCOUNT, REGION, "function:f").name == "f"
    with pytest.raises(InvalidParameterValueException, match="Aliases and versions do not"):
        refer_unqualified(ACCOUNT, REGION, "f:1")


def test_a_new_name_has_at_most_64_characters() -> None:
    assert refer_new(ACCOUNT, REGION, "a" * 64).name == "a" * 64
    with pytest.raises(InvalidParameterValueException) as caught:
        refer_new(ACCOUNT, REGION, "a" * 65)
    assert caught.value.message == (
        f"1 validation error detected: Value '{'a' * 65}' at 'functionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64"
    )
    assert caught.value.members == {"Type": "User"}
