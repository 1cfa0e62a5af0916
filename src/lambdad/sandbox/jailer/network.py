"""The inside of an environment's network namespace: loopback, the AWS-like address, listeners.

There is no other interface: nothing of the host and nothing of the world is reachable, except
through the listeners, on which lambdad itself answers, and the way out, where functions have one.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct

from lambdad.guest import syscalls
from lambdad.sandbox.jailer import netlink

RUNTIME_API = ("169.254.100.1", 9001)
PLATFORM = ("0.0.0.0", 4566)  # noqa: S104 - every address of a namespace that has only loopback
WAY_OUT = ("127.0.0.1", 9053)
"""Where the kernel turns connections to the world, for the relay to carry on."""
RESOLVER = (RUNTIME_API[0], 53)
LINK_LOCAL = ("169.254.0.0", 16)
"""Where clouds keep what tells a machine its secrets."""
BACKLOG = 128

_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_IFF_UP_RUNNING = 0x41


def bring_up() -> None:
    """Loopback up, with 127.0.0.1, ::1 and the Runtime API's address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING)
        fcntl.ioctl(control, _SIOCSIFFLAGS, flags)
        for request, address in (
            (_SIOCSIFADDR, RUNTIME_API[0]),
            (_SIOCSIFNETMASK, "255.255.255.255"),
        ):
            inet = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, request, struct.pack("16s16s", b"lo:1", inet))


def listen(platform: bool) -> list[socket.socket]:
    """The Runtime API's listener and, where functions may reach it, the platform's, non-blocking.
    Both on every address: SDKs take credentials from an endpoint without TLS only where that is
    127.0.0.1."""
    listeners = []
    for address in ((PLATFORM[0], RUNTIME_API[1]), PLATFORM)[: 2 if platform else 1]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        listeners.append(listener)
    return listeners


def open_way_out() -> tuple[socket.socket, socket.socket]:
    """(listener of all TCP connections to the world, DNS socket), non-blocking. Raises OSError
    where the kernel cannot redirect."""
    # The relay refuses what is link-local too, but after the kernel has accepted.
    netlink.route(socket.if_nametoindex("lo"), RUNTIME_API[0], refused=LINK_LOCAL)
    netlink.redirect_tcp(WAY_OUT[1], WAY_OUT[0], RUNTIME_API[0])
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(RESOLVER)
    resolver.setblocking(False)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(WAY_OUT)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener, resolver


def why_no_way_out() -> str | None:
    """Try to open one in a namespace that goes again with its child; None when it works."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNET)
            bring_up()
            open_way_out()
        except OSError as error:
            os.write(write, f"the kernel cannot redirect connections ({error.strerror})".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        reason = answer.read()
    os.waitpid(pid, 0)
    return reason or None
