"""iam/managed: the data is whole, and every document in it is a policy that can be asked."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from lambdad.iam import managed
from lambdad.iam.managed import OWNER, ServiceRoles
from lambdad.iam.policy import PolicyKind, stored_policy
from support.identities import MANAGED

EXPECTED = (
    "AdministratorAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "IAMFullAccess",
    "AmazonS3FullAccess",
    "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess",
    "AWSXRayDaemonWriteAccess",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    "job-function/ViewOnlyAccess",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaBasicDurableExecutionRolePolicy",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "service-role/AWSLambdaSQSQueueExecutionRole",
    "service-role/AWSLambdaKinesisExecutionRole",
    "service-role/AWSLambdaDynamoDBExecutionRole",
    "service-role/AWSLambdaMSKExecutionRole",
)
"""Semantics §8.3, and what deploy tools attach."""


@pytest.mark.parametrize("name", EXPECTED)
def test_policies_that_tools_attach_are_there(name: str) -> None:
    assert MANAGED.get(f"arn:aws:iam::aws:policy/{name}") is not None


def test_a_policy_is_found_by_its_whole_arn_only() -> None:
    assert MANAGED.get("arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole") is None
    assert MANAGED.get("arn:aws:iam::111122223333:policy/AdministratorAccess") is None
    assert MANAGED.get("") is None


def test_the_basic_execution_role_allows_what_aws_says() -> None:
    policy = MANAGED.get("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    assert policy is not None
    assert orjson.loads(policy.document) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*",
            }
        ],
    }
    assert (policy.default_version, policy.created_ms) == ("v1", 1_428_591_823_000)


def test_every_document_is_a_policy() -> None:
    # Not by parse_policy: AWS writes into its own policies what it refuses in others'.
    names = set()
    for policy in MANAGED.all():
        compiled = stored_policy(policy.document, PolicyKind.IDENTITY, name=policy.arn(OWNER))
        assert compiled.statements
        names.add(policy.name)
    assert len(names) > 1000


def test_service_linked_roles_carry_policies_of_aws() -> None:
    role = ServiceRoles().get("ecs.amazonaws.com")
    assert role is not None
    assert role.role == "AWSServiceRoleForECS"
    assert role.policies == ("arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy",)
    assert not role.suffix_allowed
    assert ServiceRoles().get("lambda.example.com") is None


def test_every_service_linked_role_carries_policies_of_aws() -> None:
    roles = ServiceRoles()
    services = orjson.loads(Path(managed.__file__).with_name("service_roles.json").read_bytes())
    carried = {arn for name in services if (role := roles.get(name)) for arn in role.policies}
    # Recorded of lex.amazonaws.com, though AWS does not list that policy.
    unlisted = "arn:aws:iam::aws:policy/aws-service-role/AmazonLexBotPolicy"
    assert {arn for arn in carried if MANAGED.get(arn) is None} == {unlisted}
