"""Session credentials that need no record: everything about a session is sealed in its token.

Execution environments get theirs here, as AWS's get the execution role's. Only this server can
make or read a token (AES-256-GCM under a key of the data directory), so nothing is stored, and a
restart does not end sessions.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId
from lambdad.core.value import Value, asdict
from lambdad.iam.naming import SESSION_KEY, assumed_role_arn, new_access_key_id, new_secret
from lambdad.iam.principal import Principal, PrincipalKind, SessionTerms

_PURPOSE = b"lambdad session token 2"
_NONCE_BYTES = 12
_CACHED_SESSIONS = 4096


class SessionCredentials(Value):
    """What a client signs with: the parts of an STS answer."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_s: int
    """Epoch seconds."""

    def __repr__(self) -> str:
        return f"SessionCredentials({self.access_key_id}, expires_s={self.expires_s})"


class Session(Value):
    """What a token says."""

    principal: Principal
    secret_access_key: str
    expires_s: int

    def __repr__(self) -> str:
        return f"Session({self.principal.arn}, expires_s={self.expires_s})"


class SessionIssuer:
    """Makes and opens session tokens under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._opened: dict[str, Session] = {}

    def issue(
        self, account: AccountId, role_arn: str, session_name: str, expires_s: int
    ) -> SessionCredentials:
        """Credentials for `role_arn`, assumed under `session_name`, until `expires_s` (epoch)."""
        arn = _assumed_role_arn(account, role_arn, session_name)
        return self.grant(Principal(PrincipalKind.ASSUMED_ROLE, account, arn, ""), expires_s)

    def grant(self, principal: Principal, expires_s: int) -> SessionCredentials:
        """Credentials to call as `principal` until `expires_s` (epoch), under a new access key."""
        access_key_id = new_access_key_id(SESSION_KEY, principal.account)
        secret = new_secret()
        terms = None if principal.session is None else asdict(principal.session)
        sealed = json.dumps(
            [
                access_key_id,
                secret,
                expires_s,
                principal.kind.value,
                principal.account,
                principal.arn,
                principal.unique_id,
                terms,
            ],
            separators=(",", ":"),
        ).encode()
        nonce = os.urandom(_NONCE_BYTES)
        token = base64.b64encode(nonce + self._cipher.encrypt(nonce, sealed, _PURPOSE)).decode()
        return SessionCredentials(access_key_id, secret, token, expires_s)

    def open(self, access_key_id: str, token: str) -> Session | None:
        """What `token` says, or None if it is not ours or belongs to another access key.

        Whether it has expired is the caller's to check."""
        session = self._opened.get(token)
        if session is None:
            session = self._unseal(token)
            if session is None:
                return None
            while len(self._opened) >= _CACHED_SESSIONS:
                del self._opened[next(iter(self._opened))]
            self._opened[token] = session
        return session if session.principal.access_key_id == access_key_id else None

    def _unseal(self, token: str) -> Session | None:
        try:
            raw = base64.b64decode(token, validate=True)
            if base64.b64encode(raw).decode() != token:
                return None  # Unused bits of the last digit: one token has one spelling.
            sealed = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _PURPOSE)
        except (ValueError, InvalidTag):
            return None
        access_key_id, secret, expires_s, kind, account, arn, unique_id, terms = json.loads(sealed)
        principal = Principal(
            PrincipalKind(kind),
            AccountId(account),
            arn,
            access_key_id,
            unique_id,
            None if terms is None else _terms(terms),
        )
        return Session(principal, secret, expires_s)


def function_session_name(function_name: str) -> str:
    """The session name of a function's environments: its own; AWS pads names of one character,
    because a session name has at least two (recorded)."""
    return function_name if len(function_name) > 1 else f"{function_name}@lambda_function"


def _assumed_role_arn(account: AccountId, role_arn: str, session_name: str) -> str:
    parsed = parse_arn(role_arn)
    role = (parsed.resource if parsed else role_arn).rpartition("/")[2]
    return assumed_role_arn(account, role, session_name)


def _terms(fields: dict[str, Any]) -> SessionTerms:
    return SessionTerms(
        identity=fields["identity"],
        issued_s=fields["issued_s"],
        policies=tuple(fields["policies"]),
        policy_arns=tuple(fields["policy_arns"]),
        tags=tuple((key, value) for key, value in fields["tags"]),
        transitive_keys=tuple(fields["transitive_keys"]),
        source_identity=fields["source_identity"],
        function_arn=fields.get("function_arn"),
        mfa_s=fields.get("mfa_s"),
    )
