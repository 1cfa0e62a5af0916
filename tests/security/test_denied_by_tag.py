"""A Deny by `aws:ResourceTag` bites on every operation that is given a tagged resource.

The operations are found, not listed. Listed are those that name nothing with tags, so that an
operation added tomorrow has to be thought about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import botocore.config
import pytest
from botocore.exceptions import ClientError

from lambdad.api.operation import operation_name
from lambdad.services.iam.operations import OPERATIONS as IAM
from lambdad.services.lambda_.operations import OPERATIONS as LAMBDA
from lambdad.services.logs.operations import OPERATIONS as LOGS
from support.certificates import certified
from support.lambda_client import make
from support.least_input import least_input
from support.server import LAMBDA_TRUST, LambdadServer

ACCOUNT = "000000000000"
TAG = {"team": "red"}
PAIRS = [{"Key": key, "Value": value} for key, value in TAG.items()]
DENY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}},
            },
        ],
    }
)
SIGNING = {"SigningProfileVersionArns": [f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/p"]}


UNTAGGED_IN_LOGS = {"DescribeLogGroups", "TestMetricFilter"}
UNTAGGED_IN_LAMBDA = {
    # Layers have no tags.
    "AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn",
    "GetLayerVersionPolicy", "ListLayerVersions", "PublishLayerVersion",
    "RemoveLayerVersionPermission",
    # They make or list resources.
    "CreateCapacityProvider", "CreateCodeSigningConfig", "CreateEventSourceMapping",
    "GetAccountSettings", "ListCapacityProviders", "ListCodeSigningConfigs",
    "ListEventSourceMappings", "ListFunctions", "ListLayers",
    # None of these is there in this test.
    "DeleteCapacityProvider", "DeleteEventSourceMapping", "GetCapacityProvider",
    "GetEventSourceMapping", "ListFunctionVersionsByCapacityProvider", "UpdateCapacityProvider",
    "UpdateEventSourceMapping",
}  # fmt: skip
UNTAGGED_IN_IAM = {
    # Groups have no tags.
    "AddUserToGroup", "AttachGroupPolicy", "CreateGroup", "DeleteGroup", "DeleteGroupPolicy",
    "DetachGroupPolicy", "GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies",
    "ListGroupPolicies", "PutGroupPolicy", "RemoveUserFromGroup", "UpdateGroup",
    # They make or list resources; the policy made here is another one.
    "CreatePolicy", "CreateSAMLProvider", "CreateServiceLinkedRole", "CreateVirtualMFADevice",
    "ListGroups",
    "ListInstanceProfiles", "ListOpenIDConnectProviders", "ListPolicies", "ListRoles",
    "ListSAMLProviders", "ListServerCertificates", "ListUsers", "ListVirtualMFADevices",
    "GetServiceLinkedRoleDeletionStatus",
    # They are the account's.
    "CreateAccountAlias", "DeleteAccountAlias", "DeleteAccountPasswordPolicy",
    "GenerateCredentialReport", "GetAccountAuthorizationDetails", "GetAccountPasswordPolicy",
    "GetAccountSummary", "GetContextKeysForCustomPolicy", "GetCredentialReport",
    "ListAccountAliases", "SetSecurityTokenServicePreferences", "SimulateCustomPolicy",
    "UpdateAccountPasswordPolicy",
}  # fmt: skip


@pytest.fixture(scope="module")
def signing_config(server: LambdadServer) -> str:
    made = server.client("lambda").create_code_signing_config(AllowedPublishers=SIGNING, Tags=TAG)
    arn: str = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


@pytest.fixture(scope="module")
def resources(server: LambdadServer) -> None:
    """Tagged ones, under the names that the least input has."""
    make(server.client("lambda"), "x", Tags=TAG)
    make(server.client("lambda"), "f", Tags=TAG)
    metadata = "<EntityDescriptor>" + "x" * 1000
    iam = server.client("iam")
    body, key = certified("x")
    iam.upload_server_certificate(
        ServerCertificateName="x", CertificateBody=body, PrivateKey=key, Tags=PAIRS
    )
    iam.create_virtual_mfa_device(VirtualMFADeviceName="d", Tags=PAIRS)
    iam.create_saml_provider(Name="s", SAMLMetadataDocument=metadata, Tags=PAIRS)
    for group in ("x", "group"):
        server.client("logs").create_log_group(logGroupName=group, tags=TAG)
    iam.create_user(UserName="x", Tags=PAIRS)
    iam.create_role(RoleName="x", AssumeRolePolicyDocument=LAMBDA_TRUST, Tags=PAIRS)
    iam.tag_role(RoleName="r", Tags=PAIRS)
    iam.create_instance_profile(InstanceProfileName="x", Tags=PAIRS)
    iam.create_policy(PolicyName="p", PolicyDocument=DENY, Tags=PAIRS)
    iam.create_open_id_connect_provider(
        Url="https://example.com", ThumbprintList=["0" * 40], Tags=PAIRS
    )


@pytest.fixture(scope="module")
def key_of_x(server: LambdadServer, resources: None) -> str:
    made = server.client("iam").create_access_key(UserName="x")
    key_id: str = made["AccessKey"]["AccessKeyId"]
    return key_id


@pytest.fixture(scope="module")
def clients(server: LambdadServer, resources: None) -> dict[str, Any]:
    """Of a user who may everything with what is not tagged red."""
    iam = server.client("iam")
    iam.create_user(UserName="blue")
    iam.put_user_policy(UserName="blue", PolicyName="p", PolicyDocument=DENY)
    key = iam.create_access_key(UserName="blue")["AccessKey"]
    options = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "config": botocore.config.Config(
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            inject_host_prefix=False,
        ),
    }
    return {name: server.client(name, **options) for name in ("iam", "lambda", "logs")}


def denied(client: Any, operation: str, given: dict[str, Any]) -> bool:
    method = {name: key for key, name in client.meta.method_to_api_mapping.items()}[operation]
    try:
        getattr(client, method)(**given)
    except ClientError as error:
        return "with an explicit deny" in (error.response["Error"].get("Message") or "")
    return False


def walk(client: Any, operations: Sequence[Any], **names: str) -> set[str]:
    """The operations that are not denied; `names` are of tagged resources, by parameter."""
    found = set()
    for operation in (operation_name(each).operation for each in operations):
        model = client.meta.service_model.operation_model(operation)
        members = model.input_shape.members if model.input_shape else {}
        named = {name: value for name, value in names.items() if name in members}
        given = least_input(model) | named
        if not denied(client, operation, given):
            found.add(operation)
    return found


def test_logs(clients: dict[str, Any]) -> None:
    assert walk(clients["logs"], LOGS) == UNTAGGED_IN_LOGS


def test_lambda(clients: dict[str, Any], signing_config: str) -> None:
    found = walk(clients["lambda"], LAMBDA, CodeSigningConfigArn=signing_config)
    assert found == UNTAGGED_IN_LAMBDA


def test_iam(clients: dict[str, Any], key_of_x: str) -> None:
    found = walk(clients["iam"], IAM, UserName="x", AccessKeyId=key_of_x)
    assert found == UNTAGGED_IN_IAM
