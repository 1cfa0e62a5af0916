"""Functions that bring their own runtime."""

from __future__ import annotations

import json
import platform

import pytest

from lambdad.sandbox.driver import Tier
from support.functions import run

from .conftest import OpenBench

BOOTSTRAP = """#!/bin/bash
echo "bash starts with $_HANDLER"
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  EVENT=$(curl -sS -D /dev/fd/3 "$API/invocation/next" 3>"$TMPDIR/head" 2>/dev/null)
  ID=$(sed -n 's/^lambda-runtime-aws-request-id: *\\([0-9a-f-]*\\).*/\\1/Ip' "$TMPDIR/head")
  echo "event $EVENT"
  curl -sS -X POST "$API/invocation/$ID/response" -d "[$EVENT]" >/dev/null
done
"""
PROVIDED = {"runtime": "provided.al2023", "handler": "mine"}
TMPDIR = {"environment": {"TMPDIR": "/tmp"}}


def test_a_bootstrap_in_bash(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.write({"bootstrap": BOOTSTRAP}, timeout_s=20, **PROVIDED, **TMPDIR)
            assert await on.answer(version, {"a": 1}) == [{"a": 1}]
            assert await on.answer(version, 2) == [2]
            messages = on.log.messages(version.name)
            assert "bash starts with mine\n" in messages
            assert 'event {"a": 1}\n' in messages

    run(scenario())


def test_no_bootstrap_at_all(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.write({"main.go": ""}, **PROVIDED)
            result = await on.invoke(version)
            error = json.loads(result.payload)
            assert error["errorType"] == "Runtime.InvalidEntrypoint"
            assert error["errorMessage"].endswith(
                "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
            )

    run(scenario())


@pytest.mark.parametrize(
    ("name", "settings", "error_type"),
    [
        ("bootstrap", PROVIDED, "Runtime.InvalidEntrypoint"),
        ("ext.so", {}, "Runtime.ImportModuleError"),
    ],
)
def test_a_package_for_another_kind_of_machine_is_told(
    bench: OpenBench, name: str, settings: dict[str, str], error_type: str
) -> None:
    machine = 62 if platform.machine() == "aarch64" else 183

    async def scenario() -> None:
        async with bench() as on:
            version = on.write({"app.py": "import ext", name: ""}, **settings)
            (version.code_dir / name).write_bytes(
                b"\x7fELF\2\1\1" + bytes(9) + bytes([3, 0, machine, 0, 1]) + bytes(500)
            )
            error = json.loads((await on.invoke(version)).payload)
            assert error["errorType"] == error_type
            notes = [text for text in on.log.messages(version.name) if text.startswith("[lambdad]")]
            assert any(
                f"'{name}' is for " in text and f"this machine is {platform.machine()}" in text
                for text in notes
            ), notes

    run(scenario())


def test_a_bootstrap_that_cannot_run(bench: OpenBench, tier: Tier) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version = on.write({"bootstrap": "#!/no/such/shell\n"}, timeout_s=1, **PROVIDED)
            error = json.loads((await on.invoke(version)).payload)
            assert error["errorType"] == "Runtime.ExitError"
            assert "exit status" in error["errorMessage"]

    run(scenario())
