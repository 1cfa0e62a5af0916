"""The record of truth of IAM: lane `iam`, mirrored in memory.

Owns durability and consistency: an edit is checked against the mirror under its account's lock,
written in one transaction, and published to the mirror when the commit is on disk. Readers never
wait and never see half an edit. It has no rules of its own: those are in `services/iam`.
"""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar, cast

from lambdad.core.ids import AccountId
from lambdad.iam.kinds import decode, encode
from lambdad.iam.records import AccessKey, AccountSettings, LastUse, Named, Record
from lambdad.storage.lane import Lane, Transaction
from lambdad.storage.sealing import Sealer

MIGRATIONS = (
    """
    CREATE TABLE iam_records (
        account TEXT NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (account, kind, name)
    )
    """,
)

R = TypeVar("R", bound=Record)
N = TypeVar("N", bound=Named)
Changes = Mapping[tuple[type[Record], str], Record | None]
"""(kind, key) → the new record, or None where it is deleted."""


class Records(ABC):
    """Records of one account, to be read."""

    @abstractmethod
    def all(self, kind: type[R]) -> list[R]:
        """Every record of a kind, sorted by key."""

    @abstractmethod
    def get(self, kind: type[R], key: str) -> R | None:
        """The record under this key (`Record.key`)."""

    def count(self, kind: type[Record]) -> int:
        return len(self.all(kind))

    def named(self, kind: type[N], name: str) -> N | None:
        """The record with exactly this name. Names are unique regardless of case, but a policy
        that speaks of one spelling must not be escaped by asking for another."""
        record = self.get(kind, name.lower())
        return record if record is not None and record.name == name else None


class AccountRecords(Records):
    """What is committed. Only the store changes it."""

    def __init__(self) -> None:
        self.version = 0
        """Goes up with every change that can matter to access."""
        self._shelves: dict[type[Record], dict[str, Record]] = {}

    def all(self, kind: type[R]) -> list[R]:
        shelf = cast("dict[str, R]", self._shelves.get(kind, {}))
        return [shelf[key] for key in sorted(shelf)]

    def count(self, kind: type[Record]) -> int:
        return len(self._shelves.get(kind, ()))

    def get(self, kind: type[R], key: str) -> R | None:
        shelf = cast("dict[str, R]", self._shelves.get(kind, {}))
        return shelf.get(key)

    def apply(self, changes: Changes) -> None:
        """Publish committed changes. For the store alone."""
        self.version += any(kind is not LastUse for kind, _ in changes)
        for (kind, key), record in changes.items():
            shelf = self._shelves.setdefault(kind, {})
            if record is None:
                shelf.pop(key, None)
            else:
                shelf[key] = record


class Draft(Records):
    """An edit in the making: reads see its own changes, nobody else does until the commit."""

    def __init__(self, account: AccountId, records: AccountRecords) -> None:
        self.account = account
        self._records = records
        self._changes: dict[tuple[type[Record], str], Record | None] = {}

    @property
    def changes(self) -> Changes:
        return self._changes

    def get(self, kind: type[R], key: str) -> R | None:
        if (kind, key) in self._changes:
            return cast("R | None", self._changes[kind, key])
        return self._records.get(kind, key)

    def all(self, kind: type[R]) -> list[R]:
        records = {record.key: record for record in self._records.all(kind)}
        for (changed, key), record in self._changes.items():
            if changed is not kind:
                continue
            if record is None:
                records.pop(key, None)
            else:
                records[key] = cast("R", record)
        return [records[key] for key in sorted(records)]

    def count(self, kind: type[Record]) -> int:
        count = self._records.count(kind)
        for (changed, key), record in self._changes.items():
            if changed is kind:
                count += (record is not None) - (self._records.get(kind, key) is not None)
        return count

    def put(self, record: Record) -> None:
        """Create or replace."""
        self._changes[type(record), record.key] = record

    def remove(self, record: Record) -> None:
        """Delete."""
        self._changes[type(record), record.key] = None


_EMPTY = AccountRecords()


class IamStore:
    """All accounts. `load` it before use; one event loop uses it."""

    def __init__(self, lane: Lane, sealer: Sealer) -> None:
        self._lane = lane
        self._sealer = sealer
        self._accounts: dict[AccountId, AccountRecords] = {}
        self._locks: dict[AccountId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._key_owners: dict[str, AccountId] = {}

    async def load(self) -> None:
        """Take everything that the lane holds into memory."""
        rows = await self._lane.read(
            lambda transaction: transaction.execute("SELECT account, kind, body FROM iam_records")
        )
        for account, kind, body in rows:
            record = decode(kind, body)
            self._publish(AccountId(account), {(type(record), record.key): record})

    def accounts(self) -> list[AccountId]:
        """The accounts that hold anything."""
        return sorted(self._accounts)

    def account(self, account: AccountId) -> AccountRecords:
        """What an account holds now; empty for one never seen."""
        return self._accounts.get(account, _EMPTY)

    def settings(self, account: AccountId) -> AccountSettings:
        """What the account has one of; defaults where nothing was set."""
        return self.account(account).get(AccountSettings, "") or AccountSettings()

    @asynccontextmanager
    async def edit(self, account: AccountId) -> AsyncIterator[Draft]:
        """Change an account: one editor at a time, durable when the block is left, nothing
        changed where it raises. A caller that is cancelled while the commit is under way leaves
        a whole edit, committed and published."""
        lock = self._locks[account]
        await lock.acquire()
        commit: asyncio.Task[None] | None = None
        try:
            draft = Draft(account, self.account(account))
            yield draft
            if draft.changes:
                commit = asyncio.create_task(self._commit(account, draft.changes))
                commit.add_done_callback(lambda _: lock.release())
                await asyncio.shield(commit)
        finally:
            if commit is None:
                lock.release()

    def seal_secret(self, access_key_id: str, secret: str) -> str:
        """A secret access key as `AccessKey.sealed_secret` keeps it."""
        return base64.b64encode(self._sealer.seal(secret.encode(), access_key_id)).decode()

    def find_key(self, access_key_id: str) -> tuple[AccountId, AccessKey] | None:
        """A long-term access key of any account, and that account."""
        account = self._key_owners.get(access_key_id)
        if account is None:
            return None
        key = self.account(account).get(AccessKey, access_key_id)
        return (account, key) if key else None

    def secret_of(self, key: AccessKey) -> str:
        """The secret access key, in clear. Raises BrokenSeal where the sealing key is not the
        one that it was sealed with."""
        return self._sealer.open(base64.b64decode(key.sealed_secret), key.id).decode()

    async def _commit(self, account: AccountId, changes: Changes) -> None:
        statements = list(_statements(account, changes))

        def work(transaction: Transaction) -> None:
            for sql, parameters in statements:
                transaction.execute(sql, parameters)

        await self._lane.write(work)
        self._publish(account, changes)

    def _publish(self, account: AccountId, changes: Changes) -> None:
        self._accounts.setdefault(account, AccountRecords()).apply(changes)
        for (kind, key), record in changes.items():
            if kind is AccessKey:
                if record is None:
                    self._key_owners.pop(key, None)
                else:
                    self._key_owners[key] = account


def _statements(
    account: AccountId, changes: Changes
) -> Iterator[tuple[str, tuple[str | bytes, ...]]]:
    for (kind, key), record in changes.items():
        if record is None:
            yield (
                "DELETE FROM iam_records WHERE account = ? AND kind = ? AND name = ?",
                (account, kind.KIND, key),
            )
        else:
            yield (
                "INSERT INTO iam_records (account, kind, name, body) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (account, kind, name) DO UPDATE SET body = excluded.body",
                (account, kind.KIND, key, encode(record)),
            )
