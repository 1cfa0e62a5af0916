"""Every access key that may sign: the roots' and the users'.

Owns the step from an access key id to its secret and its principal; a user's secret is unsealed
when its key is first used, and forgotten when key or user change. For one event loop.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.core.ids import AccountId
from lambdad.core.value import Value
from lambdad.iam import records
from lambdad.iam.authenticate import AccessKey
from lambdad.iam.principal import Principal, PrincipalKind
from lambdad.iam.records import KeyStatus, User
from lambdad.iam.store import IamStore

_REMEMBERED_KEYS = 10_000


class _Remembered(Value):
    record: records.AccessKey
    user: User
    key: AccessKey


class KeyRing:
    """Looks keys up in memory."""

    def __init__(self, roots: Mapping[str, AccessKey], store: IamStore) -> None:
        self._roots = roots
        self._store = store
        self._remembered: dict[str, _Remembered] = {}

    def get(self, access_key_id: str) -> AccessKey | None:
        """The key, or None for one that is unknown, inactive or of nobody."""
        root = self._roots.get(access_key_id)
        if root is not None:
            return root
        found = self._store.find_key(access_key_id)
        if found is None:
            self._remembered.pop(access_key_id, None)
            return None
        account, record = found
        user = self._store.account(account).named(User, record.user)
        if user is None or record.status is not KeyStatus.ACTIVE:
            return None
        remembered = self._remembered.get(access_key_id)
        if remembered is None or remembered.record is not record or remembered.user is not user:
            remembered = _Remembered(record, user, self._make(account, record, user))
            if len(self._remembered) >= _REMEMBERED_KEYS:
                self._remembered.clear()
            self._remembered[access_key_id] = remembered
        return remembered.key

    def _make(self, account: AccountId, record: records.AccessKey, user: User) -> AccessKey:
        principal = Principal(PrincipalKind.USER, account, user.arn(account), record.id, user.id)
        return AccessKey(self._store.secret_of(record), principal)
