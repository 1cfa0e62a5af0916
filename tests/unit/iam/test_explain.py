"""AWS's sentence for a denial, the account of every statement, and the least that would help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.iam.evaluate import evaluate
from lambdad.iam.explain import Outcome, denial_text, explain, lines, to_json
from lambdad.iam.gatekeeper import propose
from lambdad.iam.policy import PolicyKind, parse_policy
from lambdad.iam.principals import ANONYMOUS, service_caller
from support.policy_requests import (
    ACCOUNT,
    OTHER_ACCOUNT,
    ROLE_ARN,
    SESSION,
    SESSION_ARN,
    USER,
    USER_ARN,
    allow,
    deny,
    policy,
    request,
    resource_policy,
    trust_policy,
)

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"
INVOKE = "lambda:InvokeFunction"
EVERYTHING = policy(allow())
START = f"User: {USER_ARN} is not authorized to perform: {INVOKE} on resource: {FUNCTION}"


# IAM user guide, "Troubleshoot access denied error messages".
@pytest.mark.parametrize(
    ("circumstances", "ending"),
    [
        ({}, "because no identity-based policy allows the lambda:InvokeFunction action"),
        (
            {"identity": [policy(allow(), deny("lambda:*"))]},
            "with an explicit deny in an identity-based policy",
        ),
        (
            {"identity": [EVERYTHING], "boundary": policy(allow("s3:*"))},
            "because no permissions boundary allows the lambda:InvokeFunction action",
        ),
        (
            {"identity": [EVERYTHING], "boundary": policy(deny())},
            "with an explicit deny in a permissions boundary",
        ),
        (
            {"identity": [EVERYTHING], "session": (policy(allow("s3:*")),)},
            "because no session policy allows the lambda:InvokeFunction action",
        ),
        (
            {"identity": [EVERYTHING], "session": (policy(deny()),)},
            "with an explicit deny in a session policy",
        ),
        (
            {"identity": [EVERYTHING], "service_control": ((policy(allow("s3:*")),),)},
            "because no service control policy allows the lambda:InvokeFunction action",
        ),
        (
            {"identity": [EVERYTHING], "service_control": ((policy(deny()),),)},
            "with an explicit deny in a service control policy",
        ),
        (
            {"identity": [EVERYTHING], "account": OTHER_ACCOUNT},
            "because no resource-based policy allows the lambda:InvokeFunction action",
        ),
        (
            {"identity": [EVERYTHING], "policy": resource_policy(deny(Principal="*"))},
            "with an explicit deny in a resource-based policy",
        ),
    ],
)
def test_denials(circumstances: dict[str, Any], ending: str) -> None:
    asked = request(USER, INVOKE, FUNCTION, **circumstances)
    assert denial_text(asked, evaluate(asked)) == f"{START} {ending}"


@pytest.mark.parametrize(
    ("effect", "ending"),
    [
        ("Allow", "because no role trust policy allows the sts:AssumeRole action"),
        ("Deny", "with an explicit deny in the role trust policy"),
    ],
)
def test_denials_of_a_trust_policy(effect: str, ending: str) -> None:
    named = {"AWS": SESSION_ARN if effect == "Allow" else USER_ARN}
    asked = request(
        USER,
        "sts:AssumeRole",
        ROLE_ARN,
        [EVERYTHING],
        policy=trust_policy(named, effect=effect),
        must_be_named=True,
    )
    text = denial_text(asked, evaluate(asked))
    assert text == (
        f"User: {USER_ARN} is not authorized to perform: sts:AssumeRole"
        f" on resource: {ROLE_ARN} {ending}"
    )


def test_the_account_of_every_statement() -> None:
    attached = resource_policy(allow(INVOKE, FUNCTION, Principal={"AWS": SESSION_ARN}))
    own = policy(
        allow("s3:*"),
        allow(INVOKE, f"{FUNCTION}-old"),
        allow(INVOKE, Sid="Office", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        name="arn:aws:iam::123456789012:policy/work",
    )
    asked = request(USER, INVOKE, FUNCTION, [own], {"aws:sourceip": "10.0.0.1"}, policy=attached)
    explanation = explain(asked)
    assert [finding.outcome for finding in explanation.findings] == [
        Outcome.OTHER_ACTION,
        Outcome.OTHER_RESOURCE,
        Outcome.UNMET_CONDITION,
        Outcome.OTHER_PRINCIPAL,
    ]
    assert list(lines(explanation)) == [
        f"{START} because no identity-based policy allows the {INVOKE} action",
        "identity-based policy arn:aws:iam::123456789012:policy/work, statement 1:"
        " Allow does not cover the action",
        "identity-based policy arn:aws:iam::123456789012:policy/work, statement 2:"
        " Allow does not cover the resource",
        "identity-based policy arn:aws:iam::123456789012:policy/work, statement 3 (Office):"
        " Allow has a condition that is not met",
        "  IpAddress aws:SourceIp: 203.0.113.0/24 (is: 10.0.0.1)",
        "resource-based policy, statement 1: Allow does not name the caller",
    ]
    told = json.loads(json.dumps(to_json(explanation)))
    assert told["Allowed"] is False
    assert told["Statements"][2]["Conditions"][0]["Actual"] == ["10.0.0.1"]


def test_the_account_of_an_allowed_call() -> None:
    asked = request(USER, INVOKE, FUNCTION, [policy(allow("lambda:*"), name="inline")])
    first, second = lines(explain(asked))
    assert first == (
        f"{USER_ARN} may perform {INVOKE} on {FUNCTION}:"
        " allowed by identity-based policy inline, statement 1"
    )
    assert second == "identity-based policy inline, statement 1: Allow applies"


def test_the_least_policy_for_an_identity() -> None:
    (proposal,) = propose(request(SESSION, INVOKE, FUNCTION))
    assert (proposal.kind, proposal.attach_to) == (PolicyKind.IDENTITY, ROLE_ARN)
    assert proposal.document == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": INVOKE, "Resource": FUNCTION}],
    }
    parse_policy(json.dumps(proposal.document), PolicyKind.IDENTITY)


def test_nothing_is_proposed_for_what_is_allowed() -> None:
    assert propose(request(USER, INVOKE, FUNCTION, [EVERYTHING])) == ()


def test_everything_that_is_missing_is_proposed_at_once() -> None:
    asked = request(
        USER,
        INVOKE,
        FUNCTION,
        boundary=policy(allow("s3:*")),
        account=OTHER_ACCOUNT,
        service_control=((policy(allow("s3:*")),), (policy(allow("s3:*")),)),
    )
    kinds = [proposal.kind for proposal in propose(asked)]
    assert kinds == [
        PolicyKind.SERVICE_CONTROL,
        PolicyKind.RESOURCE,
        PolicyKind.IDENTITY,
        PolicyKind.BOUNDARY,
    ]


def test_a_deny_is_named_that_has_to_go() -> None:
    own = policy(deny("lambda:*", Sid="Never"), name="guard")
    first, second = propose(request(USER, INVOKE, FUNCTION, [own]))
    assert first.document is None
    assert first.remove is not None
    assert first.remove.statement.sid == "Never"
    assert second.kind is PolicyKind.IDENTITY


def test_a_service_is_proposed_with_its_source() -> None:
    bucket = "arn:aws:s3:::uploads"
    asked = request(
        service_caller("s3.amazonaws.com"), INVOKE, FUNCTION, (), {"aws:sourcearn": bucket}
    )
    (proposal,) = propose(asked)
    assert proposal.statement == {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": INVOKE,
        "Resource": FUNCTION,
        "Condition": {"ArnLike": {"aws:SourceArn": bucket}},
    }
    parse_policy(json.dumps(proposal.document), PolicyKind.RESOURCE)


def test_a_trust_policy_is_proposed_without_resource() -> None:
    asked = request(
        USER,
        "sts:AssumeRole",
        ROLE_ARN,
        policy=trust_policy({"AWS": SESSION_ARN}),
        must_be_named=True,
    )
    (proposal,) = propose(asked)
    assert (proposal.kind, proposal.attach_to) == (PolicyKind.TRUST, ROLE_ARN)
    parse_policy(json.dumps(proposal.document), PolicyKind.TRUST)


def test_strangers_are_proposed_as_everybody() -> None:
    (proposal,) = propose(request(ANONYMOUS, INVOKE, FUNCTION, account=ACCOUNT))
    assert proposal.statement is not None
    assert proposal.statement["Principal"] == "*"
