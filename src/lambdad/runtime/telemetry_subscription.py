"""What an extension asks of the Telemetry API or of the older Logs API. Pure.

Owns the schema of a subscription, its bounds and the texts of its errors (Lambda developer guide,
"Telemetry API reference": 400 ValidationError, the problems joined by semicolons; "Using the
Lambda Logs API": likewise Logs.ValidationError).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from lambdad.core.value import Value
from lambdad.runtime.environment import Rejected

_SCHEMAS = {
    "Telemetry": ("2022-07-01", "2022-12-13", "2025-01-29"),
    "Logs": ("2020-08-15", "2021-03-18"),
}
"""Of each API, its default first."""
_ERROR_TYPES = {"Telemetry": "ValidationError", "Logs": "Logs.ValidationError"}
_TYPES = ("platform", "function", "extension")
_PROTOCOLS = ("HTTP", "TCP")
_HOSTS = ("sandbox.localdomain", "sandbox")
_RUNTIME_API_PORT = 9001
_BODY_BYTES = 65_536
_PATH_CHARACTERS = 1024
_BUFFERING = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}
"""Least, most, default (semantics §6.5)."""


class Subscription(Value):
    """What goes where, and how it is batched."""

    types: tuple[str, ...]
    protocol: str
    """`HTTP` or `TCP`."""
    port: int
    path: str
    max_items: int
    max_bytes: int
    timeout_ms: int
    api: str
    """`Telemetry` or `Logs`."""
    schema: str
    """Its version: in which shapes the events are."""


def parse_subscription(body: bytes, api: str) -> Subscription:
    """Raises Rejected."""
    problems: list[str] = []
    try:
        if len(body) > _BODY_BYTES:
            raise ValueError("too long")
        asked = json.loads(body)
        if not isinstance(asked, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, RecursionError):
        text = "The request's body is not valid JSON"
        raise Rejected(400, _ERROR_TYPES[api], text) from None
    schema = asked.get("schemaVersion", _SCHEMAS[api][0])
    if schema not in _SCHEMAS[api]:
        problems.append(f"schemaVersion should be one of {', '.join(_SCHEMAS[api])}")
    types = _types(asked.get("types"), problems)
    destination = asked.get("destination")
    protocol, port, path = _destination(destination, problems)
    items, size, timeout_ms = _buffering(asked.get("buffering") or {}, problems)
    if problems:
        raise Rejected(400, _ERROR_TYPES[api], "; ".join(problems))
    return Subscription(types, protocol, port, path, items, size, timeout_ms, api, schema)


def _types(given: Any, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        problems.append("types should not be empty")
        return ()
    unknown = [kind for kind in given if kind not in _TYPES]
    if unknown:
        problems.append(f"types should be one of {', '.join(_TYPES)}")
        return ()
    return tuple(kind for kind in _TYPES if kind in given)


def _destination(given: Any, problems: list[str]) -> tuple[str, int, str]:
    if not isinstance(given, dict):
        problems.append("destination should not be empty")
        return "", 0, ""
    protocol = given.get("protocol")
    if protocol not in _PROTOCOLS:
        problems.append("protocol should be HTTP or TCP")
        return "", 0, ""
    if protocol == "TCP":
        port = given.get("port")
        path: str | None = "/"
        if port is None:
            port, path = _port_of(given.get("URI"))
    else:
        port, path = _port_of(given.get("URI"))
    if path is None:
        problems.append("URI should be http://sandbox.localdomain:<port>")
    elif port is None:
        problems.append("URI port is not provided")
    elif not isinstance(port, int) or not 0 < port < 65_536 or port == _RUNTIME_API_PORT:
        problems.append(f"port should not be {port}")
    return str(protocol), port if isinstance(port, int) else 0, path or "/"


def _port_of(uri: Any) -> tuple[int | None, str | None]:
    """Port and path; no path where it is none of ours."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except (ValueError, TypeError, AttributeError):
        return None, None
    text = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    if len(text) > _PATH_CHARACTERS:
        return None, None
    if parts.hostname not in _HOSTS or not text.isascii() or not text.isprintable() or " " in text:
        return None, None
    return port, text


def _buffering(given: Any, problems: list[str]) -> tuple[int, int, int]:
    values = []
    for name, (least, most, default) in _BUFFERING.items():
        value = given.get(name, default) if isinstance(given, dict) else default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            problems.append(f"{name} should be between {least} and {most}")
            value = default
        values.append(value)
    return values[0], values[1], values[2]
