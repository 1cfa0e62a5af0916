"""Policies and requests written to crash the evaluator, to stall it or to slip through it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.matching import Context
from lambdad.iam.permissions import Permissions
from lambdad.iam.policy import MalformedPolicy, Policy, PolicyKind, parse_policy
from lambdad.iam.principal import PrincipalKind
from lambdad.iam.principals import Caller

USER = "arn:aws:iam::111122223333:user/mallory"
CALLER = Caller(PrincipalKind.USER, "111122223333", USER, USER)


def policy(**statement: Any) -> Policy:
    made = {"Effect": "Allow", "Action": "*", "Resource": "*"} | statement
    return parse_policy(
        json.dumps({"Version": "2012-10-17", "Statement": made}), PolicyKind.IDENTITY
    )


def allowed(*policies: Policy, resource: str = "*", context: Context | None = None) -> bool:
    request = AuthorizationRequest(
        CALLER, Permissions(policies), "s3:GetObject", Target(resource, None), context or {}
    )
    return evaluate(request).allowed


@pytest.mark.parametrize("kind", list(PolicyKind))
@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        '{"Statement":' * 9_000,
        '{"Version":"2012-10-17","Statement":' + "[" * 40_000 + "]" * 40_000 + "}",
        '{"Version":' + "9" * 100_000 + "}",
        '{"Version":NaN,"Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":["Allow"]}]}',
        '{"Version":["2012-10-17"],"Statement":[{"Effect":"Allow"}]}',
        '{"Version":{},"Statement":{"Effect":"Allow","Principal":{"AWS":[{}]},"Action":[{}]}}',
        '{"Statement":{"Effect":{},"Principal":[],"Action":"s3:x"}}',
        '{"Statement":{"Effect":"Allow","Principal":{"AWS":[[]]},"Action":"sts:x"}}',
        '{"Statement":{"Effect":"Allow","Principal":{"Service":7},"Action":"sts:x"}}',
        '{"Statement":null}',
        "\ud800",
        " " * (DEFAULT_LIMITS.policy_bytes + 1),
    ],
    ids=range(14),
)
def test_rubbish_is_refused_and_nothing_else(text: str, kind: PolicyKind) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(text, kind)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a*" * 20_000, "a" * 2_000 + "b"),
        ("*a" * 20_000 + "c", "a" * 4_000),
        ("*a?" * 10_000, "a" * 2_000),
        ("?*" * 10_000, "a" * 2_000),
        ("*" * 60_000 + "b", "a" * 2_000),
        ("*" + "a?" * 5_000 + "*b", "a" * 8_000),
    ],
)
def test_no_pattern_backtracks(pattern: str, text: str) -> None:
    """One that did would not come back this year."""
    wild = policy(Resource=f"arn:aws:s3:::{pattern}")
    like = policy(Condition={"StringLike": {"s3:prefix": pattern}})
    by_resource = allowed(wild, resource=f"arn:aws:s3:::{text}")
    by_condition = allowed(like, context={"s3:prefix": text})
    assert by_resource is by_condition


def test_a_name_with_wildcards_reaches_nobody_else() -> None:
    own = policy(Resource="arn:aws:s3:::data/${aws:username}/*")
    theirs = "arn:aws:s3:::data/ann/secret"
    assert allowed(own, resource=theirs, context={"aws:username": "ann"})
    for name in ("*", "a*", "???", "ann/../ann", "\x00", "\x01\x01\x01", "${*}", "", "ANN"):
        assert not allowed(own, resource=theirs, context={"aws:username": name})


def test_a_variable_that_brings_a_variable_is_not_resolved_again() -> None:
    own = policy(Resource="arn:aws:s3:::data/${aws:PrincipalTag/team}/*")
    context = {"aws:principaltag/team": "${aws:username}", "aws:username": "ann"}
    assert not allowed(own, resource="arn:aws:s3:::data/ann/x", context=context)


def test_a_deny_survives_a_missing_variable() -> None:
    everything = policy()
    others = {"StringNotEquals": {"aws:ResourceTag/owner": "${aws:PrincipalTag/owner}"}}
    deny = policy(Effect="Deny", Condition=others)
    assert not allowed(everything, deny, context={"aws:resourcetag/owner": "ann"})
    kept = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*",
            "NotResource": "arn:aws:s3:::data/${aws:PrincipalTag/owner}/*"}]}  # fmt: skip
    guard = parse_policy(json.dumps(kept), PolicyKind.IDENTITY)
    assert not allowed(everything, guard, resource="arn:aws:s3:::data/ann/x")


def test_an_allow_does_not_grow_by_a_missing_variable() -> None:
    grant = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*",
             "NotResource": "arn:aws:s3:::data/${aws:PrincipalTag/secret}/*"}]}  # fmt: skip
    assert not allowed(
        parse_policy(json.dumps(grant), PolicyKind.IDENTITY), resource="arn:aws:s3:::data/ann/x"
    )


@pytest.mark.parametrize("address", ["::ffff:203.0.113.9", "::FFFF:cb00:7109"])
def test_an_address_cannot_hide_in_ipv6(address: str) -> None:
    deny = policy(Effect="Deny", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert not allowed(policy(), deny, context={"aws:sourceip": address})


def test_the_case_of_an_action_opens_nothing_and_closes_nothing() -> None:
    assert allowed(policy(Action="S3:GETOBJECT"))
    assert not allowed(policy(), policy(Effect="Deny", Action="s3:getobject"))


def test_memory_is_bounded_whatever_is_asked() -> None:
    limits = Limits(permissions_remembered_requests=8, policy_remembered_actions=8)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*",
                "Resource": "*"}}  # fmt: skip
    granted = parse_policy(json.dumps(document), PolicyKind.IDENTITY, limits=limits)
    permissions = Permissions((granted,), limits=limits)
    for number in range(100):
        target = Target(f"arn:aws:s3:::data/{number}", None)
        request = AuthorizationRequest(CALLER, permissions, f"s3:Get{number}", target, {})
        assert evaluate(request).allowed
    assert len(permissions._selected) <= 8
    assert len(granted._relevant) <= 8


def test_an_answer_remembered_for_one_address_is_not_given_to_another() -> None:
    granted = policy(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    permissions = Permissions((granted,))
    for address, expected in [("10.0.0.1", True), ("11.0.0.1", False), ("10.0.0.1", True)]:
        request = AuthorizationRequest(
            CALLER, permissions, "s3:GetObject", Target("*", None), {"aws:sourceip": address}
        )
        assert evaluate(request).allowed is expected


def test_principals_without_policies_are_denied_everything() -> None:
    assert not allowed()
    stranger = Caller(PrincipalKind.ANONYMOUS, None, "anonymous", "anonymous")
    request = AuthorizationRequest(stranger, Permissions((policy(),)), "a:B", Target("*", None), {})
    assert not evaluate(request).allowed
