"""Configurations of function URLs through boto3."""

from __future__ import annotations

from typing import Any

from support.lambda_client import Matching, arn_of, not_found

URL = Matching(r"http://[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:\d+/")
TIME = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CREATED = {"LastModifiedTime": None, "InvokeMode": None}
"""What the answer to a creation leaves out (recorded)."""
PATTERN = (
    "failed to satisfy constraint: Member must satisfy regular expression pattern: "
    r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
)


def url_config(name: str, qualifier: str | None = None, **changes: Any) -> dict[str, Any]:
    """A FunctionUrlConfig; a change to None takes a member away (semantics §1.12; recorded)."""
    members = {
        "FunctionUrl": URL,
        "FunctionArn": arn_of(name, qualifier),
        "AuthType": "NONE",
        "CreationTime": TIME,
        "LastModifiedTime": TIME,
        "InvokeMode": "BUFFERED",
    }
    return {key: value for key, value in (members | changes).items() if value is not None}


def no_function() -> dict[str, Any]:
    return not_found("Function does not exist")
