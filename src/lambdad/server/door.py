"""Where clients come in: the listening socket, its URL and its certificate."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.server.config import ListenConfig
from lambdad.server.tls import server_context


class Door(Value):
    """Where clients come in."""

    sock: socket.socket
    """Bound."""
    endpoint: str
    """The URL under which this machine reaches it."""
    tls: ssl.SSLContext | None = None


def bind(listen: ListenConfig) -> socket.socket:
    """The listening socket. Raises OperatorError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OperatorError(
            f"The host {listen.host} is not an address of this machine ({error.strerror}). "
            "Choose another one with --host."
        ) from None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise OperatorError(
            f"Port {listen.port} on {listen.host} cannot be used ({error.strerror}). Choose "
            "another one with --port (0 takes any free one), or stop what uses it."
        ) from None
    return sock


def make_door(sock: socket.socket, listen: ListenConfig) -> Door:
    """At a socket that `bind` made. Raises OperatorError where there is no such certificate."""
    tls = _tls(listen)
    return Door(sock, _endpoint(sock, "http" if tls is None else "https"), tls)


def _tls(listen: ListenConfig) -> ssl.SSLContext | None:
    if listen.tls_cert is None or listen.tls_key is None:
        return None
    return server_context(listen.tls_cert, listen.tls_key)


def _endpoint(sock: socket.socket, scheme: str) -> str:
    """The URL under which this machine reaches the server."""
    host, port = sock.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "127.0.0.1" if sock.family is socket.AF_INET else "::1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
