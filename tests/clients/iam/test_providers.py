"""IAM through boto3: OpenID Connect and SAML providers.

Source: the IAM API reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.answers import RECENT, Matching, body, refusal
from support.iam import arn

METADATA = f"<EntityDescriptor >{'x' * 1000}</EntityDescriptor>"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
SAML = {"SAMLProviderArn": arn("saml-provider/idp")}


@pytest.fixture
def saml(iam: Any) -> Iterator[Any]:
    """A client, and a SAML provider `idp` without encryption."""
    assert body(iam.create_saml_provider(Name="idp", SAMLMetadataDocument=METADATA)) == SAML
    yield iam
    assert body(iam.delete_saml_provider(**SAML)) == {}


def test_open_id_connect(iam: Any) -> None:
    made = body(
        iam.create_open_id_connect_provider(
            Url="https://id.example/realm", ClientIDList=["c"], ThumbprintList=["a" * 40]
        )
    )
    which = {"OpenIDConnectProviderArn": arn("oidc-provider/id.example/realm")}
    assert made == which
    assert body(iam.get_open_id_connect_provider(**which)) == {
        "Url": "id.example/realm",
        "ClientIDList": ["c"],
        "ThumbprintList": ["a" * 40],
        "CreateDate": RECENT,
        "Tags": [],
    }
    assert body(iam.list_open_id_connect_providers()) == {
        "OpenIDConnectProviderList": [{"Arn": which["OpenIDConnectProviderArn"]}]
    }
    assert body(iam.delete_open_id_connect_provider(**which)) == {}


def test_saml(saml: Any) -> None:
    shown = body(saml.get_saml_provider(**SAML))
    valid_until = shown["ValidUntil"]
    assert valid_until.year - shown["CreateDate"].year in (99, 100)
    assert shown == {
        "SAMLProviderUUID": Matching("SAMLSP[A-Z0-9]{16}"),
        "SAMLMetadataDocument": METADATA,
        "CreateDate": RECENT,
        "ValidUntil": valid_until,
        "Tags": [],
    }
    entry = SAML | {"ValidUntil": valid_until, "CreateDate": RECENT}
    listed = {"Arn": entry.pop("SAMLProviderArn")} | entry
    assert body(saml.list_saml_providers()) == {"SAMLProviderList": [listed]}
    assert body(saml.update_saml_provider(**SAML, SAMLMetadataDocument=METADATA)) == SAML


def test_encrypted_saml_assertions(saml: Any) -> None:
    plain = body(saml.get_saml_provider(**SAML))
    with pytest.raises(ClientError) as caught:
        saml.update_saml_provider(**SAML, AssertionEncryptionMode="Required")
    assert refusal(caught)[:2] == (400, "InvalidInput")
    with pytest.raises(ClientError) as caught:
        saml.update_saml_provider(**SAML, AddPrivateKey="none")
    assert refusal(caught)[:2] == (400, "InvalidInput")
    answer = saml.update_saml_provider(
        **SAML, AddPrivateKey=PRIVATE_KEY, AssertionEncryptionMode="Required"
    )
    assert body(answer) == SAML
    saml.update_saml_provider(**SAML, AddPrivateKey=PRIVATE_KEY)
    with pytest.raises(ClientError) as caught:
        saml.update_saml_provider(**SAML, AddPrivateKey=PRIVATE_KEY)
    assert refusal(caught)[:2] == (409, "LimitExceeded")
    shown = body(saml.get_saml_provider(**SAML))
    key = {"KeyId": Matching("SAMLPK[A-Z0-9]{16}"), "Timestamp": RECENT}
    assert shown == plain | {"AssertionEncryptionMode": "Required", "PrivateKeyList": [key, key]}
    old, new = shown["PrivateKeyList"]
    saml.update_saml_provider(**SAML, RemovePrivateKey=old["KeyId"])
    assert body(saml.get_saml_provider(**SAML))["PrivateKeyList"] == [new]
    with pytest.raises(ClientError) as caught:
        saml.update_saml_provider(**SAML, RemovePrivateKey=old["KeyId"])
    assert refusal(caught)[:2] == (404, "NoSuchEntity")
