"""Processes that were started ahead of their functions: no function can tell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.sandbox.driver import Exit, SandboxSpec
from support.packs import command_pack
from support.real_sandboxes import (
    NAMESPACE_TIERS,
    Workbench,
    descendants,
    first_line,
    jail_of,
    tier_id,
    workbench,
)
from support.stems import (
    IS_STEM,
    eventually_waiting,
    node_pack,
    node_spec,
    provoke,
    waiting,
)

pytestmark = pytest.mark.parametrize("tier", NAMESPACE_TIERS, ids=tier_id)
SAY = "const say = (text) => require('fs').writeSync(1, text + '\\n');\n"
"""Past the log, which goes another way."""
TELL = f"{SAY} say({IS_STEM} ? 'stem' : 'ordinary'); process.exit(0);"
LOOK = """
const fs = require('fs'), os = require('os');
const lines = (path) => fs.readFileSync(path, 'utf8').split('\\n');
const link = (path) => {
  try { return fs.readlinkSync(path).replace(/\\d+/g, 'N'); } catch { return 'gone'; }
};
const status = Object.fromEntries(lines('/proc/self/status').map((line) => line.split(':\\t')));
const names = ['Name', 'Umask', 'Pid', 'PPid', 'TracerPid', 'Uid', 'Gid', 'Groups',
  'SigPnd', 'ShdPnd', 'SigBlk', 'SigIgn', 'SigCgt', 'CapInh', 'CapPrm', 'CapEff',
  'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'Cpus_allowed_list'];
const { heap_size_limit } = require('v8').getHeapStatistics();
const seen = {
  status: Object.fromEntries(names.map((name) => [name, status[name]])),
  fds: fs.readdirSync('/proc/self/fd').map((fd) => [fd, link('/proc/self/fd/' + fd)]),
  limits: lines('/proc/self/limits'), cgroup: lines('/proc/self/cgroup'),
  mounts: lines('/proc/self/mountinfo').map((line) => line.split(' ').slice(4, 6).join(' ')).sort(),
  sockets: ['tcp', 'tcp6', 'unix'].map((kind) => lines('/proc/net/' + kind).slice(1).map(
    (line) => line.trim().split(/ +/).slice(1, 8).join(' ')).sort()),
  processes: fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)),
  command: fs.readFileSync('/proc/self/cmdline', 'latin1'), comm: lines('/proc/self/comm'),
  argv: process.argv, argv0: process.argv0, execArgv: process.execArgv, path: process.execPath,
  title: process.title, cwd: process.cwd(), umask: process.umask(), env: { ...process.env },
  heap: heap_size_limit, listeners: process.eventNames().map(String), tmp: fs.readdirSync('/tmp'),
  resources: process.getActiveResourcesInfo(), main: require.main === undefined,
  modules: Object.keys(require.cache), paths: module.paths,
  globalPaths: require('module').globalPaths, globals: Object.getOwnPropertyNames(globalThis),
  time: [Intl.DateTimeFormat().resolvedOptions(), new Date(0).toString()], home: os.homedir(),
  agents: Object.keys(require('http').globalAgent.sockets), user: os.userInfo().username,
  dns: require('dns').getServers(), priority: os.getPriority(), channel: typeof process.send,
  report: Object.keys(process.report.getReport().environmentVariables),
};
fs.writeSync(1, JSON.stringify(seen) + '\\n'); process.exit(0);
"""


@pytest.fixture
def bench(tier: Any) -> Iterator[Workbench]:
    """A workbench of its own for each test, whose stems nobody else takes."""
    with workbench(tier) as made:
        yield made


async def told(bench: Workbench, spec: SandboxSpec) -> str:
    """The first line that the function of a specification writes."""
    sandbox = await bench.create(spec)
    line = await first_line(sandbox)
    await sandbox.kill()
    return line


async def told_with_stems(bench: Workbench, spec: SandboxSpec) -> str:
    """The same with stems waiting."""
    await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
    return await told(bench, spec)


def test_a_function_cannot_tell(bench: Workbench) -> None:
    """All that the kernel and Node show of a process is as in one that was started for itself."""

    async def work() -> tuple[Any, Any]:
        ordinary = json.loads(await told(bench, node_spec(bench, LOOK, variables={"MINE": "é"})))
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        spec = node_spec(bench, f"if (!({IS_STEM})) throw 1;{LOOK}", variables={"MINE": "é"})
        return ordinary, json.loads(await told(bench, spec))

    ordinary, stem = bench.run(work())
    for seen in (ordinary, stem):  # every environment has a uid of its own
        seen["status"].update(Uid="", Gid="", Groups="")
    assert stem == ordinary


def test_there_is_none_before_the_first_use(bench: Workbench) -> None:
    async def work() -> list[str]:
        await bench.driver.prepare(node_pack())
        sandbox = await bench.python("import time; time.sleep(60)")
        before = waiting(bench.driver)
        await sandbox.kill()
        first = await told(bench, node_spec(bench, TELL))
        return [str(before), first, await told_with_stems(bench, node_spec(bench, TELL))]

    assert bench.run(work()) == ["[]", "ordinary", "stem"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("NODE_OPTIONS", "--no-warnings"), ("NODE_PATH", "/var/task"), ("TZ", "Asia/Tokyo")),
        *(
            ("UV_THREADPOOL_SIZE", "8"),
            ("LD_PRELOAD", "/nowhere.so"),
            ("NODE_EXTRA_CA_CERTS", "/x"),
        ),
    ],
)
def test_variables_that_act_at_the_start(bench: Workbench, name: str, value: str) -> None:
    async def work() -> str:
        await provoke(bench)
        # Libraries and Node say what they think of the value, before or after.
        script = f"{SAY} say(`${{{IS_STEM}}} ${{process.env.{name}}}`); process.exit(0);"
        spec = node_spec(bench, script, variables={name: value})
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        sandbox = await bench.create(spec)
        text = await bench.output(sandbox)
        await sandbox.kill()
        return text

    assert f"false {value}" in bench.run(work()).splitlines()


def test_configurations_that_need_a_start_of_their_own(bench: Workbench) -> None:
    layer = bench.folder / "layer"
    layer.mkdir(mode=0o755)
    pack = node_pack()
    wrapped = replace(pack, argv=("/bin/sh", "-c", 'exec "$@"', "sh", *pack.argv))

    async def work() -> list[str]:
        await provoke(bench)
        library = node_spec(bench, TELL)
        (library.code_dir / "lib").mkdir(mode=0o755)
        (library.code_dir / "lib" / "libmine.so.1").write_text("")
        specs = [
            node_spec(bench, TELL, layer_dirs=(layer,)),
            node_spec(bench, TELL, pack=wrapped),
            library,
            node_spec(bench, TELL),
        ]
        return [await told_with_stems(bench, spec) for spec in specs]

    assert bench.run(work()) == ["ordinary", "ordinary", "ordinary", "stem"]


def test_memory_and_tmp_are_as_ordered(bench: Workbench) -> None:
    """They are not known when the stem starts."""
    hoard = (
        f"{SAY} const fs = require('fs'), {{ bavail, bsize }} = fs.statfsSync('/tmp');\n"
        f"if (!({IS_STEM})) process.exit(99);\n"
        "say(bavail * bsize >> 20);\n"
        "for (const held = []; ; ) held.push(Buffer.alloc(1 << 20, 1));\n"
    )

    async def work() -> tuple[int, Exit]:
        await provoke(bench)
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        sandbox = await bench.create(node_spec(bench, hoard, memory_mib=128, tmp_mib=700))
        free_mib = int(await first_line(sandbox))
        await sandbox.exited
        return free_mib, await sandbox.kill()

    free_mib, end = bench.run(work())
    assert 700 <= free_mib <= 742
    assert end == Exit(None, signal.SIGKILL, oom=True)


def test_what_a_stem_became_has_an_heir_of_its_own_start(bench: Workbench) -> None:
    """Files in /tmp are of the slot's uid, which no stem of another slot has."""
    leave = f"require('fs').writeFileSync('/tmp/left', 'by the first'); {TELL}"
    find = f"{SAY} say(require('fs').readFileSync('/tmp/left', 'utf8')); say({IS_STEM});"

    async def work() -> tuple[str, list[str], str]:
        await provoke(bench)
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        first = await bench.create(node_spec(bench, leave))
        was = await first_line(first)
        await first.exited
        await first.kill(keep_tmp=True)
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        spec = node_spec(bench, f"{find} process.exit(0);", heir_of=first.environment_id)
        heir = await bench.create(spec)
        found = await bench.output(heir)
        await heir.kill()
        return was, found.splitlines(), await told_with_stems(bench, node_spec(bench, TELL))

    assert bench.run(work()) == ("stem", ["by the first", "false"], "stem")


@pytest.mark.parametrize("victim", ["stem", "shell"])
def test_a_stem_that_is_lost_is_replaced_after_the_next_start(
    bench: Workbench, victim: str
) -> None:
    async def work() -> list[str]:
        await provoke(bench)
        shells = []
        for pid in await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems):
            processes = _beside(bench, pid)
            shells.append(processes["shell"])
            os.kill(processes[victim], signal.SIGKILL)
        while descendants(jail_of(bench).outer_pid).intersection(shells):
            await asyncio.sleep(0.02)  # until the jailer has seen their end
        first = await told(bench, node_spec(bench, TELL))
        return [first, await told_with_stems(bench, node_spec(bench, TELL))]

    assert bench.run(work()) == ["ordinary", "stem"]


@pytest.mark.parametrize("prepared", ["a stem of Node", "a stem that waits", "a spare shell"])
def test_what_ends_just_before_it_is_taken_is_replaced(tier: Any, prepared: str) -> None:
    """The jailer is asked for a sandbox before it can see that what it has for it is dead."""
    node = prepared == "a stem of Node"
    stems = 0 if prepared == "a spare shell" else DEFAULT_LIMITS.stems
    with workbench(tier, limits=replace(DEFAULT_LIMITS, stems=stems)) as bench:

        def spec() -> SandboxSpec:
            if node:
                return node_spec(bench, TELL)
            return bench.spec(command_pack("/bin/sh", "-c", "echo ordinary"), bench.code(""))

        async def work() -> str:
            await told(bench, spec())
            await eventually_waiting(bench.driver, stems)
            jailer, victims = _jailer_and_first_processes(bench)
            os.kill(jailer, signal.SIGSTOP)
            try:
                creating = asyncio.ensure_future(bench.create(spec()))
                await asyncio.sleep(0)  # it asks
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                while any(Path(f"/proc/{pid}").exists() for pid in victims):
                    await asyncio.sleep(0.01)
            finally:
                os.kill(jailer, signal.SIGCONT)
            sandbox = await creating
            line = await first_line(sandbox)
            await sandbox.kill()
            return line

        assert bench.run(work(), 60) == "ordinary"


def test_what_ends_while_it_is_told_is_replaced(tier: Any) -> None:
    """It has taken the order with it."""
    with workbench(tier, limits=replace(DEFAULT_LIMITS, stems=0)) as bench:
        pack = command_pack("/bin/sh", "-c", "echo ordinary")

        async def work() -> str:
            await told(bench, bench.spec(pack, bench.code("")))
            victims: list[int] = []
            while len(victims) < DEFAULT_LIMITS.spare_shells:
                await asyncio.sleep(0.02)
                _, victims = _jailer_and_first_processes(bench)
            for pid in victims:
                os.kill(pid, signal.SIGSTOP)
            creating = asyncio.ensure_future(bench.create(bench.spec(pack, bench.code(""))))
            # The jailer has done what it was asked before it does this.
            later = await bench.python("print(1)")
            assert not creating.done()
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            sandbox = await creating
            line = await first_line(sandbox)
            await sandbox.kill()
            await later.kill()
            return line

        assert bench.run(work(), 60) == "ordinary"


def _jailer_and_first_processes(bench: Workbench) -> tuple[int, list[int]]:
    """The jailer, and what waits in each shell to become a function."""
    jailer, first = 0, []
    for pid in descendants(jail_of(bench).outer_pid):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/status").read_text()
            own = text.partition("NSpid:")[2].split("\n")[0].split()
            jailer = pid if len(own) == 2 and own[-1] == "1" else jailer
            first += [pid] if len(own) == 3 and own[-1] == "2" else []
    return jailer, first


COMMAND_LOOK = r"""
cd /proc/$$
while read -r line; do  # by the shell itself: its signals are blocked while it forks
  case $line in
    State*|SigQ*|Vm*|Rss*|Hugetlb*|voluntary*|nonvoluntary*|Uid*|Gid*|Groups*|Mems_*|x86_*) ;;
    *) echo "$line" ;;
  esac
done <status
cat limits cgroup cmdline comm environ
cut -d' ' -f5,6 mountinfo | sort
for fd in fd/*; do echo "$fd $(readlink $fd | tr -d 0-9)"; done
readlink cwd exe root
set -- /proc/[0-9]*; echo $#
cat net/tcp net/tcp6 net/unix | wc -l
"""


def test_a_command_cannot_tell_who_waited_for_it(bench: Workbench) -> None:
    """All that the kernel shows of a process is as in one whose zygote's child executed it."""
    layer = bench.folder / "layer"
    layer.mkdir(mode=0o755)
    (layer / "mine").write_text("of the layer")
    variables = {"PATH": "/usr/bin:/bin", "EMPTY": "", "MINE": "é\n="}

    def spec() -> SandboxSpec:
        pack = command_pack("/bin/sh", "-c", f"{COMMAND_LOOK} cat /opt/mine", "", "two words")
        layers = (layer,)
        return bench.spec(pack, bench.code(""), variables=variables, layer_dirs=layers, tmp_mib=700)

    async def look() -> tuple[str, set[int]]:
        before = set(waiting(bench.driver))
        sandbox = await bench.create(spec())
        text = await bench.output(sandbox)
        assert (await sandbox.kill()) == Exit(0, None)
        return text, {pid for pid in before if not Path(f"/proc/{pid}").exists()}

    async def work() -> tuple[Any, Any]:
        ordinary = await look()
        await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
        return ordinary, await look()

    (ordinary, none), (text, taken) = bench.run(work())
    assert (len(none), len(taken)) == (0, 1)
    assert "of the layer" in ordinary
    assert text == ordinary


def test_the_jailer_comes_home(bench: Workbench) -> None:
    """From each stem that it furnishes."""

    async def work() -> tuple[list[str], list[str]]:
        jailer, _ = _jailer_and_first_processes(bench)
        names = ("ns/mnt", "ns/pid", "ns/net", "root")
        before = [os.readlink(f"/proc/{jailer}/{name}") for name in names]
        await provoke(bench)
        assert await told_with_stems(bench, node_spec(bench, TELL)) == "stem"
        return before, [os.readlink(f"/proc/{jailer}/{name}") for name in names]

    before, after = bench.run(work())
    assert after == before


def _beside(bench: Workbench, stem: int) -> dict[str, int]:
    """The processes of a stem's shell."""
    own = os.readlink(f"/proc/{stem}/ns/pid")
    numbers = {}
    for pid in descendants(jail_of(bench).outer_pid):
        with contextlib.suppress(OSError):  # it has just ended
            if os.readlink(f"/proc/{pid}/ns/pid") == own:
                text = Path(f"/proc/{pid}/status").read_text()
                numbers[int(text.partition("NSpid:")[2].split("\n")[0].split()[-1])] = pid
    assert sorted(numbers) == [1, 2], "somebody waits with the stem"
    return {"shell": numbers[1], "stem": numbers[2]}


@pytest.mark.parametrize("change", [{"stems_memory_percent": 100}, {"stems": 0}])
def test_without_memory_to_spare_there_is_none(tier: Any, change: dict[str, int]) -> None:
    limits = replace(DEFAULT_LIMITS, **change)
    with workbench(tier, limits=limits) as bench:

        async def work() -> list[str]:
            found = [await told(bench, node_spec(bench, TELL)) for _ in range(3)]
            return [*found, *map(str, waiting(bench.driver))]

        assert bench.run(work()) == ["ordinary"] * 3


def test_unused_ones_end(tier: Any) -> None:
    limits = replace(DEFAULT_LIMITS, stems_idle_s=3.0)
    with workbench(tier, limits=limits) as bench:

        async def work() -> str:
            await provoke(bench)
            await eventually_waiting(bench.driver, DEFAULT_LIMITS.stems)
            await eventually_waiting(bench.driver, 0)
            return await told(bench, node_spec(bench, TELL))

        assert bench.run(work(), 60) == "ordinary"
