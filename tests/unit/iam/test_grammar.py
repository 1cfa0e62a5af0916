"""What is refused as a policy, in AWS's words.

The texts and which complaint comes first: IAM's answers as the public test suites of moto
(identity policies) and versitygw (trust policies) observed them; S3's recorded answers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.core.limits import Limits
from lambdad.iam.policy import MalformedPolicy, PolicyKind, parse_policy

GOOD = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::example_bucket"}
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
SYNTAX = "Syntax errors in policy."
VERSION = "Policy document must be version 2012-10-17 or greater."
LEGACY = "The policy failed legacy parsing"
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def document(*statements: Any, **fields: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | fields)


def complaint(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    with pytest.raises(MalformedPolicy) as caught:
        parse_policy(text, kind)
    return caught.value.message


def changed(base: dict[str, Any], *without: str, **fields: Any) -> dict[str, Any]:
    return {key: value for key, value in (base | fields).items() if key not in without}


@pytest.mark.parametrize(
    "text",
    [
        "This is no JSON",
        "",
        "[]",
        "{}",
        "1",
        '{"Version":"2012-10-17"}',
        document(),
        document("afd"),
        document(GOOD, Version="2013-10-17"),
        document(GOOD, Extra="x"),
        document(GOOD, Id=["x"]),
        document(changed(GOOD, Extra="x")),
        document(changed(GOOD, "Effect")),
        document(changed(GOOD, Effect="invalid")),
        document(changed(GOOD, Sid={})),
        document(changed(GOOD, Action={})),
        document(changed(GOOD, Action=[[]])),
        document(changed(GOOD, Action=None)),
        document(changed(GOOD, NotAction="s3:x")),
        document(changed(GOOD, NotResource="*")),
        document(changed(GOOD, Resource={"a": "*"})),
        document(changed(GOOD, Condition=[])),
        document(changed(GOOD, Condition="a")),
        document(changed(GOOD, Condition={"a": "b"})),
        document(changed(GOOD, Condition={"DateGreaterThan": "b"})),
        document(changed(GOOD, Condition={"DateGreaterThan": {"a": {}}})),
        document(changed(GOOD, Condition={"x": {"a": "1"}})),
        document(changed(GOOD, Condition={"ForAnyValue::StringEqualsIfExists": {"a": "b"}})),
        '{"Version":"2012-10-17","Version":"2012-10-17","Statement":'
        '{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Effect":"Deny",'
        '"Action":"*","Resource":"*"}}',
    ],
)
def test_syntax(text: str) -> None:
    assert complaint(text) == SYNTAX


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (changed(GOOD, Principal="*"), "Policy document should not specify a principal."),
        (changed(GOOD, Effect="denY"), LEGACY),
        (changed(GOOD, Condition={"DateLessThan": {"a": "tomorrow"}}), LEGACY),
        (changed(GOOD, "Action", Condition={"DateLessThan": {"a": ["0", "x"]}}), LEGACY),
        (changed(GOOD, Resource="arn:aws:s3::example_bucket"), LEGACY),
        (changed(GOOD, "Action", Resource="arn:aws:s3::example_bucket"), LEGACY),
        (changed(GOOD, Resource="arn:aws::fdsasf"), LEGACY),
        (changed(GOOD, Resource="arn:aws::::example_bucket"), LEGACY),
        (changed(GOOD, "Action"), "Policy statement must contain actions."),
        (changed(GOOD, Action=[]), "Policy statement must contain actions."),
        ({"Effect": "Allow"}, "Policy statement must contain actions."),
        (changed(GOOD, "Resource"), "Policy statement must contain resources."),
        (changed(GOOD, Resource=[]), "Policy statement must contain resources."),
        (changed(GOOD, Action="invalid"), VENDOR),
        (changed(GOOD, "Action", NotAction=""), VENDOR),
        (changed(GOOD, "Resource", Action="invalid"), VENDOR),
        (changed(GOOD, Action="a a:ListBucket"), "Vendor a a is not valid"),
        (changed(GOOD, Action="s3:x:y"), "Actions/Condition can contain only one colon."),
        (changed(GOOD, Resource="bad"), 'Resource bad must be in ARN format or "*".'),
        (changed(GOOD, Resource=""), 'Resource  must be in ARN format or "*".'),
        (
            changed(GOOD, Action="s:3:x", Resource="bad"),
            'Resource bad must be in ARN format or "*".',
        ),
        (
            changed(GOOD, Resource="a:bsdf"),
            'Partition "bsdf" is not valid for resource "arn:bsdf:*:*:*:*".',
        ),
        (
            changed(GOOD, Resource="a:b:c:d:e:f:g:h"),
            'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".',
        ),
        (
            changed(GOOD, Resource="aws:s3:::example_bucket"),
            'Partition "s3" is not valid for resource "arn:s3:::example_bucket:*".',
        ),
        (
            changed(GOOD, Resource="arn:aws"),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            changed(GOOD, Resource="arn:aws:iam:us-east-1::x"),
            "IAM resource arn:aws:iam:us-east-1::x cannot contain region information.",
        ),
        (
            changed(GOOD, Resource="arn:aws:s3:us-east-1::x"),
            "Resource arn:aws:s3:us-east-1::x can not contain region information.",
        ),
        (
            changed(GOOD, Resource="arn:aws:iam:::x"),
            'IAM resource path must either be "*", root, or start with user/, federated-user/, '
            "role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
            "saml-provider/, oidc-provider/, report/, access-report/.",
        ),
    ],
)
def test_complaints_about_statements(statement: dict[str, Any], expected: str) -> None:
    assert complaint(document(statement)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({"Statement": GOOD}), VERSION),
        (document(GOOD, Version="2008-10-17"), VERSION),
        (document(changed(GOOD, Effect="denY"), Version="2008-10-17"), VERSION),
        (
            document(changed(GOOD, Sid="a"), {"Sid": "a", "Effect": "Allow"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (document(changed(GOOD, Sid="a", Effect="aLLow"), changed(GOOD, Sid="a")), LEGACY),
    ],
)
def test_which_complaint_comes_first(text: str, expected: str) -> None:
    assert complaint(text) == expected


@pytest.mark.parametrize(
    "statement",
    [
        GOOD,
        changed(GOOD, Action="iam: asdf safdsf af "),
        changed(GOOD, Action="*"),
        changed(GOOD, Resource=["arn:aws:s3:::example_bucket", "*"]),
        changed(GOOD, Resource="arn:aws:iam:::user/example_bucket"),
        changed(GOOD, Resource="arn:aws:iam::111122223333:root"),
        changed(GOOD, Resource="arn:aws:fdsasf"),
        changed(GOOD, Resource="arn:aws:invalid-service:us-east-1::x"),
        changed(GOOD, Resource="arn:aws:s3:us-east-1:111122223333:accesspoint/x"),
        changed(GOOD, Action="s3.s-s:ListBucket"),
        changed(GOOD, Condition={}),
        changed(GOOD, Condition={"DateGreaterThan": {}}),
        changed(GOOD, Condition={"DateGreaterThan": {"a": []}}),
        changed(GOOD, Condition={"unknown": {}}),
        changed(GOOD, Condition={"Bool": {"aws:SecureTransport": False}}),
        changed(GOOD, Condition={"NumericLessThan": {"s3:max-keys": 10}}),
        changed(GOOD, Condition={"DateGreaterThan": {"a": "01T"}}),
    ],
)
def test_what_iam_takes(statement: dict[str, Any]) -> None:
    parse_policy(document(statement), PolicyKind.IDENTITY)
    parse_policy(json.dumps({"Version": "2012-10-17", "Statement": statement}), PolicyKind.SESSION)


def test_equal_empty_ids_are_no_ids() -> None:
    parse_policy(document(changed(GOOD, Sid=""), changed(GOOD, Sid="")), PolicyKind.IDENTITY)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (changed(TRUST, Resource="*"), "Has prohibited field Resource"),
        (changed(TRUST, NotResource="*"), "AssumeRole policy must not contain resources."),
        (
            changed(TRUST, Action="*"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            changed(TRUST, Action=["sts:AssumeRole", "s3:GetObject"]),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (changed(TRUST, "Action"), "Missing required field Action"),
        (changed(TRUST, "Principal"), "Missing required field Principal"),
        (changed(TRUST, Principal={}), "Missing required field Principal cannot be empty!"),
        (changed(TRUST, Principal="*"), "Principal must be a JSON object."),
        (changed(TRUST, "Effect"), "Missing required field Effect"),
        (changed(TRUST, Effect="Maybe"), "Invalid effect: Maybe"),
        (
            changed(TRUST, "Principal", NotPrincipal={"AWS": "*"}),
            "Allow with NotPrincipal is not allowed.",
        ),
        (
            changed(TRUST, Principal={"AWS": "ann"}),
            'Invalid principal in policy: "AWS":"ann"',
        ),
        (
            changed(TRUST, Principal={"AWS": "arn:aws:iam::111122223333:user/*"}),
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
        ),
        (
            changed(TRUST, Principal={"AWS": "arn:aws:iam::111122223333:group/x"}),
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:group/x"',
        ),
        (
            changed(TRUST, Principal={"Service": "lambda"}),
            'Invalid principal in policy: "SERVICE":"lambda"',
        ),
        (changed(TRUST, Condition={"Like": {"a": "b"}}), "Invalid Condition type : Like"),
    ],
)
def test_trust_policies(statement: dict[str, Any], expected: str) -> None:
    assert complaint(document(statement), PolicyKind.TRUST) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no json", "This policy contains invalid Json"),
        ("{}", "Missing required field Statement"),
        (document(), "Could not parse the policy: Statement is empty!"),
        (document(TRUST, Version="2013-10-17"), "The policy must contain a valid version string"),
        (
            document(changed(TRUST, Sid="a"), changed(TRUST, Sid="a")),
            "The Statement Ids in the policy are not unique",
        ),
    ],
)
def test_trust_documents(text: str, expected: str) -> None:
    assert complaint(text, PolicyKind.TRUST) == expected
    assert complaint(text, PolicyKind.RESOURCE) == expected


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "*"},
        {"AWS": "111122223333"},
        {"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/a/b"]},
        {"AWS": "arn:aws:sts::111122223333:assumed-role/r/session@x"},
        {"AWS": "AROAABCDEFGHIJKLMNOPQ"},
        {"Service": ["lambda.amazonaws.com", "logs.us-east-1.amazonaws.com"]},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_principals(principal: dict[str, Any]) -> None:
    parse_policy(document(changed(TRUST, Principal=principal)), PolicyKind.TRUST)


def test_resource_policies_may_do_without_a_version() -> None:
    statement = changed(TRUST, Action="SQS:SendMessage", Resource="*", Principal="*")
    parse_policy(json.dumps({"Statement": statement}), PolicyKind.RESOURCE)
    # Variables came with 2012-10-17: before it they are ordinary text.
    old = {"Statement": [changed(statement, Resource="arn:aws:sqs:*:*:${aws:username}")]}
    policy = parse_policy(json.dumps(old), PolicyKind.RESOURCE)
    assert policy.statements[0].may_cover("arn:aws:sqs:us-east-1:1:${aws:username}")
    assert not policy.statements[0].variable_resource


def test_a_document_is_bounded() -> None:
    limits = Limits(policy_bytes=200)
    padding = document(changed(GOOD, Sid="x" * 200))
    with pytest.raises(MalformedPolicy):
        parse_policy(padding, PolicyKind.IDENTITY, limits=limits)
    parse_policy(document(GOOD), PolicyKind.IDENTITY, limits=limits)


def test_white_space_before_a_document() -> None:
    # As clients of AWS report it.
    for space in " \n\t":
        assert complaint(space + document(GOOD)) == LEGACY
        text = "JSON strings must not have leading spaces"
        assert complaint(space + document(TRUST), PolicyKind.TRUST) == text
    parse_policy(document(GOOD) + " \n", PolicyKind.IDENTITY)
    parse_policy(document(TRUST) + " \n", PolicyKind.TRUST)
