"""A stem that becomes a command (guest/init/wait): it is told by lambdad's own order."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import lambdad.guest
from lambdad.core.ids import EnvironmentId
from lambdad.guest.stem import CHANNEL
from lambdad.sandbox.driver import SandboxSpec
from lambdad.sandbox.seccomp.filters import ARCHITECTURES
from lambdad.sandbox.start_order import payload_of
from support.packs import command_pack

FOLDER = Path(lambdad.guest.__file__).parent / "init"
SEE = (
    "import json, os, sys\n"
    "print(json.dumps([sys.argv[1:], dict(os.environ), os.listdir('/dev/fd')]))"
)
BROKEN = {
    "no command": b"{}",
    "no number": b"{}\0",
    "no argument": b"{}\x001\0",
    "too few arguments": b"{}\x003\0/bin/true\0",
    "too many strings": b"{}\x001\0" + b"a\0" * 20_000,
    "too much": b"x" * (1 << 20),
}


@pytest.fixture(params=ARCHITECTURES)
def program(request: pytest.FixtureRequest) -> str:
    """The command that starts one: of a foreign architecture by Debian's qemu-user-static."""
    built = str(FOLDER / f"wait.{request.param}")
    if request.param == platform.machine():
        return built
    emulator = shutil.which(f"qemu-{request.param}-static")
    return f"{emulator} {built}" if emulator else pytest.skip(f"nothing here runs {request.param}")


def told(program: str, payload: bytes) -> subprocess.CompletedProcess[str]:
    """How one ends that is told this, and what it writes."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            start = f"exec {program} {CHANNEL}<&{theirs.fileno()} {theirs.fileno()}<&-"
            process = subprocess.Popen(
                ["/bin/bash", "-c", start], pass_fds=[theirs.fileno()], env={"SURPLUS": "1"},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert ours.recv(1) == b"+"
        ours.sendall(payload)
        ours.shutdown(socket.SHUT_WR)
        output, errors = process.communicate(timeout=20)
    return subprocess.CompletedProcess("wait", process.returncode, output, errors)


def payload(*argv: str, **variables: str) -> bytes:
    """As lambdad writes it."""
    pack = command_pack(*argv)
    return payload_of(SandboxSpec(EnvironmentId("e"), pack, Path(), (), variables, 128, 512))


def test_it_becomes_the_command_with_these_variables_and_nothing_else(program: str) -> None:
    argv = [os.path.realpath(sys.executable), "-I", "-c", SEE, "", "two words", "é"]
    done = told(program, payload(*argv, PATH="/bin", EMPTY="", MINE="a=b\nc", LC_CTYPE="C.UTF-8"))
    arguments, variables, fds = json.loads(done.stdout)
    assert arguments == ["", "two words", "é"]
    assert variables == {"PATH": "/bin", "EMPTY": "", "MINE": "a=b\nc", "LC_CTYPE": "C.UTF-8"}
    assert fds[:3] == ["0", "1", "2"]
    assert str(CHANNEL) not in fds


def test_as_large_as_the_kernel_takes_it(program: str) -> None:
    value = "x" * 100_000
    script = "print(sum(map(len, __import__('os').environ.values())))"
    many = {f"V{number}": value for number in range(4)}
    done = told(program, payload(os.path.realpath(sys.executable), "-I", "-c", script, **many))
    assert int(done.stdout) >= 400_000


@pytest.mark.parametrize(
    ("command", "words", "code"),
    [
        ("/nowhere/bootstrap", "No such file or directory", 127),
        ("/etc/passwd", "Permission denied", 126),
        ("/etc/passwd/x", "Not a directory", 126),
    ],
)
def test_what_cannot_be_executed(program: str, command: str, words: str, code: int) -> None:
    done = told(program, payload(command))
    assert (done.returncode, done.stderr) == (code, f"{command}: {words}\n")


def test_nobody_is_left_to_tell_it(program: str) -> None:
    assert told(program, b"").returncode == 0


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_half_an_order_is_none(program: str, broken: bytes) -> None:
    done = told(program, broken)
    assert (done.returncode != 0, done.stdout) == (True, "")
