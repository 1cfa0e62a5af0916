"""Between records and the control lane's rows: what a change writes, and what a start reads.

Each function here is the body of a lane transaction. Only what differs is written. Versions hold
environment variables: their documents are encrypted, each for its row, with the account's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import orjson

from lambdad.core.ids import AccountId, Region
from lambdad.functions.attachments import KIND_NAMES, KINDS, Attachment, Attachments
from lambdad.functions.codec import decode_alias, decode_attachment, decode_version, encode
from lambdad.functions.names import LATEST, FunctionKey
from lambdad.functions.records import Alias, FunctionRecord, Version
from lambdad.storage.data_keys import DataKeys
from lambdad.storage.lane import Transaction

M = TypeVar("M", Version, Alias)

_PUT_FUNCTION = """
    INSERT INTO lambda_functions (account, region, name, tags, reserved_concurrency)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, region, name) DO UPDATE
    SET tags = excluded.tags, reserved_concurrency = excluded.reserved_concurrency
"""
_PUT_NUMBERING = """
    INSERT INTO lambda_numbering (account, region, name, next_version) VALUES (?, ?, ?, ?)
    ON CONFLICT (account, region, name) DO UPDATE SET next_version = excluded.next_version
"""
_PUT_VERSION = """
    INSERT INTO lambda_versions (account, region, name, version, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, region, name, version) DO UPDATE SET document = excluded.document
"""
_PUT_ALIAS = """
    INSERT INTO lambda_aliases (account, region, name, alias, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (account, region, name, alias) DO UPDATE SET document = excluded.document
"""
_DELETE_VERSION = """
    DELETE FROM lambda_versions WHERE account = ? AND region = ? AND name = ? AND version = ?
"""
_DELETE_ALIAS = """
    DELETE FROM lambda_aliases WHERE account = ? AND region = ? AND name = ? AND alias = ?
"""
_PUT_ATTACHMENT = """
    INSERT INTO lambda_attachments (account, region, name, kind, qualifier, document)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, region, name, kind, qualifier) DO UPDATE SET document = excluded.document
"""
_DELETE_ATTACHMENT = """
    DELETE FROM lambda_attachments
    WHERE account = ? AND region = ? AND name = ? AND kind = ? AND qualifier = ?
"""
_DELETE_FUNCTION = (
    "DELETE FROM lambda_functions WHERE account = ? AND region = ? AND name = ?",
    "DELETE FROM lambda_versions WHERE account = ? AND region = ? AND name = ?",
    "DELETE FROM lambda_aliases WHERE account = ? AND region = ? AND name = ?",
    "DELETE FROM lambda_attachments WHERE account = ? AND region = ? AND name = ?",
)


def write_change(
    tx: Transaction, keys: DataKeys, old: FunctionRecord | None, new: FunctionRecord
) -> None:
    """Bring the rows from `old` to `new`; without `old` the function is new."""
    key = new.key
    encode_version = _version_encoder(keys, key)
    if old is None or (old.tags, old.reserved_concurrency) != (new.tags, new.reserved_concurrency):
        tags = orjson.dumps(new.tags).decode()
        tx.execute(_PUT_FUNCTION, (*key, tags, new.reserved_concurrency))
    if old is None or old.next_version != new.next_version:
        tx.execute(_PUT_NUMBERING, (*key, new.next_version))
    if old is None or old.latest is not new.latest:
        tx.execute(_PUT_VERSION, (*key, LATEST, encode_version(new.latest)))
    old_versions, old_aliases = (old.versions, old.aliases) if old else ({}, {})
    versions, aliases = (_PUT_VERSION, _DELETE_VERSION), (_PUT_ALIAS, _DELETE_ALIAS)
    _write_members(tx, key, old_versions, new.versions, versions, encode_version)
    _write_members(tx, key, old_aliases, new.aliases, aliases, encode)
    _write_attachments(tx, key, old.attachments if old else {}, new.attachments)


def _version_encoder(keys: DataKeys, key: FunctionKey) -> Callable[[Version], bytes]:
    sealer = keys.sealer(key.account)
    return lambda version: sealer.seal(encode(version), _context(key, version.version))


def _context(key: FunctionKey, version: str) -> str:
    """What a version's document is sealed for: it opens in no other row."""
    return key.arn(version)


def _write_members(
    tx: Transaction,
    key: FunctionKey,
    old: Mapping[str, M],
    new: Mapping[str, M],
    statements: tuple[str, str],
    encoded: Callable[[M], bytes],
) -> None:
    """Write the members that are other objects than before, delete those that are gone."""
    if old is new:
        return
    put, delete = statements
    for member in old.keys() - new.keys():
        tx.execute(delete, (*key, member))
    for member, value in new.items():
        if old.get(member) is not value:
            tx.execute(put, (*key, member, encoded(value)))


def _write_attachments(
    tx: Transaction, key: FunctionKey, old: Attachments, new: Attachments
) -> None:
    if old is new:
        return
    for kind, qualifier in old.keys() - new.keys():
        tx.execute(_DELETE_ATTACHMENT, (*key, KIND_NAMES[kind], qualifier))
    for (kind, qualifier), value in new.items():
        if old.get((kind, qualifier)) is not value:
            tx.execute(_PUT_ATTACHMENT, (*key, KIND_NAMES[kind], qualifier, encode(value)))


def delete_function(tx: Transaction, key: FunctionKey) -> None:
    """Everything of a function but the numbering of its versions."""
    for statement in _DELETE_FUNCTION:
        tx.execute(statement, key)


def read_all(
    tx: Transaction, keys: DataKeys
) -> tuple[list[FunctionRecord], dict[FunctionKey, int]]:
    """Every function, and the next version number of every name ever used. Raises BrokenSeal."""
    numbering = {
        _key(account, region, name): int(next_version)
        for account, region, name, next_version in tx.execute(
            "SELECT account, region, name, next_version FROM lambda_numbering"
        )
    }
    versions: dict[FunctionKey, dict[str, Version]] = {}
    for account, region, name, number, document in tx.execute(
        "SELECT account, region, name, version, document FROM lambda_versions"
    ):
        key = _key(account, region, name)
        version = decode_version(keys.sealer(account).open(document, _context(key, number)))
        versions.setdefault(key, {})[number] = version
    aliases: dict[FunctionKey, dict[str, Alias]] = {}
    for account, region, name, document in tx.execute(
        "SELECT account, region, name, document FROM lambda_aliases"
    ):
        alias = decode_alias(document)
        aliases.setdefault(_key(account, region, name), {})[alias.name] = alias
    attachments = _read_attachments(tx)
    records = []
    for account, region, name, tags, reserved_concurrency in tx.execute(
        "SELECT account, region, name, tags, reserved_concurrency FROM lambda_functions"
    ):
        key = _key(account, region, name)
        known = versions[key]
        latest = known.pop(LATEST)
        records.append(
            FunctionRecord(
                key,
                latest,
                numbering[key],
                {number: known[number] for number in sorted(known, key=int)},
                aliases.get(key, {}),
                orjson.loads(tags),
                reserved_concurrency,
                attachments.get(key, {}),
            )
        )
    return records, numbering


def _read_attachments(tx: Transaction) -> dict[FunctionKey, Attachments]:
    found: dict[FunctionKey, dict[tuple[type, str], Attachment]] = {}
    for account, region, name, kind, qualifier, document in tx.execute(
        "SELECT account, region, name, kind, qualifier, document FROM lambda_attachments"
    ):
        known = found.setdefault(_key(account, region, name), {})
        known[KINDS[kind], qualifier] = decode_attachment(kind, document)
    return {**found}


def _key(account: str, region: str, name: str) -> FunctionKey:
    return FunctionKey(AccountId(account), Region(region), name)
