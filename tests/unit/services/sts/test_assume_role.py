"""AssumeRole: who may, for how long, with which limits and labels."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.iam.evaluate import AuthorizationRequest, Target, evaluate
from lambdad.iam.principal import Principal, PrincipalKind
from support.identities import (
    ACCOUNT,
    ALLOW_ALL,
    OTHER_ACCOUNT,
    OTHER_ROOT,
    ROOT,
    World,
    in_world,
    policy,
    trust,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/p/r"
ASSUME = {"RoleArn": ROLE, "RoleSessionName": "session"}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


async def make_role(world: World, document: str, **params: Any) -> str:
    made = await world.iam(
        "CreateRole", RoleName="r", Path="/p/", AssumeRolePolicyDocument=document, **params
    )
    return str(made["Role"]["RoleId"])


async def make_user(world: World, document: str | None = None, root: Principal = ROOT) -> Principal:
    await world.iam("CreateUser", root, UserName="ann")
    if document is not None:
        await world.iam(
            "PutUserPolicy", root, UserName="ann", PolicyName="i", PolicyDocument=document
        )
    return world.user("ann", root.account)


async def refusal(world: World, caller: Principal, /, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await world.sts("AssumeRole", caller, **(ASSUME | params))
    error = caught.value
    return f"{error.code} {error.status}: {error.message}"


def denied(caller: Principal, arn: str = ROLE) -> str:
    return (
        f"AccessDenied 403: User: {caller.arn} is not authorized to perform: sts:AssumeRole on "
        f"resource: {arn}"
    )


def allowed(world: World, principal: Principal, action: str, resource: str = "*") -> bool:
    standing = world.directory.standing(principal)
    return evaluate(
        AuthorizationRequest(
            standing.caller, standing.permissions, action, Target(resource, None), standing.context
        )
    ).allowed


MAY = policy(Action="sts:*", Resource=ROLE)


def test_the_answer_and_who_it_makes(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        role_id = await make_role(world, trust(AWS=ACCOUNT))
        await world.iam("AttachRolePolicy", RoleName="r", PolicyArn=READ_ONLY)
        ann = await make_user(world, MAY)
        answer = await world.sts("AssumeRole", ann, **ASSUME)
        credentials = answer.pop("Credentials")
        session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session"
        assert answer == {
            "AssumedRoleUser": {"AssumedRoleId": f"{role_id}:session", "Arn": session_arn}
        }
        assert credentials["AccessKeyId"].startswith("ASIA")
        assert credentials["Expiration"].timestamp() == world.clock.wall_ms() / 1000 + 3600
        session = world.session(credentials)
        assert await world.sts("GetCallerIdentity", session) == {
            "UserId": f"{role_id}:session",
            "Account": ACCOUNT,
            "Arn": session_arn,
        }
        assert allowed(world, session, "s3:GetObject")
        assert not allowed(world, session, "s3:PutObject")

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("principal", "own_policy", "may"),
    [
        ({"AWS": ACCOUNT}, None, False),
        ({"AWS": ACCOUNT}, MAY, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, MAY, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}, None, True),
        (
            {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"},
            policy(Effect="Deny", Action="sts:*", Resource="*"),
            False,
        ),
        ({"AWS": OTHER_ACCOUNT}, MAY, False),
        ({"Service": "lambda.amazonaws.com"}, MAY, False),
        ({"AWS": ACCOUNT}, policy(Action="sts:AssumeRole", Resource=ROLE + "x"), False),
    ],
)
def test_trust_and_the_callers_own_policies(
    tmp_path: Path, principal: dict[str, Any], own_policy: str | None, may: bool
) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, own_policy)
        await make_role(world, trust(**principal))
        if may:
            await world.sts("AssumeRole", ann, **ASSUME)
        else:
            assert await refusal(world, ann) == denied(ann)

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("named", "own_policy", "may"),
    [
        (OTHER_ACCOUNT, MAY, True),
        (OTHER_ACCOUNT, None, False),
        (f"arn:aws:iam::{OTHER_ACCOUNT}:user/ann", None, False),
        (f"arn:aws:iam::{OTHER_ACCOUNT}:user/ann", MAY, True),
        (ACCOUNT, MAY, False),
    ],
)
def test_across_accounts_both_sides_must_agree(
    tmp_path: Path, named: str, own_policy: str | None, may: bool
) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, own_policy, OTHER_ROOT)
        await make_role(world, trust(AWS=named))
        if may:
            answer = await world.sts("AssumeRole", ann, **ASSUME)
            assert world.session(answer["Credentials"]).account == ACCOUNT
        else:
            assert await refusal(world, ann) == denied(ann)

    in_world(tmp_path, scenario)


def test_a_role_that_is_not_there_is_not_told_from_one_that_is(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, ALLOW_ALL)
        await make_role(world, trust(AWS=ACCOUNT))
        for arn in (
            f"arn:aws:iam::{ACCOUNT}:role/none",
            f"arn:aws:iam::{ACCOUNT}:role/r",  # another path
            f"arn:aws:iam::{ACCOUNT}:role/p/R",  # another spelling
            f"arn:aws:iam::{OTHER_ACCOUNT}:role/p/r",
            f"arn:aws:iam::{ACCOUNT}:user/p/r",
            f"arn:aws:sts::{ACCOUNT}:role/p/r",
        ):
            assert await refusal(world, ann, RoleArn=arn) == denied(ann, arn)

    in_world(tmp_path, scenario)


def test_an_external_id_and_other_conditions(tmp_path: Path) -> None:
    document = policy(
        Action="sts:AssumeRole",
        Principal={"AWS": ACCOUNT},
        Condition={
            "StringEquals": {"sts:ExternalId": "secret", "sts:RoleSessionName": "session"},
            "IpAddress": {"aws:SourceIp": "192.0.2.0/24"},
        },
    )

    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, document)
        await world.sts("AssumeRole", ann, **ASSUME, ExternalId="secret")
        assert await refusal(world, ann) == denied(ann)
        assert await refusal(world, ann, ExternalId="guess") == denied(ann)
        other = {"ExternalId": "secret", "RoleSessionName": "other"}
        assert await refusal(world, ann, **other) == denied(ann)

    in_world(tmp_path, scenario)


def test_how_long(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT), MaxSessionDuration=7200)
        answer = await world.sts("AssumeRole", ann, **ASSUME, DurationSeconds=7200)
        assert answer["Credentials"]["Expiration"].timestamp() == (
            world.clock.wall_ms() / 1000 + 7200
        )
        assert await refusal(world, ann, DurationSeconds=7201) == (
            "ValidationError 400: The requested DurationSeconds exceeds the MaxSessionDuration "
            "set for this role."
        )
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        session = world.session(answer["Credentials"])
        await world.sts("AssumeRole", session, **ASSUME, DurationSeconds=3600)
        assert await refusal(world, session, DurationSeconds=3601) == (
            "ValidationError 400: The requested DurationSeconds exceeds the 1 hour session limit "
            "for roles assumed by role chaining"
        )

    in_world(tmp_path, scenario)


def test_session_policies_are_limits(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT))
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        limit = policy(Action="s3:GetObject", Resource="*")
        inline = await world.sts("AssumeRole", ann, **ASSUME, Policy=limit)
        assert 0 < inline["PackedPolicySize"] <= 100
        session = world.session(inline["Credentials"])
        assert allowed(world, session, "s3:GetObject")
        assert not allowed(world, session, "s3:PutObject")
        arns = [{"arn": READ_ONLY}]
        managed = await world.sts("AssumeRole", ann, **ASSUME, PolicyArns=arns)
        session = world.session(managed["Credentials"])
        assert allowed(world, session, "lambda:ListFunctions")
        assert not allowed(world, session, "s3:PutObject")
        gone = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}]
        nothing = await world.sts("AssumeRole", ann, **ASSUME, PolicyArns=gone)
        assert not allowed(world, world.session(nothing["Credentials"]), "s3:GetObject")

    in_world(tmp_path, scenario)


def test_session_policies_that_are_none_or_too_large(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT))
        assert await refusal(world, ann, Policy="{}") == (
            "MalformedPolicyDocument 400: Syntax errors in policy."
        )
        large = policy(Action="s3:GetObject", Resource=f"arn:aws:s3:::{'x' * 2000}")
        assert await refusal(world, ann, Policy=large) == (
            "PackedPolicyTooLarge 400: Session policies exceed the allowed size of 2048 characters."
        )
        many = [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/{number}"} for number in range(11)]
        assert await refusal(world, ann, PolicyArns=many) == (
            "ValidationError 400: The number of policy ARNs exceeds 10."
        )

    in_world(tmp_path, scenario)


TAGGING = policy(Action=["sts:AssumeRole", "sts:TagSession"], Principal={"AWS": ACCOUNT})


def test_tags_become_the_principals(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, TAGGING, Tags=[{"Key": "team", "Value": "old"}])
        tags = [{"Key": "Team", "Value": "new"}, {"Key": "stage", "Value": "dev"}]
        answer = await world.sts("AssumeRole", ann, **ASSUME, Tags=tags)
        assert answer["PackedPolicySize"] > 0
        context = world.directory.standing(world.session(answer["Credentials"])).context
        assert context["aws:principaltag/team"] == "new"
        assert context["aws:principaltag/stage"] == "dev"

    in_world(tmp_path, scenario)


def test_tagging_is_a_permission_of_its_own(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT))
        await world.sts("AssumeRole", ann, **ASSUME)
        assert await refusal(world, ann, Tags=[{"Key": "k", "Value": "v"}]) == denied(ann)
        assert await refusal(world, ann, SourceIdentity="ann") == denied(ann)

    in_world(tmp_path, scenario)


def test_transitive_tags_and_the_source_identity_stay_along_the_chain(tmp_path: Path) -> None:
    document = policy(Action="sts:*", Principal={"AWS": ACCOUNT})

    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, document)
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        tags = [{"Key": "A", "Value": "1"}, {"Key": "b", "Value": "2"}]
        first = await world.sts(
            "AssumeRole",
            ann,
            **ASSUME,
            Tags=tags,
            TransitiveTagKeys=["a"],
            SourceIdentity="ann",
        )
        assert first["SourceIdentity"] == "ann"
        session = world.session(first["Credentials"])
        second = await world.sts("AssumeRole", session, **ASSUME, SourceIdentity="other")
        assert second["SourceIdentity"] == "ann"
        terms = world.session(second["Credentials"]).session
        assert terms is not None
        assert terms.tags == (("A", "1"),)
        assert await refusal(world, session, Tags=[{"Key": "a", "Value": "9"}]) == (
            "InvalidParameterValue 400: One of the specified transitive tag keys can't be set "
            "because it conflicts with a transitive tag key from the calling session."
        )

    in_world(tmp_path, scenario)


def test_tags_that_do_not_pack(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, TAGGING)
        letters = random.Random(7)
        tags = [
            {
                "Key": f"{number}",
                "Value": "".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=256)),
            }
            for number in range(20)
        ]
        told = await refusal(world, ann, Tags=tags)
        assert told.startswith("PackedPolicyTooLarge 400: Packed size of session tags consumes ")
        told = await refusal(world, ann, Tags=tags, Policy=ALLOW_ALL)
        assert re.fullmatch(
            r"PackedPolicyTooLarge 400: Packed policy consumes \d+% of allotted space, please use "
            "smaller policy.",
            told,
        )
        assert (
            await refusal(world, ann, Tags=[{"Key": str(n), "Value": ""} for n in range(51)])
        ) == ("InvalidParameterValue 400: The number of tags exceeds 50.")

    in_world(tmp_path, scenario)


def test_a_session_ends_with_its_role_and_does_not_pass_to_a_new_one(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT))
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        answer = await world.sts("AssumeRole", ann, **ASSUME)
        session = world.session(answer["Credentials"])
        assert allowed(world, session, "s3:GetObject")
        await world.iam("DeleteRolePolicy", RoleName="r", PolicyName="i")
        assert not allowed(world, session, "s3:GetObject")
        await world.iam("DeleteRole", RoleName="r")
        await make_role(world, trust(AWS=ACCOUNT))
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        assert not allowed(world, session, "s3:GetObject")

    in_world(tmp_path, scenario)


def test_a_boundary_of_the_role_limits_its_sessions(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, MAY)
        await make_role(world, trust(AWS=ACCOUNT), PermissionsBoundary=READ_ONLY)
        await world.iam("PutRolePolicy", RoleName="r", PolicyName="i", PolicyDocument=ALLOW_ALL)
        session = world.session((await world.sts("AssumeRole", ann, **ASSUME))["Credentials"])
        assert allowed(world, session, "s3:GetObject")
        assert not allowed(world, session, "s3:PutObject")

    in_world(tmp_path, scenario)


def test_using_a_role_is_noted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_role(world, trust(AWS=ACCOUNT))
        await world.sts("AssumeRole", ROOT, **ASSUME)
        await world.last_uses.flush()
        used = (await world.iam("GetRole", RoleName="r"))["Role"]["RoleLastUsed"]
        assert used["Region"] == "us-east-1"

    in_world(tmp_path, scenario)


def test_a_forged_or_foreign_token_is_nobodys(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_role(world, trust(AWS=ACCOUNT))
        first, second = [
            (await world.sts("AssumeRole", ROOT, **ASSUME))["Credentials"] for _ in range(2)
        ]
        assert world.sessions.open(first["AccessKeyId"], second["SessionToken"]) is None
        assert world.sessions.open(first["AccessKeyId"], first["SessionToken"] + "A") is None
        opened = world.sessions.open(first["AccessKeyId"], first["SessionToken"])
        assert opened is not None
        assert opened.secret_access_key == first["SecretAccessKey"]

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    "arn", ["", "r", "arn:aws:iam", "arn::iam::1:role/r", "arn:aws::::role/r", "arn:aws:iam::1:"]
)
def test_what_is_no_arn(tmp_path: Path, arn: str) -> None:
    async def scenario(world: World) -> None:
        assert await refusal(world, ROOT, RoleArn=arn) == f"ValidationError 400: {arn} is invalid"

    in_world(tmp_path, scenario)


def test_tokens_of_users_and_federated_users(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        ann = await make_user(world, ALLOW_ALL)
        answer = await world.sts("GetSessionToken", ann, DurationSeconds=900)
        session = world.session(answer["Credentials"])
        assert answer["Credentials"]["Expiration"].timestamp() == (
            world.clock.wall_ms() / 1000 + 900
        )
        assert await world.sts("GetCallerIdentity", session) == {
            "UserId": ann.unique_id,
            "Account": ACCOUNT,
            "Arn": ann.arn,
        }
        assert allowed(world, session, "s3:PutObject")
        assert "aws:tokenissuetime" in world.directory.standing(session).context

        limit = policy(Action="s3:GetObject", Resource="*")
        answer = await world.sts("GetFederationToken", ann, Name="bob", Policy=limit)
        federated = world.session(answer["Credentials"])
        assert answer["FederatedUser"] == {
            "FederatedUserId": f"{ACCOUNT}:bob",
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob",
        }
        assert answer["PackedPolicySize"] > 0
        assert allowed(world, federated, "s3:GetObject")
        assert not allowed(world, federated, "s3:PutObject")
        bare = await world.sts("GetFederationToken", ann, Name="bob")
        assert bare["PackedPolicySize"] == 0
        assert not allowed(world, world.session(bare["Credentials"]), "s3:GetObject")
        for caller in (session, federated):
            for name, params in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "x"})):
                with pytest.raises(AwsError, match=f"Cannot call {name} with session credentials"):
                    await world.sts(name, caller, **params)

    in_world(tmp_path, scenario)


def test_a_root_gets_an_hour_and_a_federated_user_of_it_what_the_policy_says(
    tmp_path: Path,
) -> None:
    async def scenario(world: World) -> None:
        answer = await world.sts("GetSessionToken")
        expires_s = answer["Credentials"]["Expiration"].timestamp()
        assert expires_s == world.clock.wall_ms() / 1000 + 3600
        session = world.session(answer["Credentials"])
        assert (session.kind, session.arn) == (PrincipalKind.ROOT, ROOT.arn)
        assert allowed(world, session, "s3:PutObject")
        limit = policy(Action="s3:GetObject", Resource="*")
        answer = await world.sts("GetFederationToken", Name="bob", Policy=limit)
        federated = world.session(answer["Credentials"])
        assert allowed(world, federated, "s3:GetObject")
        assert not allowed(world, federated, "s3:PutObject")

    in_world(tmp_path, scenario)


def test_whose_key_is_this_and_what_does_this_say(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_user(world)
        key = (await world.iam("CreateAccessKey", UserName="ann"))["AccessKey"]["AccessKeyId"]
        session = (await world.sts("GetSessionToken", OTHER_ROOT))["Credentials"]["AccessKeyId"]
        assert await world.sts("GetAccessKeyInfo", AccessKeyId=key) == {"Account": ACCOUNT}
        assert await world.sts("GetAccessKeyInfo", AccessKeyId=session) == {
            "Account": OTHER_ACCOUNT
        }
        with pytest.raises(AwsError) as caught:
            await world.sts("GetAccessKeyInfo", AccessKeyId="not-a-key-of-aws")
        assert caught.value.code == "ValidationError"
        encoded = world.messages.encode(ACCOUNT, {"allowed": False})
        decoded = await world.sts("DecodeAuthorizationMessage", EncodedMessage=encoded)
        assert json.loads(decoded["DecodedMessage"]) == {"allowed": False}
        for caller, message in ((OTHER_ROOT, encoded), (ROOT, "nonsense")):
            with pytest.raises(AwsError) as caught:
                await world.sts("DecodeAuthorizationMessage", caller, EncodedMessage=message)
            assert caught.value.code == "InvalidAuthorizationMessageException"

    in_world(tmp_path, scenario)


def test_quotas_of_sessions_are_an_operators_to_set(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await make_role(world, trust(AWS=ACCOUNT))
        told = await refusal(world, ROOT, Policy=ALLOW_ALL)
        assert told.startswith("PackedPolicyTooLarge")

    quotas = replace(DEFAULT_LIMITS.iam, session_policies_size=10)
    in_world(tmp_path, scenario, quotas=quotas)
