"""What IAM's operations require: ARNs with the paths of what is there, names as AWS shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lambdad.api.call import Call
from lambdad.core.clock import ManualClock
from lambdad.core.ids import Region, RequestId
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.iam.managed import ServiceRoles
from lambdad.iam.mfa import MfaDevices
from lambdad.iam.principal import Principal
from lambdad.services.iam.authorization import RULES
from lambdad.services.iam.service import IamService
from support.identities import ACCOUNT, LAMBDA_TRUST, MANAGED, ROOT, World, in_world

IAM = f"arn:aws:iam::{ACCOUNT}"


class Scene:
    def __init__(self, world: World) -> None:
        self.world = world
        clock, limits = ManualClock(), DEFAULT_LIMITS
        mfa = MfaDevices(world.store, world.sealer, clock, limits)
        self._service = IamService(world.store, MANAGED, ServiceRoles(), clock, limits.iam, mfa)

    def required(self, operation: str, caller: Principal = ROOT, /, **params: Any) -> list[Any]:
        """(action, resource, shown) of each requirement."""
        made = Call(ACCOUNT, Region("us-east-1"), caller, RequestId("r"), "", "", {})
        rule = RULES.rules[operation]
        return [
            (each.action.removeprefix("iam:"), each.resource, each.shown)
            for each in rule(self._service, made, params)
        ]

    def keys(self, operation: str, **params: Any) -> dict[str, Any]:
        made = Call(ACCOUNT, Region("us-east-1"), ROOT, RequestId("r"), "", "", {})
        (required,) = RULES.rules[operation](self._service, made, params)
        return dict(required.keys)


def play(folder: Path, scenario: Any) -> None:
    async def run(world: World) -> None:
        await world.iam("CreateUser", UserName="ann", Path="/team/")
        await world.iam(
            "CreateRole", RoleName="job", Path="/ci/", AssumeRolePolicyDocument=LAMBDA_TRUST
        )
        await world.iam("TagRole", RoleName="job", Tags=[{"Key": "Team", "Value": "red"}])
        scenario(Scene(world))

    in_world(folder, run)


def test_arns_have_paths_and_refusals_have_names(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        assert scene.required("GetUser", UserName="ann") == [
            ("GetUser", f"{IAM}:user/team/ann", "user ann")
        ]
        assert scene.required("GetRole", RoleName="job") == [
            ("GetRole", f"{IAM}:role/ci/job", "role job")
        ]
        assert scene.required("GetRole", RoleName="none") == [
            ("GetRole", f"{IAM}:role/none", "role none")
        ]
        assert scene.required("CreateRole", RoleName="new", Path="/ci/") == [
            ("CreateRole", f"{IAM}:role/ci/new", None)
        ]
        assert scene.required("ListUsers") == [("ListUsers", f"{IAM}:user/", None)]

    play(tmp_path, scenario)


def test_a_user_who_names_nobody_means_himself(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        ann = scene.world.user("ann")
        assert scene.required("CreateAccessKey", ann) == [
            ("CreateAccessKey", f"{IAM}:user/team/ann", "user ann")
        ]
        assert scene.required("CreateAccessKey", ROOT) == [("CreateAccessKey", "*", None)]

    play(tmp_path, scenario)


def test_who_renames_needs_both_names(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        assert scene.required("UpdateUser", UserName="ann", NewUserName="eve") == [
            ("UpdateUser", f"{IAM}:user/team/ann", "user ann"),
            ("UpdateUser", f"{IAM}:user/team/eve", None),
        ]
        assert scene.required("UpdateUser", UserName="ann", NewPath="/top/")[1:] == [
            ("UpdateUser", f"{IAM}:user/top/ann", None)
        ]

    play(tmp_path, scenario)


def test_an_instance_profile_takes_a_role_that_may_be_passed(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        params = {"InstanceProfileName": "p", "RoleName": "job"}
        assert scene.required("AddRoleToInstanceProfile", **params)[1] == (
            "PassRole", f"{IAM}:role/ci/job", None
        )  # fmt: skip

    play(tmp_path, scenario)


def test_condition_keys(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        assert scene.keys("AttachRolePolicy", RoleName="job", PolicyArn=arn) == {
            "iam:policyarn": arn
        }
        assert scene.keys(
            "PutUserPermissionsBoundary", UserName="ann", PermissionsBoundary=arn
        ) == {"iam:permissionsboundary": arn}
        assert scene.keys("TagUser", UserName="ann", Tags=[{"Key": "A", "Value": "b"}]) == {
            "aws:requesttag/a": "b",
            "aws:tagkeys": ("A",),
        }
        assert scene.keys("UntagUser", UserName="ann", TagKeys=["A"]) == {"aws:tagkeys": ("A",)}

    play(tmp_path, scenario)


def test_tags_of_what_an_arn_names(tmp_path: Path) -> None:
    def scenario(scene: Scene) -> None:
        assert RULES.tags_of is not None
        service = scene._service
        assert RULES.tags_of(service, f"{IAM}:role/ci/job") == {"Team": "red"}
        assert RULES.tags_of(service, f"{IAM}:role/job") == {}
        assert RULES.tags_of(service, "*") == {}

    play(tmp_path, scenario)
