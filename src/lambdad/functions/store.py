"""The record of truth for functions: durable in the control lane, mirrored in memory for reads.

One change at a time per function (`editing`); a change is written, then mirrored, then published
to the catalog, so that nothing is seen that a crash could take back. Runs on the event loop.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

from lambdad.core.errors import OperatorError
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Struct, field
from lambdad.functions import rows
from lambdad.functions.code import CodeStore
from lambdad.functions.locks import KeyedLocks, uninterrupted
from lambdad.functions.names import FunctionKey
from lambdad.functions.publication import publishable
from lambdad.functions.records import CodePackage, Deployment, FunctionRecord
from lambdad.functions.snapshot import Catalog
from lambdad.storage.data_keys import DataKeys
from lambdad.storage.lane import Lane
from lambdad.storage.sealing import BrokenSeal

_SEALED_OTHERWISE = (
    "The stored function {what} cannot be decrypted: the keys in the data directory are not those "
    "it was stored with. Restore sealing.key and the folder keys from the backup of this data."
)


class Usage(Struct):
    """What an account has in a region; kept up with every change."""

    names: list[str] = field(default_factory=list)
    """Sorted."""
    code_bytes: int = 0
    reserved_concurrency: int = 0
    claimed_concurrency: int = 0
    """What is reserved, and what is provisioned without being reserved."""


class FunctionStore:
    """Every function of every account and region."""

    def __init__(self, lane: Lane, catalog: Catalog, code: CodeStore, keys: DataKeys) -> None:
        self._lane = lane
        self._keys = keys
        self._catalog = catalog
        self._code = code
        self._records: dict[FunctionKey, FunctionRecord] = {}
        self._numbering: dict[FunctionKey, int] = {}
        self._usage: dict[tuple[AccountId, Region], Usage] = {}
        self._locks: KeyedLocks[FunctionKey] = KeyedLocks()

    async def load(self) -> None:
        """Read everything back, tidy up the code that a crash left, and publish. Once. Raises
        OperatorError where the keys do not open it."""
        try:
            records, self._numbering = await self._lane.read(
                lambda tx: rows.read_all(tx, self._keys)
            )
        except BrokenSeal as error:
            raise OperatorError(_SEALED_OTHERWISE.format(what=error)) from None
        for record in records:
            self._code.refer(_packages(record))
            self._mirror(None, record)
        await self._code.reconcile([*_deployments(records)])
        for record in records:
            self._publish(record)

    def get(self, key: FunctionKey) -> FunctionRecord | None:
        """The function as of the last acknowledged change."""
        return self._records.get(key)

    def __iter__(self) -> Iterator[FunctionRecord]:
        return iter(list(self._records.values()))

    def usage(self, account: AccountId, region: Region) -> Usage:
        """Not to be changed by the caller."""
        return self._usage.get((account, region)) or Usage()

    def names(self, account: AccountId, region: Region, start: str = "") -> Sequence[str]:
        """The functions' names from `start` on, in order."""
        names = self.usage(account, region).names
        return names[bisect_left(names, start) :]

    def next_version(self, key: FunctionKey) -> int:
        """The number of the first version of a function that is made now."""
        return self._numbering.get(key, 1)

    @asynccontextmanager
    async def editing(self, key: FunctionKey) -> AsyncIterator[Edit]:
        """Alone with a function, there or not, until the block ends."""
        async with self._locks.holding(key):
            yield Edit(self, key, self._records.get(key))

    async def replace(self, old: FunctionRecord | None, new: FunctionRecord) -> None:
        """For Edit: make `new` of `old`, durably."""
        self._code.refer(_packages(new))
        try:
            await self._lane.write(lambda tx: rows.write_change(tx, self._keys, old, new))
        except BaseException:
            self._code.release(_packages(new))
            raise
        self._mirror(old, new)
        if old is not None:
            self._code.release(_packages(old))
        self._publish(new)

    async def remove(self, old: FunctionRecord) -> None:
        """For Edit: delete the function, durably."""
        key = old.key
        await self._lane.write(lambda tx: rows.delete_function(tx, key))
        self._mirror(old, None)
        self._code.release(_packages(old))
        self._catalog.remove(*key)

    def _publish(self, record: FunctionRecord) -> None:
        self._catalog.publish(publishable(record, self._code.tree))

    def _mirror(self, old: FunctionRecord | None, new: FunctionRecord | None) -> None:
        for record, sign in ((old, -1), (new, 1)):
            if record is not None:
                usage = self._usage.setdefault((record.key.account, record.key.region), Usage())
                usage.code_bytes += sign * record.code_bytes
                usage.reserved_concurrency += sign * (record.reserved_concurrency or 0)
                usage.claimed_concurrency += sign * record.claimed_concurrency
        if new is not None:
            self._records[new.key] = new
            self._numbering[new.key] = new.next_version
            if old is None:
                insort(self._usage[new.key.account, new.key.region].names, new.key.name)
        elif old is not None:
            del self._records[old.key]
            names = self._usage[old.key.account, old.key.region].names
            del names[bisect_left(names, old.key.name)]


class Edit:
    """One function's turn to change. Made by `FunctionStore.editing`."""

    def __init__(self, store: FunctionStore, key: FunctionKey, record: FunctionRecord | None):
        self._store = store
        self.key = key
        self.record = record
        """As it is now; None if there is no such function."""

    async def commit(self, new: FunctionRecord) -> FunctionRecord:
        """Make it so; the same record is no change. Returns after it is durable and published."""
        if new is not self.record:
            await uninterrupted(self._store.replace(self.record, new))
            self.record = new
        return new

    async def delete(self) -> None:
        """Delete the function if there is one."""
        if self.record is not None:
            await uninterrupted(self._store.remove(self.record))
            self.record = None


def _packages(record: FunctionRecord) -> list[CodePackage]:
    return [package for version in record.all_versions() for package in version.packages]


def _deployments(records: Iterable[FunctionRecord]) -> Iterator[Deployment]:
    for record in records:
        for version in record.all_versions():
            yield version.deployment
            if version.serving is not None:
                yield version.serving
