"""Policy documents that a request brings: their grammar, their size, whom they speak of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from lambdad.core.arn import parse_arn
from lambdad.core.ids import AccountId
from lambdad.iam.policy import MalformedPolicy, PolicyKind, parse_policy
from lambdad.iam.records import Named, Role, User
from lambdad.iam.store import IamStore
from lambdad.services.iam.errors import (
    LimitExceededException,
    MalformedPolicyDocumentException,
    quota_exceeded,
)
from lambdad.services.iam.service import IamService

_PRINCIPALS: dict[str, type[Named]] = {"user": User, "role": Role}


def size_of(document: str) -> int:
    """Characters without white space, as IAM counts them (user guide, quotas)."""
    return sum(1 for character in document if not character.isspace())


def check_managed(service: IamService, document: str) -> None:
    """A document for a managed policy. Raises MalformedPolicyDocumentException,
    LimitExceededException."""
    _parse(document, PolicyKind.IDENTITY)
    if size_of(document) > service.quotas.managed_policy_size:
        raise quota_exceeded("PolicySize", service.quotas.managed_policy_size)


def check_inline(document: str, others: Iterable[str], limit: int, owner: str) -> None:
    """A document for an inline policy, beside the `others` of the same owner, such as
    `role deploy`. Raises MalformedPolicyDocumentException, LimitExceededException."""
    _parse(document, PolicyKind.IDENTITY)
    if size_of(document) + sum(map(size_of, others)) > limit:
        raise LimitExceededException(f"Maximum policy size of {limit} bytes exceeded for {owner}")


def check_trust(service: IamService, document: str) -> None:
    """A trust policy. Users and roles that it names must exist, where this server holds their
    account. Raises MalformedPolicyDocumentException, LimitExceededException."""
    _parse(document, PolicyKind.TRUST)
    for principal in _named_principals(document):
        if not _exists(service.store, principal):
            raise MalformedPolicyDocumentException(
                f'Invalid principal in policy: "AWS":"{principal}"'
            )
    if size_of(document) > service.quotas.trust_policy_size:
        raise quota_exceeded("ACLSizePerRole", service.quotas.trust_policy_size)


def _parse(document: str, kind: PolicyKind) -> None:
    try:
        parse_policy(document, kind)
    except MalformedPolicy as malformed:
        raise MalformedPolicyDocumentException(malformed.message) from None


def _named_principals(document: str) -> Iterator[str]:
    statements = json.loads(document)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for field in ("Principal", "NotPrincipal"):
            principal: Any = statement.get(field)
            if isinstance(principal, dict):
                named = principal.get("AWS", [])
                yield from named if isinstance(named, list) else [named]


def _exists(store: IamStore, principal: str) -> bool:
    arn = parse_arn(principal)
    if arn is None or arn.service != "iam" or arn.account not in store.accounts():
        return True
    kind, _, path_and_name = arn.resource.partition("/")
    if kind not in _PRINCIPALS:
        return True
    records = store.account(AccountId(arn.account))
    record = records.named(_PRINCIPALS[kind], path_and_name.rpartition("/")[2])
    return record is not None and record.arn(arn.account) == principal
