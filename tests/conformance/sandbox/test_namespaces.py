"""What the tiers with walls give beyond the common contract."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from lambdad.core.value import replace
from lambdad.sandbox.driver import Exit, Mount, SandboxError, SandboxSpec, Tier
from lambdad.sandbox.jailer.cgroups import Cgroups
from lambdad.sandbox.jailer.hierarchies import find_hierarchies
from lambdad.sandbox.selection import CONTROLLER_LAYERS
from support.packs import command_pack, python_pack
from support.real_sandboxes import (
    KERNEL,
    NAMESPACE_TIERS,
    Workbench,
    drain,
    first_line,
    tier_id,
)

pytestmark = pytest.mark.parametrize("bench", NAMESPACE_TIERS, ids=tier_id, indirect=True)

MEMORY_VERSION = Cgroups(find_hierarchies(os.getpid()), 0).memory_version

IDLE = "def handler(event, context): return event\n"


@pytest.mark.parametrize(
    ("listener", "address"),
    [
        ("runtime_listener", ("169.254.100.1", 9001)),
        ("platform_listener", ("169.254.100.1", 4566)),
        ("platform_listener", ("127.0.0.1", 4566)),
    ],
)
def test_the_listeners_are_reached_from_inside(
    bench: Workbench, listener: str, address: tuple[str, int]
) -> None:
    source = (
        "import socket\n"
        f"s = socket.create_connection({address!r}, 5)\n"
        "s.sendall(b'hello')\nprint(s.recv(10).decode(), flush=True)\n"
    )

    async def work() -> tuple[bytes, str]:
        loop = asyncio.get_running_loop()
        sandbox = await bench.python(source + IDLE)
        connection, _ = await loop.sock_accept(getattr(sandbox, listener))
        connection.setblocking(False)
        heard = await loop.sock_recv(connection, 10)
        await loop.sock_sendall(connection, b"welcome")
        line = await first_line(sandbox)
        connection.close()
        await sandbox.kill()
        return heard, line

    assert bench.run(work()) == (b"hello", "welcome")


def test_the_code_is_there_and_read_only(bench: Workbench) -> None:
    seen = bench.look(
        "import os, errno\n"
        "seen = [os.getcwd(), sorted(os.listdir('/var/task'))]\n"
        "for path in ('/var/task/new', '/var/task/app.py', '/opt/x', '/etc/x', '/x', '/usr/x'):\n"
        "    try: open(path, 'w')\n"
        "    except OSError as error: seen.append(errno.errorcode[error.errno])\n"
    )
    assert seen == ["/var/task", ["app.py"], "EROFS", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS"]


def test_the_search_path_is_that_of_aws(bench: Workbench) -> None:
    seen = bench.look("import sys\nseen = [sys.path, sys.argv, sys.version_info[:2]]")
    minor = "python{}.{}".format(*seen[2])
    assert seen[0][:4] == [
        "/var/task",
        f"/opt/python/lib/{minor}/site-packages",
        "/opt/python",
        "/var/runtime",
    ]
    assert all("lambdad" not in entry for entry in seen[0])
    assert seen[1] == ["/var/runtime/bootstrap.py"]


def test_an_interpreter_of_its_own_sees_the_same(bench: Workbench) -> None:
    """Forked from the zygote or started for itself: a function cannot tell."""
    source = (
        "import os, sys, signal, time, threading, locale, gc\n"
        "names = [n for n in sys.modules if n.split('.')[0] in ('lambdad', 'lambdad_guest')]\n"
        "handlers = {n: str(signal.getsignal(n)) for n in signal.valid_signals()}\n"
        "stdio = [(s.encoding, s.errors, s.line_buffering) for s in (sys.stdout, sys.stderr)]\n"
        "seen = [sys.path, sys.argv, names, str(sys.flags), handlers, sys.executable, sys.prefix,\n"
        "        sorted(os.environ), time.tzname, threading.active_count(), os.umask(0o22),\n"
        "        locale.getpreferredencoding(), sys.getfilesystemencoding(), gc.isenabled(),\n"
        "        stdio, os.getcwd(), os.getpgid(0) == os.getsid(0) == os.getpid()]\n"
    )
    variables = bench.spec(python_pack(), Path()).variables
    forked = bench.look(source)
    # No interpreter knows it, and it has the form of those that they do know.
    started = bench.look(source, variables={**variables, "PYTHONNOSUCHTHING": "1"})
    started[7].remove("PYTHONNOSUCHTHING")
    assert forked == started


def test_pth_files_of_the_package_work(bench: Workbench) -> None:
    async def work() -> str:
        code = bench.code(
            "import inner\nprint(inner.WORD, flush=True)", **{"own.pth": "/var/task/vendored\n"}
        )
        (code / "vendored").mkdir(mode=0o755)
        (code / "vendored" / "inner.py").write_text("WORD = 'found'\n")
        sandbox = await bench.create(bench.spec(python_pack(), code))
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    assert bench.run(work()) == "found"


def test_a_function_may_have_modules_of_our_names(bench: Workbench) -> None:
    source = "import zygote, channel, lambdad_guest\nprint(zygote.WORD, lambdad_guest.WORD)"
    own = {name: f"WORD = '{name}'" for name in ("zygote.py", "channel.py", "lambdad_guest.py")}

    async def work() -> str:
        sandbox = await bench.create(bench.spec(python_pack(), bench.code(source, **own)))
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    assert bench.run(work()) == "zygote.py lambdad_guest.py"


def test_variables_that_act_at_the_start_of_an_interpreter(bench: Workbench) -> None:
    variables = bench.spec(python_pack(), Path()).variables
    for name, value, expression, expected in (
        ("PYTHONHASHSEED", "0", "hash('a') == hash('a') and sys.flags.hash_randomization", 0),
        ("PYTHONOPTIMIZE", "2", "sys.flags.optimize", 2),
        ("PYTHONPATH", "/opt/mine:/var/runtime", "sys.path[3]", "/opt/mine"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON", "int(log._AWS_LAMBDA_LOG_FORMAT)", 0),
    ):
        source = f"import sys\nimport awslambdaric.bootstrap as log\nseen = {expression}"
        assert bench.look(source, variables={**variables, name: value}) == expected, name


def test_layers_are_merged_the_last_one_uppermost(bench: Workbench) -> None:
    layers = []
    for number in (1, 2, 3):
        layer = bench.folder / f"layer-{number}"
        layer.mkdir(mode=0o755, exist_ok=True)
        (layer / "same").write_text(f"from {number}")
        (layer / f"only-{number}").write_text("x")
        layers.append(layer)
    source = "import os\nseen = [open('/opt/same').read(), sorted(os.listdir('/opt'))]"
    assert bench.look(source, layer_dirs=tuple(layers[:1])) == ["from 1", ["only-1", "same"]]
    assert bench.look(source, layer_dirs=tuple(layers)) == [
        "from 3",
        ["only-1", "only-2", "only-3", "same"],
    ]


def test_opt_is_empty_without_layers(bench: Workbench) -> None:
    assert bench.look("import os\nseen = os.listdir('/opt')") == []


def test_telemetry_has_its_own_pipe(bench: Workbench) -> None:
    source = "import os\nos.write(int(os.environ['_LAMBDA_TELEMETRY_LOG_FD']), b'frame')\n"

    async def work() -> tuple[bytes, bytes]:
        variables = {**bench.spec(python_pack(), Path()).variables, "PYTHONHASHSEED": "1"}
        # An interpreter of its own: the client has not yet taken the variable away.
        pack = replace(python_pack(), argv=(python_pack().argv[0], "/var/task/app.py"))
        sandbox = await bench.create(bench.spec(pack, bench.code(source), variables=variables))
        await sandbox.exited
        pipes = drain(sandbox.telemetry_fd), drain(sandbox.output_fd)
        await sandbox.kill()
        return pipes

    assert bench.run(work()) == (b"frame", b"")


def test_tmp_is_private_writable_and_as_large_as_specified(bench: Workbench) -> None:
    source = (
        "import os, tempfile\n"
        "fs = os.statvfs('/tmp')\n"
        "free = fs.f_bavail * fs.f_frsize >> 20\n"
        "seen = [os.listdir('/tmp'), oct(os.stat('/tmp').st_mode & 0o7777), free]\n"
        "tempfile.mkdtemp()\n"
    )
    for tmp_mib in (512, 700):
        files, mode, free_mib = bench.look(source, tmp_mib=tmp_mib)
        assert files == []
        assert mode == "0o1777"
        assert tmp_mib <= free_mib <= tmp_mib * 1.06


def test_tmp_has_a_hard_quota_and_is_not_the_functions_memory(bench: Workbench) -> None:
    """512 MiB of files under a memory limit of 128 MiB; the next one does not fit."""
    source = (
        "import errno\n"
        "block = bytes(1 << 20)\n"
        "written, seen = 0, None\n"
        "with open('/tmp/file', 'wb', buffering=0) as file:\n"
        "    while seen is None and written < 600:\n"
        "        try: written += file.write(block) >> 20\n"
        "        except OSError as error: seen = [errno.errorcode[error.errno], written >= 505]\n"
    )
    assert bench.look(source, memory_mib=128) == ["ENOSPC", True]


def test_who_has_little_memory_left_may_write_files(bench: Workbench) -> None:
    """At the limit a writer waits for the disk: what is being written ends nobody."""
    source = (
        "full = bytearray(b'x') * (80 << 20)\n"
        "with open('/tmp/file', 'wb', buffering=0) as file:\n"
        "    seen = [file.write(bytes(1 << 20)) >> 20 for _ in range(100)]\n"
    )
    assert bench.look(source, memory_mib=128) == [1] * 100


@pytest.mark.skipif(MEMORY_VERSION != 2 or KERNEL < (6, 2), reason="version 2, Linux 6.2")
def test_writers_wait_before_they_are_ended_when_root(bench: Workbench) -> None:
    device = bench.look("import os\nseen = os.stat('/tmp').st_dev")
    bdi = Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}")
    assert (bdi / "strict_limit").read_text() == "1\n"


SPIN = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
step = 0
while True:
    if time.process_time() * 100 >= step:
        step += 1
        print(step, flush=True)
"""
"""Uses one processor, the same for all, and prints a line for each 10 ms of it."""


def test_a_processor_is_shared_by_memory_when_root(bench: Workbench) -> None:
    """1,769 MiB are a vCPU, 128 MiB a fourteenth of that; here a quarter is too much: the kernel's
    turns are long."""
    if CONTROLLER_LAYERS["cpu"] in bench.driver.missing_layers:
        pytest.skip(f"this user lacks {CONTROLLER_LAYERS['cpu']}")
    turns = 30

    async def work() -> int:
        small = await bench.python(SPIN, memory_mib=128)
        large = await bench.python(SPIN, memory_mib=1769)
        await first_line(small)
        await first_line(large)
        drain(small.output_fd)
        for _ in range(turns):
            await first_line(large)
        meanwhile = len(drain(small.output_fd).splitlines())
        await small.kill()
        await large.kill()
        return meanwhile

    assert bench.run(work()) < turns / 4


def test_the_memory_limit_ends_the_environment(bench: Workbench) -> None:
    async def work() -> Exit:
        source = (
            "import time\nkeep = []\n"
            "while True:\n    keep.append(bytearray(b'x') * (4 << 20))\n    time.sleep(0.004)\n"
        )
        sandbox = await bench.python(source, memory_mib=128)
        await sandbox.exited
        return await sandbox.kill()

    assert bench.run(work()) == Exit(None, 9, oom=True)


def test_the_memory_limit_counts_child_processes(bench: Workbench) -> None:
    async def work() -> Exit:
        child = "x = bytearray([1]) * (300 << 20); import time; time.sleep(60)"
        script = f"/usr/bin/python3 -c '{child}'; sleep 60"
        sandbox = await bench.shell(script, memory_mib=128)
        await sandbox.exited
        return await sandbox.kill()

    assert bench.run(work()) == Exit(None, 9, oom=True)


def test_memory_below_the_limit_is_fine(bench: Workbench) -> None:
    end, text = bench.ends(
        bench.python(
            "x = bytearray(b'x') * (90 << 20)\nprint(len(x) >> 20)\nraise SystemExit(0)",
            memory_mib=160,
        )
    )
    assert (end, text) == (Exit(0, None), "90\n")


def test_orphans_are_reaped(bench: Workbench) -> None:
    script = (
        "for i in 1 2 3 4 5; do (sh -c 'exit 0' &) ; done; sleep 0.3; "
        "while grep -q '^State:.Z' /proc/[0-9]*/status; do sleep 0.02; done; echo reaped"
    )
    end, text = bench.ends(bench.shell(script))
    assert (end.code, text.strip()) == (0, "reaped")


def test_a_pack_without_a_runtime_client_says_so(bench: Workbench) -> None:
    pack = python_pack()
    mounts = tuple(mount for mount in pack.mounts if "awslambdaric" not in mount.target)
    bad = replace(pack, mounts=mounts)
    with pytest.raises(SandboxError, match="No module named 'awslambdaric"):
        bench.run(bench.driver.prepare(bad))
    with pytest.raises(SandboxError, match="No module named 'awslambdaric"):
        bench.run(bench.driver.create(bench.spec(bad, bench.code(IDLE))))


def test_a_pack_that_cannot_be_mounted_says_so(bench: Workbench) -> None:
    pack = command_pack("/bin/true")
    missing = replace(pack, mounts=(Mount(Path("/no/such/place"), "/var/lang"),))
    with pytest.raises(SandboxError, match="/no/such/place"):
        bench.run(bench.driver.prepare(missing))
    inside_usr = replace(pack, mounts=(Mount(bench.folder, "/usr/no-such/x"),))
    with pytest.raises(SandboxError, match="Read-only file system"):
        bench.run(bench.driver.prepare(inside_usr))


def test_giving_up_a_creation_leaves_nothing(bench: Workbench) -> None:
    async def work(spec: SandboxSpec) -> str:
        task = asyncio.ensure_future(bench.driver.create(spec))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        sandbox = await bench.shell("ls /proc | grep -c '^[0-9]'; sleep 60")
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    for _ in range(5):
        bench.run(work(bench.spec(command_pack("/bin/sleep", "66"), bench.code(""))))


def test_the_driver_says_what_is_missing(bench: Workbench) -> None:
    if bench.driver.tier is Tier.NAMESPACES and os.access("/dev/loop-control", os.W_OK):
        assert bench.driver.missing_layers == ()
    else:
        assert bench.driver.missing_layers != ()


def test_the_memory_peak_of_who_ended_before_it_was_read(bench: Workbench) -> None:
    """The kernel forgets a process's own peak with it; its control group keeps it."""

    async def work() -> int:
        sandbox = await bench.python("big = bytearray(60 << 20)\nimport os\nos._exit(3)")
        assert await sandbox.exited == Exit(3, None)
        await sandbox.kill()
        return sandbox.memory_peak_bytes()

    if bench.driver.tier is Tier.NAMESPACES:  # else there may be no groups
        assert 60 << 20 < bench.run(work()) < 160 << 20
