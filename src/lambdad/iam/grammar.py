"""What a policy document may look like, and AWS's words for one that may not.

Owns the grammar of identity policies (managed, inline, boundaries, session and service control
policies) and the reading of any policy's JSON; `resource_grammar.py` has the other family, which
AWS checks with other code and other words. Decides nothing about access. Pure.

Sources: IAM user guide, "Grammar of the IAM JSON policy language"; the texts and their order are
those that IAM answers (observed by the public test suites of moto and versitygw).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambdad.iam.conditions import is_operator, split_operator
from lambdad.iam.literals import parse_instant

VERSIONS = ("2008-10-17", "2012-10-17")
LATEST_VERSION = "2012-10-17"

SYNTAX = "Syntax errors in policy."
_LEGACY = "The policy failed legacy parsing"

_TEXT_FIELDS = ("Action", "NotAction", "Resource", "NotResource")
STATEMENT_FIELDS = frozenset(
    {"Sid", "Effect", "Condition", "Principal", "NotPrincipal", *_TEXT_FIELDS}
)
_BAD_VENDOR = re.compile(r"[^a-zA-Z0-9\-.]")
_ISOLATED_PARTITIONS = ("aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_PARTITIONS = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-eusc", "*", *_ISOLATED_PARTITIONS})
_IAM_PATHS = (
    "user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, "
    "policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/"
)
_S3_REGIONAL = ("accesspoint/", "access-grants/", "job/", "storage-lens/")

Document = Mapping[str, Any]
Statement = Mapping[str, Any]


class MalformedPolicy(ValueError):
    """A document that is not a policy of its kind. `message` is AWS's text.

    IAM answers it as MalformedPolicyDocument, other services under names of their own.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_json(document: str, complaint: str, max_bytes: int) -> dict[str, Any]:
    """The document as an object. Raises MalformedPolicy(complaint) for anything else.

    A key that appears twice in one object is refused: two readers could disagree on it.
    """
    if len(document) > max_bytes or len(document.encode("utf-8", "replace")) > max_bytes:
        raise MalformedPolicy(complaint)
    try:
        read = json.loads(
            document, object_pairs_hook=_unique_keys, parse_constant=_no_constant, parse_int=_number
        )
    except (ValueError, RecursionError) as broken:
        raise MalformedPolicy(complaint) from broken
    if not isinstance(read, dict):
        raise MalformedPolicy(complaint)
    return read


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key appears twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _number(digits: str) -> int:
    # int() takes quadratic time, and refuses with another error past 4,300 digits.
    if len(digits) > 64:
        raise ValueError("a number too long")
    return int(digits)


def statements_of(document: Document) -> list[Any]:
    """The statements; a single one may stand without its brackets."""
    statements = document.get("Statement")
    return statements if isinstance(statements, list) else [statements]


def texts_of(statement: Statement, field: str) -> list[str]:
    """A field that is a text or a list of texts, as a list; empty where it is absent."""
    value = statement.get(field, [])
    return value if isinstance(value, list) else [value]


def condition_items(statement: Statement) -> Iterator[tuple[str, str, list[str]]]:
    """Each operator and key with its values as texts, in the order of the document."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            yield operator, key, [scalar_text(value) for value in listed]


def scalar_text(value: str | float | bool) -> str:
    """A condition value as text: `true`, `10`; texts are what they are."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_identity(document: Document) -> None:
    """Raises MalformedPolicy for what IAM refuses in a policy of an identity.

    AWS checks in passes, each over the whole document; the first complaint wins.
    """
    statements = _check_syntax(document)
    if document.get("Version") != LATEST_VERSION:
        raise MalformedPolicy("Policy document must be version 2012-10-17 or greater.")
    if any("Principal" in each or "NotPrincipal" in each for each in statements):
        raise MalformedPolicy("Policy document should not specify a principal.")
    for statement in statements:
        _check_legacy(statement)
    resource_complaint = _check_resources(statements)
    if duplicate_sid(statements):
        raise MalformedPolicy("Statement IDs (SID) in a single policy must be unique.")
    if not all(texts_of(each, "Action") or texts_of(each, "NotAction") for each in statements):
        raise MalformedPolicy("Policy statement must contain actions.")
    if resource_complaint:
        raise MalformedPolicy(resource_complaint)
    for statement in statements:
        _check_actions(statement)
    if not all(texts_of(each, "Resource") or texts_of(each, "NotResource") for each in statements):
        raise MalformedPolicy("Policy statement must contain resources.")


def check_beginning(text: str) -> None:
    """Raises MalformedPolicy for white space before a document that is good otherwise (as clients
    of AWS report it)."""
    if text[:1].isspace():
        raise MalformedPolicy(_LEGACY)


def duplicate_sid(statements: list[Statement]) -> bool:
    """Whether two statements have the same id; an empty one is none."""
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    return len(set(sids)) != len(sids)


def _check_syntax(document: Document) -> list[Statement]:
    if not document.keys() <= {"Version", "Id", "Statement"}:
        raise MalformedPolicy(SYNTAX)
    if document.get("Version", LATEST_VERSION) not in VERSIONS:
        raise MalformedPolicy(SYNTAX)
    statements = statements_of(document)
    if not statements or not isinstance(document.get("Id", ""), str):
        raise MalformedPolicy(SYNTAX)
    if not all(_is_statement(statement) for statement in statements):
        raise MalformedPolicy(SYNTAX)
    return statements


def _is_statement(statement: Any) -> bool:
    if not isinstance(statement, dict) or not statement.keys() <= STATEMENT_FIELDS:
        return False
    effect = statement.get("Effect")
    return (
        isinstance(effect, str)
        and effect.lower() in ("allow", "deny")
        and isinstance(statement.get("Sid", ""), str)
        and not {"Action", "NotAction"} <= statement.keys()
        and not {"Resource", "NotResource"} <= statement.keys()
        and all(
            isinstance(text, str) for field in _TEXT_FIELDS for text in texts_of(statement, field)
        )
        and unknown_operator(statement) is None
    )


def unknown_operator(statement: Statement) -> str | None:
    """The first condition operator that AWS does not have or that has no object of values.

    An operator without keys is never looked at, whatever its name.
    """
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict):
        return str(conditions)
    for name, keys in conditions.items():
        if not isinstance(keys, dict) or (keys and not is_operator(name)):
            return str(name)
        for values in keys.values():
            listed = values if isinstance(values, list) else [values]
            if not all(isinstance(value, str | int | float) for value in listed):
                return str(name)
    return None


def _check_legacy(statement: Statement) -> None:
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicy(_LEGACY)
    for operator, _, values in condition_items(statement):
        is_date = split_operator(operator)[1].startswith("Date")
        if is_date and any(parse_instant(value) is None for value in values):
            raise MalformedPolicy(_LEGACY)


def _check_resources(statements: list[Statement]) -> str | None:
    """The first complaint about a resource's form, told only after other checks pass.

    Raises MalformedPolicy where the form is worse than that.
    """
    complaint = None
    for statement in statements:
        resources = texts_of(statement, "Resource") + texts_of(statement, "NotResource")
        for resource in sorted(resources, reverse=True):
            complaint = complaint or _resource_complaint(resource)
        for resource in [] if complaint else resources:
            few = resource.count(":") < 5
            if resource != "*" and ((few and "::" in resource) or not resource.split(":")[2]):
                raise MalformedPolicy(_LEGACY)
    return complaint


def _resource_complaint(resource: str) -> str | None:
    if resource == "*":
        return None
    if ":" not in resource:
        return f'Resource {resource} must be in ARN format or "*".'
    partition, *rest = resource.split(":")[1:]
    if partition not in _PARTITIONS:
        shown = [*rest[:3], ":".join(rest[3:])] if len(rest) > 3 else rest + ["*"] * (4 - len(rest))
        arn = ":".join(["arn", partition, *shown])
        return f'Partition "{partition}" is not valid for resource "{arn}".'
    if not rest:
        return "Resource vendor must be fully qualified and cannot contain regexes."
    vendor, region = rest[0], rest[1] if len(rest) > 1 else ""
    path = ":".join(rest[3:])
    if vendor == "iam" and region:
        return f"IAM resource {resource} cannot contain region information."
    if vendor == "s3" and region and not path.startswith(_S3_REGIONAL):
        return f"Resource {resource} can not contain region information."
    allowed = path in ("*", "root") or path.startswith(tuple(_IAM_PATHS.split(", ")))
    if vendor == "iam" and not allowed:
        return f'IAM resource path must either be "*", root, or start with {_IAM_PATHS}.'
    return None


def _check_actions(statement: Statement) -> None:
    """Raises MalformedPolicy for an action that is not `*` or `vendor:name`."""
    for action in texts_of(statement, "Action") + texts_of(statement, "NotAction"):
        vendor, *rest = action.split(":")
        if action == "*":
            continue
        if not rest:
            raise MalformedPolicy(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )
        if len(rest) > 1:
            raise MalformedPolicy("Actions/Condition can contain only one colon.")
        if vendor != "*" and (not vendor or _BAD_VENDOR.search(vendor)):
            raise MalformedPolicy(f"Vendor {vendor} is not valid")
