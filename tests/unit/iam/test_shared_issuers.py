"""iam/shared_issuers: roles that would trust all users of GitHub and the like (IAM user guide,
"Identity-provider controls for shared OIDC providers")."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.iam.policy import MalformedPolicy, PolicyKind, parse_policy

GITHUB = "token.actions.githubusercontent.com"
SUB = f"{GITHUB}:sub"
ANYBODY = (
    f"Trust policy with trusted principal arn:aws:iam::111122223333:oidc-provider/{GITHUB} must "
    f"evaluate, using StringEquals, StringLike or StringEqualsIgnoreCase, {SUB} or "
    f"{GITHUB}:job_workflow_ref which is not scoped to all."
)


def trust(conditions: dict[str, Any], issuer: str = GITHUB, effect: str = "Allow") -> str:
    statement = {
        "Effect": effect,
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
        {"StringEquals": {f"{GITHUB}:repository": "a/b"}},
        {"StringLike": {SUB: "*"}},
        {"StringLike": {SUB: ["repo:a/b:*", "*"]}},
        {"StringLike": {SUB: []}},
        {"StringLikeIfExists": {SUB: "repo:a/b:*"}},
        {"ForAllValues:StringLike": {SUB: "repo:a/b:*"}},
        {"StringNotEquals": {SUB: "repo:a/b:*"}},
    ],
)
def test_everybody(conditions: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        parse_policy(trust(conditions), PolicyKind.TRUST)
    assert caught.value.message == ANYBODY


@pytest.mark.parametrize(
    "conditions",
    [
        {"StringLike": {SUB: "repo:*"}},
        {"StringEquals": {SUB.upper(): "repo:a/b:ref:refs/heads/main"}},
        {"StringEqualsIgnoreCase": {SUB: "repo:A/b:environment:x"}},
        {"ForAnyValue:StringLike": {SUB: "repo:a/b:*"}},
        {"StringLike": {f"{GITHUB}:job_workflow_ref": "a/b/.github/workflows/x.yml@*"}},
    ],
)
def test_somebody(conditions: dict[str, Any]) -> None:
    parse_policy(trust(conditions), PolicyKind.TRUST)


def test_other_issuers_and_denials() -> None:
    parse_policy(trust({}, "id.example"), PolicyKind.TRUST)
    parse_policy(trust({}, effect="Deny"), PolicyKind.TRUST)
    with pytest.raises(MalformedPolicy) as caught:
        parse_policy(trust({}, "gitlab.com"), PolicyKind.TRUST)
    assert "StringEqualsIgnoreCase, gitlab.com:sub which is not" in caught.value.message
