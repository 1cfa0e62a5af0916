"""Archives of what init loads are made by hostile code: they are bounded, they are whole or not
there, and nobody but the function that made one ever gets it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.limits import MIB
from lambdad.functions.snapshot import FunctionVersion
from lambdad.runtime.archives import name_of
from lambdad.sandbox.driver import Mount, RuntimePack, Tier, Training
from support.functions import Bench, make_function, make_version, run, running
from support.packs import GUEST, python_pack
from support.real_sandboxes import NAMESPACE_TIERS, make_driver, tier_id

pytestmark = pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)

_ASK = """
import http.client, json, os, signal, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
PATH = "/2018-06-01/runtime/invocation/"
def ask():
    api.request("GET", PATH + "next")
"""
_SERVE = """
from ask import *
ARCHIVE = "/var/runtime/archive"
held = open(ARCHIVE, "rb").read()
if b"CRASH" in held:
    os.kill(os.getpid(), signal.SIGSEGV)
def attempt(work):
    try:
        work()
    except OSError as error:
        return type(error).__name__
    return "done"
while True:
    ask()
    event = api.getresponse()
    event.read()
    again = os.open(ARCHIVE, os.O_RDONLY)
    seen = {
        "held": held.decode(),
        "write": attempt(lambda: open(ARCHIVE, "r+b")),
        "write by its number": attempt(lambda: open("/proc/self/fd/%d" % again, "r+b")),
        "chmod": attempt(lambda: os.fchmod(again, 0o666)),
        "truncate": attempt(lambda: os.truncate(ARCHIVE, 0)),
        "remove": attempt(lambda: os.unlink(ARCHIVE)),
        "replace": attempt(lambda: os.rename("/var/task/ask.py", ARCHIVE)),
    }
    request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", PATH + request_id + "/response", json.dumps(seen))
    api.getresponse().read()
"""
_TRAIN = """
from ask import *
def write(data):
    while data:
        data = data[os.write(1, data):]
def on_term(*_):
    do = os.environ["DO"]
    write(os.environ["AWS_LAMBDA_FUNCTION_NAME"].encode())
    if do == "crash later":
        write(b" CRASH")
    while do == "write without end":
        write(bytes(65536))
    os._exit(1 if do == "stop halfway" else 0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ["DO"] == "ignore it" else on_term)
if os.environ["DO"] == "end during init":
    on_term()
ask()
while True:
    time.sleep(1)
"""
_LINK = """#!/bin/bash
ln -s "$TARGET" /tmp/.archive-of-classes
trap 'exit 0' TERM
exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API/:/\\/}"
printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3
while :; do sleep 0.1; done
"""
_FILES = {"ask.py": _ASK, "serve.py": _SERVE, "train.py": _TRAIN, "java": _LINK}


def pack(*training: str) -> RuntimePack:
    """What runs the package's own programs as if it were a Java."""
    python = python_pack()
    program = python.argv[0]
    java = GUEST / "java"
    own = [Mount(java / name, f"/var/runtime/{name}") for name in ("bootstrap", "train-function")]
    argv = training or (program, "/var/task/train.py")
    return RuntimePack(
        runtime="java17",
        family="java",
        argv=(program, "/var/task/serve.py"),
        mounts=(*python.mounts, *own),
        training=Training(argv, "a build"),
    )


class Packs:
    """A catalog of one pack."""

    def __init__(self, only: RuntimePack) -> None:
        self._only = only

    def known(self, runtime: str) -> RuntimePack:
        return self._only

    find = known


@contextlib.asynccontextmanager
async def opened(tier: Tier, folder: Path, *training: str, **limits: Any) -> AsyncIterator[Bench]:
    folder.chmod(0o755)
    packs: Any = Packs(pack(*training))
    bounds = {"class_archive_delay_s": 0.0, "class_archive_bytes": MIB} | limits
    async with running(make_driver(tier, folder), packs=packs, **bounds) as bench:
        yield bench


async def published(bench: Bench, do: str, **changes: Any) -> FunctionVersion:
    """A function whose archive has been made, if it can be."""
    environment: Mapping[str, str] = {"DO": do} | changes.pop("environment", {})
    version = bench.write(_FILES, runtime="java17", environment=environment, **changes)
    await bench.archivist.idle()
    return version


def archives(bench: Bench) -> list[Path]:
    return list((bench.folder / "archives").iterdir())


def test_a_function_can_do_nothing_to_its_archive(tier: Tier, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tier, tmp_path) as bench:
            version = await published(bench, "be honest")
            [archive] = archives(bench)
            assert archive.read_bytes() == version.name.encode()
            seen = await bench.answer(version)
            assert seen.pop("held") == version.name
            assert "done" not in seen.values(), seen
            assert archive.read_bytes() == version.name.encode()
            assert archive.stat().st_mode & 0o222 == 0

    run(work())


def test_an_archive_serves_its_own_function_only(tier: Tier, tmp_path: Path) -> None:
    """Of the same code, too, in the same account and in another one."""

    async def work() -> None:
        async with opened(tier, tmp_path) as bench:
            mine = await published(bench, "be honest", name="mine")
            neighbours = [
                make_version(mine.code_dir, **{**same, **other})
                for same in [{"runtime": "java17", "environment": {"DO": "stop halfway"}}]
                for other in ({"name": "yours"}, {"name": "mine", "account": "111111111111"})
            ]
            for one in neighbours:
                bench.catalog.publish(make_function(one))
                await bench.archivist.idle()
                assert (await bench.answer(one))["held"] == ""
            assert (await bench.answer(mine))["held"] == "mine"
            [archive] = archives(bench)
            assert archive.name == name_of(mine, Training((), "a build"))

    run(work())


@pytest.mark.parametrize(
    "do",
    ["write without end", "stop halfway", "end during init", "ignore it"],
)
def test_what_is_not_a_whole_archive_is_not_kept(tier: Tier, tmp_path: Path, do: str) -> None:
    async def work() -> None:
        # What never ends by itself is ended by this.
        async with opened(tier, tmp_path, class_archive_timeout_s=4.0) as bench:
            version = await published(bench, do)
            assert archives(bench) == []
            assert bench.fleet.environments == 0
            assert (await bench.answer(version))["held"] == ""
            assert bench.log.text(version.name).count("REPORT") == 1

    run(work())


@pytest.mark.parametrize("target", ["/etc/passwd", "/proc/1/environ", "/dev/zero", "/nowhere"])
def test_a_link_leads_nowhere_outside(tier: Tier, tmp_path: Path, target: str) -> None:
    """The way of a real Java's archive, with a program in its place that leaves a link there."""
    argv = ("/bin/sh", "/var/runtime/train-function", "/var/task/java", "/var/task", "-XX:Make")

    async def work() -> None:
        limit_s = 30.0 if target == "/etc/passwd" else 4.0
        async with opened(tier, tmp_path, *argv, class_archive_timeout_s=limit_s) as bench:
            await published(bench, "", environment={"TARGET": target})
            kept = [path.read_text() for path in archives(bench)]
            if target != "/etc/passwd":
                assert kept == []
                return
            [text] = kept  # of the sandbox: nobody but root and its own user
            assert [line.split(":")[0] for line in text.splitlines()] == ["root", "sbx_user1051"]
            assert text != Path("/etc/passwd").read_text()

    run(work())


def test_an_archive_that_a_runtime_crashes_with_is_dropped(tier: Tier, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(tier, tmp_path) as bench:
            version = await published(bench, "crash later", timeout_s=20)
            [archive] = archives(bench)
            assert b"CRASH" in archive.read_bytes()
            # The init that crashed is repeated within the first invocation.
            assert (await bench.answer(version))["held"] == ""
            assert archives(bench) == []
            await bench.archivist.idle()
            assert archives(bench) == []  # nor is it made again

    run(work())
