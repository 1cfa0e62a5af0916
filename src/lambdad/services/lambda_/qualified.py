"""What all settings of a function, version or alias do: find it, or say in AWS's words that it is
not there. Pure."""

from __future__ import annotations

import re

from lambdad.functions.names import FunctionKey, is_version
from lambdad.functions.records import FunctionRecord
from lambdad.services.lambda_.errors import ResourceNotFoundException
from lambdad.services.lambda_.service import not_found

_ALIAS = re.compile(r"[a-zA-Z0-9-_]+")


def exists(record: FunctionRecord | None, qualifier: str | None) -> bool:
    """Whether there is the function and, where one is named, its version or alias."""
    if record is None:
        return False
    return qualifier is None or qualifier in record.aliases or record.version(qualifier) is not None


def must_exist(key: FunctionKey, record: FunctionRecord | None, qualifier: str | None) -> None:
    """Raises ResourceNotFoundException. What could be an alias is called one, even of a function
    that is not there (recorded)."""
    if exists(record, qualifier):
        return
    arn = key.arn(qualifier)
    if qualifier and _ALIAS.fullmatch(qualifier) and not is_version(qualifier):
        raise ResourceNotFoundException(f"Cannot find alias arn: {arn}")
    raise not_found(arn)


def no_such_resource() -> ResourceNotFoundException:
    """What reading a setting says where it, or what it should belong to, is not there."""
    return ResourceNotFoundException("The resource you requested does not exist.")
