"""The way out of an environment: the world as far as it is allowed, the host and clouds' secrets
never. Each test has a small world of its own, in namespaces of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from support.egress_world import BIG_BYTES, METADATA, OURS, PRIVATE, PUBLIC
from support.real_sandboxes import ROOT

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay the cable"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="no ip (package iproute2)"),
]

ATTEMPT = """
import contextlib, errno, socket
def attempt(host, port, data=b'hello'):
    try:
        with socket.create_connection((host, port), 5) as connection:
            connection.sendall(data)
            with contextlib.suppress(OSError):  # reset by now: the next line says how
                connection.shutdown(socket.SHUT_WR)
            answer = b''
            while part := connection.recv(65536):
                answer += part
            return answer.decode()
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else str(error)
"""


def seen(source: str, reach: str = "internet", *opened: str) -> Any:
    """What a function sees of the world."""
    command = ["unshare", "--net", "--mount", sys.executable, "-m", "support.egress_world"]
    done = subprocess.run(
        [*command, f"{ATTEMPT}\n{source}", reach, *opened],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_public_addresses_are_reached_by_name_and_by_number() -> None:
    assert seen(
        f"seen = [attempt({PUBLIC!r}, 80), attempt('anything.example', 80), "
        "socket.gethostbyname('other.example')]"
    ) == ["HELLO", "HELLO", PUBLIC]


def test_the_host_and_the_metadata_address_are_never_reached() -> None:
    """Not even where the operator opened their networks."""
    source = f"seen = [attempt(*place) for place in [({OURS!r}, 8080), ({METADATA!r}, 80)]]"
    assert seen(source, "internet", "0.0.0.0/0") == ["ECONNRESET", "EHOSTUNREACH"]


def test_no_connection_is_even_begun_to_link_local_addresses() -> None:
    source = (
        "def begun(family, *place):\n"
        "    with socket.socket(family, socket.SOCK_STREAM) as connection:\n"
        "        return errno.errorcode.get(connection.connect_ex(place), 'begun')\n"
        "seen = [\n"
        "    *(begun(socket.AF_INET, a, 80) for a in ('169.254.169.254', '169.254.170.2')),\n"
        "    begun(socket.AF_INET6, '::ffff:169.254.169.254', 80),\n"
        "    begun(socket.AF_INET, '169.254.100.1', 9001),\n"
        "]"
    )
    refused = "EHOSTUNREACH"
    assert seen(source, "internet", "169.254.0.0/16") == [refused] * 3 + ["begun"]


def test_private_networks_are_reached_where_they_are_opened() -> None:
    source = f"seen = attempt({PRIVATE!r}, 80)"
    assert seen(source) == "ECONNRESET"
    assert seen(source, "internet", "10.0.0.0/8") == "HELLO"


def test_a_closed_port_is_an_error_and_ends_soon() -> None:
    assert seen(f"seen = attempt({PUBLIC!r}, 81)") == "ECONNRESET"


def test_much_data_in_both_directions_at_once() -> None:
    """More than every buffer on the way holds: back-pressure, and nothing is lost."""
    assert seen(
        "import threading\n"
        f"connection = socket.create_connection(({PUBLIC!r}, 80), 20)\n"
        f"data = bytes(range(97, 123)) * ({BIG_BYTES} // 26)\n"
        "sender = threading.Thread(target=lambda: (connection.sendall(data), "
        "connection.shutdown(socket.SHUT_WR)))\n"
        "sender.start()\n"
        "answer = b''.join(iter(lambda: connection.recv(65536), b''))\n"
        "seen = answer == data.upper()"
    )


def test_connections_are_bounded() -> None:
    """What is over the bound is refused, and there is room again when others end."""
    held, late, after = seen(
        f"held = [socket.create_connection(({PUBLIC!r}, 80), 5) for _ in range(256)]\n"
        "for connection in held:\n"
        "    connection.sendall(b'x')\n"
        "answers = sum(connection.recv(1) == b'X' for connection in held)\n"
        f"late = attempt({PUBLIC!r}, 80)\n"
        "for connection in held:\n"
        "    connection.close()\n"
        "import time\n"
        "for _ in range(100):\n"
        f"    after = attempt({PUBLIC!r}, 80)\n"
        "    if after == 'HELLO':\n"
        "        break\n"
        "    time.sleep(0.05)\n"
        "seen = [answers, late, after]"
    )
    assert (held, late, after) == (256, "ECONNRESET", "HELLO")


def test_the_relay_itself_is_no_way_to_the_host() -> None:
    """Spoken to directly it knows no destination."""
    assert seen("seen = attempt('127.0.0.1', 9053)") == "ECONNRESET"


@pytest.mark.parametrize("reach", ["platform", "none"])
def test_without_egress_nothing_is_reached(reach: str) -> None:
    source = (
        f"seen = [attempt({PUBLIC!r}, 80), attempt({PRIVATE!r}, 80)]\n"
        "try:\n    socket.gethostbyname('other.example')\n    seen.append('resolved')\n"
        "except OSError:\n    seen.append('unknown')"
    )
    assert seen(source, reach) == ["ENETUNREACH", "ENETUNREACH", "unknown"]


def test_the_platform_is_closed_where_nothing_is_to_be_reached() -> None:
    source = "seen = attempt('169.254.100.1', 4566)"
    assert seen(source, "none") == "ECONNREFUSED"
