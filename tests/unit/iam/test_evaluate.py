"""The worked examples of AWS's documentation, each with its page, and the rules between them."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.iam.evaluate import Reason, evaluate
from lambdad.iam.policy import Policy, PolicyKind
from lambdad.iam.principals import ANONYMOUS, Caller, federated_caller, service_caller
from support.policy_requests import (
    ACCOUNT,
    FEDERATED,
    FEDERATED_ARN,
    OTHER_ACCOUNT,
    ROLE_ARN,
    ROOT,
    ROOT_ARN,
    SESSION,
    SESSION_ARN,
    USER,
    USER_ARN,
    allow,
    deny,
    policy,
    request,
    resource_policy,
    trust_policy,
)

FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"
INVOKE = "lambda:InvokeFunction"


def allowed(caller: Caller, action: str, resource: str = "*", *args: Any, **more: Any) -> bool:
    return evaluate(request(caller, action, resource, *args, **more)).allowed


def carlos() -> Policy:
    return policy(
        allow("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        allow("s3:*", ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]),
        deny("s3:*", "arn:aws:s3:::*log*"),
    )


def test_carlos_and_his_buckets() -> None:
    # IAM user guide, "Policy evaluation logic": example identity- and resource-based evaluation.
    bucket = resource_policy(
        allow("s3:*", "arn:aws:s3:::carlossalazar/*", Principal={"AWS": USER_ARN})
    )
    mine, logs = "arn:aws:s3:::carlossalazar/a", "arn:aws:s3:::carlossalazar-logs/a"
    assert allowed(USER, "s3:PutObject", mine, [carlos()], policy=bucket)
    assert allowed(USER, "s3:PutObject", mine, policy=bucket)
    assert allowed(USER, "s3:PutObject", mine, [carlos()])
    decision = evaluate(request(USER, "s3:PutObject", logs, [carlos()], policy=bucket))
    assert decision.reason is Reason.EXPLICIT_DENY
    assert decision.statement is not None
    assert decision.statement.index == 2
    assert not allowed(USER, "s3:PutObject", "arn:aws:s3:::other/a", [carlos()])


def test_explicit_and_implicit_denies() -> None:
    # IAM user guide, "The difference between explicit and implicit denies".
    reader = policy(
        allow("iam:Get*", Sid="Get"), allow("iam:List*", Sid="List"), deny("iam:*Report")
    )
    assert allowed(USER, "iam:GetUser", "*", [reader])
    assert evaluate(request(USER, "iam:CreatePolicy", "*", [reader])).reason is Reason.IMPLICIT_DENY
    reports = request(
        USER,
        "iam:GenerateCredentialReport",
        "*",
        [reader, policy(allow("iam:GenerateCredentialReport"))],
    )
    assert evaluate(reports).reason is Reason.EXPLICIT_DENY


def test_shirley_and_her_boundary() -> None:
    # IAM user guide, "Permissions boundaries for IAM entities".
    boundary = policy(allow("s3:*"), allow("cloudwatch:*"), allow("ec2:*"))
    creator = policy(allow("iam:CreateUser"))
    decision = evaluate(request(USER, "iam:CreateUser", "*", [creator], boundary=boundary))
    assert decision.kind is PolicyKind.BOUNDARY
    assert not allowed(USER, "s3:GetObject", "*", [creator], boundary=boundary)
    assert allowed(USER, "s3:GetObject", "*", [policy(allow("s3:*"))], boundary=boundary)


def test_zhang_may_create_users_only_with_the_boundary() -> None:
    # The same page, "Delegating responsibility to others using permissions boundaries".
    arn = "arn:aws:iam::111122223333:policy/XCompanyBoundaries"
    condition = {"StringEquals": {"iam:PermissionsBoundary": arn}}
    delegated = policy(
        allow("iam:CreateUser", Condition=condition),
        allow("cloudwatch:*"),
        deny("iam:DeleteUserPermissionsBoundary"),
    )
    own = [policy(allow("iam:*"))]
    with_it = {"iam:permissionsboundary": arn}
    assert allowed(USER, "iam:CreateUser", "*", own, with_it, boundary=delegated)
    assert not allowed(USER, "iam:CreateUser", "*", own, boundary=delegated)
    assert not allowed(USER, "iam:DeleteUserPermissionsBoundary", "*", own, boundary=delegated)


@pytest.mark.parametrize(
    ("caller", "named", "expected"),
    [
        # The table "Resource-based policies and implicit denies in other policy types (same
        # account)" of "Policy evaluation logic": everything else denies implicitly.
        (SESSION, ROLE_ARN, False),
        (SESSION, SESSION_ARN, True),
        (USER, USER_ARN, True),
        (FEDERATED, USER_ARN, False),
        (FEDERATED, FEDERATED_ARN, True),
        (ROOT, ROOT_ARN, True),
        # The account delegates; it does not name anybody in it.
        (USER, ROOT_ARN, False),
        (USER, ACCOUNT, False),
        (USER, "*", True),
    ],
)
def test_who_is_named_decides_what_limits_him(caller: Caller, named: str, expected: bool) -> None:
    attached = resource_policy(allow(INVOKE, FUNCTION, Principal={"AWS": named}))
    nothing = policy(allow("none:None"))
    asked = request(caller, INVOKE, FUNCTION, policy=attached, boundary=nothing, session=(nothing,))
    assert evaluate(asked).allowed is expected


def test_a_role_that_is_named_needs_no_identity_policy() -> None:
    attached = resource_policy(allow(INVOKE, FUNCTION, Principal={"AWS": ROLE_ARN}))
    wide = policy(allow())
    assert allowed(SESSION, INVOKE, FUNCTION, policy=attached)
    assert allowed(SESSION, INVOKE, FUNCTION, policy=attached, boundary=wide, session=(wide,))
    narrow = policy(allow("s3:*"))
    decision = evaluate(request(SESSION, INVOKE, FUNCTION, policy=attached, session=(narrow,)))
    assert decision.kind is PolicyKind.SESSION


def test_an_explicit_deny_beats_a_direct_grant() -> None:
    attached = resource_policy(allow(INVOKE, FUNCTION, Principal={"AWS": USER_ARN}))
    decision = evaluate(
        request(USER, INVOKE, FUNCTION, policy=attached, boundary=policy(allow(), deny("lambda:*")))
    )
    assert (decision.reason, decision.kind) == (Reason.EXPLICIT_DENY, PolicyKind.BOUNDARY)


def test_every_session_policy_together_is_one_limit() -> None:
    # IAM user guide, "Session policies": the inline and the managed ones are a union.
    session = (policy(allow("s3:*")), policy(allow("sqs:*")))
    own = [policy(allow())]
    assert allowed(SESSION, "s3:GetObject", "*", own, session=session)
    assert allowed(SESSION, "sqs:SendMessage", "*", own, session=session)
    assert not allowed(SESSION, "iam:GetUser", "*", own, session=session)


def test_a_federated_user_without_session_policy_may_nothing() -> None:
    # "Policy evaluation logic", step "Session policies".
    own = [policy(allow())]
    assert not allowed(FEDERATED, "s3:GetObject", "*", own)
    assert allowed(FEDERATED, "s3:GetObject", "*", own, session=(policy(allow("s3:*")),))


def test_every_level_of_service_control_policies_must_allow() -> None:
    # Organizations user guide, "SCP evaluation".
    own, all_, some = [policy(allow())], policy(allow()), policy(allow("s3:*"))
    assert allowed(USER, "s3:GetObject", "*", own, service_control=((all_,), (some, all_)))
    assert allowed(USER, "sqs:SendMessage", "*", own, service_control=((all_,), (some, all_)))
    decision = evaluate(
        request(USER, "sqs:SendMessage", "*", own, service_control=((all_,), (some,)))
    )
    assert decision.kind is PolicyKind.SERVICE_CONTROL
    assert not allowed(ROOT, "sqs:SendMessage", service_control=((some,),))


def test_across_accounts_both_sides_must_allow() -> None:
    # IAM user guide, "Cross-account policy evaluation logic".
    theirs = f"arn:aws:lambda:us-east-1:{OTHER_ACCOUNT}:function:jobs"
    own = [policy(allow(INVOKE, theirs))]
    shared = resource_policy(allow(INVOKE, theirs, Principal={"AWS": ACCOUNT}))
    direct = resource_policy(allow(INVOKE, theirs, Principal={"AWS": USER_ARN}))
    there: dict[str, Any] = {"account": OTHER_ACCOUNT}
    assert allowed(USER, INVOKE, theirs, own, policy=shared, **there)
    assert evaluate(request(USER, INVOKE, theirs, own, **there)).kind is PolicyKind.RESOURCE
    for attached in (shared, direct):
        decision = evaluate(request(USER, INVOKE, theirs, policy=attached, **there))
        assert decision.kind is PolicyKind.IDENTITY
    limited = request(USER, INVOKE, theirs, own, policy=direct, boundary=policy(deny()), **there)
    assert not evaluate(limited).allowed
    assert allowed(ROOT, INVOKE, theirs, policy=shared, **there)
    assert not allowed(ROOT, INVOKE, theirs, **there)


def test_the_trust_policy_of_a_role_must_name_who_assumes_it() -> None:
    # "Policy evaluation logic": role trust policies and KMS key policies are exceptions.
    own = [policy(allow("sts:AssumeRole", ROLE_ARN))]

    def assumes(trust: Policy, *identity: Policy, caller: Caller = USER) -> bool:
        asked = request(
            caller, "sts:AssumeRole", ROLE_ARN, identity, policy=trust, must_be_named=True
        )
        return evaluate(asked).allowed

    assert assumes(trust_policy({"AWS": USER_ARN}))
    assert assumes(trust_policy({"AWS": ROOT_ARN}), *own)
    assert not assumes(trust_policy({"AWS": ROOT_ARN}))
    assert not assumes(trust_policy({"Service": "lambda.amazonaws.com"}), *own)
    assert assumes(
        trust_policy({"Service": "lambda.amazonaws.com"}),
        caller=service_caller("lambda.amazonaws.com"),
    )
    assert not assumes(trust_policy({"AWS": "*"}), caller=federated_caller("accounts.google.com"))
    decision = evaluate(
        request(
            USER,
            "sts:AssumeRole",
            ROLE_ARN,
            own,
            policy=trust_policy({"AWS": SESSION_ARN}),
            must_be_named=True,
        )
    )
    assert decision.kind is PolicyKind.TRUST


def test_an_external_id() -> None:
    # IAM user guide, "Access to AWS accounts owned by third parties".
    trust = trust_policy({"AWS": USER_ARN}, Condition={"StringEquals": {"sts:ExternalId": "12345"}})
    asked: dict[str, Any] = {"policy": trust, "must_be_named": True}
    assert allowed(USER, "sts:AssumeRole", ROLE_ARN, (), {"sts:externalid": "12345"}, **asked)
    assert not allowed(USER, "sts:AssumeRole", ROLE_ARN, (), {"sts:externalid": "1"}, **asked)
    assert not allowed(USER, "sts:AssumeRole", ROLE_ARN, **asked)


def test_a_service_is_let_in_by_the_resource_alone() -> None:
    # Lambda developer guide, "Granting function access to AWS services"; "The confused deputy".
    source = f"arn:aws:s3:::{ACCOUNT}-uploads"
    attached = resource_policy(
        allow(
            INVOKE,
            FUNCTION,
            Principal={"Service": "s3.amazonaws.com"},
            Condition={
                "StringEquals": {"AWS:SourceAccount": ACCOUNT},
                "ArnLike": {"AWS:SourceArn": source},
            },
        )
    )
    s3 = service_caller("s3.amazonaws.com")
    here = {"aws:sourceaccount": ACCOUNT, "aws:sourcearn": source}
    assert allowed(s3, INVOKE, FUNCTION, (), here, policy=attached, account=ACCOUNT)
    away = here | {"aws:sourceaccount": OTHER_ACCOUNT}
    assert not allowed(s3, INVOKE, FUNCTION, (), away, policy=attached, account=ACCOUNT)
    sns = service_caller("sns.amazonaws.com")
    assert not allowed(sns, INVOKE, FUNCTION, (), here, policy=attached, account=ACCOUNT)
    assert not allowed(s3, INVOKE, FUNCTION, (), here, account=ACCOUNT)


def test_a_permission_is_for_the_qualifier_it_names() -> None:
    # Semantics §8.2: an unqualified permission does not cover qualified ARNs and vice versa.
    sns = service_caller("sns.amazonaws.com")
    principal = {"Service": "sns.amazonaws.com"}
    plain = resource_policy(allow(INVOKE, FUNCTION, Principal=principal))
    live = resource_policy(allow(INVOKE, f"{FUNCTION}:live", Principal=principal))
    assert allowed(sns, INVOKE, FUNCTION, policy=plain)
    assert not allowed(sns, INVOKE, f"{FUNCTION}:live", policy=plain)
    assert allowed(sns, INVOKE, f"{FUNCTION}:live", policy=live)
    assert not allowed(sns, INVOKE, FUNCTION, policy=live)


def test_strangers_need_a_policy_for_everybody() -> None:
    action = "lambda:InvokeFunctionUrl"
    public = resource_policy(
        allow(
            action,
            FUNCTION,
            Principal="*",
            Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        )
    )
    open_url = {"lambda:functionurlauthtype": "NONE"}
    assert allowed(ANONYMOUS, action, FUNCTION, (), open_url, policy=public, account=ACCOUNT)
    assert not allowed(ANONYMOUS, action, FUNCTION, policy=public, account=ACCOUNT)
    for named in ({"AWS": ACCOUNT}, {"Service": "s3.amazonaws.com"}):
        closed = resource_policy(allow(action, FUNCTION, Principal=named))
        assert not allowed(ANONYMOUS, action, FUNCTION, policy=closed, account=ACCOUNT)


def test_not_principal_with_deny_spares_only_who_is_named_himself() -> None:
    # IAM user guide, "NotPrincipal", the example of the assumed-role user.
    everyone = allow("s3:*", Principal="*")
    for named, spared in (([SESSION_ARN, ROLE_ARN, ROOT_ARN], True), ([ROLE_ARN, ROOT_ARN], False)):
        attached = resource_policy(everyone, deny("s3:*", NotPrincipal={"AWS": named}))
        assert allowed(SESSION, "s3:GetObject", policy=attached) is spared
        assert not allowed(USER, "s3:GetObject", policy=attached)


def test_not_principal_with_allow_reaches_nobody_who_is_named() -> None:
    attached = resource_policy(allow("s3:*", NotPrincipal={"AWS": ROOT_ARN}))
    assert not allowed(USER, "s3:GetObject", policy=attached)
    assert allowed(ANONYMOUS, "s3:GetObject", policy=attached)


def test_not_action_and_not_resource() -> None:
    # IAM user guide, "NotAction" and "NotResource".
    everything_but_iam = policy(
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "NotResource": ["arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/*"],
        },
    )
    assert allowed(USER, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/1", [everything_but_iam])
    assert not allowed(USER, "s3:GetObject", "arn:aws:s3:::HRBucket/x", [everything_but_iam])
    assert not allowed(USER, "iam:GetUser", "*", [everything_but_iam])
    assert allowed(USER, "sqs:ListQueues", "*", [everything_but_iam])


def test_a_home_directory_per_user() -> None:
    # IAM user guide, "Condition operators", String: the example with ${aws:username}.
    home = policy(
        allow(
            "s3:ListBucket",
            "arn:aws:s3:::BUCKET-NAME",
            Condition={"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/"]}},
        ),
        allow(
            "s3:*",
            [
                "arn:aws:s3:::BUCKET-NAME/home/${aws:username}",
                "arn:aws:s3:::BUCKET-NAME/home/${aws:username}/*",
            ],
        ),
    )

    def may(action: str, resource: str, **context: str) -> bool:
        keys = {"aws:username": "David"} | {f"s3:{key}": value for key, value in context.items()}
        return allowed(USER, action, f"arn:aws:s3:::{resource}", [home], keys)

    assert may("s3:GetObject", "BUCKET-NAME/home/David/a")
    assert not may("s3:GetObject", "BUCKET-NAME/home/Davida/a")
    assert may("s3:ListBucket", "BUCKET-NAME", prefix="")
    assert may("s3:ListBucket", "BUCKET-NAME", prefix="home/David/")
    assert not may("s3:ListBucket", "BUCKET-NAME", prefix="home/Ann/")
    assert not may("s3:ListBucket", "BUCKET-NAME")


def test_attributes_of_the_thread_table() -> None:
    # IAM user guide, "Set operations": ForAllValues to allow, ForAnyValue to deny.
    key = "dynamodb:requestedAttributes"
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/Thread"
    wanted = ["PostDateTime", "Message", "Tags"]
    reader = policy(
        allow("dynamodb:GetItem", table, Condition={"ForAllValues:StringLike": {key: wanted}}),
        allow("dynamodb:PutItem", table),
        deny(
            "dynamodb:PutItem",
            table,
            Condition={"ForAnyValue:StringLike": {key: ["ID", "PostDateTime"]}},
        ),
    )

    def may(action: str, *attributes: str) -> bool:
        context = {key.lower(): attributes}
        return allowed(USER, f"dynamodb:{action}", table, [reader], context)

    assert may("GetItem", "PostDateTime", "Message")
    assert not may("GetItem", "PostDateTime", "ID")
    assert not may("PutItem", "PostDateTime", "Message")
    assert may("PutItem", "UserName")


def test_instance_types_with_if_exists() -> None:
    # IAM user guide, "...IfExists": the statement applies to images and key pairs as well.
    types = {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}
    broken = policy(allow("ec2:RunInstances", Condition={"StringLike": types}))
    sound = policy(allow("ec2:RunInstances", Condition={"StringLikeIfExists": types}))
    image = "arn:aws:ec2:us-east-1::image/ami-1"
    assert not allowed(USER, "ec2:RunInstances", image, [broken])
    assert allowed(USER, "ec2:RunInstances", image, [sound])
    instance = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1"
    for size, expected in (("t2.micro", True), ("x1.huge", False)):
        context = {"ec2:instancetype": size}
        assert allowed(USER, "ec2:RunInstances", instance, [sound], context) is expected


def test_long_term_credentials_only() -> None:
    # IAM user guide, "Condition operator to check existence of condition keys".
    only = policy(allow("ec2:*", Condition={"Null": {"aws:TokenIssueTime": "true"}}))
    assert allowed(USER, "ec2:RunInstances", "*", [only])
    issued = {"aws:tokenissuetime": "2024-01-01T00:00:00Z"}
    assert not allowed(USER, "ec2:RunInstances", "*", [only], issued)


def test_denying_all_but_one_principal_without_not_principal() -> None:
    # IAM user guide, "Principal", all principals: the example with aws:PrincipalArn.
    arn = "arn:aws:iam::444455556666:user/user-name"
    attached = resource_policy(
        allow("s3:*", Principal="*"),
        deny("s3:*", Principal="*", Condition={"ArnNotEquals": {"aws:PrincipalArn": arn}}),
    )
    assert allowed(USER, "s3:GetObject", "*", (), {"aws:principalarn": arn}, policy=attached)
    other = {"aws:principalarn": USER_ARN}
    assert not allowed(USER, "s3:GetObject", "*", (), other, policy=attached)


def test_an_action_without_a_resource_needs_the_asterisk() -> None:
    # Semantics §8.3: ListFunctions has no resource-level permission.
    narrow = policy(allow("lambda:ListFunctions", f"arn:aws:lambda:*:{ACCOUNT}:function:*"))
    assert not allowed(USER, "lambda:ListFunctions", "*", [narrow])
    assert allowed(USER, "lambda:ListFunctions", "*", [policy(allow("lambda:ListFunctions"))])


def test_root_may_everything_that_is_not_denied_to_him() -> None:
    assert evaluate(request(ROOT, INVOKE, FUNCTION, account=ACCOUNT)).reason is Reason.ROOT
    closed = resource_policy(deny("s3:*", Principal="*"))
    assert not allowed(ROOT, "s3:GetObject", "*", policy=closed)


def test_a_unique_id_names_the_identity() -> None:
    # IAM user guide, "IAM role principals": a stored trust policy may hold the role's id.
    unique = Caller(SESSION.kind, SESSION.account, SESSION_ARN, ROLE_ARN, "AROAABCDEFGHIJKLMNOPQ")
    attached = resource_policy(allow(INVOKE, FUNCTION, Principal={"AWS": "AROAABCDEFGHIJKLMNOPQ"}))
    assert allowed(unique, INVOKE, FUNCTION, policy=attached)
    assert not allowed(SESSION, INVOKE, FUNCTION, policy=attached)
