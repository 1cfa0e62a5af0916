"""The accounts of a server and the root key of each: a file that AWS tools can read too.

Owns `credentials` in the data directory: one section per account, `[default]` for the default
one, of mode 0600 and always whole. A change holds from the next call on.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.ids import DEFAULT_ACCOUNT, AccountId
from lambdad.iam.authenticate import AccessKey, root_principal
from lambdad.iam.naming import LONG_TERM_KEY, new_access_key_id, new_secret
from lambdad.iam.secrets_at_rest import (
    DEFAULT_SECTION,
    RootKey,
    load_root_key,
    load_root_keys,
    save_root_keys,
)

MAX_ACCOUNTS = 1000


class RootKeys:
    """The root keys of all accounts, and the only one who changes them."""

    def __init__(self, path: Path) -> None:
        """Raises OperatorError if the file is not as it was left."""
        self._path = path
        self._by_account: dict[AccountId, RootKey] = {}
        self._by_id: dict[str, AccessKey] = {}
        if path.exists():
            load_root_key(path)
            for section, key in load_root_keys(path).items():
                account = DEFAULT_ACCOUNT if section == DEFAULT_SECTION else AccountId(section)
                self._take(account, key)
        else:
            self._replace(DEFAULT_ACCOUNT)

    @property
    def by_id(self) -> Mapping[str, AccessKey]:
        """By access key id; follows every change."""
        return self._by_id

    def accounts(self) -> list[AccountId]:
        """Every account, sorted."""
        return sorted(self._by_account)

    def key_id(self, account: AccountId) -> str:
        """The access key id of an account's root. Raises KeyError."""
        return self._by_account[account].access_key_id

    def create(self, account: AccountId | None = None) -> tuple[AccountId, RootKey]:
        """A new account, of this number or of one made up. Raises OperatorError where it is
        taken."""
        if len(self._by_account) >= MAX_ACCOUNTS:
            raise OperatorError(f"This server has {MAX_ACCOUNTS} accounts, the most it takes.")
        if account is None:
            account = self._new_id()
        elif account in self._by_account:
            raise OperatorError(f"There is an account {account} already.")
        return account, self._replace(account)

    def rotate(self, account: AccountId) -> RootKey:
        """Another key for an account's root; the old one ends at once. Raises OperatorError."""
        if account not in self._by_account:
            raise OperatorError(f"There is no account {account}. See: lambdad accounts list")
        return self._replace(account)

    def _new_id(self) -> AccountId:
        while True:
            account = AccountId(str(secrets.randbelow(9 * 10**11) + 10**11))
            if account not in self._by_account:
                return account

    def _replace(self, account: AccountId) -> RootKey:
        key = RootKey(new_access_key_id(LONG_TERM_KEY, account), new_secret())
        kept = {**self._by_account, account: key}
        names = {each: DEFAULT_SECTION if each == DEFAULT_ACCOUNT else each for each in kept}
        save_root_keys(self._path, {names[each]: kept[each] for each in sorted(kept)})
        self._take(account, key)
        return key

    def _take(self, account: AccountId, key: RootKey) -> None:
        old = self._by_account.get(account)
        if old is not None:
            self._by_id.pop(old.access_key_id, None)
        self._by_account[account] = key
        principal = root_principal(account, key.access_key_id)
        self._by_id[key.access_key_id] = AccessKey(key.secret_access_key, principal)
