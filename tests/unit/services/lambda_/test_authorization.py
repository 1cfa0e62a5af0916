"""What Lambda's operations require: resources, condition keys, and whose account is meant.

Source: Service Authorization Reference, "AWS Lambda"; developer guide, "Using resource-based
policies" (cross-account APIs).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.names import owner_named
from lambdad.services.lambda_.authorization import RULES
from lambdad.services.lambda_.functions import create_function
from lambdad.services.lambda_.resource_policy import delete_resource_policy, put_resource_policy
from lambdad.services.lambda_.urls import create_function_url_config
from support.control_plane import ACCOUNT, REGION, ROLE, Plane, call, creation, plane

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
THEIRS = "999988887777"
LAYER = f"arn:aws:lambda:{REGION}:{THEIRS}:layer:l:3"
SIGNING = f"arn:aws:lambda:{REGION}:{ACCOUNT}:code-signing-config:csc-0123456789abcdefg"


def required(made: Plane, operation: str, **params: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """(action, resource, condition keys) of each requirement."""
    rule = RULES.rules[operation]
    return [
        (each.action.partition(":")[2], each.resource, dict(each.keys))
        for each in rule(made.service, call(), params)
    ]


def play(folder: Path, scenario: Any) -> None:
    async def run() -> None:
        async with plane(folder) as made:
            await made.run(create_function, **creation())
            await made.settle()
            await scenario(made)

    asyncio.run(run())


def test_the_auth_type_of_a_url_is_a_condition(tmp_path: Path) -> None:
    """With it, an account keeps everybody from opening a function to the world."""

    async def scenario(made: Plane) -> None:
        place = {"lambda:functionarn": ARN}
        open_to_all = place | {"lambda:functionurlauthtype": "NONE"}
        signed = place | {"lambda:functionurlauthtype": "AWS_IAM"}
        name = {"FunctionName": "f"}
        create = "CreateFunctionUrlConfig"
        assert required(made, create, **name, AuthType="NONE") == [(create, ARN, open_to_all)]
        assert required(made, "GetFunctionUrlConfig", **name) == [
            ("GetFunctionUrlConfig", ARN, place)
        ]
        await made.run(create_function_url_config, **name, AuthType="AWS_IAM")
        for operation in ("GetFunctionUrlConfig", "DeleteFunctionUrlConfig"):
            assert required(made, operation, **name) == [(operation, ARN, signed)]
        update = "UpdateFunctionUrlConfig"
        assert required(made, update, **name) == [(update, ARN, signed)]
        assert required(made, update, **name, AuthType="NONE") == [(update, ARN, open_to_all)]

    play(tmp_path, scenario)


def test_a_layer_is_read_by_who_uses_it(tmp_path: Path) -> None:
    async def scenario(made: Plane) -> None:
        keys = {"lambda:layer": (LAYER,)}
        reads = ("GetLayerVersion", LAYER, {})
        passing = {"iam:passedtoservice": "lambda.amazonaws.com", "iam:associatedresourcearn": ARN}
        assert required(made, "CreateFunction", **creation(Layers=[LAYER])) == [
            ("CreateFunction", ARN, keys),
            ("PassRole", ROLE, passing),
            reads,
        ]
        update = "UpdateFunctionConfiguration"
        assert required(made, update, FunctionName="f", Layers=[LAYER]) == [
            (update, ARN, keys),
            reads,
        ]

    play(tmp_path, scenario)


def test_further_condition_keys(tmp_path: Path) -> None:
    async def scenario(made: Plane) -> None:
        assert required(made, "Invoke", FunctionName="f") == [
            ("InvokeFunction", ARN, {"lambda:invokedviafunctionurl": "false"})
        ]
        put = "PutFunctionCodeSigningConfig"
        assert required(made, put, FunctionName="f", CodeSigningConfigArn=SIGNING) == [
            (put, ARN, {"lambda:codesigningconfigarn": SIGNING})
        ]

    play(tmp_path, scenario)


def test_a_policy_speaks_of_every_operation_on_its_function(tmp_path: Path) -> None:
    async def scenario(made: Plane) -> None:
        statement = '{"Effect":"Deny","Principal":"*","Action":"lambda:*","Resource":"' + ARN + '"}'
        document = '{"Version":"2012-10-17","Statement":[' + statement + "]}"
        await made.run(put_resource_policy, ResourceArn=ARN, Policy=document)
        by_name = {"FunctionName": "f"}
        for operation, params in (
            ("Invoke", by_name),
            ("GetFunction", by_name),
            ("UpdateFunctionConfiguration", by_name),
            ("CreateFunctionUrlConfig", by_name | {"AuthType": "NONE"}),
            ("ListTags", {"Resource": ARN}),
            ("TagResource", {"Resource": ARN, "Tags": {"a": "b"}}),
            ("UntagResource", {"Resource": ARN, "TagKeys": ["a"]}),
            ("GetResourcePolicy", {"ResourceArn": ARN}),
        ):
            first, *_ = RULES.rules[operation](made.service, call(), params)
            assert first.policy is not None, operation
        assert RULES.root is not None
        assert RULES.root.denying(made.service, ACCOUNT)
        await made.run(delete_resource_policy, ResourceArn=ARN)
        assert not RULES.root.denying(made.service, ACCOUNT)

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("f", None),
        ("f:live", None),
        ("function:f", None),
        (f"{THEIRS}:f", THEIRS),
        (f"{THEIRS}:function:f:live", THEIRS),
        (f"{REGION}:{THEIRS}:function:f", THEIRS),
        (f"arn:aws:lambda:{REGION}:{THEIRS}:function:f", THEIRS),
        (f"arn:aws:lambda:{REGION}:{THEIRS}:function:f:$LATEST", THEIRS),
        ("no name at all: really", None),
    ],
)
def test_whose_function_a_name_means(name: str, owner: str | None) -> None:
    assert owner_named(name) == owner
    assert RULES.owners["Invoke"]({"FunctionName": name}) == owner


def test_what_can_be_opened_to_other_accounts() -> None:
    assert sorted(RULES.owners) == [
        "CreateAlias",
        "DeleteAlias",
        "DeleteFunction",
        "DeleteFunctionConcurrency",
        "GetAlias",
        "GetFunction",
        "GetFunctionConfiguration",
        "GetPolicy",
        "Invoke",
        "InvokeAsync",
        "InvokeWithResponseStream",
        "ListAliases",
        "ListTags",
        "ListVersionsByFunction",
        "PublishVersion",
        "PutFunctionConcurrency",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateFunctionCode",
    ]
