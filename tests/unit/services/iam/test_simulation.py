"""The policy simulator: decisions, positions in the document, missing context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.core.errors import AwsError
from lambdad.services.iam.positions import Position, Span, statement_spans
from support.identities import ACCOUNT, ALLOW_ALL, LAMBDA_TRUST, World, in_world, policy

BUCKET = "arn:aws:s3:::example-bucket"
DENY_ALL = policy(Effect="Deny", Action="*", Resource="*")


def at(line: int, column: int) -> dict[str, int]:
    return {"Line": line, "Column": column}


def test_a_role_answers_as_recorded(tmp_path: Path) -> None:
    """The answer that AWS gave for this policy, which has one statement without brackets."""
    document = (
        '{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", '
        '"Action": "s3:PutObject", "Resource": "*"}}'
    )

    async def scenario(world: World) -> None:
        made = await world.iam("CreatePolicy", PolicyName="puts", PolicyDocument=document)
        role = await world.iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=LAMBDA_TRUST)
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=made["Policy"]["Arn"])
        answer = await world.iam(
            "SimulatePrincipalPolicy",
            PolicySourceArn=role["Role"]["Arn"],
            ActionNames=["s3:PutObject", "s3:GetObjectVersion"],
            ResourceArns=[BUCKET],
        )
        matched = [
            {
                "SourcePolicyId": "puts",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": at(1, 41),
                "EndPosition": at(1, 113),
            }
        ]
        assert answer == {
            "EvaluationResults": [
                result("s3:PutObject", "allowed", matched),
                result("s3:GetObjectVersion", "implicitDeny", []),
            ],
            "IsTruncated": False,
        }

    in_world(tmp_path, scenario)


def result(action: str, decision: str, matched: list[Any]) -> dict[str, Any]:
    shown = {"MatchedStatements": matched, "MissingContextValues": []}
    return {
        "EvalActionName": action,
        "EvalResourceName": BUCKET,
        "EvalDecision": decision,
        "EvalDecisionDetails": {},
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
        "ResourceSpecificResults": [
            {"EvalResourceName": BUCKET, "EvalResourceDecision": decision} | shown
        ],
    } | shown


def test_policies_given_alone(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        answer = await world.iam(
            "SimulateCustomPolicy", PolicyInputList=[ALLOW_ALL], ActionNames=["s3:PutObject"]
        )
        start, end = ALLOW_ALL.index("[") + 2, len(ALLOW_ALL) - 1
        assert answer == {
            "EvaluationResults": [
                {
                    "EvalActionName": "s3:PutObject",
                    "EvalResourceName": "*",
                    "EvalDecision": "allowed",
                    "EvalDecisionDetails": {},
                    "MatchedStatements": [
                        {
                            "SourcePolicyId": "PolicyInputList.1",
                            "SourcePolicyType": "IAM Policy",
                            "StartPosition": at(1, start),
                            "EndPosition": at(1, end),
                        }
                    ],
                    "MissingContextValues": [],
                }
            ],
            "IsTruncated": False,
        }

    in_world(tmp_path, scenario)


def test_one_deny_is_all_that_is_told(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        answer = await world.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[ALLOW_ALL, DENY_ALL],
            ActionNames=["s3:PutObject"],
        )
        (only,) = answer["EvaluationResults"]
        assert only["EvalDecision"] == "explicitDeny"
        assert [each["SourcePolicyId"] for each in only["MatchedStatements"]] == [
            "PolicyInputList.2"
        ]

    in_world(tmp_path, scenario)


def test_context_missing_and_given(tmp_path: Path) -> None:
    document = policy(
        Action="s3:GetObject",
        Resource="arn:aws:s3:::b/${aws:username}/*",
        Condition={"StringEquals": {"s3:prefix": ["a", "b"]}},
    )

    async def scenario(world: World) -> None:
        ask = {
            "PolicyInputList": [document],
            "ActionNames": ["s3:GetObject"],
            "ResourceArns": ["arn:aws:s3:::b/ann/x"],
        }
        (first,) = (await world.iam("SimulateCustomPolicy", **ask))["EvaluationResults"]
        assert first["EvalDecision"] == "implicitDeny"
        assert first["MissingContextValues"] == ["aws:username", "s3:prefix"]
        entries = [
            {
                "ContextKeyName": "aws:UserName",
                "ContextKeyValues": ["ann"],
                "ContextKeyType": "string",
            },
            {
                "ContextKeyName": "s3:prefix",
                "ContextKeyValues": ["b"],
                "ContextKeyType": "stringList",
            },
        ]
        answer = await world.iam("SimulateCustomPolicy", **ask, ContextEntries=entries)
        (second,) = answer["EvaluationResults"]
        assert (second["EvalDecision"], second["MissingContextValues"]) == ("allowed", [])
        keys = await world.iam("GetContextKeysForCustomPolicy", PolicyInputList=[document])
        assert keys == {"ContextKeyNames": ["aws:username", "s3:prefix"]}

    in_world(tmp_path, scenario)


def test_a_user_has_groups_a_boundary_and_inline_policies(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        user = (await world.iam("CreateUser", UserName="ann"))["User"]
        await world.iam("CreateGroup", GroupName="g")
        await world.iam("PutGroupPolicy", GroupName="g", PolicyName="i", PolicyDocument=ALLOW_ALL)
        await world.iam("AddUserToGroup", GroupName="g", UserName="ann")
        ask = {"PolicySourceArn": user["Arn"], "ActionNames": ["s3:GetObject"]}
        (only,) = (await world.iam("SimulatePrincipalPolicy", **ask))["EvaluationResults"]
        assert only["EvalDecision"] == "allowed"
        assert only["MatchedStatements"][0]["SourcePolicyId"] == "group_g_i"
        basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        await world.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=basic)
        (only,) = (await world.iam("SimulatePrincipalPolicy", **ask))["EvaluationResults"]
        assert only["EvalDecision"] == "implicitDeny"
        detail = {"AllowedByPermissionsBoundary": False}
        assert only["PermissionsBoundaryDecisionDetail"] == detail
        given = {"PermissionsBoundaryPolicyInputList": [ALLOW_ALL]}
        (only,) = (await world.iam("SimulatePrincipalPolicy", **ask, **given))["EvaluationResults"]
        assert only["EvalDecision"] == "allowed"
        detail = {"AllowedByPermissionsBoundary": True}
        assert only["PermissionsBoundaryDecisionDetail"] == detail
        keys = await world.iam("GetContextKeysForPrincipalPolicy", PolicySourceArn=user["Arn"])
        assert keys == {"ContextKeyNames": []}

    in_world(tmp_path, scenario)


def test_a_resource_policy_has_a_say(tmp_path: Path) -> None:
    caller = f"arn:aws:iam::{ACCOUNT}:user/ann"
    resource_policy = policy(Action="s3:*", Resource="*", Principal={"AWS": caller})

    async def scenario(world: World) -> None:
        answer = await world.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[],
            ActionNames=["s3:GetObject"],
            ResourceArns=[BUCKET],
            ResourcePolicy=resource_policy,
            CallerArn=caller,
        )
        (only,) = answer["EvaluationResults"]
        assert only["EvalDecision"] == "allowed"
        assert only["MatchedStatements"][0]["SourcePolicyType"] == "Resource Policy"
        answer = await world.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[],
            ActionNames=["s3:GetObject"],
            ResourceArns=[BUCKET],
            ResourcePolicy=resource_policy,
            ResourceOwner="arn:aws:iam::999988887777:root",
            CallerArn=caller,
        )
        assert answer["EvaluationResults"][0]["EvalDecision"] == "implicitDeny"

    in_world(tmp_path, scenario)


def test_an_organization_has_a_say(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        answer = await world.iam(
            "SimulateCustomPolicy",
            PolicyInputList=[ALLOW_ALL],
            ActionNames=["s3:GetObject"],
            OrderedOrganizationPolicyInputList=[
                {"ServiceControlPolicyInputList": [ALLOW_ALL]},
                {"ServiceControlPolicyInputList": [policy(Action="ec2:*", Resource="*")]},
            ],
        )
        (only,) = answer["EvaluationResults"]
        assert only["EvalDecision"] == "implicitDeny"
        assert only["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}

    in_world(tmp_path, scenario)


def test_results_come_in_pages(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ask = {
            "PolicyInputList": [ALLOW_ALL],
            "ActionNames": ["s3:GetObject", "s3:PutObject"],
            "ResourceArns": [BUCKET, f"{BUCKET}/x"],
        }
        first = await world.iam("SimulateCustomPolicy", **ask, MaxItems=3)
        second = await world.iam("SimulateCustomPolicy", **ask, Marker=first["Marker"])
        asked = [
            (each["EvalActionName"], each["EvalResourceName"])
            for each in first["EvaluationResults"] + second["EvaluationResults"]
        ]
        assert asked == [
            (action, resource) for action in ask["ActionNames"] for resource in ask["ResourceArns"]
        ]

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operation", "params", "told"),
    [
        (
            "SimulateCustomPolicy",
            {"PolicyInputList": ["{}"], "ActionNames": ["s3:x"]},
            "InvalidInput: Syntax errors in policy.",
        ),
        (
            "SimulatePrincipalPolicy",
            {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/none", "ActionNames": ["s3:x"]},
            "NoSuchEntity: The user with name none cannot be found.",
        ),
        (
            "SimulatePrincipalPolicy",
            {"PolicySourceArn": "arn:aws:iam::999988887777:user/ann", "ActionNames": ["s3:x"]},
            "InvalidInput: Invalid Entity Arn: arn:aws:iam::999988887777:user/ann does not clearly"
            " define entity type and name.",
        ),
        (
            "SimulateCustomPolicy",
            {"PolicyInputList": [], "ActionNames": ["s3:x"], "CallerArn": "ann"},
            "InvalidInput: Invalid Caller Arn: ann",
        ),
    ],
)
def test_what_cannot_be_simulated(
    tmp_path: Path, operation: str, params: dict[str, Any], told: str
) -> None:
    async def scenario(world: World) -> None:
        with pytest.raises(AwsError) as caught:
            await world.iam(operation, **params)
        assert f"{caught.value.code}: {caught.value.message}" == told

    in_world(tmp_path, scenario)


def test_positions_as_the_example_of_the_api_reference_has_them() -> None:
    document = (
        '{\n    "Version": "2012-10-17",\n    "Statement": [\n        {\n            "Effect": '
        '"Allow",\n            "Action": "codecommit:ListRepositories",\n            "Resource": '
        '"*"\n\n        }\n    ]\n}'
    )
    assert statement_spans(document) == (Span(Position(3, 19), Position(9, 10)),)


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=5), st.none() | st.integers(0, 4))
def test_every_statement_ends_at_its_brace(
    statements: list[dict[str, str]], indent: int | None
) -> None:
    document = json.dumps({"Id": "]}{[", "Statement": statements, "Z": 1}, indent=indent)
    spans, lines = statement_spans(document), document.split("\n")
    assert len(spans) == len(statements)
    for span in spans:
        assert lines[span.end.line - 1][span.end.column - 2] == "}"
    assert statement_spans('{"Version": "x"}') == ()
