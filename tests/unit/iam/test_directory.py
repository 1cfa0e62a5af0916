"""iam/directory.py, key_ring.py, execution_roles.py, last_use.py: who a principal is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lambdad.core.ids import Region
from lambdad.core.value import replace
from lambdad.iam.authenticate import AccessKey
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.key_ring import KeyRing
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.records import Role, User
from support.identities import (
    ACCOUNT,
    ALLOW_ALL,
    LAMBDA_TRUST,
    OTHER_ACCOUNT,
    ROOT,
    World,
    in_world,
    policy,
    trust,
)

BUCKET = "arn:aws:s3:::b"


def allowed(world: World, principal: Principal, action: str = "s3:GetObject") -> bool:
    standing = world.directory.standing(principal)
    return evaluate(
        AuthorizationRequest(
            standing.caller, standing.permissions, action, Target(BUCKET, None), standing.context
        )
    ).allowed


async def make_user(world: World, name: str = "ann", **params: Any) -> Principal:
    await world.iam("CreateUser", UserName=name, **params)
    return world.user(name)


async def make_role(world: World, name: str = "r", **params: Any) -> Role:
    document = {"AssumeRolePolicyDocument": LAMBDA_TRUST}
    await world.iam("CreateRole", RoleName=name, **(document | params))
    role = world.store.account(ACCOUNT).named(Role, name)
    assert role is not None
    return role


def test_a_user_may_what_any_of_its_policies_says(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world)
        assert not allowed(world, ann)
        document = policy(Action="s3:GetObject", Resource="*")
        made = await world.iam("CreatePolicy", PolicyName="p", PolicyDocument=document)
        arn = made["Policy"]["Arn"]
        await world.iam("CreateGroup", GroupName="g")
        for give, take in (
            (
                ("PutUserPolicy", {"PolicyName": "i", "PolicyDocument": document}),
                ("DeleteUserPolicy", {"PolicyName": "i"}),
            ),
            (
                ("AttachUserPolicy", {"PolicyArn": arn}),
                ("DetachUserPolicy", {"PolicyArn": arn}),
            ),
            (
                ("AddUserToGroup", {"GroupName": "g"}),
                ("RemoveUserFromGroup", {"GroupName": "g"}),
            ),
        ):
            if give[0] == "AddUserToGroup":
                await world.iam("AttachGroupPolicy", GroupName="g", PolicyArn=arn)
            await world.iam(give[0], UserName="ann", **give[1])
            assert allowed(world, ann), give
            await world.iam(take[0], UserName="ann", **take[1])
            assert not allowed(world, ann), take

    in_world(tmp_path, scenario)


def test_a_new_default_version_counts_from_the_next_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world)
        made = await world.iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW_ALL)
        arn = made["Policy"]["Arn"]
        await world.iam("AttachUserPolicy", UserName="ann", PolicyArn=arn)
        assert allowed(world, ann)
        none = policy(Effect="Deny", Action="*", Resource="*")
        await world.iam(
            "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=none, SetAsDefault=True
        )
        assert not allowed(world, ann)
        await world.iam("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v1")
        assert allowed(world, ann)

    in_world(tmp_path, scenario)


def test_a_boundary_withholds(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world)
        await world.iam("PutUserPolicy", UserName="ann", PolicyName="i", PolicyDocument=ALLOW_ALL)
        boundary = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        await world.iam("PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=boundary)
        assert not allowed(world, ann)
        assert allowed(world, ann, "logs:PutLogEvents")

    in_world(tmp_path, scenario)


def test_the_same_principal_is_looked_up_once(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world)
        first = world.directory.standing(ann)
        assert world.directory.standing(ann) is first
        await world.iam("CreateUser", UserName="bob")
        assert world.directory.standing(ann) is not first

    in_world(tmp_path, scenario)


def test_two_principals_under_one_key_id_are_not_taken_for_each_other(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann, bob = await make_user(world), await make_user(world, "bob")
        await world.iam("PutUserPolicy", UserName="ann", PolicyName="i", PolicyDocument=ALLOW_ALL)
        assert allowed(world, replace(ann, access_key_id="same"))
        assert not allowed(world, replace(bob, access_key_id="same"))

    in_world(tmp_path, scenario)


def test_who_is_gone_may_nothing_nor_who_was_made_anew(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world)
        await world.iam("DeleteUser", UserName="ann")
        assert not allowed(world, ann)
        new = await make_user(world)
        await world.iam("PutUserPolicy", UserName="ann", PolicyName="i", PolicyDocument=ALLOW_ALL)
        assert allowed(world, new)
        assert not allowed(world, ann)

    in_world(tmp_path, scenario)


def test_what_a_principal_brings_to_every_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, Tags=[{"Key": "Team", "Value": "blue"}])
        assert world.directory.standing(ann).context == {
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user/ann",
            "aws:principalaccount": ACCOUNT,
            "aws:principaltype": "User",
            "aws:principalisawsservice": "false",
            "aws:userid": ann.unique_id,
            "aws:username": "ann",
            "aws:principaltag/team": "blue",
        }
        assert world.directory.standing(ROOT).context == {
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:root",
            "aws:principalaccount": ACCOUNT,
            "aws:principaltype": "Account",
            "aws:principalisawsservice": "false",
            "aws:userid": ACCOUNT,
        }

    in_world(tmp_path, scenario)


def test_a_session_is_its_roles_under_whatever_path(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        role = await make_role(world, Path="/a/")
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
        session = Principal(PrincipalKind.ASSUMED_ROLE, ACCOUNT, arn, "ASIA1")
        standing = world.directory.standing(session)
        assert standing.caller.identity == role.arn(ACCOUNT)
        assert standing.context["aws:principalarn"] == role.arn(ACCOUNT)
        assert allowed(world, session)
        assert not allowed(world, replace(session, unique_id="AROAOTHER:s"))

    in_world(tmp_path, scenario)


def test_the_key_ring_knows_root_keys_and_active_keys_of_users(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_user(world)
        made = (await world.iam("CreateAccessKey", UserName="ann"))["AccessKey"]
        ring = KeyRing({"AKIAROOT": AccessKey("root secret", ROOT)}, world.store)
        root, key = ring.get("AKIAROOT"), ring.get(made["AccessKeyId"])
        assert root is not None
        assert root.principal is ROOT
        assert key is not None
        assert key.secret_access_key == made["SecretAccessKey"]
        assert key.principal == replace(world.user("ann"), access_key_id=made["AccessKeyId"])
        assert ring.get(made["AccessKeyId"]) is key
        assert ring.get("AKIAUNKNOWN") is None

        await world.iam("UpdateUser", UserName="ann", NewUserName="anna")
        renamed = ring.get(made["AccessKeyId"])
        assert renamed is not None
        assert renamed.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/anna"
        who = {"UserName": "anna", "AccessKeyId": made["AccessKeyId"]}
        await world.iam("UpdateAccessKey", **who, Status="Inactive")
        assert ring.get(made["AccessKeyId"]) is None
        await world.iam("UpdateAccessKey", **who, Status="Active")
        assert ring.get(made["AccessKeyId"]) is not None
        await world.iam("DeleteAccessKey", **who)
        assert ring.get(made["AccessKeyId"]) is None

    in_world(tmp_path, scenario)


def test_an_execution_role_is_there_and_trusts_the_service(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        role = await make_role(world, Path="/a/")
        arn = role.arn(ACCOUNT)
        roles = ExecutionRoles(world.store, world.directory)
        assert roles.find(arn) == (ACCOUNT, role)
        for wrong in (
            f"arn:aws:iam::{ACCOUNT}:role/r",
            f"arn:aws:iam::{OTHER_ACCOUNT}:role/a/r",
            f"arn:aws:iam::{ACCOUNT}:user/a/r",
            "r",
        ):
            assert roles.find(wrong) is None
            assert roles.principal(wrong, "s", 1) is None
        assert roles.trusts(arn, "lambda.amazonaws.com", {})
        assert not roles.trusts(arn, "events.amazonaws.com", {})
        assert not roles.trusts(arn + "x", "lambda.amazonaws.com", {})
        session = roles.principal(arn, "fn", 1)
        assert session is not None
        assert session.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/fn"
        assert session.unique_id == f"{role.id}:fn"

    in_world(tmp_path, scenario)


def test_a_confused_deputy_is_kept_out_by_the_trust_policys_condition(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        document = policy(
            Action="sts:AssumeRole",
            Principal={"Service": "lambda.amazonaws.com"},
            Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        )
        role = await make_role(world, AssumeRolePolicyDocument=document)
        roles, arn = ExecutionRoles(world.store, world.directory), role.arn(ACCOUNT)
        assert roles.trusts(arn, "lambda.amazonaws.com", {"aws:sourceaccount": ACCOUNT})
        assert not roles.trusts(arn, "lambda.amazonaws.com", {"aws:sourceaccount": OTHER_ACCOUNT})
        assert not roles.trusts(arn, "lambda.amazonaws.com", {})

    in_world(tmp_path, scenario)


def test_last_use_is_written_down_for_what_still_exists(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_user(world)
        key = (await world.iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
        role = await make_role(world, AssumeRolePolicyDocument=trust(AWS=ACCOUNT))
        region = Region("eu-west-1")
        for of in (key, role.id, "AKIAGONE"):
            world.last_uses.note(ACCOUNT, of, "lambda", region)
        await world.last_uses.close()

    async def reopened(world: World) -> None:
        keys = await world.iam("ListAccessKeys", UserName="ann")
        key = keys["AccessKeyMetadata"][0]["AccessKeyId"]
        used = await world.iam("GetAccessKeyLastUsed", AccessKeyId=key)
        assert used["AccessKeyLastUsed"]["Region"] == "eu-west-1"
        assert used["AccessKeyLastUsed"]["ServiceName"] == "lambda"
        shown = await world.iam("GetRole", RoleName="r")
        assert shown["Role"]["RoleLastUsed"]["Region"] == "eu-west-1"
        rows = await world.store._lane.read(
            lambda each: each.execute("SELECT count(*) FROM iam_records WHERE kind = 'last-use'")
        )
        assert rows == [(2,)]
        await world.iam("DeleteAccessKey", UserName="ann", AccessKeyId=key)
        await world.iam("DeleteRole", RoleName="r")
        await world.iam("DeleteUser", UserName="ann")
        assert world.store.account(ACCOUNT).all(User) == []

    in_world(tmp_path, scenario)
    in_world(tmp_path, reopened)
