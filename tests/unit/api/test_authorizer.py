"""PolicyAuthorizer: requirements, contexts, refusals, and how fast a change of policy holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.call import Call, Params
from lambdad.api.operation import OperationName
from lambdad.api.requirement import Requirement, RootBounds, ServiceRules, request_tags
from lambdad.core.errors import AccessDeniedException, ClientError
from lambdad.core.ids import Region, RequestId
from lambdad.core.value import replace
from lambdad.iam.errors import AccessDenied
from lambdad.iam.policy import PolicyKind, parse_policy
from lambdad.iam.principal import Principal
from support.identities import (
    ACCOUNT,
    OTHER_ACCOUNT,
    OTHER_ROOT,
    ROOT,
    World,
    in_world,
    policy,
)

ARN = f"arn:aws:things:us-east-1:{ACCOUNT}:thing/one"
THEIRS = f"arn:aws:things:us-east-1:{OTHER_ACCOUNT}:thing/one"
GET = OperationName("things", "Get")
RESOURCE = PolicyKind.RESOURCE


def rules(*required: Requirement, **options: Any) -> ServiceRules:
    def rule(_: object, __: Call, ___: Params) -> Iterable[Requirement]:
        return required

    return ServiceRules("things", {"Get": rule}, **options)


def call(principal: Principal, **changes: Any) -> Call:
    made = Call(
        account=ACCOUNT,
        region=Region("us-east-1"),
        principal=principal,
        request_id=RequestId("r"),
        endpoint="https://localhost:4566",
        source_ip="192.0.2.1",
        headers={"user-agent": "tests"},
    )
    return made._replace(**changes)


class Scene:
    """A user ann with one policy, and an authorizer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.authorizer = PolicyAuthorizer(world.directory, world.clock)

    async def allow(self, **statement: Any) -> None:
        await self.world.iam(
            "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=policy(**statement)
        )

    def denial(self, required: Requirement, **options: Any) -> ClientError | None:
        changes = options.pop("changes", {})
        self.authorizer.serve(None, rules(required, **options))
        try:
            self.authorizer.authorize(call(self.world.user("ann"), **changes), GET, {})
        except ClientError as error:
            return error
        return None


def play(folder: Path, scenario: Any) -> None:
    async def run(world: World) -> None:
        await world.iam("CreateUser", UserName="ann")
        await scenario(Scene(world))

    in_world(folder, run)


def test_a_change_holds_for_the_next_call(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        required = Requirement("things:Get", ARN)
        denied = scene.denial(required)
        assert isinstance(denied, AccessDeniedException)
        assert denied.message == (
            f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: things:Get on "
            f"resource: {ARN} because no identity-based policy allows the things:Get action"
        )
        await scene.allow(Action="things:Get", Resource=ARN)
        assert scene.denial(required) is None
        await scene.allow(Action="things:Put", Resource=ARN)
        assert scene.denial(required) is not None

    play(tmp_path, scenario)


def test_roots_may_everything_in_their_own_account_only(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.authorizer.authorize(call(ROOT), OperationName("no", "Rule"), {})
        scene.authorizer.serve(None, rules(Requirement("things:Get", ARN)))
        with pytest.raises(AccessDeniedException):
            scene.authorizer.authorize(call(OTHER_ROOT), GET, {})

    play(tmp_path, scenario)


def test_what_has_no_rule_is_denied_whatever_policies_say(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.allow(Action="*", Resource="*")
        ann = call(scene.world.user("ann"))
        scene.authorizer.serve(None, rules(Requirement("things:Get", ARN), refusal=AccessDenied))
        for name in (OperationName("things", "Put"), OperationName("others", "Get")):
            with pytest.raises(ClientError, match="not authorized"):
                scene.authorizer.authorize(ann, name, {})

    play(tmp_path, scenario)


def test_every_requirement_has_to_be_met(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.allow(Action="things:Get", Resource="*")
        scene.authorizer.serve(
            None, rules(Requirement("things:Get", ARN), Requirement("iam:PassRole", "role"))
        )
        with pytest.raises(AccessDeniedException, match="iam:PassRole on resource: role"):
            scene.authorizer.authorize(call(scene.world.user("ann")), GET, {})

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:username", "ann"),
        ("StringEquals", "aws:PrincipalAccount", ACCOUNT),
        ("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:user/ann"),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24"),
        ("Bool", "aws:SecureTransport", "true"),
        ("Bool", "aws:ViaAWSService", "false"),
        ("StringEquals", "aws:RequestedRegion", "us-east-1"),
        ("StringEquals", "aws:UserAgent", "tests"),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:01Z"),
        ("NumericEquals", "aws:EpochTime", "1767225600"),
        ("StringEquals", "aws:ResourceTag/Team", "red"),
        ("StringEquals", "things:ResourceTag/team", "red"),
        ("StringEquals", "aws:RequestTag/Cost", "low"),
        ("ForAllValues:StringEquals", "aws:TagKeys", "cost"),
        ("Null", "aws:Referer", "true"),
    ],
)
def test_condition_keys(tmp_path: Path, operator: str, key: str, value: str) -> None:
    async def scenario(scene: Scene) -> None:
        required = Requirement("things:Get", ARN, request_tags([("cost", "low")]))
        options: dict[str, Any] = {"tags_of": lambda _, arn: {"team": "red"} if arn == ARN else {}}
        await scene.allow(Action="*", Resource="*", Condition={operator: {key: value}})
        assert scene.denial(required, **options) is None
        if operator != "Null":
            await scene.allow(Action="*", Resource="*", Condition={"StringEquals": {key: "else"}})
            assert scene.denial(required, **options) is not None

    play(tmp_path, scenario)


def test_an_address_that_is_none_is_absent(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        condition = {"Null": {"aws:SourceIp": "true"}}
        await scene.allow(Action="*", Resource="*", Condition=condition)
        required = Requirement("things:Get", ARN)
        assert scene.denial(required, changes={"source_ip": ""}) is None
        assert scene.denial(required) is not None

    play(tmp_path, scenario)


def test_a_resource_policy_is_enough_within_an_account(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
        document = policy(Action="things:Get", Resource=ARN, Principal={"AWS": ann})
        own = parse_policy(document, PolicyKind.RESOURCE)
        assert scene.denial(Requirement("things:Get", ARN, policy=own)) is None
        await scene.allow(Effect="Deny", Action="*", Resource="*")
        denied = scene.denial(Requirement("things:Get", ARN, policy=own))
        assert denied is not None
        assert str(denied.message).endswith("with an explicit deny in an identity-based policy")

    play(tmp_path, scenario)


def test_the_one_action_or_the_other(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        required = Requirement("things:Get", ARN, instead="things:Take")
        denied = scene.denial(required)
        assert denied is not None
        assert "to perform: things:Get on resource" in str(denied.message)
        for action in ("things:Get", "things:Take"):
            await scene.allow(Action=action, Resource=ARN)
            assert scene.denial(required) is None
        ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
        document = policy(Effect="Deny", Action="things:Get", Resource=ARN, Principal={"AWS": ann})
        refused = scene.denial(required._replace(policy=parse_policy(document, RESOURCE)))
        assert refused is not None
        assert str(refused.message).endswith("with an explicit deny in a resource-based policy")

    play(tmp_path, scenario)


def owned_by_other(**statement: Any) -> ServiceRules:
    """Things of another account, with a policy of one statement."""
    document = policy(Action="things:Get", Resource=THEIRS, **statement)
    required = Requirement("things:Get", THEIRS, policy=parse_policy(document, RESOURCE))
    return rules(required, owners={"Get": lambda params: params.get("Owner")})


def test_a_call_goes_to_the_account_that_owns_what_it_names(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        account = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        scene.authorizer.serve(None, owned_by_other(Principal=account))
        ann = call(scene.world.user("ann"))
        with pytest.raises(AccessDeniedException, match="no identity-based policy"):
            scene.authorizer.authorize(ann, GET, {"Owner": OTHER_ACCOUNT})
        condition = {"StringEquals": {"aws:ResourceAccount": OTHER_ACCOUNT}}
        await scene.allow(Action="things:Get", Resource=THEIRS, Condition=condition)
        for made in (ann, call(ROOT)):
            allowed = scene.authorizer.authorize(made, GET, {"Owner": OTHER_ACCOUNT})
            assert allowed == made._replace(account=OTHER_ACCOUNT)
        assert scene.authorizer.authorize(call(ROOT), GET, {}) == call(ROOT)

    play(tmp_path, scenario)


@pytest.mark.parametrize("caller", [ROOT, OTHER_ROOT])
def test_root_is_a_stranger_elsewhere(tmp_path: Path, caller: Principal) -> None:
    async def scenario(scene: Scene) -> None:
        scene.authorizer.serve(None, owned_by_other(Principal={"AWS": "999988887777"}))
        made, params = call(caller, account=caller.account), {"Owner": OTHER_ACCOUNT}
        if caller is OTHER_ROOT:
            assert scene.authorizer.authorize(made, GET, params) == made
            return
        with pytest.raises(AccessDeniedException, match="no resource-based policy allows"):
            scene.authorizer.authorize(made, GET, params)

    play(tmp_path, scenario)


def test_only_denies_of_resources_bind_root(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        deny = policy(Effect="Deny", Action="things:*", Resource=ARN, Principal="*")
        required = Requirement("things:Get", ARN, policy=parse_policy(deny, RESOURCE))
        bounds = RootBounds(lambda _, account: account == ACCOUNT, frozenset({"Remove"}))
        served = rules(required, root=bounds)
        served = replace(served, rules={**served.rules, "Remove": served.rules["Get"]})
        scene.authorizer.serve(None, served)
        with pytest.raises(AccessDeniedException) as raised:
            scene.authorizer.authorize(call(ROOT), GET, {})
        assert raised.value.message == (
            f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: things:Get on "
            f"resource: {ARN} with an explicit deny in a resource-based policy"
        )
        scene.authorizer.authorize(call(ROOT), OperationName("things", "Remove"), {})
        without = replace(served, root=RootBounds(lambda _, __: False))
        scene.authorizer.serve(None, without)
        scene.authorizer.authorize(call(ROOT), GET, {})

    play(tmp_path, scenario)


def test_root_needs_nobodys_allow(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        bounds = RootBounds(lambda _, __: True)
        scene.authorizer.serve(None, rules(Requirement("things:Get", ARN), root=bounds))
        scene.authorizer.authorize(call(ROOT), GET, {})

    play(tmp_path, scenario)


def test_refusals_name_the_resource_as_aws_does(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        denied = scene.denial(Requirement("things:Get", ARN, shown="thing one"))
        assert denied is not None
        assert "on resource: thing one because" in str(denied.message)

    play(tmp_path, scenario)
