"""SSH public keys of users, which AWS's CodeCommit takes; here they are kept and told.

What reads them is imported when the first one is: few servers see one, and all would start later.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.value import replace
from lambdad.iam import naming
from lambdad.iam.records import KeyStatus, User
from lambdad.iam.store import Records
from lambdad.iam.uploads import SshKey
from lambdad.services.iam.entities import key_status, require, user_name
from lambdad.services.iam.errors import (
    DuplicateSSHPublicKeyException,
    InvalidPublicKeyException,
    NoSuchEntityException,
    quota_exceeded,
)
from lambdad.services.iam.paging import page
from lambdad.services.iam.service import IamService
from lambdad.services.iam.views import moment

_SMALLEST_BITS = 2048


@operation("iam", "UploadSSHPublicKey")
async def upload_key(service: IamService, call: Call, params: Params) -> Result:
    body = params["SSHPublicKeyBody"]
    fingerprint = _fingerprint(_read(body))
    async with service.store.edit(call.account) as draft:
        user = require(draft, User, params["UserName"])
        present = keys_of(draft, user.name)
        if any(each.fingerprint == fingerprint for each in present):
            raise DuplicateSSHPublicKeyException(
                f"The SSH public key is already associated with user {user.name}."
            )
        limit = service.quotas.ssh_keys_per_user
        if len(present) >= limit:
            raise quota_exceeded("SSHPublicKeysPerUser", limit)
        key = SshKey(
            id=naming.new_unique_id(naming.SSH_KEY),
            user=user.name,
            body=body,
            fingerprint=fingerprint,
            status=KeyStatus.ACTIVE,
            uploaded_ms=service.now_ms(),
        )
        draft.put(key)
    return {"SSHPublicKey": _shown(key, body)}


@operation("iam", "GetSSHPublicKey")
async def get_key(service: IamService, call: Call, params: Params) -> Result:
    key = _require(service.store.account(call.account), call, params)
    text = _written(_read(key.body), params["Encoding"])
    return {"SSHPublicKey": _shown(key, text)}


@operation("iam", "ListSSHPublicKeys")
async def list_keys(service: IamService, call: Call, params: Params) -> Result:
    records = service.store.account(call.account)
    user = require(records, User, user_name(call, params))
    chosen, rest = page(keys_of(records, user.name), params, lambda key: key.id)
    return {"SSHPublicKeys": [_listed(key) for key in chosen]} | rest


@operation("iam", "UpdateSSHPublicKey")
async def update_key(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        key = _require(draft, call, params)
        draft.put(replace(key, status=key_status(params)))
    return {}


@operation("iam", "DeleteSSHPublicKey")
async def delete_key(service: IamService, call: Call, params: Params) -> Result:
    async with service.store.edit(call.account) as draft:
        draft.remove(_require(draft, call, params))
    return {}


def keys_of(records: Records, user: str) -> list[SshKey]:
    """A user's SSH keys, oldest first."""
    found = [key for key in records.all(SshKey) if key.user == user]
    return sorted(found, key=lambda key: (key.uploaded_ms, key.id))


def _require(records: Records, call: Call, params: Params) -> SshKey:
    user = require(records, User, user_name(call, params))
    key = records.get(SshKey, params["SSHPublicKeyId"])
    if key is None or key.user != user.name:
        raise NoSuchEntityException(
            f"The Public Key with id {params['SSHPublicKeyId']} cannot be found."
        )
    return key


def _read(body: str) -> RSAPublicKey:
    """An RSA key of 2048 bits or more, in OpenSSH's form or PEM: AWS takes no other (API
    reference, UploadSSHPublicKey). Raises InvalidPublicKeyException."""
    from cryptography.hazmat.primitives import serialization

    text = body.strip().encode("utf-8", "replace")
    try:
        if text.startswith(b"-----"):
            key: object = serialization.load_pem_public_key(text)
        else:
            key = serialization.load_ssh_public_key(text)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidPublicKeyException("The public key is malformed.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_BITS:
        raise InvalidPublicKeyException(
            f"The public key must be an RSA key of at least {_SMALLEST_BITS} bits."
        )
    return key


def _written(key: RSAPublicKey, encoding: str) -> str:
    """In the words of GetSSHPublicKey: `SSH` or `PEM`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if encoding == "SSH":
        return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _fingerprint(key: RSAPublicKey) -> str:
    """MD5 of the key as SSH sends it; a name here, no protection."""
    blob = base64.b64decode(_written(key, "SSH").split()[1])
    return hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def _listed(key: SshKey) -> Result:
    return {
        "UserName": key.user,
        "SSHPublicKeyId": key.id,
        "Status": key.status.value,
        "UploadDate": moment(key.uploaded_ms),
    }


def _shown(key: SshKey, body: str) -> Result:
    return _listed(key) | {"Fingerprint": key.fingerprint, "SSHPublicKeyBody": body}


OPERATIONS: tuple[Implementation, ...] = (
    upload_key,
    get_key,
    list_keys,
    update_key,
    delete_key,
)
