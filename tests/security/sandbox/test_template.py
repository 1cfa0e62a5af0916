"""SnapStart templates run what a tenant wrote before environments are forked from them: what init
code can do there, and what a child that is not what it has to be gets. Tier A alone has them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.pool import FunctionPool
from lambdad.invoke.snapshots import Snapshots
from lambdad.sandbox.driver import Tier
from lambdad.sandbox.drivers.namespaces import NamespaceDriver
from support.functions import Bench, make_packs, run, running
from support.patience import until
from support.real_sandboxes import NEEDS_TEMPLATES, descendants, make_driver

pytestmark = NEEDS_TEMPLATES

OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]

DOORS = """
import ctypes, errno, os, socket, struct, fcntl
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def code(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'open'

def c(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), '')

def join(path, kinds):
    fd = os.open(path, os.O_RDONLY)
    try:
        c(libc.setns(fd, kinds))
    finally:
        os.close(fd)

def set_interface_down():
    with socket.socket() as some:
        fcntl.ioctl(some, 0x8914, struct.pack('16sH14x', b'lo', 0))

def option(level, name):
    with socket.socket() as some:
        some.setsockopt(level, name, b'x' * 84)

ALL = 0x7e020000
def attempts():
    return {
        'own user namespace': code(lambda: join('/proc/self/ns/user', 0x10000000)),
        'own mount namespace': code(lambda: join('/proc/self/ns/mnt', 0x20000)),
        'own network': code(lambda: join('/proc/self/ns/net', 0x40000000)),
        'own process ids': code(lambda: join('/proc/self/ns/pid', 0x20000000)),
        'the first process': code(lambda: join('/proc/1/ns/mnt', 0)),
        'new namespaces': code(lambda: c(libc.unshare(0x10000000))),
        'new namespaces by clone': code(lambda: c(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0))),
        'mount': code(lambda: c(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))),
        'umount': code(lambda: c(libc.umount2(b'/var/task', 2))),
        'chroot': code(lambda: os.chroot('/tmp')),
        'ptrace': code(lambda: c(libc.ptrace(16, 1, 0, 0))),
        'memory of the first process': code(lambda: os.open('/proc/1/mem', os.O_RDWR)),
        'root': code(lambda: os.setuid(0)),
        'a neighbour': code(lambda: os.setuid(os.getuid() + 1)),
        'netlink': code(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)),
        'raw socket': code(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        'packet socket': code(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
        'interfaces': code(set_interface_down),
        'iptables': code(lambda: option(0, 64)),
        'ip6tables': code(lambda: option(41, 64)),
        'TCP repair': code(lambda: option(6, 19)),
        'host name': code(lambda: socket.sethostname('other')),
        'bpf': code(lambda: c(libc.syscall(321, 0, 0, 0))),
        'io_uring': code(lambda: c(libc.syscall(425, 1, 0))),
        'keyrings': code(lambda: c(libc.syscall(250, 0, -3, 0))),
    }
"""
SHUT = {"EPERM", "EACCES", "EINVAL", "ENOENT"}

HOSTILE = """
import os, sys, time
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient as client
cells = [cell.cell_contents for cell in client.restore_next.__closure__ or ()]
for template in cells:
    if type(template).__name__ == 'Template':
        parts = type(template)._become_environment.__globals__
        entering, syscalls, channel = parts['entering'], parts['syscalls'], parts['channel']
        inside(template)
def handler(event, context):
    return {'template': bool(cells)}
"""
"""Init code that has taken its template over; `inside` comes before it."""


@pytest.fixture
def bench(tmp_path: Path) -> OpenBench:
    @asynccontextmanager
    async def open_bench(**limits: Any) -> AsyncIterator[Bench]:
        tmp_path.chmod(0o755)
        async with running(make_driver(Tier.NAMESPACES, tmp_path), **limits) as opened:
            yield opened

    return open_bench


async def publish(on: Bench, source: str, **changes: Any) -> tuple[FunctionVersion, FunctionPool]:
    version = on.python(source, version="1", snap_start=True, timeout_s=20, **changes)
    snapshots = Snapshots(on.fleet, make_packs(on.folder / "packs"), on.catalog)
    key = FunctionKey(version.account, version.region, version.name)
    assert await snapshots.make(key, "1") is None
    return version, on.fleet.pools[version.deployment_id]


def test_the_doors_of_a_template_and_of_its_children(bench: OpenBench) -> None:
    source = DOORS + (
        "at_init = attempts()\n"
        "def handler(event, context):\n"
        "    status = open('/proc/self/status').read()\n"
        "    return {'init': at_init, 'now': attempts(), 'status': status}\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, source)
            assert pool.template.environment is not None
            answer = await on.answer(version)
            assert {name: seen for name, seen in answer["init"].items() if seen not in SHUT} == {}
            assert {name: seen for name, seen in answer["now"].items() if seen not in SHUT} == {}
            fields = dict(
                line.split(":\t", 1) for line in answer["status"].splitlines() if ":\t" in line
            )
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(fields[name], 16) == 0, name
            assert fields["NoNewPrivs"] == "1"
            assert fields["Seccomp_filters"] == "2"
            assert len(set(fields["Uid"].split())) == 1

    run(scenario())


def test_capabilities_in_a_shell_open_nothing(bench: OpenBench) -> None:
    """A template that joins a shell of its own, and stays in it with every capability there."""
    source = DOORS + (
        "def inside(template):\n"
        "    def enter(uid, fds, folder):\n"
        "        syscalls.setns(fds[0], entering.SHELL_NAMESPACES | entering.OWNED_NAMESPACES)\n"
        "        seen = attempts()\n"
        "        os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)\n"
        "        seen['another id'] = code(lambda: os.setuid(os.getuid() + 1))\n"
        "        os.write(1, ('SEEN ' + repr(seen) + chr(10)).encode())\n"
        "        os._exit(0)\n"
        "    template._become_environment = enter\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version, _ = await publish(on, source + HOSTILE)
            assert not (await on.answer(version))["template"]
            line = next(text for text in on.log.messages(version.name) if text[:4] == "SEEN")
            seen = eval(line[5:], {})
            opened = {name for name, what in seen.items() if what not in SHUT}
            assert opened == {"the first process"}, "of the shell that it is in already"

    run(scenario())


LIES = [
    pytest.param(
        "    entering.drop_privileges = lambda uid, seccomp: None\n",
        r"its (Uid|Seccomp_filters|CapPrm)",
        id="keeps its capabilities",
    ),
    pytest.param(
        "    load = syscalls.load_seccomp\n    syscalls.load_seccomp = lambda program: None\n",
        "its Seccomp_filters is 1",
        id="takes no filter of its own",
    ),
    pytest.param(
        "    syscalls.setns = lambda fd, kinds: None\n",
        "did not reach its shell",
        id="stays where it is",
    ),
    pytest.param(
        "    r, w = os.pipe()\n    real = template._become_environment\n"
        "    dup2 = os.dup2\n"
        "    drop = entering.drop_privileges\n"
        "    def keep(uid, seccomp):\n"
        "        drop(uid, seccomp)\n"
        "        os.dup(0); os.pipe()\n"
        "    entering.drop_privileges = keep\n"
        "    os.close(r); os.close(w)\n",
        "files are open in it",
        id="holds more files",
    ),
    pytest.param(
        "    import mmap\n    drop = entering.drop_privileges\n"
        "    def share(uid, seccomp):\n"
        "        drop(uid, seccomp)\n"
        "        share.kept = mmap.mmap(-1, 4096)\n"
        "    entering.drop_privileges = share\n",
        "it shares memory",
        id="shares memory",
    ),
    pytest.param(
        "    drop = entering.drop_privileges\n"
        "    def second(uid, seccomp):\n"
        "        drop(uid, seccomp)\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(600)\n"
        "    entering.drop_privileges = second\n",
        r"processes",
        id="brings a second process along",
    ),
    pytest.param(
        "    def split(uid, fds, folder):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(600)\n"
        "        return type(template)._become_environment(template, uid, fds, folder)\n"
        "    template._become_environment = split\n",
        r"processes",
        id="leaves one beside the template",
    ),
    pytest.param(
        "    def lie(uid, fds, folder):\n"
        "        import socket\n"
        "        with socket.socket(fileno=fds[1]) as jailer:\n"
        '            jailer.send(b\'{"waiting": true, "pid": 1}\' * 100)\n'
        "            time.sleep(600)\n"
        "    template._become_environment = lie\n",
        "nobody is in its shell",
        id="says that it is there",
    ),
    pytest.param(
        "    def fake(uid, fds, folder):\n        os._exit(0)\n"
        "    template._become_environment = fake\n",
        "did not reach its shell",
        id="ends",
    ),
    pytest.param(
        "    def late(uid, fds, folder):\n        time.sleep(600)\n"
        "    template._become_environment = late\n",
        "did not fork in time",
        id="says nothing",
    ),
    pytest.param(
        "    import threading\n    drop = entering.drop_privileges\n"
        "    def thread(uid, seccomp):\n"
        "        drop(uid, seccomp)\n"
        "        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        "    entering.drop_privileges = thread\n",
        "its Threads is 2",
        id="brings a thread along",
    ),
]


@pytest.mark.parametrize(("lie", "reason"), LIES)
def test_a_child_that_is_not_what_it_has_to_be_gets_nothing(
    bench: OpenBench, lie: str, reason: str
) -> None:
    async def scenario() -> None:
        async with bench(sandbox_create_timeout_s=3.0) as on:
            version, pool = await publish(on, "def inside(template):\n" + lie + HOSTILE)
            answer = await on.answer(version)
            assert not answer["template"], "it was started in the ordinary way"
            assert pool.template.environment is None
            text = on.log.text(version.name)
            assert "ordinary start" in text
            assert "a process forked" in text or "the template" in text
            assert re.search(reason, text), text

    run(scenario())


def all_of(on: Bench) -> set[int]:
    assert isinstance(on.driver, NamespaceDriver)
    assert on.driver.jail is not None
    return descendants(on.driver.jail.outer_pid)


def processes(on: Bench, uid: int) -> set[int]:
    """Of an environment's id, the first processes of shells aside: an id is given out again."""
    found = set()
    for pid in all_of(on):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            own = f"Uid:\t{uid}\t" in Path(f"/proc/{pid}/status").read_text()
            if own and Path(f"/proc/{pid}/cmdline").read_bytes() != b"init\0":
                found.add(pid)
    return found


WHO = "import os\nuid = os.getuid()\ndef handler(event, context): return [uid, os.getuid()]\n"


def test_environments_outlive_their_template(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, WHO)
            template, environment = await on.answer(version)
            assert template != environment
            await asyncio.sleep(0.2)
            assert processes(on, template)
            pool.prepare(0)
            await until(lambda: not processes(on, template))
            assert await on.answer(version) == [template, environment]

    run(scenario())


def test_a_template_that_is_killed_is_missed_by_nobody(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, WHO)
            template, environment = await on.answer(version)
            for pid in processes(on, template):
                os.kill(pid, signal.SIGKILL)
            await until(lambda: pool.template.environment is None)
            assert await on.answer(version) == [template, environment]

    run(scenario())


def test_nothing_survives_the_jailer(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, _ = await publish(on, WHO)
            await on.answer(version)
            assert isinstance(on.driver, NamespaceDriver)
            assert on.driver.jail is not None
            outer = on.driver.jail.outer_pid
            pids = descendants(outer)
            (jailer,) = [
                int(pid) for pid in Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
            ]
            os.kill(jailer, signal.SIGKILL)
            await until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids))
            assert await on.answer(version)

    run(scenario())


def test_nothing_is_left_of_a_version(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, WHO)
            template, environment = await on.answer(version)
            on.catalog.remove(version.account, version.region, version.name)
            await until(lambda: not on.fleet.environments)
            for uid in (template, environment):
                await until(lambda uid=uid: not processes(on, uid))
            assert pool.template.environment is None

    run(scenario())
