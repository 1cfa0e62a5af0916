"""What a resource policy and a role's trust policy may look like, and AWS's words for the rest.

Owns the grammar of policies that name principals. A service adds what only it demands (its
actions, its resources, its own error code). Decides nothing about access. Pure.

Sources: IAM user guide, "Principal" and "NotPrincipal"; S3's and IAM's recorded answers; the
texts of trust policies as the public test suite of versitygw observed them.
"""

from __future__ import annotations

import re
from typing import Any

from lambdad.iam.conditions import split_operator
from lambdad.iam.grammar import (
    STATEMENT_FIELDS,
    VERSIONS,
    Document,
    MalformedPolicy,
    Statement,
    condition_items,
    duplicate_sid,
    statements_of,
    texts_of,
    unknown_operator,
)
from lambdad.iam.literals import parse_instant
from lambdad.iam.shared_issuers import shared_issuer_complaint

INVALID_JSON = "This policy contains invalid Json"

_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_NAME = r"[\w+=,.@/-]+"
_AWS_PRINCIPAL = re.compile(
    r"\*|\d{12}|A[A-Z2-7]{15,127}"
    r"|arn:aws[\w-]*:iam::\d{12}:(root|user/" + _NAME + r"|role/" + _NAME + ")"
    r"|arn:aws[\w-]*:sts::\d{12}:(assumed-role|federated-user)/" + _NAME,
    re.ASCII,
)
_SERVICE_PRINCIPAL = re.compile(r"\*|[a-z0-9-]+(\.[a-z0-9-]+)*\.amazon(aws)?\.com(\.cn)?", re.ASCII)


def check_resource(document: Document) -> None:
    """Raises MalformedPolicy for what no service takes as a policy of its resource."""
    for statement in _check_document(document):
        _check_principals(statement)
        if not (texts_of(statement, "Action") or texts_of(statement, "NotAction")):
            raise MalformedPolicy("Missing required field Action")


def check_beginning(text: str) -> None:
    """Raises MalformedPolicy for white space before a trust policy (as clients of AWS report
    it)."""
    if text[:1].isspace():
        raise MalformedPolicy("JSON strings must not have leading spaces")


def check_trust(document: Document) -> None:
    """Raises MalformedPolicy for what IAM refuses as the trust policy of a role."""
    for statement in _check_document(document):
        if "NotPrincipal" in statement:
            if statement["Effect"] == "Allow":
                raise MalformedPolicy("Allow with NotPrincipal is not allowed.")
            raise MalformedPolicy("AssumeRole policy must not contain NotPrincipal field.")
        if isinstance(statement.get("Principal"), str):
            raise MalformedPolicy("Principal must be a JSON object.")
        _check_principals(statement)
        actions = texts_of(statement, "Action") + texts_of(statement, "NotAction")
        if not actions:
            raise MalformedPolicy("Missing required field Action")
        if not all(action.lower().startswith("sts:") for action in actions):
            raise MalformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
        if "Resource" in statement:
            raise MalformedPolicy("Has prohibited field Resource")
        if "NotResource" in statement:
            raise MalformedPolicy("AssumeRole policy must not contain resources.")
        complaint = shared_issuer_complaint(statement)
        if complaint is not None:
            raise MalformedPolicy(complaint)


def _check_document(document: Document) -> list[Statement]:
    unknown = document.keys() - {"Version", "Id", "Statement"}
    if unknown:
        raise MalformedPolicy(f"Unknown field {min(unknown)}")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise MalformedPolicy("The policy must contain a valid version string")
    if "Statement" not in document:
        raise MalformedPolicy("Missing required field Statement")
    statements = statements_of(document)
    if not statements:
        raise MalformedPolicy("Could not parse the policy: Statement is empty!")
    for statement in statements:
        if not isinstance(statement, dict):
            raise MalformedPolicy(INVALID_JSON)
        _check_fields(statement)
    if duplicate_sid(statements):
        raise MalformedPolicy("The Statement Ids in the policy are not unique")
    return statements


def _check_fields(statement: Statement) -> None:
    unknown = statement.keys() - STATEMENT_FIELDS
    if unknown:
        raise MalformedPolicy(f"Unknown field {min(unknown)}")
    if "Effect" not in statement:
        raise MalformedPolicy("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(f"Invalid effect: {statement['Effect']}")
    if not isinstance(statement.get("Sid", ""), str):
        raise MalformedPolicy(INVALID_JSON)
    for field in ("Action", "Resource", "Principal"):
        if field in statement and f"Not{field}" in statement:
            raise MalformedPolicy(f"Statement must not have both {field} and Not{field}")
    for field in ("Action", "NotAction", "Resource", "NotResource"):
        if not all(isinstance(text, str) for text in texts_of(statement, field)):
            raise MalformedPolicy(f"{field} must be a string or a list of strings")
    operator = unknown_operator(statement)
    if operator is not None:
        raise MalformedPolicy(f"Invalid Condition type : {operator}")
    for operator, key, values in condition_items(statement):
        is_date = split_operator(operator)[1].startswith("Date")
        if is_date and any(parse_instant(value) is None for value in values):
            raise MalformedPolicy(f"Invalid date in condition {operator}: {key}")


def _check_principals(statement: Statement) -> None:
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise MalformedPolicy("Missing required field Principal")
    principals = statement.get("Principal", statement.get("NotPrincipal"))
    if principals == "*":
        return
    if not isinstance(principals, dict):
        raise MalformedPolicy("Principal must be a JSON object.")
    if not principals:
        raise MalformedPolicy("Missing required field Principal cannot be empty!")
    for kind in principals:
        if kind not in _PRINCIPAL_KINDS:
            raise MalformedPolicy(f'Invalid principal in policy: "{kind}"')
        for name in texts_of(principals, kind):
            if not _is_principal(kind, name):
                raise invalid_principal(kind, name)


def _is_principal(kind: str, name: Any) -> bool:
    if not isinstance(name, str) or not name:
        return False
    if kind == "AWS":
        return _AWS_PRINCIPAL.fullmatch(name) is not None
    if kind == "Service":
        return _SERVICE_PRINCIPAL.fullmatch(name) is not None
    return True


def invalid_principal(kind: str, name: Any) -> MalformedPolicy:
    """AWS's complaint about a principal of a wrong form, or one that does not exist."""
    shown = "AWS" if kind == "AWS" else kind.upper()
    return MalformedPolicy(f'Invalid principal in policy: "{shown}":"{name}"')
