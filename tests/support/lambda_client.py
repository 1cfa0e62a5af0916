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
import uuid
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from support.packages import zip_of
from support.patience import wait_for
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
GONE = "The resource you requested does not exist."
ABROAD = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"
"""A function of another region than the tests'."""
_UNABLE = "The operation cannot be performed at this time. "


def lambda_of(server: LambdadServer, **options: Any) -> Any:
    """A client that sends what it is told to, valid or not; options go to boto3."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=60)
    return server.client("lambda", config=config, **options)


def fresh_name() -> str:
    return f"f-{uuid.uuid4().hex[:12]}"


def arn_of(name: str, qualifier: str | None = None, *, region: str = "us-east-1") -> str:
    suffix = f":{qualifier}" if qualifier else ""
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}{suffix}"


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


def slow_package() -> bytes:
    """A package like no other, which it takes about a second to prepare."""
    marker = uuid.uuid4().hex
    module = "".join(f"def f{n}(a):\n    return [a + {n}, {{'{marker}': a}}]\n" for n in range(500))
    modules: dict[str, str | bytes] = {f"m{n}.py": module for n in range(40)}
    return zip_of(modules | {"index.py": "def handler(event, context):\n    return event\n"})


def make_pending(client: Any) -> str:
    """A function that is still being created."""
    name = fresh_name()
    client.create_function(**creation(name, Code={"ZipFile": slow_package()}))
    return name


def make_updating(client: Any) -> str:
    """A function with an update in progress."""
    name = make(client)
    client.update_function_code(FunctionName=name, ZipFile=slow_package())
    return name


def settled(client: Any, name: str) -> dict[str, Any]:
    """The configuration once nothing is in progress."""
    return wait_for(
        lambda: body_of(client.get_function_configuration(FunctionName=name)),
        lambda at: at["State"] != "Pending" and at.get("LastUpdateStatus") != "InProgress",
    )


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


def stale(reader: str = "GetFunction/GetAlias") -> dict[str, Any]:
    """A RevisionId that is not the latest; `reader` is what AWS recommends to call."""
    return user_error(
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. Call the "
        f"{reader} API to retrieve the latest Revision Id",
    )


def throttled(reason: str) -> dict[str, Any]:
    """Recorded; semantics §1.9."""
    error = user_error("TooManyRequestsException", 429, "Rate Exceeded.")
    return error | {"Reason": reason, "retryAfterSeconds": "1"}


def pending() -> dict[str, Any]:
    """What a function that is being created says to a change."""
    return conflict(f"{_UNABLE}The function is currently in the following state: Pending")


def updating(name: str) -> dict[str, Any]:
    """What a function with an update in progress says to another one."""
    return conflict(f"{_UNABLE}An update is in progress for resource: {arn_of(name)}")


def mismatch() -> dict[str, Any]:
    """Two qualifiers, one in the name and one beside it (recorded)."""
    return invalid(
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def unqualified_only() -> dict[str, Any]:
    """A qualifier where only whole functions are meant (recorded)."""
    return invalid(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support "
        "this operation. Please specify either a function name or an unqualified function ARN."
    )


def unreachable() -> dict[str, Any]:
    """What is said of ABROAD (recorded)."""
    return not_found("Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")


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


def alias_of(name: str, alias: str, version: str = "1", **changes: Any) -> dict[str, Any]:
    """An AliasConfiguration."""
    return {
        "AliasArn": arn_of(name, alias),
        "Name": alias,
        "FunctionVersion": version,
        "Description": "",
        "RevisionId": REVISION,
    } | changes


def weights(**shares: float) -> dict[str, Any]:
    """A RoutingConfig of versions: `weights(v2=0.5)`."""
    named = {version.lstrip("v"): share for version, share in shares.items()}
    return {"RoutingConfig": {"AdditionalVersionWeights": named}}


def payload_of(answer: dict[str, Any]) -> Any:
    """What the function returned."""
    return json.loads(answer["Payload"].read())
