"""SSH keys, signing certificates, server certificates: whole answers and every refusal."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.errors import AwsError
from support.certificates import END, certified, ed25519_key, locked_key, ssh_key
from support.identities import ACCOUNT, World, in_world

ANN = {"UserName": "ann"}
TAGS = [{"Key": "team", "Value": "red"}]


async def refusal(world: World, name: str, /, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        await world.iam(name, **params)
    return f"{caught.value.code} {caught.value.status}: {caught.value.message}"


def play(folder: Path, scenario: Any) -> None:
    async def run(world: World) -> None:
        await world.iam("CreateUser", UserName="ann")
        await world.iam("CreateUser", UserName="ben")
        await scenario(world)

    in_world(folder, run)


def test_the_life_of_an_ssh_key(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        body = f"{ssh_key(1)} ann@laptop"
        made = (await world.iam("UploadSSHPublicKey", **ANN, SSHPublicKeyBody=body))["SSHPublicKey"]
        key_id, date = made["SSHPublicKeyId"], made["UploadDate"]
        assert key_id.startswith("APKA")
        assert len(key_id) == 21
        listed = {**ANN, "SSHPublicKeyId": key_id, "Status": "Active", "UploadDate": date}
        digest = hashlib.md5(b64decode(ssh_key(1).split()[1])).hexdigest()
        fingerprint = ":".join(digest[at : at + 2] for at in range(0, 32, 2))
        assert made == listed | {"Fingerprint": fingerprint, "SSHPublicKeyBody": body}
        assert await world.iam("ListSSHPublicKeys", **ANN) == {
            "SSHPublicKeys": [listed],
            "IsTruncated": False,
        }
        named = {**ANN, "SSHPublicKeyId": key_id}
        for encoding, begin in (("SSH", "ssh-rsa AAAA"), ("PEM", "-----BEGIN PUBLIC KEY-----")):
            got = (await world.iam("GetSSHPublicKey", **named, Encoding=encoding))["SSHPublicKey"]
            assert got.pop("SSHPublicKeyBody").startswith(begin)
            assert got == listed | {"Fingerprint": fingerprint}
        await world.iam("UpdateSSHPublicKey", **named, Status="Inactive")
        (shown,) = (await world.iam("ListSSHPublicKeys", **ANN))["SSHPublicKeys"]
        assert shown == listed | {"Status": "Inactive"}
        await world.iam("UpdateUser", UserName="ann", NewUserName="anna")
        assert await refusal(world, "DeleteUser", UserName="anna") == (
            "DeleteConflict 409: Cannot delete entity, must remove referenced objects first."
        )
        await world.iam("DeleteSSHPublicKey", UserName="anna", SSHPublicKeyId=key_id)
        await world.iam("DeleteUser", UserName="anna")

    play(tmp_path, scenario)


def test_ssh_keys_that_are_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for body in ("nonsense", "ssh-rsa AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n"):
            assert await refusal(world, "UploadSSHPublicKey", **ANN, SSHPublicKeyBody=body) == (
                "InvalidPublicKey 400: The public key is malformed."
            )
        for body in (ed25519_key(), ssh_key(1, 1024)):
            assert await refusal(world, "UploadSSHPublicKey", **ANN, SSHPublicKeyBody=body) == (
                "InvalidPublicKey 400: The public key must be an RSA key of at least 2048 bits."
            )
        for number in range(5):
            body = ssh_key(number)
            made = await world.iam("UploadSSHPublicKey", **ANN, SSHPublicKeyBody=body)
        again = f"{ssh_key(3)} another comment"
        assert (await refusal(world, "UploadSSHPublicKey", **ANN, SSHPublicKeyBody=again)) == (
            "DuplicateSSHPublicKey 400: The SSH public key is already associated with user ann."
        )
        sixth = {"SSHPublicKeyBody": ssh_key(5)}
        assert await refusal(world, "UploadSSHPublicKey", **ANN, **sixth) == (
            "LimitExceeded 409: Cannot exceed quota for SSHPublicKeysPerUser: 5"
        )
        key_id = made["SSHPublicKey"]["SSHPublicKeyId"]
        absent = f"NoSuchEntity 404: The Public Key with id {key_id} cannot be found."
        named = {"UserName": "ben", "SSHPublicKeyId": key_id}
        assert await refusal(world, "DeleteSSHPublicKey", **named) == absent
        assert await refusal(world, "UpdateSSHPublicKey", **named, Status="Inactive") == absent
        assert await refusal(world, "GetSSHPublicKey", **named, Encoding="SSH") == absent

    play(tmp_path, scenario)


def test_the_life_of_a_signing_certificate(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        body, _ = certified("ann")
        answer = await world.iam("UploadSigningCertificate", **ANN, CertificateBody=body)
        made = answer["Certificate"]
        certificate_id = made["CertificateId"]
        assert made == {
            **ANN,
            "CertificateId": certificate_id,
            "CertificateBody": body,
            "Status": "Active",
            "UploadDate": made["UploadDate"],
        }
        for_ben = {"UserName": "ben", "CertificateBody": body}
        assert await refusal(world, "UploadSigningCertificate", **for_ben) == (
            "DuplicateCertificate 409: Certificate already exists in the account."
        )
        named = {**ANN, "CertificateId": certificate_id}
        await world.iam("UpdateSigningCertificate", **named, Status="Inactive")
        assert await world.iam("ListSigningCertificates", **ANN) == {
            "Certificates": [made | {"Status": "Inactive"}],
            "IsTruncated": False,
        }
        second, third = certified("second")[0], certified("third")[0]
        await world.iam("UploadSigningCertificate", **ANN, CertificateBody=second)
        assert await refusal(world, "UploadSigningCertificate", **ANN, CertificateBody=third) == (
            "LimitExceeded 409: Cannot exceed quota for SigningCertificatesPerUser: 2"
        )
        assert await refusal(world, "DeleteUser", **ANN) == (
            "DeleteConflict 409: Cannot delete entity, must delete signing certificate first."
        )
        assert await world.iam("DeleteSigningCertificate", **named) == {}
        assert await refusal(world, "DeleteSigningCertificate", **named) == (
            f"NoSuchEntity 404: The Certificate with id {certificate_id} cannot be found."
        )

    play(tmp_path, scenario)


def test_the_life_of_a_server_certificate(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        (body, key), chain = certified("site", "authority"), certified("authority")[0]
        made = await world.iam(
            "UploadServerCertificate",
            ServerCertificateName="site",
            Path="/web/",
            CertificateBody=body,
            PrivateKey=key,
            CertificateChain=chain,
            Tags=TAGS,
        )
        metadata = made["ServerCertificateMetadata"]
        assert made == {"ServerCertificateMetadata": metadata, "Tags": TAGS}
        assert metadata == {
            "Path": "/web/",
            "ServerCertificateName": "site",
            "ServerCertificateId": metadata["ServerCertificateId"],
            "Arn": f"arn:aws:iam::{ACCOUNT}:server-certificate/web/site",
            "UploadDate": metadata["UploadDate"],
            "Expiration": END,
        }
        named = {"ServerCertificateName": "site"}
        assert await world.iam("GetServerCertificate", **named) == {
            "ServerCertificate": {
                "ServerCertificateMetadata": metadata,
                "CertificateBody": body,
                "CertificateChain": chain,
                "Tags": TAGS,
            }
        }
        for prefix, found in (("/web/", [metadata]), ("/mail/", [])):
            assert await world.iam("ListServerCertificates", PathPrefix=prefix) == {
                "ServerCertificateMetadataList": found,
                "IsTruncated": False,
            }
        stored = (tmp_path / "iam.db").read_bytes() + (tmp_path / "iam.db-wal").read_bytes()
        assert key.splitlines()[1].encode() not in stored
        await world.iam(
            "UpdateServerCertificate", **named, NewServerCertificateName="shop", NewPath="/"
        )
        assert await refusal(world, "DeleteServerCertificate", **named) == (
            "NoSuchEntity 404: The Server Certificate with name site cannot be found."
        )
        await world.iam("DeleteServerCertificate", ServerCertificateName="shop")

    play(tmp_path, scenario)


def test_server_certificates_that_are_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        (body, key), (other, other_key) = certified("site"), certified("other")
        good = {"ServerCertificateName": "s", "CertificateBody": body, "PrivateKey": key}
        unparsed = (
            "MalformedCertificate 400: Unable to parse certificate. Please ensure the certificate "
            "is in PEM format."
        )
        unchained = (
            "MalformedCertificate 400: Unable to validate certificate chain. The certificate chain "
            "must start with the immediate signing certificate, followed by any intermediaries in "
            "order."
        )
        bad_key = "MalformedCertificate 400: Invalid Private Key."
        for wrong, text in (
            ({"CertificateBody": "nonsense"}, unparsed),
            ({"CertificateBody": body + other}, unparsed),
            ({"CertificateChain": "nonsense"}, unparsed),
            ({"CertificateChain": other}, unchained),
            ({"PrivateKey": "nonsense"}, bad_key),
            ({"PrivateKey": locked_key()}, bad_key),
            (
                {"PrivateKey": other_key},
                "KeyPairMismatch 400: The certificate and the private key do not match.",
            ),
        ):
            assert await refusal(world, "UploadServerCertificate", **(good | wrong)) == text
        for number in range(20):
            name = {"ServerCertificateName": f"s{number}"}
            await world.iam("UploadServerCertificate", **(good | name))
        taken = good | {"ServerCertificateName": "S1"}
        assert await refusal(world, "UploadServerCertificate", **taken) == (
            "EntityAlreadyExists 409: The Server Certificate with name S1 already exists."
        )
        assert await refusal(world, "UploadServerCertificate", **good) == (
            "LimitExceeded 409: Cannot exceed quota for ServerCertificatesPerAccount: 20"
        )

    play(tmp_path, scenario)
