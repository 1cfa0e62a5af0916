"""What every driver keeps, whatever its tier."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from lambdad.sandbox.driver import Exit, Sandbox, SandboxError
from support.packs import command_pack, python_pack
from support.real_sandboxes import (
    ALL_TIERS,
    WITHOUT_NAMESPACES,
    Workbench,
    drain,
    eventually,
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
    async def work() -> tuple[bytes, str]:
        sandbox = await bench.shell("while :; do echo tick; sleep 0.01; done")
        await first_line(sandbox)
        sandbox.freeze()
        await asyncio.sleep(0.05)
        drain(sandbox.output_fd)
        await asyncio.sleep(0.15)
        while_frozen = drain(sandbox.output_fd)
        sandbox.thaw()
        line = await first_line(sandbox)
        await sandbox.kill()
        return while_frozen, line

    assert bench.run(work()) == (b"", "tick")


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


def test_nothing_is_left_of_sandboxes(bench: Workbench) -> None:
    """Not one fd, process, mount or control group more than before."""

    async def work() -> None:
        sandboxes = [await bench.python(IDLE) for _ in range(4)]
        sandboxes += [await bench.shell("sleep 65 & exit 0") for _ in range(4)]
        await asyncio.gather(*(sandbox.kill() for sandbox in sandboxes))
        await asyncio.sleep(0.1)

    bench.run(work())
    bench.run(asyncio.sleep(0.3))
    before = traces(bench)
    bench.run(work())
    assert eventually(lambda: traces(bench) == before), (before, traces(bench))
