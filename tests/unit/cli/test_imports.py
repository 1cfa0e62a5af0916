"""What a command imports: in a shell's loop and its start-up file, that is what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lambdad.cli.main import COMMANDS

SERVER_ONLY = ("asyncio", "uvloop", "apsw", "botocore", "lambdad.server.wiring", "lambdad.services")
SERVES = {"up"}
READS_ITS_FILES = {"audit"}
"""With the modules of the server that write them."""


def loaded_by(module: str) -> set[str]:
    code = f"import sys, lambdad.cli.main, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.name not in SERVES | READS_ITS_FILES]
)
def test_a_command_imports_nothing_that_only_the_server_needs(command) -> None:
    assert loaded_by(command.module).isdisjoint(SERVER_ONLY)


def test_up_imports_the_server_only_when_it_starts() -> None:
    assert "lambdad.server.wiring" not in loaded_by("lambdad.cli.up")
