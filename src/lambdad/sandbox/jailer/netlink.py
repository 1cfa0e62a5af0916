"""The few messages by which the kernel is told of routes and of rewriting: rtnetlink, nf_tables.

Spoken directly, so that no tool has to be installed, in the network namespace of the caller.
Owns numbers and layouts. Source: the kernel's include/uapi/linux/{netlink,rtnetlink,netfilter}*.
"""

from __future__ import annotations

import functools
import os
import socket
import struct
from collections.abc import Sequence

_NETLINK_ROUTE, _NETLINK_NETFILTER = 0, 12
_REQUEST, _ACK, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800
_NESTED = 0x8000
_ERROR = 2
_ANSWER_BYTES = 8192

_NEW_ROUTE = 24
_ROUTE_DESTINATION, _ROUTE_DEVICE, _ROUTE_SOURCE = 1, 4, 7
_MAIN_TABLE, _STATIC, _LINK_SCOPE, _EVERY_SCOPE = 254, 4, 253, 0
_UNICAST, _UNREACHABLE = 1, 7

_BATCH_BEGIN, _BATCH_END, _NFTABLES = 16, 17, 10
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = 0, 3, 6
_OUTPUT_HOOK, _BEFORE_DESTINATION_NAT = 3, -100
_NETWORK_HEADER, _IPV4_DESTINATION = 1, 16
_PROTOCOL = 16
_EQUAL, _DIFFERENT = 0, 1
_REGISTER = 1
_PORT_GIVEN = 2


Message = tuple[int, int, bytes]
"""Type, flags, content."""


def route(device: int, source: str, refused: tuple[str, int]) -> None:
    """Send everything that goes nowhere else out of a device, from this address. Connections to
    the refused network (address, bits), but for the namespace's own addresses, fail with "no route
    to host". OSError."""
    _exchange(_NETLINK_ROUTE, _routes(device, source, *refused))


def redirect_tcp(port: int, not_to_network: str, not_to: str) -> None:
    """Turn every outgoing TCP connection to a local port, but those to one /8 and to one address.
    Where it was bound for, SO_ORIGINAL_DST of the accepted socket tells. OSError."""
    _exchange(_NETLINK_NETFILTER, _redirection(port, not_to_network, not_to))


# Spelled once: it is the same for every namespace.
@functools.cache
def _routes(device: int, source: str, network: str, bits: int) -> Sequence[Message]:
    out = _attribute(_ROUTE_DEVICE, struct.pack("I", device))
    out += _attribute(_ROUTE_SOURCE, socket.inet_aton(source))
    destination = _attribute(_ROUTE_DESTINATION, socket.inet_aton(network))
    return (
        _new_route(_UNICAST, _LINK_SCOPE, 0, out),
        _new_route(_UNREACHABLE, _EVERY_SCOPE, bits, destination),
    )


def _new_route(kind: int, scope: int, bits: int, attributes: bytes) -> Message:
    header = struct.pack(
        "BBBBBBBBI", socket.AF_INET, bits, 0, 0, _MAIN_TABLE, _STATIC, scope, kind, 0
    )
    return _NEW_ROUTE, _REQUEST | _ACK | _CREATE, header + attributes


@functools.cache
def _redirection(port: int, not_to_network: str, not_to: str) -> Sequence[Message]:
    table, chain = _text(1, "lambdad"), _text(1, "lambdad")
    chain += _text(3, "out") + _text(7, "nat")
    hook = _attribute(1, _big(_OUTPUT_HOOK)) + _attribute(
        2, struct.pack(">i", _BEFORE_DESTINATION_NAT)
    )
    chain += _attribute(4 | _NESTED, hook)
    expressions = (
        _load_destination(1),
        _compare(_DIFFERENT, socket.inet_aton(not_to_network)[:1]),
        _load_destination(4),
        _compare(_DIFFERENT, socket.inet_aton(not_to)),
        _expression("meta", _attribute(2, _big(_PROTOCOL)) + _attribute(1, _big(_REGISTER))),
        _compare(_EQUAL, bytes([socket.IPPROTO_TCP])),
        _expression(
            "immediate", _attribute(1, _big(_REGISTER)) + _value(2, struct.pack(">H", port))
        ),
        _expression("redir", _attribute(1, _big(_REGISTER)) + _attribute(3, _big(_PORT_GIVEN))),
    )
    rule = _text(1, "lambdad") + _text(2, "out")
    rule += _attribute(4 | _NESTED, b"".join(_attribute(1 | _NESTED, each) for each in expressions))
    mark = struct.pack(">BBH", socket.AF_UNSPEC, 0, _NFTABLES)
    family = struct.pack(">BBH", socket.AF_INET, 0, 0)
    subsystem = _NFTABLES << 8
    return (
        (_BATCH_BEGIN, _REQUEST, mark),
        (subsystem | _NEW_TABLE, _REQUEST | _ACK | _CREATE, family + table),
        (subsystem | _NEW_CHAIN, _REQUEST | _ACK | _CREATE, family + chain),
        (subsystem | _NEW_RULE, _REQUEST | _ACK | _CREATE | _APPEND, family + rule),
        (_BATCH_END, _REQUEST, mark),
    )


def _load_destination(count: int) -> bytes:
    """The first bytes of the IPv4 destination, into the register."""
    members = (_REGISTER, _NETWORK_HEADER, _IPV4_DESTINATION, count)
    return _expression(
        "payload", b"".join(_attribute(kind, _big(value)) for kind, value in enumerate(members, 1))
    )


def _compare(operator: int, value: bytes) -> bytes:
    left = _attribute(1, _big(_REGISTER)) + _attribute(2, _big(operator))
    return _expression("cmp", left + _value(3, value))


def _expression(name: str, content: bytes) -> bytes:
    return _text(1, name) + _attribute(2 | _NESTED, content)


def _value(kind: int, value: bytes) -> bytes:
    return _attribute(kind | _NESTED, _attribute(1, value))


def _text(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _big(number: int) -> bytes:
    return struct.pack(">I", number)


def _attribute(kind: int, value: bytes) -> bytes:
    """Length, type, value, filled up to four bytes."""
    return struct.pack("HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _exchange(protocol: int, messages: Sequence[Message]) -> None:
    """Send them as one packet; every message that asks for it is acknowledged."""
    packet = b""
    for number, (kind, flags, content) in enumerate(messages):
        packet += struct.pack("IHHII", 16 + len(content), kind, flags, number, 0) + content
    expected = sum(bool(flags & _ACK) for _, flags, _ in messages)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as kernel:
        kernel.sendto(packet, (0, 0))
        while expected > 0:
            expected -= _acknowledged(kernel.recv(_ANSWER_BYTES))


def _acknowledged(answer: bytes) -> int:
    """How many messages an answer acknowledges. Raises OSError for one that was refused."""
    count = 0
    while len(answer) >= 20:
        length, kind = struct.unpack_from("IH", answer)
        if kind == _ERROR:
            (code,) = struct.unpack_from("i", answer, 16)
            if code:
                raise OSError(-code, os.strerror(-code), "netlink")
            count += 1
        answer = answer[length + -length % 4 :]
    return count
