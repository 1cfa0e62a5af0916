"""Names of IAM: unique ids, access keys, ARNs and paths.

Owns how IAM things are called; knows nothing of what they are. Pure, but for the randomness of
new ids.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import string

from lambdad.core.arn import PARTITION
from lambdad.core.ids import AccountId

_UNIQUE_ALPHABET = string.ascii_uppercase + "234567"
_UNIQUE_DIGITS = 17
_CERTIFICATE_DIGITS = 32
_SAML_ALPHABET = string.ascii_uppercase + string.digits
_SAML_DIGITS = 16
_SECRET_BYTES = 30
_ACCOUNT_MASK = 0x7FFF_FFFF_FF80
_ACCOUNT = re.compile(r"\d{12}")

USER, GROUP, ROLE, POLICY, PROFILE = "AIDA", "AGPA", "AROA", "ANPA", "AIPA"
LONG_TERM_KEY, SESSION_KEY, SERVICE_CREDENTIAL = "AKIA", "ASIA", "ACCA"
SSH_KEY, CERTIFICATE = "APKA", "ASCA"
SAML_PROVIDER, SAML_KEY = "SAMLSP", "SAMLPK"
"""AWS's prefixes (IAM user guide, "IAM identifiers")."""


def new_unique_id(prefix: str) -> str:
    """A unique id such as `AROA…`: the prefix and 17 letters and digits, 21 characters."""
    return prefix + "".join(secrets.choice(_UNIQUE_ALPHABET) for _ in range(_UNIQUE_DIGITS))


def new_certificate_id() -> str:
    """Of a signing certificate: 32 letters and digits without a prefix."""
    return "".join(secrets.choice(_UNIQUE_ALPHABET) for _ in range(_CERTIFICATE_DIGITS))


def new_saml_id(prefix: str) -> str:
    """Of a SAML provider or one of its private keys: `SAMLSP…`, 22 letters and digits."""
    return prefix + "".join(secrets.choice(_SAML_ALPHABET) for _ in range(_SAML_DIGITS))


def fixed_unique_id(prefix: str, name: str) -> str:
    """A unique id that is always the same for one name; for what AWS owns."""
    digest = base64.b32encode(hashlib.sha256(name.encode()).digest())
    return prefix + digest.decode()[:_UNIQUE_DIGITS]


def new_access_key_id(prefix: str, account: AccountId) -> str:
    """An access key id (20 characters). As AWS does, it carries its account: `account_of_key`."""
    packed = (int(account) << 7) | secrets.randbits(7)
    return prefix + base64.b32encode(packed.to_bytes(6, "big") + os.urandom(4)).decode()


def account_of_key(access_key_id: str) -> AccountId | None:
    """The account inside an access key id of ours or AWS's, or None where it holds none."""
    try:
        packed = int.from_bytes(base64.b32decode(access_key_id[4:])[:6], "big")
    except (binascii.Error, ValueError):
        return None
    account = f"{(packed & _ACCOUNT_MASK) >> 7:012d}"
    return AccountId(account) if _ACCOUNT.fullmatch(account) else None


def new_secret() -> str:
    """A secret access key: 40 characters of base64, 240 bits."""
    return base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def iam_arn(account: str, kind: str, path: str, name: str) -> str:
    """`arn:aws:iam::<account>:<kind><path><name>`; the path begins and ends with a slash."""
    return f"arn:{PARTITION}:iam::{account}:{kind}{path}{name}"


def root_arn(account: str) -> str:
    """The account itself as a principal."""
    return f"arn:{PARTITION}:iam::{account}:root"


def assumed_role_arn(account: str, role: str, session: str) -> str:
    """A session of a role as a principal; the role's path is not part of it."""
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role}/{session}"


def federated_user_arn(account: str, name: str) -> str:
    """A federated session (GetFederationToken) as a principal."""
    return f"arn:{PARTITION}:sts::{account}:federated-user/{name}"
