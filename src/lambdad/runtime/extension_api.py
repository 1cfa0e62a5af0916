"""The Extensions API 2020-01-01, and what the conductor of an environment says.

Owns paths, headers and the shape of answers (semantics §6.5). What a call means is decided by the
ExtensionEvents behind it. The conductor (`guest/conductor.py`) is the process that starts runtime
and extensions; it runs with the rights of the function, so it is believed no more than that.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any, Protocol

from lambdad.core.value import Value
from lambdad.runtime.connection import ACCEPTED, Connection, Next, response
from lambdad.runtime.environment import Rejected
from lambdad.runtime.telemetry_subscription import Subscription, parse_subscription

EXTENSION = b"/2020-01-01/extension/"
CONDUCTOR = b"/lambdad/conductor/"
_TELEMETRY = {b"/2022-07-01/telemetry": "Telemetry", b"/2020-08-15/logs": "Logs"}
_NAME = b"lambda-extension-name"
_IDENTIFIER = b"lambda-extension-identifier"
_FEATURES = b"lambda-extension-accept-feature"
_ERROR_TYPE = b"lambda-extension-function-error-type"
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_EVENTS_AT_MOST = 16
_ERROR_TYPE_CHARACTERS = 255
"""It is logged."""


class Registration(Value):
    """The answer to a registration."""

    identifier: str
    function_name: str
    function_version: str
    handler: str
    account: str


class ExtensionEvents(Protocol):
    """What the calls lead to. Each may raise Rejected, the answer then."""

    def on_register(self, name: str, events: list[str]) -> Registration: ...
    def on_event_next(self, identifier: str, waiting: Next) -> None: ...
    def on_event_abandoned(self, waiting: Next) -> None: ...
    def on_extension_init_error(self, identifier: str, error_type: str) -> None: ...
    def on_extension_exit_error(self, identifier: str, error_type: str) -> None: ...

    def on_conductor_next(self, waiting: Next) -> None:
        """The conductor waits for a command."""

    def on_conductor_abandoned(self, waiting: Next) -> None: ...

    def on_output(self, data: bytes) -> None:
        """Whole lines that an extension wrote."""

    def on_subscribe(self, identifier: str, subscription: Subscription) -> None:
        """An extension wants telemetry."""

    def on_not_launched(self, name: str, code: int) -> None:
        """The kernel refused to start an extension with this errno."""

    def on_process_exited(self, name: str | None, status: int) -> None:
        """A process of the conductor's has ended with this wait status; None: the runtime."""


def route(connection: Connection, events: ExtensionEvents) -> bool:
    """Act on a request of these APIs; False if it is none. Raises Rejected."""
    url = connection.url
    if url.startswith(EXTENSION):
        return _extension(connection, events, url[len(EXTENSION) :])
    if url.startswith(CONDUCTOR):
        return _conductor(connection, events, url[len(CONDUCTOR) :])
    api = _TELEMETRY.get(url.removesuffix(b"/"))
    if api is None:
        return False
    if connection.method_is(b"PUT"):
        identifier = _identifier(connection)
        events.on_subscribe(identifier, parse_subscription(connection.body(), api))
        connection.answer(response(200, b'"OK"', "application/json"))
    return True


def _extension(connection: Connection, events: ExtensionEvents, action: bytes) -> bool:
    if action == b"register":
        if connection.method_is(b"POST"):
            _register(connection, events)
    elif action == b"event/next":
        if connection.method_is(b"GET"):
            identifier = _identifier(connection)
            connection.wait(events.on_event_abandoned)
            try:
                events.on_event_next(identifier, connection)
            except Rejected:
                connection.wait_no_more()
                raise
    elif action in (b"init/error", b"exit/error"):
        if connection.method_is(b"POST"):
            _error(connection, events, action)
    else:
        return False
    return True


def _register(connection: Connection, events: ExtensionEvents) -> None:
    try:
        body = json.loads(connection.body())
        wanted = [str(event) for event in body.get("events") or []]
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Rejected(403, "InvalidRequestFormat", "The request's body is not valid") from None
    registration = events.on_register(connection.header(_NAME), wanted[:_EVENTS_AT_MOST])
    members = {
        "functionName": registration.function_name,
        "functionVersion": registration.function_version,
        "handler": registration.handler,
    }
    features = connection.header(_FEATURES).split(",")
    if "accountid" in (feature.strip().lower() for feature in features):
        members["accountId"] = registration.account
    headers = (("Lambda-Extension-Identifier", registration.identifier),)
    connection.answer(response(200, _json(members), "application/json", headers))


def _error(connection: Connection, events: ExtensionEvents, action: bytes) -> None:
    identifier = _identifier(connection)
    error_type = connection.header(_ERROR_TYPE)[:_ERROR_TYPE_CHARACTERS]
    if not error_type:
        text = "Lambda-Extension-Function-Error-Type not found"
        raise Rejected(403, "Extension.MissingHeader", text)
    if action == b"init/error":
        events.on_extension_init_error(identifier, error_type)
    else:
        events.on_extension_exit_error(identifier, error_type)
    connection.answer(ACCEPTED)


def _identifier(connection: Connection) -> str:
    identifier = connection.header(_IDENTIFIER)
    if not identifier:
        text = "Missing Lambda-Extension-Identifier header"
        raise Rejected(403, "Extension.MissingExtensionIdentifier", text)
    if not _UUID.fullmatch(identifier):
        text = "Invalid Lambda-Extension-Identifier"
        raise Rejected(403, "Extension.InvalidExtensionIdentifier", text)
    return identifier.lower()


def _conductor(connection: Connection, events: ExtensionEvents, action: bytes) -> bool:
    if action == b"next":
        connection.wait(events.on_conductor_abandoned)
        events.on_conductor_next(connection)
    elif action == b"output":
        events.on_output(connection.body())
        connection.answer(ACCEPTED)
    elif action == b"refused":
        name, code = _report(connection, "errno", os.strerror)
        events.on_not_launched(str(name), code)
        connection.answer(ACCEPTED)
    elif action == b"exited":
        name, status = _report(connection, "status", os.waitstatus_to_exitcode)
        events.on_process_exited(None if name is None else str(name), status)
        connection.answer(ACCEPTED)
    else:
        return False
    return True


def _report(
    connection: Connection, number: str, meaning: Callable[[int], object]
) -> tuple[Any, int]:
    """Whom it is about, and the number of that name, which has a meaning: whoever says it may be
    the function."""
    try:
        report = json.loads(connection.body())
        name, value = report["name"], int(report[number])
        meaning(value)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise Rejected(400, "InvalidRequestFormat", "no report") from None
    return name, value


def event_answer(event: dict[str, Any], identifier: str) -> tuple[bytes, bytes]:
    """Head and body of an event for an extension."""
    body = _json(event)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Lambda-Extension-Identifier: {identifier}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


def _json(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
