"""The AWS CLI against a real server, set up as `lambdad env` tells: the tour of a new user."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

from support.server import LambdadServer


def test_a_function_from_creation_to_deletion(server: LambdadServer, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(e, c):\n    print('seen')\n    return e\n")
    (tmp_path / "code.zip").write_bytes(buffer.getvalue())
    version = "python{}.{}".format(*sys.version_info[:2])
    role = server.execution_role("test")
    made = server.aws(
        "lambda", "create-function", "--function-name", "tour", "--runtime", version,
        "--role", role, "--handler", "app.handler",
        "--zip-file", f"fileb://{tmp_path}/code.zip",
    )  # fmt: skip
    assert made["State"] == "Pending"
    server.aws("lambda", "wait", "function-active-v2", "--function-name", "tour")
    out = tmp_path / "answer.json"
    answer = server.aws(
        "lambda", "invoke", "--function-name", "tour", "--payload", '{"a": [1, "é"]}', str(out)
    )
    assert answer["StatusCode"] == 200
    assert json.loads(out.read_text()) == {"a": [1, "é"]}
    # What `aws logs tail` of version 2 calls; version 1, which pip installs, has no such command.
    found = server.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/tour")
    messages = [event["message"].rstrip() for event in found["events"]]
    assert "seen" in messages
    assert any(message.startswith("REPORT RequestId") for message in messages)
    server.aws("lambda", "delete-function", "--function-name", "tour")
    gone = server.aws("lambda", "get-function", "--function-name", "tour", check=False)
    assert gone.returncode != 0
    assert "ResourceNotFoundException" in gone.stderr


def test_refusals_are_read_by_the_cli(server: LambdadServer) -> None:
    unsigned = server.aws("lambda", "list-functions", "--no-sign-request", check=False)
    assert "MissingAuthenticationTokenException" in unsigned.stderr
    invalid = server.aws(
        "lambda", "update-function-configuration", "--function-name", "x", "--role", "no role",
        check=False,
    )  # fmt: skip
    assert "ValidationException" in invalid.stderr
