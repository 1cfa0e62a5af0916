"""What AWS itself owns in every account's IAM, as data: managed policies, service-linked roles.

`policies.jsonl` holds AWS's managed policies as AWS publishes them: one a line, sorted by name,
the default version only; taken from the listing in moto 5.2.5 (Apache-2.0), without descriptions
and the unique ids, which are made up here. `service_roles.json` holds what CreateServiceLinkedRole
makes for a service, from the services' own documentation and from those managed policies that
allow to make it. Both are read when first asked for, and never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

import orjson

from lambdad.core.value import Value
from lambdad.iam.naming import POLICY, fixed_unique_id, iam_arn
from lambdad.iam.records import ManagedPolicy, PolicyVersion

OWNER = "aws"
"""Stands where the account id stands in the ARNs of what AWS owns."""
_FOLDER = Path(__file__).parent


class ServiceRole(Value):
    """The service-linked role of a service."""

    role: str
    policies: tuple[str, ...]
    """ARNs of the managed policies that it carries."""
    description: str | None
    suffix_allowed: bool
    """Whether an account may have several, told apart by a suffix."""


class ManagedPolicies:
    """AWS's managed policies, found by ARN."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._file = folder / "policies.jsonl"
        self._parsed: dict[str, ManagedPolicy] = {}

    def get(self, arn: str) -> ManagedPolicy | None:
        """The policy of this ARN, or None where AWS has no such policy."""
        policy = self._named(arn.rpartition("/")[2])
        return policy if policy is not None and policy.arn(OWNER) == arn else None

    def all(self) -> list[ManagedPolicy]:
        """Every policy, sorted by name."""
        return [policy for name in self._lines if (policy := self._named(name))]

    def _named(self, name: str) -> ManagedPolicy | None:
        if name in self._parsed:
            return self._parsed[name]
        if name not in self._lines:
            return None
        return self._parsed.setdefault(name, _parse(self._lines[name]))

    @cached_property
    def _lines(self) -> dict[str, bytes]:
        """Each policy's line by its name, which comes first in the line and needs no escapes."""
        lines = self._file.read_bytes().splitlines()
        return {line[9 : line.index(b'"', 9)].decode(): line for line in lines}


class ServiceRoles:
    """Which service-linked role belongs to a service."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._file = folder / "service_roles.json"

    def get(self, service: str) -> ServiceRole | None:
        """By service principal, such as `ecs.amazonaws.com`."""
        return self._roles.get(service)

    @cached_property
    def _roles(self) -> Mapping[str, ServiceRole]:
        return {
            service: ServiceRole(
                role=row["role"],
                policies=tuple(
                    iam_arn(OWNER, "policy", "/aws-service-role/", name) for name in row["policies"]
                ),
                description=row.get("description"),
                suffix_allowed=row.get("suffix_allowed", False),
            )
            for service, row in orjson.loads(self._file.read_bytes()).items()
        }


def _parse(line: bytes) -> ManagedPolicy:
    row = orjson.loads(line)
    created_ms, updated_ms = _milliseconds(row["created"]), _milliseconds(row["updated"])
    version = PolicyVersion(row["version"], orjson.dumps(row["document"]).decode(), updated_ms)
    return ManagedPolicy(
        name=row["name"],
        id=fixed_unique_id(POLICY, row["name"]),
        path=row["path"],
        created_ms=created_ms,
        updated_ms=updated_ms,
        versions=(version,),
        default_version=version.id,
        versions_made=int(version.id[1:]),
    )


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
