"""SnapStart templates: init runs once per version, environments are forked from behind it."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from lambdad.functions.names import FunctionKey
from lambdad.functions.snapshot import FunctionVersion
from lambdad.invoke.pool import FunctionPool
from lambdad.invoke.snapshots import Snapshots
from lambdad.sandbox.driver import Tier
from support.functions import Bench, make_packs, run
from support.patience import until
from support.real_sandboxes import NEEDS_TEMPLATES

from .conftest import OpenBench

pytestmark = [
    NEEDS_TEMPLATES,
    pytest.mark.parametrize("tier", [Tier.NAMESPACES], ids=["A-namespaces-as-root"]),
]

SOURCE = """
import os, random, secrets, signal, ssl, sys, time, uuid
from snapshot_restore_py import register_after_restore
print('init runs')
held = []
hooks = []
released = []
signal.signal(signal.SIGTERM, lambda *_: released.append(True))
register_after_restore(lambda: hooks.append(os.getuid()))
os.environ['SET_BY_INIT'] = 'yes'
init = {'uuid': str(uuid.uuid4()), 'time': time.time_ns(), 'random': random.random()}
def handler(event, context):
    seen = {'tmp': os.listdir('/tmp'), 'held': list(held)}
    held.append(event['name'])
    open('/tmp/' + event['name'], 'w').close()
    while event.get('hold') and not released:
        time.sleep(0.01)
    return {
        'init': init, 'seen': seen, 'hooks': hooks, 'uid': os.getuid(),
        'env': dict(os.environ), 'pid': os.getpid(), 'cwd': os.getcwd(),
        'unique': {
            'random': random.random(), 'uuid1': str(uuid.uuid1()), 'uuid4': str(uuid.uuid4()),
            'node': uuid.uuid1().node, 'secrets': secrets.token_hex(),
            'ssl': ssl.RAND_bytes(16).hex(),
        },
    }
"""


async def publish(on: Bench, source: str, **changes: Any) -> tuple[FunctionVersion, FunctionPool]:
    changes = {"version": "1", "snap_start": True, "timeout_s": 20} | changes
    version = on.python(source, **changes)
    snapshots = Snapshots(on.fleet, make_packs(on.folder / "packs"), on.catalog)
    key = FunctionKey(version.account, version.region, version.name)
    assert await snapshots.make(key, version.version) is None
    return version, on.fleet.pools[version.deployment_id]


async def at_once(on: Bench, version: FunctionVersion, amount: int) -> list[Any]:
    """The answers of so many environments; none of them runs twice."""
    events = [{"name": f"n{number}", "hold": True} for number in range(amount)]
    calls = asyncio.gather(*(on.answer(version, event) for event in events))
    members = on.fleet.pools[version.deployment_id].members
    await until(lambda: sum(each.running is not None for each in members) == amount)
    for each in members:
        if each.running is not None:
            each._boot.terminate()
    return await calls


FAILING = """
import os
print('init runs')
runs = 0
def handler(event, context):
    global runs
    runs += 1
    seen = [runs, os.listdir('/tmp')]
    open('/tmp/mine', 'w').close()
    if event == 'exit':
        os._exit(3)
    return seen
"""


def test_after_a_run_that_failed_another_one_is_forked(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, _ = await publish(on, FAILING)
            before = await on.answer(version, "stay")
            result = await on.invoke(version, "exit")
            assert result.function_error is not None
            after = await on.answer(version, "stay")
            assert before == after == [1, []]
            text = on.log.text(version.name)
            assert text.count("init runs") == 1
            assert text.count("RESTORE_REPORT") == 2

    run(scenario())


def test_a_burst_is_restored_from_one_init(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, _ = await publish(on, SOURCE)
            answers = await at_once(on, version, 20)
            assert len({answer["uid"] for answer in answers}) == 20
            assert len({str(answer["init"]) for answer in answers}) == 1
            for what in answers[0]["unique"]:
                assert len({answer["unique"][what] for answer in answers}) == 20, what
            for answer in answers:
                assert answer["seen"] == {"tmp": [], "held": []}
                assert answer["hooks"] == [answer["uid"]]
                assert (answer["pid"], answer["cwd"]) == (2, "/var/task")
            text = on.log.text(version.name)
            assert text.count("init runs") == 1
            assert text.count("INIT_START") == 1
            restored = re.findall(
                r"REPORT RequestId: .*\tRestore Duration: \S+ ms\tBilled Restore Duration: \d+ ms",
                text,
            )
            assert len(restored) == 20
            assert "Init Duration" not in text[text.index("RESTORE_START") :]
            assert "ordinary" not in text
            again = await on.answer(version, {"name": "again"})
            assert len(again["seen"]["tmp"]) == 1, "its own of before"
            assert again["seen"]["held"] == again["seen"]["tmp"]

    run(scenario())


def test_variables_are_each_environments_own(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, _ = await publish(on, SOURCE, environment={"OWN": "1"})
            one, two = [answer["env"] for answer in await at_once(on, version, 2)]
            assert one["SET_BY_INIT"] == two["SET_BY_INIT"] == "yes"
            differing = {name for name in one if one[name] != two.get(name)}
            assert differing - {"_X_AMZN_TRACE_ID"} == {"AWS_CONTAINER_AUTHORIZATION_TOKEN"}

    run(scenario())


NOT_ELIGIBLE = [
    pytest.param(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "its init started threads",
        id="thread",
    ),
    pytest.param(
        "import socket\ns = socket.socket()\n", "its init left a socket open", id="socket"
    ),
    pytest.param("import os\np = os.pipe()\n", "its init left a pipe open", id="pipe"),
    pytest.param(
        "import select\ne = select.epoll()\n",
        "its init left an object of the kernel open",
        id="epoll",
    ),
    pytest.param("f = open('/etc/passwd')\n", "its init left a file open", id="file"),
    pytest.param(
        "import subprocess\np = subprocess.Popen(['sleep', '60'])\n",
        "its init left processes behind",
        id="process",
    ),
    pytest.param(
        "import mmap\nm = mmap.mmap(-1, 4096)\n", "its init shares memory", id="shared memory"
    ),
    pytest.param("open('/tmp/x', 'w').close()\n", "its init left files in /tmp", id="tmp"),
]


@pytest.mark.parametrize(("init", "reason"), NOT_ELIGIBLE)
def test_what_cannot_be_forked_runs_its_own_init(bench: OpenBench, init: str, reason: str) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, init + SOURCE)
            assert pool.template.environment is None
            note = f"[lambdad] SnapStart: each environment runs its own init, because {reason}.\n"
            assert on.log.text(version.name).count(note) == 1
            answers = await at_once(on, version, 2)
            assert len({str(answer["init"]) for answer in answers}) == 2
            text = on.log.text(version.name)
            assert text.count(note) == 1
            assert (
                f"an ordinary start, because none of its environments was prepared at this "
                f"moment, and none can be forked: {reason}.\n" in text
            )

    run(scenario())


def test_a_variable_that_acts_at_the_start_of_an_interpreter(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, SOURCE, environment={"PYTHONHASHSEED": "1"})
            assert pool.template.environment is None
            assert "because its variables or its wrapper need" in on.log.text(version.name)
            await on.answer(version, {"name": "x"})

    run(scenario())


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(7)", b"exit status 7"), ("os.kill(os.getpid(), 9)", b"signal: killed")],
)
def test_how_an_environment_ends_is_told(bench: OpenBench, end: str, told: bytes) -> None:
    source = f"import os\ndef handler(event, context):\n    {end}\n"

    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, source)
            assert told in (await on.invoke(version)).payload
            assert pool.template.environment is not None, "that concerns its environment only"

    run(scenario())


def test_the_memory_limit_is_each_environments_own(bench: OpenBench) -> None:
    source = (
        "def handler(event, context):\n"
        "    if event == 'more':\n"
        "        return len(bytearray(200 << 20))\n"
        "    return 'fine'\n"
    )

    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, source, memory_mib=128)
            result = await on.invoke(version, "more")
            assert b"Runtime.OutOfMemory" in result.payload
            assert pool.template.environment is not None
            assert await on.answer(version, "less") == "fine"
            assert "ordinary start" not in on.log.text(version.name)

    run(scenario())


def test_memory_that_is_short_ends_the_template_and_another_is_made(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            version, pool = await publish(on, SOURCE)
            assert on.fleet.environments == 2
            assert on.fleet.shelf.give_up()
            assert pool.template.environment is None
            first = await on.answer(version, {"name": "one"})
            assert "an ordinary start, because none of its environments was" in on.log.text(
                version.name
            )
            await until(lambda: pool.template.environment is not None and pool.standing.idle)
            made = [answer["init"] for answer in await at_once(on, version, 3)]
            assert first["init"] in made, "it is still warm"
            assert len({str(init) for init in made}) == 2

    run(scenario())


def test_the_template_sees_the_versions_layers(bench: OpenBench) -> None:
    async def scenario() -> None:
        async with bench() as on:
            layers = []
            for name in ("one", "two"):
                folder = on.folder / name / "python"
                folder.mkdir(parents=True)
                (folder / f"from_{name}.py").write_text(f"word = '{name}'\n")
                layers.append(on.folder / name)
            source = (
                "import from_one, from_two, os\n"
                "def handler(event, context):\n"
                "    return [from_one.word, from_two.word, sorted(os.listdir('/opt/python'))]\n"
            )
            version, pool = await publish(on, source, layer_dirs=tuple(layers))
            assert pool.template.environment is not None
            one, two, files = await on.answer(version)
            assert (one, two) == ("one", "two")
            assert {"from_one.py", "from_two.py"} <= set(files)

    run(scenario())
