"""A world for functions to connect to: `python -m support.egress_world SOURCE REACH [CIDR ...]`.

Runs in network and mount namespaces of its own. On the other side of a cable are a machine with a
public, a private and a metadata address, each serving TCP on port 80, and a name server. SOURCE is
run as a function; what it assigns to `seen` is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from lambdad.sandbox.driver import Egress, Reach
from support.real_sandboxes import NAMESPACE_TIERS, workbench

PUBLIC, PRIVATE, METADATA, OURS = "1.1.1.2", "10.7.7.7", "169.254.169.254", "1.1.1.1"
BIG_BYTES = 8 * 1024 * 1024


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def other_side() -> None:
    """Be the machine at the other end; the cable arrives before standard input ends."""
    sys.stdin.read()
    ip("link", "set", "lo", "up")
    ip("link", "set", "far", "up")
    for address in (PUBLIC, PRIVATE, METADATA):
        ip("address", "add", f"{address}/24", "dev", "far")
    for address in (PUBLIC, PRIVATE, METADATA):
        threading.Thread(target=serve, args=(address,), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
        names.bind((PUBLIC, 53))
        print("ready", flush=True)
        while True:
            query, asker = names.recvfrom(512)
            names.sendto(answer_to(query), asker)


def serve(address: str) -> None:
    """Upper-case what arrives, in order, until the client has said all."""
    with socket.create_server((address, 80)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=echo, args=(connection,), daemon=True).start()


def echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65_536):
            connection.sendall(data.upper())


def answer_to(query: bytes) -> bytes:
    """Every name's A record is PUBLIC; there are no others."""
    wants_address = query[12:].partition(b"\0")[2][:2] == b"\0\x01"
    count = b"\0\x01" if wants_address else b"\0\0"
    question = query[12 : query.index(b"\0", 12) + 5]
    record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton(PUBLIC)
    head = query[:2] + b"\x81\x80\0\x01" + count + b"\0\0\0\0"
    return head + question + (record if wants_address else b"")


@contextlib.contextmanager
def world() -> Iterator[None]:
    """A cable to the other side, and its name server as ours."""
    command = ["unshare", "--net", sys.executable, "-m", "support.egress_world"]
    far = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert far.stdin is not None
    assert far.stdout is not None
    try:
        ip("link", "set", "lo", "up")
        ip("link", "add", "near", "type", "veth", "peer", "name", "far")
        while os.readlink(f"/proc/{far.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            os.sched_yield()
        ip("link", "set", "far", "netns", str(far.pid))
        ip("address", "add", f"{OURS}/24", "dev", "near")
        ip("link", "set", "near", "up")
        ip("route", "add", "default", "via", PUBLIC)
        far.stdin.close()
        assert far.stdout.readline() == b"ready\n"
        with tempfile.NamedTemporaryFile("w") as resolv:
            resolv.write(f"nameserver {PUBLIC}\n")
            resolv.flush()
            os.chmod(resolv.name, 0o644)
            target = os.path.realpath("/etc/resolv.conf")
            subprocess.run(["mount", "--bind", resolv.name, target], check=True)
            with socket.create_server(("0.0.0.0", 8080)):
                yield
    finally:
        far.kill()
        far.wait()


def main(source: str, reach: str, *opened: str) -> None:
    with (
        world(),
        workbench(NAMESPACE_TIERS[0], egress=Egress(Reach(reach), opened)) as bench,
    ):
        print(json.dumps(bench.look(source)))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        other_side()
    else:
        main(*sys.argv[1:])
