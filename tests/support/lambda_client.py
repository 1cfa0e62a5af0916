"""Lambda through boto3: a client, ways to make functions with it, and whole answers to expect.

The expectations come from semantics §1 and §2; every test compares an answer as a whole, so a
member that AWS does not send fails it as well as one that is missing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import time
import uuid
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from support.packages import zip_of
from support.server import LambdadServer

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The one that is there wherever these tests run."""


class Matching:
    """Equal to every text that matches a pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    def __repr__(self) -> str:
        return f"Matching({self._pattern.pattern!r})"

    __hash__ = None  # type: ignore[assignment]


REVISION = Matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MODIFIED = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")
RUNTIME_VERSION = Matching(r"arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}")
PENDING = {
    "State": "Pending",
    "StateReason": "The function is being created.",
    "StateReasonCode": "Creating",
    "LastUpdateStatus": None,
}
IN_PROGRESS = {
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}
LISTED = {"State": None, "LastUpdateStatus": None, "RuntimeVersionConfig": None}


def lambda_of(server: LambdadServer) -> Any:
    """A client that sends what it is told to, valid or not."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=60)
    return server.client("lambda", config=config)


def fresh_name() -> str:
    return f"f-{uuid.uuid4().hex[:12]}"


def arn_of(name: str, qualifier: str | None = None) -> str:
    suffix = f":{qualifier}" if qualifier else ""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}{suffix}"


def sha256_of(archive: bytes) -> str:
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def creation(name: str, **changes: Any) -> dict[str, Any]:
    """Parameters of a CreateFunction that succeeds."""
    params = {
        "FunctionName": name,
        "Runtime": RUNTIME,
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zip_of()},
    }
    return params | changes


def make(client: Any, name: str | None = None, **changes: Any) -> str:
    """An Active function; its name."""
    name = name or fresh_name()
    client.create_function(**creation(name, **changes))
    settled(client, name)
    return name


def make_code(client: Any, source: str, **changes: Any) -> str:
    """An Active function of one Python module, `index.handler`."""
    return make(client, Code={"ZipFile": zip_of({"index.py": source})}, **changes)


def settled(client: Any, name: str) -> dict[str, Any]:
    """The configuration once nothing is in progress."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = body_of(client.get_function_configuration(FunctionName=name))
        if found["State"] != "Pending" and found.get("LastUpdateStatus") != "InProgress":
            return found
        time.sleep(0.01)
    raise AssertionError(f"{name} does not settle")


def body_of(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what boto3 adds."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def status_of(answer: dict[str, Any]) -> int:
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def refused(call: Any, **params: Any) -> dict[str, Any]:
    """A call's error, whole: status, code, message, and the body's other members."""
    try:
        answer = call(**params)
    except ClientError as error:
        response = error.response
    else:
        raise AssertionError(f"it succeeded: {answer}")
    return body_of(response) | {"Status": status_of(response)}


def untyped(code: str, status: int, message: str | None) -> dict[str, Any]:
    """An error of which AWS says nothing but its code and message (semantics §1.1)."""
    return {"Error": {"Code": code, "Message": message}, "Status": status}


def user_error(code: str, status: int, message: str, key: str = "message") -> dict[str, Any]:
    """An error with `Type: User`; `key` is how its shape spells the message."""
    return untyped(code, status, message) | {"Type": "User", key: message}


def invalid(message: str) -> dict[str, Any]:
    return user_error("InvalidParameterValueException", 400, message)


def conflict(message: str) -> dict[str, Any]:
    return user_error("ResourceConflictException", 409, message)


def not_found(message: str) -> dict[str, Any]:
    return user_error("ResourceNotFoundException", 404, message, "Message")


def validation(*problems: str) -> dict[str, Any]:
    """A broken constraint of the service model."""
    errors = "error" if len(problems) == 1 else "errors"
    text = f"{len(problems)} validation {errors} detected: {'; '.join(problems)}"
    return untyped("ValidationException", 400, text)


def configuration(name: str, **changes: Any) -> dict[str, Any]:
    """The FunctionConfiguration of an Active function that `creation` made; a change to None
    takes a member away."""
    members = {
        "FunctionName": name,
        "FunctionArn": arn_of(name),
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": "index.handler",
        "CodeSize": len(zip_of()),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": MODIFIED,
        "CodeSha256": sha256_of(zip_of()),
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": REVISION,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": RUNTIME_VERSION},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    return {key: value for key, value in (members | changes).items() if value is not None}


def payload_of(answer: dict[str, Any]) -> Any:
    """What the function returned."""
    return json.loads(answer["Payload"].read())
