"""Function names, ARNs and qualifiers: every form that AWS accepts, and what is refused.

Pure. Semantics §1.3. The service model's pattern was checked before (`wire/`); what is decided
here is what a well-formed name means, and whether this account and region may be asked for it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lambdad.core.arn import function_arn
from lambdad.core.errors import AccessDeniedException
from lambdad.core.ids import AccountId, Region
from lambdad.functions.errors import InvalidParameterValueException, ResourceNotFoundException

LATEST = "$LATEST"
NAME_CHARACTERS = 64
"""Of a name at creation. Other operations let a longer one through to "not found"."""

_NAME = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
    r"((?P<region>(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}):)?"
    r"((?P<account>\d{12}):)?"
    r"(function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(:(?P<qualifier>\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
_MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."
_UNQUALIFIED_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support "
    "this operation. Please specify either a function name or an unqualified function ARN."
)


class FunctionKey(NamedTuple):
    """What identifies a function. The catalog is keyed by the same three."""

    account: AccountId
    region: Region
    name: str

    def arn(self, qualifier: str | None = None) -> str:
        return function_arn(self.region, self.account, self.name, qualifier)


class Reference(NamedTuple):
    """A function, and perhaps one of its versions or aliases, as a caller named it."""

    key: FunctionKey
    qualifier: str | None

    @property
    def arn(self) -> str:
        """Qualified exactly as far as the caller qualified it."""
        return self.key.arn(self.qualifier)


def is_version(qualifier: str) -> bool:
    """All digits: a published version. Anything else but `$LATEST` is an alias."""
    return qualifier.isdecimal()


def owner_named(function_name: str) -> AccountId | None:
    """The account that a FunctionName (any form) names; None where it names none."""
    if ":" not in function_name:
        return None
    match = _NAME.fullmatch(function_name)
    account = match["account"] if match else None
    return AccountId(account) if account else None


def refer(
    account: AccountId, region: Region, function_name: str, qualifier: str | None = None
) -> Reference:
    """What a FunctionName (any form) and a Qualifier parameter mean to a call for `account` in
    `region`.

    Raises ResourceNotFoundException for another region, AccessDeniedException without a message
    for another account, InvalidParameterValueException where the two qualifiers differ. A call
    that may leave the caller's account comes here as one for the account that it names
    (`api/requirement.py`, `ServiceRules.owners`).
    """
    if ":" not in function_name:
        return Reference(FunctionKey(account, region, function_name), qualifier)
    match = _NAME.fullmatch(function_name)
    if match is None:  # cannot happen behind the model's pattern
        raise InvalidParameterValueException(f"Invalid function name: {function_name}")
    named_region, named_account = match["region"], match["account"]
    if named_region is not None and named_region != region:
        raise ResourceNotFoundException(
            f"Functions from '{named_region}' are not reachable in this region ('{region}')"
        )
    if named_account is not None and named_account != account:
        raise AccessDeniedException(None)
    derived = match["qualifier"]
    if derived is not None and qualifier is not None and derived != qualifier:
        raise InvalidParameterValueException(_MISMATCH)
    return Reference(FunctionKey(account, region, match["name"]), derived or qualifier)


def refer_unqualified(account: AccountId, region: Region, function_name: str) -> FunctionKey:
    """Likewise for an operation that works on whole functions: a qualifier is refused."""
    reference = refer(account, region, function_name)
    if reference.qualifier is not None:
        raise InvalidParameterValueException(_UNQUALIFIED_ONLY)
    return reference.key


def refer_new(account: AccountId, region: Region, function_name: str) -> FunctionKey:
    """Likewise for a function about to be created: its bare name has at most 64 characters. AWS
    words that as a failed constraint yet sends InvalidParameterValueException (recorded)."""
    key = refer_unqualified(account, region, function_name)
    if len(key.name) > NAME_CHARACTERS:
        raise InvalidParameterValueException(
            f"1 validation error detected: Value '{key.name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {NAME_CHARACTERS}"
        )
    return key
