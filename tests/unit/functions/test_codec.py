"""Documents: what is stored comes back as it was."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from lambdad.functions.codec import decode_alias, decode_version, encode
from lambdad.functions.records import (
    Alias,
    CodePackage,
    Configuration,
    Deployment,
    Logging,
    Reason,
    State,
    UpdateStatus,
    Version,
    VpcAttachment,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
optional = st.none() | texts
codes = st.builds(CodePackage, st.just("a" * 64) | st.just("b" * 64), st.integers(0, 2**40))
configurations = st.builds(
    Configuration,
    texts,
    texts,
    texts,
    st.builds(Logging, texts, st.sampled_from(["Text", "JSON"]), optional, optional),
    environment=st.none() | st.dictionaries(texts, texts, max_size=3),
    kms_key_arn=optional,
    dead_letter_arn=optional,
    vpc=st.none() | st.builds(VpcAttachment, st.lists(texts, max_size=2).map(tuple)),
)
deployments = st.builds(Deployment, texts, codes, configurations)
reasons = st.none() | st.builds(Reason, texts, texts)
versions = st.builds(
    Version,
    texts,
    deployments,
    texts,
    st.integers(0, 2**45),
    st.sampled_from(State),
    reasons,
    st.none() | st.sampled_from(UpdateStatus),
    reasons,
    st.none() | deployments,
)
aliases = st.builds(
    Alias, texts, texts, texts, st.dictionaries(texts, st.floats(0, 1), max_size=2), texts
)


@given(versions)
def test_a_version_comes_back(version: Version) -> None:
    assert decode_version(encode(version)) == version


@given(aliases)
def test_an_alias_comes_back(alias: Alias) -> None:
    assert decode_alias(encode(alias)) == alias


def test_what_serves_and_what_is_shown_are_one_object_again() -> None:
    deployment = Deployment(
        "d", CodePackage("a" * 64, 1), Configuration("r", "h", "x", Logging("g"))
    )
    version = Version("1", deployment, "r", 0, serving=deployment)
    back = decode_version(encode(version))
    assert back.serving is back.deployment


def test_a_field_that_a_document_lacks_takes_its_default() -> None:
    deployment = Deployment(
        "d", CodePackage("a" * 64, 1), Configuration("r", "h", "x", Logging("g"))
    )
    document: dict[str, Any] = orjson.loads(encode(Version("1", deployment, "r", 0)))
    del document["deployment"]["configuration"]["snap_start"]
    del document["deployment"]["configuration"]["vpc"]
    back = decode_version(orjson.dumps(document))
    assert back.deployment.configuration.snap_start == "None"
    assert back.deployment.configuration.vpc is None
