"""What every driver keeps, whatever its tier."""

from __future__ import annotations

import asyncio
import resource
import socket
from pathlib import Path

import pytest

from lambdad.sandbox.driver import Exit, Sandbox, SandboxError
from support.packs import command_pack, python_pack
from support.patience import wait_for
from support.real_sandboxes import (
    ALL_TIERS,
    WITHOUT_NAMESPACES,
    Workbench,
    drain,
    first_line,
    tier_id,
    traces,
)

pytestmark = pytest.mark.parametrize("bench", ALL_TIERS, ids=tier_id, indirect=True)

IDLE = "def handler(event, context): return event\n"


async def next_request(sandbox: Sandbox) -> tuple[socket.socket, bytes]:
    """The connection and head of the first Runtime API request."""
    loop = asyncio.get_running_loop()
    connection, _ = await loop.sock_accept(sandbox.runtime_listener)
    connection.setblocking(False)
    return connection, await loop.sock_recv(connection, 65_536)


def test_a_python_function_asks_for_its_first_event(bench: Workbench) -> None:
    async def work() -> bytes:
        sandbox = await bench.python(IDLE)
        connection, head = await next_request(sandbox)
        connection.close()
        await sandbox.kill()
        return head

    assert bench.run(work()).startswith(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n")


def test_a_python_function_answers_an_event(bench: Workbench) -> None:
    event = (
        b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\n"
        b"Lambda-Runtime-Deadline-Ms: 99999999999999\r\nContent-Type: application/json\r\n"
        b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:f\r\n"
        b'Content-Length: 7\r\n\r\n{"a":1}'
    )

    async def work() -> bytes:
        loop = asyncio.get_running_loop()
        sandbox = await bench.python(IDLE)
        connection, _ = await next_request(sandbox)
        await loop.sock_sendall(connection, event)
        # The client may answer on the same connection or on a new one.
        fresh = asyncio.ensure_future(next_request(sandbox))
        same = asyncio.ensure_future(loop.sock_recv(connection, 65_536))
        await asyncio.wait([fresh, same], return_when=asyncio.FIRST_COMPLETED)
        answer = same.result() if same.done() and same.result() else (await fresh)[1]
        fresh.cancel()
        await sandbox.kill()
        connection.close()
        return answer

    answer = bench.run(work())
    assert answer.startswith(b"POST /2018-06-01/runtime/invocation/r-1/response HTTP/1.1\r\n")


def test_output_arrives_line_by_line(bench: Workbench) -> None:
    async def work() -> tuple[str, str]:
        sandbox = await bench.shell("echo one; echo two >&2; sleep 60")
        lines = await first_line(sandbox), await first_line(sandbox)
        await sandbox.kill()
        return lines

    assert bench.run(work()) == ("one", "two")


def test_the_environment_is_exactly_the_specified_one(bench: Workbench) -> None:
    variables = {"PATH": "/usr/bin:/bin", "GREETING": "grüß dich\n=", "EMPTY": "", "A_B": "x"}
    # The shell adds PWD, the driver may add what its own parts need.
    _, text = bench.ends(bench.shell("exec env -0", variables=variables))
    seen = dict(entry.split("=", 1) for entry in text.split("\0") if entry)
    added = {"PWD", "_LAMBDA_TELEMETRY_LOG_FD"}
    if bench.driver.tier in WITHOUT_NAMESPACES:
        added |= {"AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL", "LAMBDA_TASK_ROOT", "TMPDIR"}
    assert {name: value for name, value in seen.items() if name not in added} == variables


def test_python_variables_are_visible_before_the_handler_is_imported(bench: Workbench) -> None:
    variables = bench.spec(python_pack(), Path()).variables
    seen = bench.look(
        "import os\nseen = [os.environ['WORD'], os.environ.get('NOT_THERE'), os.getcwd()]",
        variables={**variables, "WORD": "hello"},
    )
    assert seen[:2] == ["hello", None]
    assert Path(seen[2]).name == "task" or bench.driver.tier in WITHOUT_NAMESPACES


def test_the_limits_of_a_process_are_aws_s(bench: Workbench) -> None:
    """Or the machine's own, where those are lower."""
    source = (
        "import resource as r\n"
        "seen = [r.getrlimit(what) for what in (r.RLIMIT_NOFILE, r.RLIMIT_MEMLOCK)]"
    )
    ceiling = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    locked = 64 << 20 if ceiling == resource.RLIM_INFINITY else min(64 << 20, ceiling)
    assert bench.look(source) == [[1024, 1024], [locked, locked]]


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_arrives(bench: Workbench, code: int) -> None:
    end, _ = bench.ends(bench.shell(f"exit {code}"))
    assert end == Exit(code, None)


def test_the_signal_arrives(bench: Workbench) -> None:
    end, _ = bench.ends(bench.python("import os, signal\nos.abort()"))
    assert end == Exit(None, 6)


def test_a_function_that_leaves_ends_with_its_code(bench: Workbench) -> None:
    end, text = bench.ends(bench.python("import sys\nprint('bye')\nsys.exit(3)"))
    assert end == Exit(3, None)
    assert text == "bye\n"


def test_kill_ends_everything_and_may_be_repeated(bench: Workbench) -> None:
    async def work() -> tuple[Exit, Exit, Exit]:
        sandbox = await bench.shell("sleep 61 & sleep 61 & echo ready; wait")
        await first_line(sandbox)
        first = await sandbox.kill()
        return first, await sandbox.kill(), sandbox.exited.result()

    first, second, exited = bench.run(work())
    assert first == second == exited == Exit(None, 9)


def test_two_kills_at_once(bench: Workbench) -> None:
    async def work() -> list[Exit]:
        sandbox = await bench.shell("sleep 62")
        return await asyncio.gather(sandbox.kill(), sandbox.kill())

    assert bench.run(work()) == [Exit(None, 9)] * 2


def test_freezing_stops_and_thawing_continues(bench: Workbench) -> None:
    async def work() -> str:
        sandbox = await bench.shell("while :; do echo tick; sleep 0.01; done")
        await first_line(sandbox)
        sandbox.freeze()
        while drain(sandbox.output_fd):  # until it stands still, which the kernel does in its time
            await asyncio.sleep(0.15)
        sandbox.thaw()
        line = await first_line(sandbox)
        await sandbox.kill()
        return line

    assert bench.run(work()) == "tick"


def test_a_frozen_environment_can_be_killed(bench: Workbench) -> None:
    async def work() -> Exit:
        sandbox = await bench.shell("echo ready; sleep 63")
        await first_line(sandbox)
        sandbox.freeze()
        await asyncio.sleep(0.02)
        return await sandbox.kill()

    assert bench.run(work()) == Exit(None, 9)


def test_freezing_something_that_has_ended_is_no_error(bench: Workbench) -> None:
    async def work() -> None:
        sandbox = await bench.shell("exit 0")
        await sandbox.exited
        sandbox.freeze()
        sandbox.thaw()
        await sandbox.kill()
        sandbox.freeze()
        sandbox.thaw()

    bench.run(work())


def test_the_memory_peak_grows_and_stays(bench: Workbench) -> None:
    async def work() -> tuple[int, int]:
        source = "big = bytearray(60 << 20)\ndel big\nprint('done', flush=True)\n" + IDLE
        sandbox = await bench.python(source)
        await first_line(sandbox)
        peak = sandbox.memory_peak_bytes()
        await sandbox.kill()
        return peak, sandbox.memory_peak_bytes()

    peak, after = bench.run(work())
    assert 60 << 20 < peak < 160 << 20
    assert after >= peak


def test_many_at_once(bench: Workbench) -> None:
    async def work() -> list[str]:
        sandboxes = await asyncio.gather(*(bench.shell(f"echo {n}; sleep 64") for n in range(12)))
        lines = [await first_line(sandbox) for sandbox in sandboxes]
        await asyncio.gather(*(sandbox.kill() for sandbox in sandboxes))
        return lines

    assert bench.run(work()) == [str(number) for number in range(12)]


def test_a_command_that_does_not_exist(bench: Workbench) -> None:
    """Reported as a driver can: by a refusal, or as a shell does."""

    async def work() -> str:
        pack = command_pack("/no/such/bootstrap")
        try:
            sandbox = await bench.create(bench.spec(pack, bench.code("")))
        except SandboxError as error:
            return str(error)
        text = await bench.output(sandbox)
        return text if await sandbox.kill() == Exit(127, None) else ""

    assert "/no/such/bootstrap" in bench.run(work())


def test_code_that_is_not_there_is_reported(bench: Workbench) -> None:
    spec = bench.spec(python_pack(), bench.folder / "not-there")
    with pytest.raises(SandboxError):
        bench.run(bench.driver.create(spec))


WRITE = """
import os, sys
os.chdir(os.environ.get("TMPDIR", "/tmp"))
os.mkdir("mine")
open("mine/file", "w").write("kept")
os.symlink("/etc/passwd", "link")
os.link("mine/file", "second")
os.chmod("mine", 0)
"""
READ = """
import os, sys
os.chdir(os.environ.get("TMPDIR", "/tmp"))
os.chmod("mine", 0o700)
owner = os.lstat("link").st_uid == os.getuid()
found = open("mine/file").read(), owner, os.stat("second").st_nlink
os.remove("mine/file")
print(*found, flush=True)
"""


def test_an_heir_has_the_files_of_an_environment_that_has_ended(bench: Workbench) -> None:
    """However it ended, and again when the heir leaves it to another."""

    async def life(how: str) -> tuple[str, str]:
        first = await bench.python(WRITE + "print('written', flush=True)\n" + how)
        assert await first_line(first) == "written"
        await first.kill(keep_tmp=True)
        second = await bench.python(READ + IDLE, heir_of=first.environment_id)
        found = await first_line(second)
        await second.kill(keep_tmp=True)
        look = "import os\nos.chdir(os.environ.get('TMPDIR', '/tmp'))\n"
        look += "print(sorted(os.listdir()), os.listdir('mine'), flush=True)\n"
        third = await bench.python(look + IDLE, heir_of=second.environment_id)
        return found, await first_line(third)

    for how in (IDLE, "sys.exit(1)", "os.abort()", "while True: pass"):
        found, left = bench.run(life(how))
        assert found == "kept True 2"
        assert left == "['link', 'mine', 'second'] []"


def test_tmp_is_new_without_an_inheritance(bench: Workbench) -> None:
    look = "import os\nprint(os.listdir(os.environ.get('TMPDIR', '/tmp')), flush=True)\n" + IDLE

    async def work() -> list[str]:
        seen = []
        for keep, discard in ((False, False), (True, True)):
            first = await bench.python(WRITE + "print('written', flush=True)\n" + IDLE)
            await first_line(first)
            await first.kill(keep_tmp=keep)
            if discard:
                bench.driver.discard(first.environment_id)
                bench.driver.discard(first.environment_id)
            second = await bench.python(look, heir_of=first.environment_id)
            seen.append(await first_line(second))
            await second.kill()
        return seen

    if bench.driver.tier in WITHOUT_NAMESPACES:
        look = look.replace("'/tmp'", "''")
    assert bench.run(work()) == ["[]", "[]"]


def test_sigterm_reaches_the_main_process(bench: Workbench) -> None:
    async def work() -> tuple[Exit, str]:
        sandbox = await bench.shell("trap 'echo told; exit 7' TERM; echo ready; sleep 66 & wait")
        await first_line(sandbox)
        sandbox.terminate()
        text = await bench.output(sandbox)
        sandbox.terminate()
        return await sandbox.kill(), text

    assert bench.run(work()) == (Exit(7, None), "told\n")


def test_connections_go_to_what_listens_inside_and_nowhere_else(bench: Workbench) -> None:
    """A port of the host is not one of the function's, whoever connects."""
    if not bench.driver.tier.connects_inside:
        return
    listens = (
        "import os, socket\nlistener = socket.create_server(('0.0.0.0', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "while True:\n    one, _ = listener.accept()\n    one.sendall(b'inside')\n"
        "    one.close()\n"
    )

    async def work() -> list[bytes]:
        loop = asyncio.get_running_loop()
        sandbox = await bench.python(listens)
        port = int(await first_line(sandbox))

        async def ask() -> bytes:
            with await sandbox.connect(port) as connection:
                return await loop.sock_recv(connection, 100)

        answers = await asyncio.gather(*(ask() for _ in range(20)))
        with socket.create_server(("0.0.0.0", 0)) as ours:
            ours.setblocking(False)
            if bench.driver.tier not in WITHOUT_NAMESPACES:
                with pytest.raises(ConnectionRefusedError):
                    await sandbox.connect(ours.getsockname()[1])
        await sandbox.kill()
        with pytest.raises(OSError):
            await sandbox.connect(port)
        return answers

    assert bench.run(work()) == [b"inside"] * 20


def test_nothing_is_left_of_sandboxes(bench: Workbench) -> None:
    """Not one fd, process, mount or control group more than before."""

    async def work() -> None:
        sandboxes = [await bench.python(IDLE) for _ in range(4)]
        sandboxes += [await bench.shell("sleep 65 & exit 0") for _ in range(4)]
        keep = [sandbox for sandbox in sandboxes if sandboxes.index(sandbox) % 2]
        await asyncio.gather(*(sandbox.kill(keep_tmp=sandbox in keep) for sandbox in sandboxes))
        heir = await bench.python(IDLE, heir_of=keep[0].environment_id)
        for sandbox in keep:
            bench.driver.discard(sandbox.environment_id)
        await heir.kill()

    bench.run(work())
    before, now = None, traces(bench)
    while before != now:  # what is made ahead is made again
        bench.run(asyncio.sleep(1))
        before, now = now, traces(bench)
    bench.run(work())
    wait_for(lambda: traces(bench), lambda found: found == before)
