"""PolicyInternalAuthorizer: what services may do with a role, and what under their own name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.api import internal_calls
from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.api.internal_calls import AnyInternalCall, PolicyInternalAuthorizer
from lambdad.api.requirement import ServiceRules
from lambdad.iam.evaluate import AuthorizationRequest, Decision, evaluate
from lambdad.iam.execution_roles import ExecutionRoles
from lambdad.iam.policy import Policy, PolicyKind, parse_policy
from support.identities import ACCOUNT, LAMBDA_TRUST, OTHER_ACCOUNT, World, in_world, policy

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"
FOREIGN_QUEUE = f"arn:aws:sqs:us-east-1:{OTHER_ACCOUNT}:jobs"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:news"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"


class Scene:
    """A role `worker` without rights, and queues with the policies in `policies`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.policies: dict[str, Policy] = {}
        self.tags: dict[str, str] = {}
        authorizer = PolicyAuthorizer(world.directory, world.clock)
        rules = ServiceRules(
            "sqs",
            {},
            tags_of=lambda _, __: self.tags,
            policy_of=lambda _, arn: self.policies.get(arn),
        )
        authorizer.serve(None, rules)
        self.internal = PolicyInternalAuthorizer(
            authorizer, world.directory, ExecutionRoles(world.store, world.directory), world.clock
        )

    async def allow_role(self, **statement: Any) -> None:
        await self.world.iam(
            "PutRolePolicy", RoleName="worker", PolicyName="p", PolicyDocument=policy(**statement)
        )

    def guard(self, arn: str, **statement: Any) -> None:
        """Give a queue a policy of one statement."""
        document = policy(Action="sqs:*", Resource=arn, **statement)
        self.policies[arn] = parse_policy(document, PolicyKind.RESOURCE)

    def role_refusal(self, resource: str, **options: Any) -> str | None:
        return self.internal.refusal_for_role(
            ROLE, "worker-fn", "sqs:ReceiveMessage", resource, **options
        )

    def service_refusal(
        self, resource: str = QUEUE, source_arn: str = TOPIC, source_account: str = ACCOUNT
    ) -> str | None:
        return self.internal.refusal_for_service(
            "sns.amazonaws.com",
            "sqs:SendMessage",
            resource,
            source_arn=source_arn,
            source_account=source_account,
        )


def play(folder: Path, scenario: Callable[[Scene], Any]) -> None:
    async def run(world: World) -> None:
        await world.iam("CreateRole", RoleName="worker", AssumeRolePolicyDocument=LAMBDA_TRUST)
        await scenario(Scene(world))

    in_world(folder, run)


def role_text(resource: str, reason: str) -> str:
    return (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/worker/worker-fn is not authorized to perform: "
        f"sqs:ReceiveMessage on resource: {resource} {reason}"
    )


def service_text(reason: str) -> str:
    return (
        "User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: "
        f"{QUEUE} {reason}"
    )


NO_GRANT = "because no resource-based policy allows the sqs:SendMessage action"


def test_a_role_may_what_its_policies_say_and_a_change_holds_at_once(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        nothing = "because no identity-based policy allows the sqs:ReceiveMessage action"
        assert scene.role_refusal(QUEUE) == role_text(QUEUE, nothing)
        await scene.allow_role(Action="sqs:ReceiveMessage", Resource=QUEUE)
        assert scene.role_refusal(QUEUE) is None
        assert scene.role_refusal(QUEUE + "2") == role_text(QUEUE + "2", nothing)
        await scene.world.iam("DeleteRolePolicy", RoleName="worker", PolicyName="p")
        assert scene.role_refusal(QUEUE) == role_text(QUEUE, nothing)

    play(tmp_path, scenario)


def test_a_role_that_is_gone_may_nothing(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        scene.guard(QUEUE, Principal={"AWS": ROLE})
        assert scene.role_refusal(QUEUE) is None
        await scene.world.iam("DeleteRole", RoleName="worker")
        assert scene.role_refusal(QUEUE) == (
            f"User: {ROLE} is not authorized to perform: sqs:ReceiveMessage on resource: {QUEUE} "
            "because no identity-based policy allows the sqs:ReceiveMessage action"
        )

    play(tmp_path, scenario)


def test_across_accounts_a_role_needs_both_sides(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.allow_role(Action="*", Resource="*")
        refused = "because no resource-based policy allows the sqs:ReceiveMessage action"
        assert scene.role_refusal(FOREIGN_QUEUE) == role_text(FOREIGN_QUEUE, refused)
        scene.guard(FOREIGN_QUEUE, Principal={"AWS": ROLE})
        assert scene.role_refusal(FOREIGN_QUEUE) is None

    play(tmp_path, scenario)


def test_what_names_no_owner_belongs_to_no_role(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.allow_role(Action="*", Resource="*")
        bucket = "arn:aws:s3:::theirs"
        refused = "because no resource-based policy allows the sqs:ReceiveMessage action"
        assert scene.role_refusal(bucket) == role_text(bucket, refused)
        assert scene.role_refusal("*") is None

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("StringEquals", "aws:ResourceTag/team", "red"),
        ("StringEquals", "aws:ResourceAccount", ACCOUNT),
        ("StringEquals", "aws:RequestedRegion", "us-east-1"),
        ("StringEquals", "sqs:special", "yes"),
        ("ArnEquals", "aws:PrincipalArn", ROLE),
        ("Bool", "aws:SecureTransport", "true"),
        ("Bool", "aws:PrincipalIsAWSService", "false"),
        ("Null", "aws:SourceIp", "true"),
        ("Null", "lambda:SourceFunctionArn", "true"),
    ],
)
def test_condition_keys_of_a_role(tmp_path: Path, operator: str, key: str, value: str) -> None:
    async def scenario(scene: Scene) -> None:
        scene.tags = {"Team": "red"}
        await scene.allow_role(Action="*", Resource="*", Condition={operator: {key: value}})
        assert scene.role_refusal(QUEUE, keys={"sqs:special": "yes"}) is None

    play(tmp_path, scenario)


def test_what_was_decided_is_kept_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(request: AuthorizationRequest) -> Decision:
        asked.append(request.target.resource)
        return evaluate(request)

    monkeypatch.setattr(internal_calls, "evaluate", counted)

    async def scenario(scene: Scene) -> None:
        await scene.allow_role(
            Action="*", Resource="*", Condition={"Null": {"aws:ResourceTag/secret": "true"}}
        )
        assert [scene.role_refusal(QUEUE) for _ in range(3)] == [None, None, None]
        assert asked == [QUEUE]
        scene.tags = {"secret": "yes"}
        assert [scene.role_refusal(QUEUE) is None for _ in range(3)] == [False, False, False]
        scene.tags = {}
        assert scene.role_refusal(QUEUE) is None
        scene.guard(QUEUE, Effect="Deny", Principal="*")
        assert scene.role_refusal(QUEUE) is not None
        del scene.policies[QUEUE]
        assert scene.role_refusal(QUEUE) is None
        assert len(asked) == 5
        await scene.world.iam("DeleteRolePolicy", RoleName="worker", PolicyName="p")
        assert scene.role_refusal(QUEUE) is not None

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:10Z"),
        ("NumericLessThan", "aws:EpochTime", "1767225610"),
        ("DateLessThan", "aws:TokenIssueTime", "2026-01-01T00:00:10Z"),
    ],
)
def test_a_right_that_ends_in_time_ends_in_time(
    tmp_path: Path, operator: str, key: str, value: str
) -> None:
    async def scenario(scene: Scene) -> None:
        await scene.allow_role(Action="*", Resource="*", Condition={operator: {key: value}})
        assert scene.role_refusal(QUEUE) is None
        scene.world.clock.advance(10)
        assert scene.role_refusal(QUEUE) is not None

    play(tmp_path, scenario)


def test_a_service_needs_the_resources_policy(tmp_path: Path) -> None:
    async def scenario(scene: Scene) -> None:
        assert scene.service_refusal() == service_text(NO_GRANT)
        scene.guard(QUEUE, Principal={"Service": "s3.amazonaws.com"})
        assert scene.service_refusal() == service_text(NO_GRANT)
        scene.guard(QUEUE, Principal={"Service": "sns.amazonaws.com"})
        assert scene.service_refusal() is None
        scene.guard(QUEUE, Effect="Deny", Principal="*")
        explicit = "with an explicit deny in a resource-based policy"
        assert scene.service_refusal() == service_text(explicit)

    play(tmp_path, scenario)


def test_a_service_acts_for_one_source(tmp_path: Path) -> None:
    """The confused deputy: another account's topic reaches the queue through the same service."""

    async def scenario(scene: Scene) -> None:
        conditions = {
            "ArnLike": {"AWS:SourceArn": TOPIC},
            "StringEquals": {"AWS:SourceAccount": ACCOUNT},
        }
        sns = {"Service": "sns.amazonaws.com"}
        scene.guard(QUEUE, Principal=sns, Condition=conditions)
        assert scene.service_refusal() is None
        assert scene.service_refusal(source_account=OTHER_ACCOUNT) == service_text(NO_GRANT)
        foreign_topic = f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:news"
        assert scene.service_refusal(source_arn=foreign_topic) == service_text(NO_GRANT)
        assert scene.service_refusal(source_arn="", source_account="") == service_text(NO_GRANT)

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("operator", "key", "value"),
    [
        ("Bool", "aws:PrincipalIsAWSService", "true"),
        ("StringEquals", "aws:PrincipalServiceName", "sns.amazonaws.com"),
        ("ForAnyValue:StringEquals", "aws:PrincipalServiceNamesList", "sns.amazonaws.com"),
        ("Bool", "aws:ViaAWSService", "false"),
        ("Bool", "aws:SecureTransport", "true"),
        ("Null", "aws:SourceIp", "true"),
        ("Null", "aws:PrincipalArn", "true"),
        ("Null", "aws:PrincipalAccount", "true"),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:01Z"),
        ("StringEquals", "aws:ResourceTag/Team", "red"),
    ],
)
def test_condition_keys_of_a_service(tmp_path: Path, operator: str, key: str, value: str) -> None:
    async def scenario(scene: Scene) -> None:
        scene.tags = {"Team": "red"}
        scene.guard(
            QUEUE,
            Principal={"Service": "sns.amazonaws.com"},
            Condition={operator: {key: value}},
        )
        assert scene.service_refusal() is None

    play(tmp_path, scenario)


def test_nobody_is_asked_where_any_credentials_do() -> None:
    anyone = AnyInternalCall()
    assert anyone.refusal_for_role("no role", "s", "sqs:ReceiveMessage", QUEUE) is None
    refusal = anyone.refusal_for_service(
        "sns.amazonaws.com", "sqs:SendMessage", QUEUE, source_arn=None, source_account=None
    )
    assert refusal is None
