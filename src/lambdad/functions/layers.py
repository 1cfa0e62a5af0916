"""The record of truth for layers: durable in the control lane, mirrored in memory for reads.

A layer is a name and its versions; numbers are never used twice, also not after the last version
is gone (recorded). Functions hold copies of what they use (`records.LayerReference`), so nothing
here is needed to run one. Runs on the event loop.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import orjson

from lambdad.core.arn import PARTITION
from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value, to_json
from lambdad.functions.attachments import ResourcePolicy
from lambdad.functions.code import CodeStore
from lambdad.functions.locks import KeyedLocks, uninterrupted
from lambdad.functions.records import CodePackage
from lambdad.storage.lane import Lane, Transaction, Work

_PUT_NUMBERING = """
    INSERT INTO lambda_layers (account, region, name, next_version) VALUES (?, ?, ?, ?)
    ON CONFLICT (account, region, name) DO UPDATE SET next_version = excluded.next_version
"""
_PUT_VERSION = """
    INSERT INTO lambda_layer_versions (account, region, name, version, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, region, name, version) DO UPDATE SET document = excluded.document
"""
_DELETE_VERSION = """
    DELETE FROM lambda_layer_versions WHERE account = ? AND region = ? AND name = ? AND version = ?
"""


class LayerKey(NamedTuple):
    """What identifies a layer."""

    account: AccountId
    region: Region
    name: str

    def arn(self, version: int | None = None) -> str:
        suffix = "" if version is None else f":{version}"
        return f"arn:{PARTITION}:lambda:{self.region}:{self.account}:layer:{self.name}{suffix}"


class LayerVersion(Value):
    """What was published under a number; nothing but its policy ever changes."""

    number: int
    code: CodePackage
    created_ms: int
    description: str = ""
    license_info: str | None = None
    runtimes: Sequence[str] | None = None
    """None if not given, which AWS tells apart from an empty list."""
    architectures: Sequence[str] | None = None
    policy: ResourcePolicy | None = None


class LayerRecord(Value):
    """All that is kept under one layer name."""

    key: LayerKey
    next_version: int
    versions: Mapping[int, LayerVersion]
    """Ascending."""


class LayerStore:
    """Every layer of every account and region."""

    def __init__(self, lane: Lane, code: CodeStore) -> None:
        self._lane = lane
        self._code = code
        self._records: dict[LayerKey, LayerRecord] = {}
        self._names: dict[tuple[AccountId, Region], list[str]] = {}
        self._code_bytes: Counter[tuple[AccountId, Region]] = Counter()
        self._locks: KeyedLocks[LayerKey] = KeyedLocks()

    async def load(self) -> None:
        """Read everything back. Once, before the functions: that is when unused code goes."""
        for record in await self._lane.read(_read_all):
            self._code.refer(version.code for version in record.versions.values())
            self._mirror(None, record)

    def get(self, key: LayerKey) -> LayerRecord | None:
        """The layer as of the last acknowledged change; perhaps without any version."""
        return self._records.get(key)

    def version(self, key: LayerKey, number: int) -> LayerVersion | None:
        record = self._records.get(key)
        return record.versions.get(number) if record else None

    def names(self, account: AccountId, region: Region, start: str = "") -> Sequence[str]:
        """The layers' names from `start` on, in order."""
        names = self._names.get((account, region), [])
        return names[bisect_left(names, start) :]

    def code_bytes(self, account: AccountId, region: Region) -> int:
        """What the versions count for in TotalCodeSize."""
        return self._code_bytes[account, region]

    @asynccontextmanager
    async def editing(self, key: LayerKey) -> AsyncIterator[LayerRecord]:
        """Alone with a layer, there or not, until the block ends."""
        async with self._locks.holding(key):
            yield self._records.get(key) or LayerRecord(key, 1, {})

    async def put(self, key: LayerKey, version: LayerVersion) -> None:
        """Add a version, or give one another policy. Returns after it is durable. Inside
        `editing`."""
        old = self._records.get(key) or LayerRecord(key, 1, {})
        next_version = max(old.next_version, version.number + 1)
        new = LayerRecord(key, next_version, {**old.versions, version.number: version})

        def write(tx: Transaction) -> None:
            tx.execute(_PUT_NUMBERING, (*key, next_version))
            tx.execute(_PUT_VERSION, (*key, version.number, to_json(version)))

        await uninterrupted(self._replace(old, new, write))

    async def delete(self, key: LayerKey, number: int) -> None:
        """Remove a version that is there, durably. Inside `editing`."""
        old = self._records[key]
        kept = {each: version for each, version in old.versions.items() if each != number}

        def write(tx: Transaction) -> None:
            tx.execute(_DELETE_VERSION, (*key, number))

        await uninterrupted(self._replace(old, LayerRecord(key, old.next_version, kept), write))

    async def _replace(self, old: LayerRecord, new: LayerRecord, write: Work[None]) -> None:
        self._code.refer(version.code for version in new.versions.values())
        try:
            await self._lane.write(write)
        except BaseException:
            self._code.release(version.code for version in new.versions.values())
            raise
        self._code.release(version.code for version in old.versions.values())
        self._mirror(old, new)

    def _mirror(self, old: LayerRecord | None, new: LayerRecord) -> None:
        place = new.key[:2]
        for record, sign in ((old, -1), (new, 1)):
            for version in record.versions.values() if record else ():
                self._code_bytes[place] += sign * version.code.size_bytes
        if new.key not in self._records:
            insort(self._names.setdefault(place, []), new.key.name)
        self._records[new.key] = new


def _read_all(tx: Transaction) -> list[LayerRecord]:
    versions: dict[LayerKey, dict[int, LayerVersion]] = {}
    for account, region, name, document in tx.execute(
        "SELECT account, region, name, document FROM lambda_layer_versions ORDER BY version"
    ):
        version = _decode(document)
        key = LayerKey(AccountId(account), Region(region), name)
        versions.setdefault(key, {})[version.number] = version
    return [
        LayerRecord(key, int(next_version), versions.get(key, {}))
        for account, region, name, next_version in tx.execute(
            "SELECT account, region, name, next_version FROM lambda_layers"
        )
        for key in [LayerKey(AccountId(account), Region(region), name)]
    ]


def _decode(document: bytes) -> LayerVersion:
    fields = orjson.loads(document)
    policy = fields.pop("policy")
    return LayerVersion(
        **fields
        | {
            "code": CodePackage(**fields["code"]),
            "policy": ResourcePolicy(**policy) if policy else None,
        }
    )
