"""The record of truth for what an account has beside functions and layers: code signing
configurations, event source mappings. Durable in the control lane, mirrored in memory for reads.

A resource is found by its kind and its id within an account and region. Members are of JSON's
types, so that what is stored is what is kept. Which kinds there are says who makes the store;
whoever owns a kind defines its record. Runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import orjson

from lambdad.core.ids import AccountId, Region
from lambdad.core.value import Value, field, to_json
from lambdad.functions.capacity_providers import CapacityProvider
from lambdad.functions.locks import uninterrupted
from lambdad.storage.lane import Lane, Row, Transaction

_PUT = """
    INSERT INTO lambda_resources (account, region, kind, id, document) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, region, kind, id) DO UPDATE SET document = excluded.document
"""
_DELETE = """
    DELETE FROM lambda_resources WHERE account = ? AND region = ? AND kind = ? AND id = ?
"""


class CodeSigningConfig(Value):
    """Whose signatures are trusted, and what happens to code without one."""

    id: str
    """`csc-` and 17 lower-case letters and digits."""
    publishers: Sequence[str]
    """ARNs of signing profile versions."""
    policy: str
    """Warn or Enforce."""
    modified_ms: int
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Resource(Protocol):
    """A frozen dataclass with an id."""

    @property
    def id(self) -> str: ...


Kinds = Mapping[str, type[Any]]
"""By the name under which a kind is stored, which never changes."""
KINDS: Kinds = {"code-signing-config": CodeSigningConfig, "capacity-provider": CapacityProvider}
"""Those of this package."""
_Place = tuple[AccountId, Region, type]
R = TypeVar("R", bound=Resource)


class ResourceStore:
    """Every such resource of every account and region."""

    def __init__(self, lane: Lane, kinds: Kinds = KINDS) -> None:
        self.turn = asyncio.Lock()
        """Held by whoever reads a resource to change it: changes are few, so one for all."""
        self._lane = lane
        self._kinds = kinds
        self._names = {kind: name for name, kind in kinds.items()}
        self._resources: dict[_Place, dict[str, Resource]] = {}

    async def load(self) -> None:
        """Read everything back. Once."""
        for account, region, kind, name, document in await self._lane.read(_read_all):
            place = (AccountId(account), Region(region), self._kinds[kind])
            found = self._kinds[kind](**orjson.loads(document))
            self._resources.setdefault(place, {})[name] = found

    def get(self, kind: type[R], account: AccountId, region: Region, name: str) -> R | None:
        found = self._resources.get((account, region, kind), {}).get(name)
        return found if isinstance(found, kind) else None

    def every(
        self, kind: type[R], account: AccountId, region: Region, start: str = ""
    ) -> Iterator[R]:
        """All of a kind by id, from `start` on."""
        for name, found in sorted(self._resources.get((account, region, kind), {}).items()):
            if name >= start and isinstance(found, kind):
                yield found

    def everywhere(self, kind: type[R]) -> Iterator[tuple[AccountId, Region, R]]:
        """All of a kind, of every account and region."""
        for (account, region, stored), found in self._resources.items():
            if stored is kind:
                for resource in list(found.values()):
                    if isinstance(resource, kind):
                        yield account, region, resource

    async def put(self, account: AccountId, region: Region, resource: Resource) -> None:
        """Make it so; returns after it is durable."""
        kind = type(resource)
        row = (account, region, self._names[kind], resource.id, to_json(resource))

        async def write() -> None:
            await self._lane.write(lambda tx: tx.execute(_PUT, row))
            self._resources.setdefault((account, region, kind), {})[resource.id] = resource

        await uninterrupted(write())

    async def delete(self, account: AccountId, region: Region, resource: Resource) -> None:
        """Remove it, durably; one that is gone already is no error."""
        kind = type(resource)

        async def write() -> None:
            row = (account, region, self._names[kind], resource.id)
            await self._lane.write(lambda tx: tx.execute(_DELETE, row))
            self._resources.get((account, region, kind), {}).pop(resource.id, None)

        await uninterrupted(write())


def _read_all(tx: Transaction) -> list[Row]:
    return tx.execute("SELECT account, region, kind, id, document FROM lambda_resources")
