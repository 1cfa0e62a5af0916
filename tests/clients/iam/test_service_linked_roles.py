"""IAM through boto3: service-linked roles.

Sources: recorded conversations; the services' documentation.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import RECENT, body, refusal
from support.iam import (
    arn,
    unique_id,
)


def test_service_linked_roles(iam: Any) -> None:
    made = body(iam.create_service_linked_role(AWSServiceName="ssm.amazonaws.com"))["Role"]
    assert made == {
        "Path": "/aws-service-role/ssm.amazonaws.com/",
        "RoleName": "AWSServiceRoleForAmazonSSM",
        "RoleId": unique_id("AROA"),
        "Arn": arn("role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"),
        "CreateDate": RECENT,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ssm.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "Description": "Provides access to AWS Resources managed or used by Amazon SSM.",
    }
    answer = iam.delete_service_linked_role(RoleName=made["RoleName"])
    task = body(answer)["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert body(status) == {"Status": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        # As clients of AWS report it.
        (
            {"AWSServiceName": "account.amazonaws.com"},
            (
                403,
                "AccessDenied",
                "Cannot find Service Linked Role template for account.amazonaws.com",
            ),
        ),
        (
            {"AWSServiceName": "ecs.amazonaws.com", "CustomSuffix": "x"},
            (400, "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com"),
        ),
        (
            {"AWSServiceName": "fsx.amazonaws.com"},
            (
                400,
                "InvalidInput",
                "Service role name AWSServiceRoleForAmazonFSx has been taken in this account, "
                "please try a different suffix.",
            ),
        ),
    ],
)
def test_refusals(iam: Any, params: dict[str, str], expected: tuple[int, str, str]) -> None:
    if not iam.list_roles(PathPrefix="/aws-service-role/fsx.amazonaws.com/")["Roles"]:
        iam.create_service_linked_role(AWSServiceName="fsx.amazonaws.com")
    with pytest.raises(ClientError) as caught:
        iam.create_service_linked_role(**params)
    assert refusal(caught) == expected
