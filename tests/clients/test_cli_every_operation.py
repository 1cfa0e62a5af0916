"""The AWS CLI, unmodified, through every operation of the first cut: Lambda and Logs.

One function lives through all of it. boto3 asserts whole answers elsewhere; here each command
must be understood, answered and printed as the CLI's users know it.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from support.packages import zip_of
from support.server import LambdadServer

RUNTIME = f"python3.{sys.version_info.minor}"
NAME = "every"


class Cli:
    """`aws lambda …` and `aws logs …` against one server."""

    def __init__(self, server: LambdadServer) -> None:
        self.server = server

    def function(self, command: str, *words: str) -> Any:
        return self.server.aws("lambda", command, "--function-name", NAME, *words)

    def logs(self, command: str, *words: str) -> Any:
        return self.server.aws("logs", command, *words)

    def refused(self, *words: str) -> str:
        """The error line of a command that must fail."""
        done = self.server.aws(*words, check=False)
        assert done.returncode != 0, done.stdout
        return str(done.stderr)


@pytest.fixture(scope="module")
def cli(server: LambdadServer, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    folder = tmp_path_factory.mktemp("code")
    (folder / "code.zip").write_bytes(zip_of())
    cli = Cli(server)
    made = cli.function(
        "create-function", "--runtime", RUNTIME, "--handler", "index.handler",
        "--role", server.execution_role("test"), "--zip-file", f"fileb://{folder}/code.zip",
    )  # fmt: skip
    assert (made["FunctionName"], made["State"]) == (NAME, "Pending")
    server.aws("lambda", "wait", "function-active-v2", "--function-name", NAME)
    return cli


def test_reading_a_function(cli: Cli) -> None:
    found = cli.function("get-function")
    assert found["Configuration"]["State"] == "Active"
    assert found["Code"]["RepositoryType"] == "S3"
    assert cli.function("get-function-configuration")["Runtime"] == RUNTIME
    listed = cli.server.aws("lambda", "list-functions")["Functions"]
    assert [one["FunctionName"] for one in listed] == [NAME]
    usage = cli.server.aws("lambda", "get-account-settings")["AccountUsage"]
    assert usage["FunctionCount"] == 1


def test_changing_code_and_configuration(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "new.zip").write_bytes(zip_of({"index.py": "def handler(e, c):\n    return 2\n"}))
    zip_file = f"fileb://{tmp_path}/new.zip"
    before = cli.function("get-function-configuration")["CodeSha256"]
    rehearsed = cli.function("update-function-code", "--zip-file", zip_file, "--dry-run")
    assert cli.function("get-function-configuration")["CodeSha256"] == before
    changed = cli.function("update-function-code", "--zip-file", zip_file)
    assert changed["CodeSha256"] == rehearsed["CodeSha256"] != before
    cli.server.aws("lambda", "wait", "function-updated-v2", "--function-name", NAME)
    configured = cli.function("update-function-configuration", "--timeout", "9")
    assert (configured["Timeout"], configured["LastUpdateStatus"]) == (9, "InProgress")
    cli.server.aws("lambda", "wait", "function-updated-v2", "--function-name", NAME)


def test_versions_and_aliases(cli: Cli) -> None:
    version = cli.function("publish-version", "--description", "first")["Version"]
    versions = cli.function("list-versions-by-function")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", version]
    target = ("--function-version", version)
    alias = cli.function("create-alias", "--name", "live", *target)
    assert cli.function("get-alias", "--name", "live") == alias
    updated = cli.function("update-alias", "--name", "live", "--description", "moved")
    assert updated["Description"] == "moved"
    assert cli.function("list-aliases")["Aliases"] == [updated]
    assert "ResourceConflictException" in cli.refused(
        "lambda", "create-alias", "--function-name", NAME, "--name", "live", *target
    )
    cli.function("delete-alias", "--name", "live")
    assert cli.function("list-aliases")["Aliases"] == []


def test_tags(cli: Cli) -> None:
    arn = cli.function("get-function-configuration")["FunctionArn"]
    cli.server.aws("lambda", "tag-resource", "--resource", arn, "--tags", "team=a,stage=b")
    assert cli.server.aws("lambda", "list-tags", "--resource", arn)["Tags"] == {
        "team": "a",
        "stage": "b",
    }
    cli.server.aws("lambda", "untag-resource", "--resource", arn, "--tag-keys", "team")
    assert cli.server.aws("lambda", "list-tags", "--resource", arn)["Tags"] == {"stage": "b"}


def test_invoking(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    tailed = cli.function("invoke", "--payload", "{}", "--log-type", "Tail", str(out))
    assert (tailed["StatusCode"], json.loads(out.read_text())) == (200, 2)
    assert b"REPORT RequestId" in base64.b64decode(tailed["LogResult"])
    accepted = cli.function("invoke", "--invocation-type", "Event", "--payload", "{}", str(out))
    assert accepted["StatusCode"] == 202
    tried = cli.function("invoke", "--invocation-type", "DryRun", str(out))
    assert tried["StatusCode"] == 204
    assert "InvalidRequestContentException" in cli.refused(
        "lambda", "invoke", "--function-name", NAME, "--payload", "{", str(out)
    )
    assert "ResourceNotFoundException" in cli.refused(
        "lambda", "invoke", "--function-name", "nobody", str(out)
    )


def test_logs(cli: Cli) -> None:
    group, stream = ("--log-group-name", "/own"), ("--log-stream-name", "s")
    cli.logs("create-log-group", *group)
    cli.logs("create-log-stream", *group, *stream)
    now_ms = int(time.time() * 1000)
    events = f"timestamp={now_ms},message=one timestamp={now_ms},message=two".split()
    cli.logs("put-log-events", *group, *stream, "--log-events", *events)
    read = cli.logs("get-log-events", *group, *stream, "--start-from-head")
    assert [event["message"] for event in read["events"]] == ["one", "two"]
    found = cli.logs("filter-log-events", *group, "--filter-pattern", "two")
    assert [event["message"] for event in found["events"]] == ["two"]
    cli.logs("put-retention-policy", *group, "--retention-in-days", "7")
    shown = cli.logs("describe-log-groups", "--log-group-name-prefix", "/own")["logGroups"]
    assert [one["retentionInDays"] for one in shown] == [7]
    cli.logs("delete-retention-policy", *group)
    streams = cli.logs("describe-log-streams", *group)["logStreams"]
    assert [one["logStreamName"] for one in streams] == ["s"]
    cli.logs("delete-log-stream", *group, *stream)
    cli.logs("delete-log-group", *group)
    assert "ResourceNotFoundException" in cli.refused("logs", "describe-log-streams", *group)


def test_deleting(cli: Cli) -> None:
    cli.function("delete-function", "--qualifier", "1")
    assert len(cli.function("list-versions-by-function")["Versions"]) == 1
    cli.function("delete-function")
    assert "ResourceNotFoundException" in cli.refused(
        "lambda", "get-function", "--function-name", NAME
    )
