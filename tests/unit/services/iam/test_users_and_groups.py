"""Users, groups, their keys and passwords: the rules and AWS's texts where they end.

Texts: IAM API reference and recorded conversations; those of no public source are marked "ours".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.iam.principal import Principal, PrincipalKind
from support.identities import ACCOUNT, ALLOW_ALL, OTHER_ROOT, ROOT, World, in_world

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


async def refusal(world: World, name: str, caller: Principal = ROOT, /, **params: Any) -> str:
    """Code, status and message of the error that an operation answers."""
    with pytest.raises(AwsError) as caught:
        await world.iam(name, caller, **params)
    error = caught.value
    return f"{error.code} {error.status}: {error.message}"


def test_names_are_taken_regardless_of_case(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="Ann")
        await world.iam("CreateGroup", GroupName="Devs")
        assert await refusal(world, "CreateUser", UserName="ann") == (
            "EntityAlreadyExists 409: User with name ann already exists."
        )
        assert await refusal(world, "CreateGroup", GroupName="devs") == (
            "EntityAlreadyExists 409: Group with name devs already exists."
        )
        await world.iam("CreateUser", OTHER_ROOT, UserName="ann")
        assert await refusal(world, "GetUser", UserName="ann") == (
            "NoSuchEntity 404: The user with name ann cannot be found."
        )

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("GetUser", {}, "The user with name x cannot be found."),
        ("DeleteUser", {}, "The user with name x cannot be found."),
        ("UpdateUser", {}, "The user with name x cannot be found."),
        ("ListGroupsForUser", {}, "The user with name x cannot be found."),
        ("CreateAccessKey", {}, "The user with name x cannot be found."),
        ("ListAccessKeys", {}, "The user with name x cannot be found."),
        ("TagUser", {"Tags": []}, "The user with name x cannot be found."),
        ("ListUserPolicies", {}, "The user with name x cannot be found."),
        ("ListMFADevices", {}, "The user with name x cannot be found."),
        ("GetLoginProfile", {}, "The user with name x cannot be found."),
    ],
)
def test_a_user_that_is_not_there(
    tmp_path: Path, operation: str, params: dict[str, Any], message: str
) -> None:
    async def scenario(world: World) -> None:
        told = await refusal(world, operation, UserName="x", **params)
        assert told == f"NoSuchEntity 404: {message}"

    in_world(tmp_path, scenario)


def test_a_user_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = {"UserName": "ann"}
        await world.iam("CreateUser", **ann)
        await world.iam("CreateGroup", GroupName="g")
        key = await world.iam("CreateAccessKey", **ann)
        key_id = {"AccessKeyId": key["AccessKey"]["AccessKeyId"]}
        inline = {"PolicyName": "i"}
        steps: list[tuple[str, dict[str, Any], str, dict[str, Any], str]] = [
            (
                "AttachUserPolicy",
                {"PolicyArn": READ_ONLY},
                "DetachUserPolicy",
                {"PolicyArn": READ_ONLY},
                "must detach all policies first.",
            ),
            (
                "PutUserPolicy",
                inline | {"PolicyDocument": ALLOW_ALL},
                "DeleteUserPolicy",
                inline,
                "must delete policies first.",
            ),
            (
                "AddUserToGroup",
                {"GroupName": "g"},
                "RemoveUserFromGroup",
                {"GroupName": "g"},
                "must remove users from group first.",
            ),
            (
                "CreateLoginProfile",
                {"Password": "Correct-Horse-1"},
                "DeleteLoginProfile",
                {},
                "must delete login profile first.",
            ),
        ]
        assert await refusal(world, "DeleteUser", **ann) == (
            "DeleteConflict 409: Cannot delete entity, must delete access keys first."
        )
        await world.iam("DeleteAccessKey", **ann, **key_id)
        for make, made, unmake, unmade, remedy in steps:
            await world.iam(make, **ann, **made)
            assert await refusal(world, "DeleteUser", **ann) == (
                f"DeleteConflict 409: Cannot delete entity, {remedy}"
            )
            await world.iam(unmake, **ann, **unmade)
        await world.iam("DeleteUser", **ann)

    in_world(tmp_path, scenario)


def test_a_rename_takes_everything_along(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann", Tags=[{"Key": "k", "Value": "v"}])
        await world.iam("CreateUser", UserName="bob")
        await world.iam("CreateGroup", GroupName="g")
        await world.iam("AddUserToGroup", GroupName="g", UserName="ann")
        key = (await world.iam("CreateAccessKey", UserName="ann"))["AccessKey"]
        before = (await world.iam("GetUser", UserName="ann"))["User"]
        assert await refusal(world, "UpdateUser", UserName="ann", NewUserName="Bob") == (
            "EntityAlreadyExists 409: User with name Bob already exists."
        )
        await world.iam("UpdateUser", UserName="ann", NewUserName="Ann", NewPath="/p/")
        after = (await world.iam("GetUser", UserName="Ann"))["User"]
        changed = {"UserName": "Ann", "Path": "/p/", "Arn": f"arn:aws:iam::{ACCOUNT}:user/p/Ann"}
        assert after == before | changed
        keys = await world.iam("ListAccessKeys", UserName="Ann")
        assert [each["AccessKeyId"] for each in keys["AccessKeyMetadata"]] == [key["AccessKeyId"]]
        await world.iam("UpdateGroup", GroupName="g", NewGroupName="h")
        groups = await world.iam("ListGroupsForUser", UserName="Ann")
        assert [each["GroupName"] for each in groups["Groups"]] == ["h"]

    in_world(tmp_path, scenario)


def test_a_group_in_use_cannot_be_deleted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateGroup", GroupName="g")
        await world.iam("CreateUser", UserName="ann")
        assert await refusal(world, "RemoveUserFromGroup", GroupName="g", UserName="ann") == (
            "NoSuchEntity 404: User ann not in group g"
        )
        await world.iam("AddUserToGroup", GroupName="g", UserName="ann")
        await world.iam("AddUserToGroup", GroupName="g", UserName="ann")  # again is no error
        assert await refusal(world, "DeleteGroup", GroupName="g") == (
            "DeleteConflict 409: Cannot delete entity, must remove users from group first."
        )
        await world.iam("RemoveUserFromGroup", GroupName="g", UserName="ann")
        await world.iam("AttachGroupPolicy", GroupName="g", PolicyArn=READ_ONLY)
        assert await refusal(world, "DeleteGroup", GroupName="g") == (
            "DeleteConflict 409: Cannot delete entity, must detach all policies first."
        )
        await world.iam("DetachGroupPolicy", GroupName="g", PolicyArn=READ_ONLY)
        await world.iam("DeleteGroup", GroupName="g")
        assert await refusal(world, "GetGroup", GroupName="g") == (
            "NoSuchEntity 404: The group with name g cannot be found."
        )

    in_world(tmp_path, scenario)


def test_quotas(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann")
        assert await refusal(world, "CreateUser", UserName="bob") == (
            "LimitExceeded 409: Cannot exceed quota for UsersPerAccount: 1"
        )
        for name in ("a", "b"):
            await world.iam("CreateGroup", GroupName=name)
        assert await refusal(world, "CreateGroup", GroupName="c") == (
            "LimitExceeded 409: Cannot exceed quota for GroupsPerAccount: 2"
        )
        await world.iam("AddUserToGroup", GroupName="a", UserName="ann")
        assert await refusal(world, "AddUserToGroup", GroupName="b", UserName="ann") == (
            "LimitExceeded 409: Cannot exceed quota for GroupsPerUser: 1"
        )
        for _ in range(2):
            await world.iam("CreateAccessKey", UserName="ann")
        assert await refusal(world, "CreateAccessKey", UserName="ann") == (
            "LimitExceeded 409: Cannot exceed quota for AccessKeysPerUser: 2"
        )
        for _ in range(2):
            await world.iam(
                "CreateServiceSpecificCredential",
                UserName="ann",
                ServiceName="codecommit.amazonaws.com",
            )
        assert (
            await refusal(
                world,
                "CreateServiceSpecificCredential",
                UserName="ann",
                ServiceName="codecommit.amazonaws.com",
            )
            == "LimitExceeded 409: Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"
        )

    quotas = replace(DEFAULT_LIMITS.iam, users=1, groups=2, groups_per_user=1)
    in_world(tmp_path, scenario, quotas=quotas)


def test_who_names_no_user_means_himself(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann", Path="/p/")
        ann = world.user("ann")
        assert (await world.iam("GetUser", ann))["User"]["UserName"] == "ann"
        key = (await world.iam("CreateAccessKey", ann))["AccessKey"]
        assert key["UserName"] == "ann"
        listed = (await world.iam("ListAccessKeys", ann))["AccessKeyMetadata"]
        assert [each["AccessKeyId"] for each in listed] == [key["AccessKeyId"]]
        assert await world.iam("GetUser") == {
            "User": {
                "UserId": ACCOUNT,
                "Arn": f"arn:aws:iam::{ACCOUNT}:root",
                "CreateDate": (await world.iam("GetUser"))["User"]["CreateDate"],
            }
        }
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
        session = Principal(PrincipalKind.ASSUMED_ROLE, ACCOUNT, arn, "ASIA1")
        for caller, name in ((session, "GetUser"), (ROOT, "CreateAccessKey")):
            assert await refusal(world, name, caller) == (
                "ValidationError 400: Must specify userName when calling with non-User credentials"
            )

    in_world(tmp_path, scenario)


def test_a_key_belongs_to_its_user(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for name in ("ann", "bob"):
            await world.iam("CreateUser", UserName=name)
        key = (await world.iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
        missing = f"NoSuchEntity 404: The Access Key with id {key} cannot be found."
        others = {"UserName": "bob", "AccessKeyId": key}
        assert await refusal(world, "DeleteAccessKey", **others) == missing
        assert await refusal(world, "UpdateAccessKey", **others, Status="Inactive") == missing
        own = {"UserName": "ann", "AccessKeyId": key}
        assert await refusal(world, "UpdateAccessKey", **own, Status="Expired") == (
            "InvalidInput 400: Status can be set to Active or Inactive only."
        )
        assert await refusal(world, "GetAccessKeyLastUsed", OTHER_ROOT, AccessKeyId=key) == missing
        assert await world.iam("GetAccessKeyLastUsed", AccessKeyId=key) == {
            "UserName": "ann",
            "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
        }

    in_world(tmp_path, scenario)


def test_a_login_profile_is_one(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = {"UserName": "ann"}
        await world.iam("CreateUser", **ann)
        missing = "NoSuchEntity 404: Login Profile for User ann cannot be found."
        for name in ("GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"):
            assert await refusal(world, name, **ann) == missing
        await world.iam("CreateLoginProfile", **ann, Password="Correct-Horse-1")
        assert await refusal(world, "CreateLoginProfile", **ann, Password="x") == (
            "EntityAlreadyExists 409: Login Profile for user ann already exists."
        )
        await world.iam("UpdateLoginProfile", **ann, PasswordResetRequired=True)
        shown = await world.iam("GetLoginProfile", **ann)
        assert shown["LoginProfile"]["PasswordResetRequired"] is True

    in_world(tmp_path, scenario)
    assert all(b"Correct-Horse" not in path.read_bytes() for path in tmp_path.iterdir())


def test_credentials_of_a_service(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.iam("CreateUser", UserName="ann")
        assert await refusal(
            world, "CreateServiceSpecificCredential", UserName="ann", ServiceName="x.example"
        ) == (
            "NoSuchEntity 404: No such service x.example is supported for Service Specific "
            "Credentials"
        )
        made = await world.iam(
            "CreateServiceSpecificCredential",
            UserName="ann",
            ServiceName="cassandra.amazonaws.com",
        )
        credential = made["ServiceSpecificCredential"]
        which = {"UserName": "ann"} | {
            "ServiceSpecificCredentialId": credential["ServiceSpecificCredentialId"]
        }
        await world.iam("UpdateServiceSpecificCredential", **which, Status="Inactive")
        reset = await world.iam("ResetServiceSpecificCredential", **which)
        password = reset["ServiceSpecificCredential"].pop("ServicePassword")
        assert password != credential.pop("ServicePassword")
        expected = credential | {"Status": "Inactive"}
        assert reset["ServiceSpecificCredential"] == expected
        for filters in ({"UserName": "ann"}, {"ServiceName": "cassandra.amazonaws.com"}):
            listed = await world.iam("ListServiceSpecificCredentials", world.user("ann"), **filters)
            assert listed == {"ServiceSpecificCredentials": [expected]}
        assert await world.iam("ListServiceSpecificCredentials", AllUsers=True) == {
            "ServiceSpecificCredentials": [expected],
            "IsTruncated": False,
        }
        await world.iam("DeleteServiceSpecificCredential", **which)
        assert await world.iam("ListServiceSpecificCredentials", UserName="ann") == {
            "ServiceSpecificCredentials": []
        }

    in_world(tmp_path, scenario)
