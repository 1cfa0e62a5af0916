"""Whatever input the model allows, IAM and STS answer or refuse; no operation breaks."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from lambdad.core.errors import ClientError
from lambdad.iam.issuer_keys import KeysUnavailable
from lambdad.services.iam.operations import OPERATIONS as IAM_OPERATIONS
from lambdad.services.sts.operations import OPERATIONS as STS_OPERATIONS
from support.identities import (
    ACCOUNT,
    ALLOW_ALL,
    LAMBDA_TRUST,
    ROOT,
    World,
    in_world,
)
from support.issuer import token

MODELS = {name: botocore.session.get_session().get_service_model(name) for name in ("iam", "sts")}
NAMES = ["a", "b", "A", "x" * 64, "@", "1", "user/a"]
TEXTS = [
    *NAMES,
    "",
    "/",
    "/p/",
    "\u00e9\n",
    ALLOW_ALL,
    LAMBDA_TRUST,
    "{}",
    "[]",
    "null",
    '{"Version":"2012-10-17","Statement":[]}',
    "https://id.example",
    "https://[",
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "ecs.amazonaws.com",
    "codecommit.amazonaws.com",
    "WyIxIl0=",
    token({"iss": "https://id.example", "aud": "a", "sub": "s", "exp": 9e99, "iat": 0}),
    *(f"arn:aws:iam::{ACCOUNT}:{kind}/a" for kind in ("user", "role", "group", "policy")),
    f"arn:aws:iam::{ACCOUNT}:oidc-provider/id.example",
    f"arn:aws:iam::{ACCOUNT}:saml-provider/a",
    f"arn:aws:iam::{ACCOUNT}:root",
    "arn:aws:iam:::",
    "a" * 3000,
]


def value_of(shape: Any, source: random.Random, depth: int = 0) -> Any:
    match shape.type_name:
        case "structure":
            return {
                name: value_of(member, source, depth + 1)
                for name, member in shape.members.items()
                if name in shape.required_members or source.random() < 0.6
            }
        case "list":
            return [value_of(shape.member, source, depth + 1) for _ in range(source.randrange(3))]
        case "map":
            return {"a": value_of(shape.value, source, depth + 1)}
        case "boolean":
            return source.random() < 0.5
        case "integer":
            return source.choice([1, 2, 900, 3600, 43200])
        case "string":
            if shape.enum:
                return source.choice(shape.enum)
            return source.choice(NAMES if "Name" in shape.name else TEXTS)
    raise AssertionError(shape.type_name)


def operations(seed: int) -> list[tuple[str, str]]:
    every = [
        (each.operation_name.service, each.operation_name.operation)  # type: ignore[attr-defined]
        for each in (*IAM_OPERATIONS, *STS_OPERATIONS)
    ]
    return random.Random(seed).choices(every, k=700)


async def unreachable(url: str, thumbprints: tuple[str, ...]) -> bytes:
    raise KeysUnavailable(url)


@pytest.mark.parametrize("seed", range(6))
def test_any_input_is_answered_or_refused(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    print("seed", seed)

    async def scenario(world: World) -> int:
        answered = 0
        callers = [ROOT]
        for service, name in operations(seed):
            shape = MODELS[service].operation_model(name).input_shape
            params = value_of(shape, source) if shape is not None else {}
            run = world.iam if service == "iam" else world.sts
            try:
                answer = await run(name, source.choice(callers), **params)
            except ClientError:
                continue
            answered += 1
            if "Credentials" in answer:
                callers.append(world.session(answer["Credentials"]))
        return answered

    assert in_world(tmp_path, scenario, fetch=unreachable) > 50
    in_world(
        tmp_path, scenario, fetch=unreachable
    )  # what was stored can be read back, and worked on
