"""AssumeRoleWithWebIdentity: the token is the only proof, so everything in it is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from lambdad.iam.authenticate import STRANGER
from lambdad.iam.issuer_keys import KeysUnavailable
from support.identities import ACCOUNT, OTHER_ACCOUNT, World, in_world, policy
from support.issuer import key_set, token

URL = "id.example/realm"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{URL}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
NOW = 1_767_225_600
CLAIMS = {
    "iss": f"https://{URL}",
    "sub": "repo:team/app:ref:refs/heads/main",
    "aud": "sts.amazonaws.com",
    "iat": NOW - 10,
    "exp": NOW + 300,
}
TRUST = policy(
    Action="sts:AssumeRoleWithWebIdentity",
    Principal={"Federated": PROVIDER},
    Condition={
        "StringEquals": {f"{URL}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{URL}:sub": "repo:team/*"},
    },
)
DENIED = "AccessDenied 403: Not authorized to perform sts:AssumeRoleWithWebIdentity"


async def prepare(world: World, document: str = TRUST, *, registered: bool = True) -> str:
    await world.iam(
        "CreateOpenIDConnectProvider",
        Url=f"https://{URL}",
        ClientIDList=["sts.amazonaws.com", "app"],
        ThumbprintList=["a" * 40],
    )
    if registered:
        world.issuer_keys.mkdir()
        (world.issuer_keys / "id.example%2Frealm.json").write_text(key_set())
    made = await world.iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=document)
    return str(made["Role"]["RoleId"])


async def assume(world: World, text: str, **params: Any) -> dict[str, Any]:
    asked = {"RoleArn": ROLE, "RoleSessionName": "s", "WebIdentityToken": text} | params
    return await world.sts("AssumeRoleWithWebIdentity", STRANGER, **asked)


async def refusal(world: World, text: str, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await assume(world, text, **params)
    error = caught.value
    return f"{error.code} {error.status}: {error.message}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_answer(tmp_path: Path, algorithm: str) -> None:
    async def scenario(world: World) -> None:
        role_id = await prepare(world)
        answer = await assume(world, token(CLAIMS, algorithm))
        session = world.session(answer.pop("Credentials"))
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"
        assert answer == {
            "AssumedRoleUser": {"AssumedRoleId": f"{role_id}:s", "Arn": arn},
            "SubjectFromWebIdentityToken": CLAIMS["sub"],
            "Audience": "sts.amazonaws.com",
            "Provider": PROVIDER,
        }
        assert session.arn == arn

    in_world(tmp_path, scenario)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"exp": NOW},
            "ExpiredTokenException 400: Token expired: current date/time 1767225600 must be before "
            "the expiration date/time 1767225600",
        ),
        ({"aud": "other"}, "InvalidIdentityToken 400: Incorrect token audience"),
        ({"azp": "other"}, "InvalidIdentityToken 400: Incorrect token audience"),
        ({"iat": NOW + 301}, "InvalidIdentityToken 400: The ID Token is not valid yet"),
        ({"nbf": NOW + 301}, "InvalidIdentityToken 400: The ID Token is not valid yet"),
        ({"sub": None}, "InvalidIdentityToken 400: Missing a required claim: sub"),
        ({"sub": "x" * 5000}, "InvalidIdentityToken 400: Missing a required claim: sub"),
        ({"aud": []}, "InvalidIdentityToken 400: Missing a required claim: aud"),
        ({"aud": [5]}, "InvalidIdentityToken 400: Missing a required claim: aud"),
        ({"exp": None}, "InvalidIdentityToken 400: Missing a required claim: exp"),
        ({"exp": True}, "InvalidIdentityToken 400: Missing a required claim: exp"),
        ({"exp": float("inf")}, "InvalidIdentityToken 400: Missing a required claim: exp"),
        ({"iat": "now"}, "InvalidIdentityToken 400: Missing a required claim: iat"),
        (
            {"iss": "https://evil.example"},
            "InvalidIdentityToken 400: No OpenIDConnect provider found in your account for "
            "https://evil.example",
        ),
        (
            {"iss": f"http://{URL}"},
            "InvalidIdentityToken 400: No OpenIDConnect provider found in your account for "
            f"http://{URL}",
        ),
        (
            {"iss": None},
            "InvalidIdentityToken 400: No OpenIDConnect provider found in your account for None",
        ),
        ({"sub": "repo:others/app"}, DENIED),
        ({"aud": "app"}, DENIED),
        (
            {"https://aws.amazon.com/tags": "x"},
            "InvalidIdentityToken 400: The session tags of the ID Token are not well-formed",
        ),
    ],
)
def test_claims_that_do_not_hold(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        assert await refusal(world, token(CLAIMS | changes)) == told

    in_world(tmp_path, scenario)


def test_a_signature_that_does_not_hold(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        head, _, signature = token(CLAIMS).split(".")
        claims = token(CLAIMS | {"sub": "repo:team/other"}).split(".")[1]
        assert await refusal(world, f"{head}.{claims}.{signature}") == (
            "InvalidIdentityToken 400: Token signature could not be verified with the keys of the "
            "identity provider"
        )
        for text in ("", "a.b.c", token(CLAIMS, header={"alg": "none"})):
            assert await refusal(world, text) == (
                "InvalidIdentityToken 400: The ID Token provided is not a valid JWT. (You may see "
                "this error if you sent an Access Token)"
            )

    in_world(tmp_path, scenario)


def test_the_role_decides(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await prepare(world)
        good = token(CLAIMS)
        await assume(world, good)
        for arn in (f"{ROLE}x", ROLE.replace(":role/", ":user/")):
            assert await refusal(world, good, RoleArn=arn) == DENIED
        elsewhere = ROLE.replace(ACCOUNT, OTHER_ACCOUNT)
        told = await refusal(world, good, RoleArn=elsewhere)
        assert told.startswith("InvalidIdentityToken 400: No OpenIDConnect provider found")
        for document in (
            TRUST.replace("Allow", "Deny"),
            TRUST.replace(PROVIDER, f"{PROVIDER}/x"),
            TRUST.replace("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"),
        ):
            await world.iam("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=document)
            assert await refusal(world, good) == DENIED

    in_world(tmp_path, scenario)


def test_several_audiences_and_an_authorized_party(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await prepare(world, TRUST.replace("StringEquals", "ForAnyValue:StringEquals"))
        both = token(CLAIMS | {"aud": ["other", "sts.amazonaws.com"]})
        assert (await assume(world, both))["Audience"] == "sts.amazonaws.com"
        party = token(CLAIMS | {"aud": "other", "azp": "sts.amazonaws.com"})
        assert (await assume(world, party))["Audience"] == "sts.amazonaws.com"

    in_world(tmp_path, scenario)


def test_tags_that_the_issuer_gives_need_permission(tmp_path: Path) -> None:
    tagged = token(
        CLAIMS
        | {
            "https://aws.amazon.com/tags": {
                "principal_tags": {"team": ["blue"]},
                "transitive_tag_keys": ["team"],
            }
        }
    )

    async def scenario(world: World) -> None:
        await prepare(world)
        assert await refusal(world, tagged) == DENIED
        document = TRUST.replace(
            '"sts:AssumeRoleWithWebIdentity"',
            '["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]',
        )
        await world.iam("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=document)
        terms = world.session((await assume(world, tagged))["Credentials"]).session
        assert terms is not None
        assert (terms.tags, terms.transitive_keys) == ((("team", "blue"),), ("team",))

    in_world(tmp_path, scenario)


def test_an_issuer_that_cannot_be_reached(tmp_path: Path) -> None:
    async def down(url: str, thumbprints: tuple[str, ...]) -> bytes:
        assert thumbprints == ("a" * 40,)
        raise KeysUnavailable(url)

    async def scenario(world: World) -> None:
        await prepare(world, registered=False)
        assert await refusal(world, token(CLAIMS)) == (
            "IDPCommunicationError 400: Couldn't retrieve verification key from your identity "
            "provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
        )

    in_world(tmp_path, scenario, fetch=down)
