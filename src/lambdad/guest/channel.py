"""Messages with file descriptors over a SOCK_SEQPACKET socket.

One packet is one JSON object plus its fds: atomic, so that several processes may write into one
socket. Runs in zygotes: standard library only, Python 3.8 and later.
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any

MESSAGE_BYTES = 1 << 16
MESSAGE_FDS = 32


_encode = json.JSONEncoder(separators=(",", ":")).encode


class ChannelClosed(Exception):
    """The other side is gone."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, both close-on-exec."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message. Raises BlockingIOError when the buffer of a non-blocking socket is full,
    ChannelClosed when nobody listens."""
    packet = _encode(message).encode()
    if len(packet) > MESSAGE_BYTES:
        raise ValueError("message of %d bytes" % len(packet))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sock.sendmsg([packet], rights)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ChannelClosed(str(error)) from error


def receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """One message and its fds (close-on-exec; the caller owns them). Raises ChannelClosed."""
    fds: array.array[int] = array.array("i")
    room = socket.CMSG_SPACE(MESSAGE_FDS * fds.itemsize)
    try:
        packet, ancillary, flags, _ = sock.recvmsg(MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError as error:
        raise ChannelClosed(str(error)) from error
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not packet:
        raise ChannelClosed("end of file")
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_all(fds)
        raise ValueError("message or its fds cut off")
    return json.loads(packet.decode()), list(fds)


def close_all(fds: Iterable[int]) -> None:
    """Close fds that are no longer needed."""
    for fd in fds:
        os.close(fd)
