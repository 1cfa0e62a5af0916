"""paging.py and tags.py: opaque markers that hold while lists change, tags regardless of case."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.api.call import Params
from lambdad.core.errors import AwsError
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.services.iam.errors import (
    InvalidInputException,
    LimitExceededException,
    NoSuchEntityException,
    ValidationError,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.tags import merge, read_tags, without
from support.identities import LAMBDA_TRUST, World, in_world

OIDC = {"Url": "https://id.example", "ThumbprintList": ["a" * 40]}
SAML = {"Name": "idp", "SAMLMetadataDocument": "<EntityDescriptor >"}
POLICY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'
TAGGED = (
    ("User", "CreateUser", {"UserName": "n"}, {"UserName": "n"}, None),
    (
        "Role",
        "CreateRole",
        {"RoleName": "n", "AssumeRolePolicyDocument": LAMBDA_TRUST},
        {"RoleName": "n"},
        None,
    ),
    ("Policy", "CreatePolicy", {"PolicyName": "n", "PolicyDocument": POLICY}, None, "Policy.Arn"),
    (
        "InstanceProfile",
        "CreateInstanceProfile",
        {"InstanceProfileName": "n"},
        {"InstanceProfileName": "n"},
        None,
    ),
    (
        "OpenIDConnectProvider",
        "CreateOpenIDConnectProvider",
        OIDC,
        None,
        "OpenIDConnectProviderArn",
    ),
    ("SAMLProvider", "CreateSAMLProvider", SAML, None, "SAMLProviderArn"),
)


def walk(items: list[str], size: int) -> list[str]:
    seen: list[str] = []
    params: Params = {"MaxItems": size}
    while True:
        chosen, rest = page(items, params, str)
        seen += chosen
        if not rest["IsTruncated"]:
            assert "Marker" not in rest
            return seen
        params["Marker"] = rest["Marker"]


@given(st.lists(st.text(), unique=True, max_size=40), st.integers(1, 50))
def test_pages_are_the_list(items: list[str], size: int) -> None:
    assert walk(items, size) == items


@given(
    st.lists(st.integers(0, 30), unique=True, min_size=2, max_size=30),
    st.sets(st.integers(0, 30)),
    st.sets(st.integers(31, 60)),
)
def test_what_stays_is_neither_skipped_nor_repeated(
    present: list[int], removed: set[int], added: set[int]
) -> None:
    before = sorted(present)
    first, rest = page(before, {"MaxItems": 1}, str)
    # The one that the marker names stays; anything else may come and go.
    after = sorted((set(present) - removed | added) | set(first))
    second, _ = page(after, {"Marker": rest["Marker"], "MaxItems": 1000}, str)
    assert list(second) == [each for each in after if each > first[0]]


@pytest.mark.parametrize(
    "marker",
    [
        "nonsense",
        "é",
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b"[1]").decode(),
        base64.b64encode(b'["1","x"]').decode(),
        base64.b64encode(b"\xff").decode(),
    ],
)
def test_a_marker_that_is_not_ours(marker: str) -> None:
    with pytest.raises(ValidationError, match=r"Invalid Marker\."):
        page(["a"], {"Marker": marker}, str)


def test_a_marker_is_short_whatever_the_names() -> None:
    _, rest = page(["x" * 5000, "y"], {"MaxItems": 1}, str)
    assert len(rest["Marker"]) <= 320


def test_a_page_is_a_hundred_by_default() -> None:
    chosen, rest = page([str(number) for number in range(101)], {}, str)
    assert len(chosen) == 100
    assert rest["IsTruncated"]


def test_a_key_gives_way_to_its_other_spelling() -> None:
    present = (("A", "1"), ("b", "2"))
    assert merge(present, (("a", "3"), ("c", "4"))) == (("a", "3"), ("b", "2"), ("c", "4"))
    assert without(present, ["B", "x"]) == (("A", "1"),)


def test_tags_of_a_request() -> None:
    quotas = replace(DEFAULT_LIMITS.iam, tags=2)
    assert read_tags({}, quotas) == ()
    twice = {"Tags": [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]}
    with pytest.raises(InvalidInputException, match="Duplicate tag keys found"):
        read_tags(twice, quotas)
    many = {"Tags": [{"Key": str(number), "Value": ""} for number in range(3)]}
    with pytest.raises(LimitExceededException, match="maximum limit"):
        read_tags(many, quotas)


@pytest.mark.parametrize(("noun", "create", "made", "which", "member"), TAGGED)
def test_everything_with_tags_is_tagged_alike(
    tmp_path: Path,
    noun: str,
    create: str,
    made: Params,
    which: Params | None,
    member: str | None,
) -> None:
    async def scenario(world: World) -> None:
        answer = await world.iam(create, **made, Tags=[{"Key": "A", "Value": "1"}])
        one = which
        if member is not None:
            for part in member.split("."):
                answer = answer[part]
            one = {"PolicyArn" if noun == "Policy" else f"{noun}Arn": answer}
        assert one is not None
        await world.iam(f"Tag{noun}", **one, Tags=[{"Key": "b", "Value": ""}])
        await world.iam(f"Tag{noun}", **one, Tags=[{"Key": "a", "Value": "2"}])
        tags = [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]
        listed = await world.iam(f"List{noun}Tags", **one)
        assert listed == {"Tags": tags, "IsTruncated": False}
        first = await world.iam(f"List{noun}Tags", **one, MaxItems=1)
        assert first["Tags"] == tags[:1]
        second = await world.iam(f"List{noun}Tags", **one, Marker=first["Marker"])
        assert second == {"Tags": tags[1:], "IsTruncated": False}
        await world.iam(f"Untag{noun}", **one, TagKeys=["B", "none"])
        assert (await world.iam(f"List{noun}Tags", **one))["Tags"] == tags[:1]
        others = {name: f"{value}x" for name, value in one.items()}
        for name in (f"Tag{noun}", f"Untag{noun}", f"List{noun}Tags"):
            with pytest.raises((NoSuchEntityException, AwsError)) as caught:
                await world.iam(name, **others, Tags=[], TagKeys=[])
            assert caught.value.code == "NoSuchEntity"

    in_world(tmp_path, scenario)
