"""Certificates of users and of servers: uploaded, told, taken away.

Nothing of ours signs or serves with them. A server certificate's private key has to match, and is
then forgotten. X.509 is imported by the first upload: few servers see one, and all would start
later for it.
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import KeyStatus, User
from lambdad.iam.store import Records
from lambdad.iam.uploads import ServerCertificate, SigningCertificate
from lambdad.services.iam.entities import key_status, require, require_free, user_name
from lambdad.services.iam.errors import (
    DuplicateCertificateException,
    KeyPairMismatchException,
    MalformedCertificateException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.tags import read_tags
from lambdad.services.iam.views import moment, sorted_tags, tag_list

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@operation("iam", "UploadSigningCertificate")
async def upload_signing(service: IamService, call: Call, params: Params) -> Result:
    body = params["CertificateBody"]
    _certificate(body)
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, user_name(call, params))
        if any(each.body == body for each in draft.all(SigningCertificate)):
            raise DuplicateCertificateException("Certificate already exists in the account.")
        limit = service.quotas.signing_certificates_per_user
        if len(signing_of(draft, user.name)) >= limit:
            raise quota_exceeded("SigningCertificatesPerUser", limit)
        certificate = SigningCertificate(
            id=naming.new_certificate_id(),
            user=user.name,
            body=body,
            status=KeyStatus.ACTIVE,
            uploaded_ms=service.now_ms(),
        )
        draft.put(certificate)
    return {"Certificate": _signing(certificate)}


@operation("iam", "ListSigningCertificates")
async def list_signing(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user = require(records, User, user_name(call, params))
    chosen, rest = page(signing_of(records, user.name), params, lambda each: each.id)
    return {"Certificates": [_signing(each) for each in chosen]} | rest


@operation("iam", "UpdateSigningCertificate")
async def update_signing(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        certificate = _require_signing(draft, call, params)
        draft.put(replace(certificate, status=key_status(params)))
    return {}


@operation("iam", "DeleteSigningCertificate")
async def delete_signing(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(_require_signing(draft, call, params))
    return {}


@operation("iam", "UploadServerCertificate")
async def upload_server(service: IamService, call: Call, params: Params) -> Result:
    tags, name = read_tags(params, service.quotas), params["ServerCertificateName"]
    certificate, chain = _certificate(params["CertificateBody"]), params.get("CertificateChain")
    _check_key(certificate, params["PrivateKey"])
    if chain is not None:
        _check_chain(certificate, chain)
    async with service.store.edit(call.account) as draft:
        require_free(draft, ServerCertificate, name)
        limit = service.quotas.server_certificates
        if draft.count(ServerCertificate) >= limit:
            raise quota_exceeded("ServerCertificatesPerAccount", limit)
        made = ServerCertificate(
            name=name,
            id=naming.new_unique_id(naming.CERTIFICATE),
            path=params.get("Path", "/"),
            created_ms=service.now_ms(),
            tags=tags,
            body=params["CertificateBody"],
            chain=chain,
            expires_ms=_epoch_ms(certificate.not_valid_after_utc),
        )
        draft.put(made)
    return {"ServerCertificateMetadata": _metadata(call, made), "Tags": sorted_tags(tags) or None}


@operation("iam", "GetServerCertificate")
async def get_server(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    found = require(records, ServerCertificate, params["ServerCertificateName"])
    return {
        "ServerCertificate": {
            "ServerCertificateMetadata": _metadata(call, found),
            "CertificateBody": found.body,
            "CertificateChain": found.chain,
            "Tags": tag_list(found.tags) or None,
        }
    }


@operation("iam", "ListServerCertificates")
async def list_server(service: IamService, call: Call, params: Params) -> Result:
    prefix = params.get("PathPrefix", "/")
    records = service.store.account(call.account)
    found = [each for each in records.all(ServerCertificate) if each.path.startswith(prefix)]
    chosen, rest = page(found, params, lambda each: each.key)
    return {"ServerCertificateMetadataList": [_metadata(call, each) for each in chosen]} | rest


@operation("iam", "UpdateServerCertificate")
async def update_server(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        found = require(draft, ServerCertificate, params["ServerCertificateName"])
        name = params.get("NewServerCertificateName", found.name)
        if name.lower() != found.key:
            require_free(draft, ServerCertificate, name)
        draft.remove(found)
        draft.put(replace(found, name=name, path=params.get("NewPath", found.path)))
    return {}


@operation("iam", "DeleteServerCertificate")
async def delete_server(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(require(draft, ServerCertificate, params["ServerCertificateName"]))
    return {}


def signing_of(records: Records, user: str) -> list[SigningCertificate]:
    """A user's signing certificates, oldest first."""
    found = [each for each in records.all(SigningCertificate) if each.user == user]
    return sorted(found, key=lambda each: (each.uploaded_ms, each.id))


def _require_signing(records: Records, call: Call, params: Params) -> SigningCertificate:
    user = require(records, User, user_name(call, params))
    found = records.get(SigningCertificate, params["CertificateId"])
    if found is None or found.user != user.name:
        raise NoSuchEntityException(
            f"The Certificate with id {params['CertificateId']} cannot be found."
        )
    return found


def _certificate(body: str) -> Certificate:
    """Exactly one. Raises MalformedCertificateException."""
    found = _chain(body)
    if len(found) != 1:
        raise _malformed()
    return found[0]


def _chain(text: str) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(text.encode("utf-8", "replace"))
    except ValueError:
        raise _malformed() from None


def _check_chain(certificate: Certificate, text: str) -> None:
    """Each certificate is signed by the one after it. Raises MalformedCertificateException."""
    signed = [certificate, *_chain(text)]
    try:
        for each, signer in pairwise(signed):
            each.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise MalformedCertificateException(  # as clients of AWS report it
            "Unable to validate certificate chain. The certificate chain must start with the "
            "immediate signing certificate, followed by any intermediaries in order."
        ) from None


def _malformed() -> MalformedCertificateException:
    return MalformedCertificateException(
        "Unable to parse certificate. Please ensure the certificate is in PEM format."
    )


def _check_key(certificate: Certificate, private_key: str) -> None:
    """Raises MalformedCertificateException, KeyPairMismatchException."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_pem_private_key(private_key.encode("utf-8", "replace"), None)
        theirs = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a passphrase
        raise MalformedCertificateException("Invalid Private Key.") from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != theirs.public_bytes(*form):
        raise KeyPairMismatchException("The certificate and the private key do not match.")


def _epoch_ms(moment_of: datetime) -> int:
    return int(moment_of.timestamp()) * 1000


def _signing(certificate: SigningCertificate) -> Result:
    return {
        "UserName": certificate.user,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status.value,
        "UploadDate": moment(certificate.uploaded_ms),
    }


def _metadata(call: Call, certificate: ServerCertificate) -> Result:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": certificate.arn(call.account),
        "UploadDate": moment(certificate.created_ms),
        "Expiration": moment(certificate.expires_ms),
    }


OPERATIONS: tuple[Implementation, ...] = (
    upload_signing,
    list_signing,
    update_signing,
    delete_signing,
    upload_server,
    get_server,
    list_server,
    update_server,
    delete_server,
)
