"""Who signed this request: from signature to principal.

Two ways: by the keys of this server, or, for local tests, by any key at all. Knows keys and
sessions; what a signature must look like is `wire/sigv4.py`'s, what a principal may do is
decided in `api/dispatch.py`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from lambdad.core.arn import PARTITION
from lambdad.core.clock import Clock
from lambdad.core.ids import DEFAULT_ACCOUNT, AccountId, Region
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import Value
from lambdad.iam import errors
from lambdad.iam.backoff import UNKNOWN, Backoff
from lambdad.iam.errors import Dialect
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.session import SessionIssuer
from lambdad.wire.http import Request
from lambdad.wire.sigv4 import Flaw, Signature, SignatureError, Verifier, read_signature

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}")
_ACCOUNT = re.compile(r"\d{12}")


class Caller(NamedTuple):
    """An authenticated caller, and the region that the signature names."""

    principal: Principal
    region: Region


class AccessKey(Value):
    """A long-term access key and whose it is."""

    secret_access_key: str
    principal: Principal

    def __repr__(self) -> str:
        return f"AccessKey({self.principal.access_key_id})"


class Keys(Protocol):
    """Finds long-term access keys; a plain dict will do."""

    def get(self, access_key_id: str, /) -> AccessKey | None:
        """The key, or None for one that may not sign."""
        ...


class Uses(Protocol):
    """Is told of every use of a user's access key; must not block."""

    def note(self, account: AccountId, of: str, service: str, region: Region) -> None:
        """`of` is the access key id, `service` the signing name."""
        ...


class Authenticator(Protocol):
    """Tells who made a request."""

    def authenticate(self, request: Request, service: str, dialect: Dialect) -> Caller:
        """The caller; `service` is the signing name of the service called.

        Raises AwsError, named as services of `dialect` do."""
        ...


class SignatureAuthenticator:
    """Accepts requests signed with a known access key or with session credentials of ours."""

    def __init__(
        self,
        keys: Keys,
        sessions: SessionIssuer,
        clock: Clock,
        uses: Uses | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._keys = keys
        self._backoff = backoff or Backoff(DEFAULT_LIMITS)
        self._uses = uses
        self._sessions = sessions
        self._clock = clock
        self._verifier = Verifier()

    def authenticate(self, request: Request, service: str, dialect: Dialect) -> Caller:
        now_s = self._clock.wall_ms() / 1000
        try:
            signature = read_signature(request)
            principal, secret = self._find(request, signature, dialect, now_s)
            self._verifier.verify(request, signature, secret, service, now_s)
            region = _region(signature)
        except SignatureError as error:
            if error.flaw is Flaw.MISMATCH:
                self._backoff.failed(request.peer, signature.access_key_id, now_s)
            raise errors.bad_signature(dialect, error) from None
        if not self._backoff.quiet:
            self._backoff.succeeded(request.peer, signature.access_key_id)
        if self._uses is not None and signature.token is None:
            self._uses.note(principal.account, principal.access_key_id, service, region)
        return Caller(principal, region)

    def _find(
        self, request: Request, signature: Signature, dialect: Dialect, now_s: float
    ) -> tuple[Principal, str]:
        """Whose key it says it is, and the secret. During a back-off nothing is looked at."""
        if signature.token is not None:
            return self._open_session(signature, dialect, now_s)
        key = self._keys.get(signature.access_key_id)
        if not self._backoff.quiet:
            known = signature.access_key_id if key is not None else UNKNOWN
            self._backoff.check(request.peer, known, now_s, dialect)
        if key is None:
            self._backoff.failed(request.peer, UNKNOWN, now_s)
            raise errors.unknown_key(dialect)
        return key.principal, key.secret_access_key

    def _open_session(
        self, signature: Signature, dialect: Dialect, now_s: float
    ) -> tuple[Principal, str]:
        session = self._sessions.open(signature.access_key_id, signature.token or "")
        if session is None:
            raise errors.unknown_key(dialect)
        if session.expires_s <= now_s:
            raise errors.expired_token(dialect)
        return session.principal, session.secret_access_key


class AnyCredentialsAuthenticator:
    """Accepts any key as the root of an account, and checks no signature: for local tests only.

    A key id of 12 digits names its account; any other key is the default account's. Functions
    and IAM users keep their own identity."""

    def __init__(self, sessions: SessionIssuer, keys: Keys | None = None) -> None:
        self._sessions = sessions
        self._keys: Keys = {} if keys is None else keys

    def authenticate(self, request: Request, service: str, dialect: Dialect) -> Caller:
        try:
            signature = read_signature(request)
            region = _region(signature)
        except SignatureError as error:
            raise errors.bad_signature(dialect, error) from None
        if signature.token is not None:
            session = self._sessions.open(signature.access_key_id, signature.token)
            if session is not None:
                return Caller(session.principal, region)
        key = signature.access_key_id
        known = self._keys.get(key) if signature.token is None else None
        if known is not None:
            return Caller(known.principal, region)
        account = AccountId(key) if _ACCOUNT.fullmatch(key) else DEFAULT_ACCOUNT
        return Caller(root_principal(account, key), region)


def root_principal(account: AccountId, access_key_id: str) -> Principal:
    """The owner of an account."""
    arn = f"arn:{PARTITION}:iam::{account}:root"
    return Principal(PrincipalKind.ROOT, account, arn, access_key_id, account)


STRANGER = Principal(PrincipalKind.ANONYMOUS, DEFAULT_ACCOUNT, "anonymous", "")
"""Whoever calls without a signature."""
UNSIGNED_OPERATIONS = frozenset(
    (("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML"))
)
"""(service, operation) that need no signature: the request itself brings the proof."""


def _region(signature: Signature) -> Region:
    if not _REGION.fullmatch(signature.region):
        raise SignatureError(
            Flaw.SCOPE, f"Credential should be scoped to a valid region, not '{signature.region}'. "
        )
    return Region(signature.region)
