"""Every kind of record that IAM stores, and how one is written down as JSON."""

from __future__ import annotations

import orjson

from lambdad.core.value import to_json
from lambdad.iam.records import (
    AccessKey,
    AccountSettings,
    Group,
    InstanceProfile,
    LastUse,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    Record,
    Role,
    SamlProvider,
    User,
)
from lambdad.iam.uploads import ServerCertificate, SigningCertificate, SshKey

KINDS: tuple[type[Record], ...] = (
    User,
    Group,
    Role,
    ManagedPolicy,
    InstanceProfile,
    AccessKey,
    LastUse,
    OidcProvider,
    SamlProvider,
    MfaDevice,
    SshKey,
    SigningCertificate,
    ServerCertificate,
    AccountSettings,
)
"""Every kind of record that is stored."""

_BY_KIND = {kind.KIND: kind for kind in KINDS}


def encode(record: Record) -> bytes:
    """The record as JSON."""
    return to_json(record)


def decode(kind: str, body: bytes) -> Record:
    """The record of `kind` that `encode` wrote. Raises KeyError where the kind is unknown."""
    return _BY_KIND[kind].parse(orjson.loads(body))
