"""Resource policies as documents: adding statements, removing them, AWS's texts. Pure.

For functions and for layer versions alike; what differs is told by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from lambdad.api.call import Params
from lambdad.core.arn import PARTITION
from lambdad.functions.attachments import ResourcePolicy
from lambdad.services.lambda_.errors import (
    InvalidParameterValueException,
    PolicyLengthExceededException,
    PreconditionFailedException,
    ResourceConflictException,
    ResourceNotFoundException,
)

Statement = dict[str, Any]

_SERVICE = re.compile(
    r"([a-z0-9-]+\.)+(amazonaws\.com(\.cn)?|alexa\.amazon\.com)|alexa-[a-z]+\.amazon\.com"
)
_ACCOUNT = re.compile(r"\d{12}")
_IDENTITY = re.compile(
    r"arn:aws[a-zA-Z-]*:(iam::\d{12}:(root|(user|role)/.+)|sts::\d{12}:(assumed-role|federated-user)/.+)"
)
_CONDITIONS = (
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("OrganizationId", "StringEquals", "aws:PrincipalOrgID"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
)
"""Parameter, operator and key, in the order in which AWS writes them (semantics §1.8)."""


def statement_of(params: Params, resource: str) -> Statement:
    """The statement that AddPermission or AddLayerVersionPermission asks for. Raises
    InvalidParameterValueException for a principal that is none."""
    statement: Statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": resource,
    }
    condition: dict[str, dict[str, str]] = {}
    for parameter, operator, key in _CONDITIONS:
        value = params.get(parameter)
        if value:
            condition.setdefault(operator, {})[key] = value
    if params.get("InvokedViaFunctionUrl") is not None:
        via = "true" if params["InvokedViaFunctionUrl"] else "false"
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": via}
    if condition:
        statement["Condition"] = condition
    return statement


def with_statement(
    policy: ResourcePolicy | None, statement: Statement, revision_id: str, limit_bytes: int
) -> ResourcePolicy:
    """Raises ResourceConflictException where the statement id is taken, and
    PolicyLengthExceededException."""
    statements = list(policy.document["Statement"]) if policy else []
    sid = statement["Sid"]
    if any(each.get("Sid") == sid for each in statements):
        raise ResourceConflictException(
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
    changed = ResourcePolicy(_document([*statements, statement]), revision_id)
    check_policy_size(changed, limit_bytes)
    return changed


def check_policy_size(policy: ResourcePolicy, limit_bytes: int) -> None:
    """Raises PolicyLengthExceededException."""
    size = len(orjson.dumps(policy.document))
    if size > limit_bytes:
        raise PolicyLengthExceededException(
            f"The final policy size ({size}) is bigger than the limit ({limit_bytes})."
        )


def without_statement(policy: ResourcePolicy, sid: str, revision_id: str) -> ResourcePolicy | None:
    """None when that was the last one. Raises ResourceNotFoundException where it is not there."""
    statements = policy.document["Statement"]
    kept = [each for each in statements if each.get("Sid") != sid]
    if len(kept) == len(statements):
        raise ResourceNotFoundException(f"Statement {sid} is not found in resource policy.")
    return ResourcePolicy(_document(kept), revision_id) if kept else None


def check_policy_revision(
    policy: ResourcePolicy | None, given: str | None, reader: str = "GetPolicy"
) -> None:
    """Raises PreconditionFailedException where a caller holds another revision; `reader` is the
    operation that would tell him the right one."""
    if given is not None and (policy is None or policy.revision_id != given):
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            f"{reader} API to retrieve the latest Revision Id"
        )


def grants_account(policy: ResourcePolicy, account: str) -> bool:
    """Whether everybody, or that account, is allowed. An organisation's condition is never met:
    there are none here."""
    named = f"arn:{PARTITION}:iam::{account}:root"
    return any(
        each["Principal"] in ("*", {"AWS": named}) and "Condition" not in each
        for each in policy.document["Statement"]
    )


def text_of(value: Mapping[str, Any]) -> str:
    """A policy or a statement as the text that answers carry."""
    return orjson.dumps(value).decode()


def _document(statements: list[Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "default", "Statement": statements}


def _principal(given: str) -> str | dict[str, str]:
    if given == "*":
        return given
    if _ACCOUNT.fullmatch(given):
        return {"AWS": f"arn:{PARTITION}:iam::{given}:root"}
    if _SERVICE.fullmatch(given):
        return {"Service": given}
    if _IDENTITY.fullmatch(given):
        return {"AWS": given}
    raise InvalidParameterValueException(
        "The provided principal was invalid. Please check the principal and try again."
    )
