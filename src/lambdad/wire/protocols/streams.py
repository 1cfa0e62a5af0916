"""Answers that are event streams: an output member given as an async iterator of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from lambdad.core.errors import AwsError
from lambdad.wire.codecs.event_stream import HeaderValue, frame
from lambdad.wire.model import Shape
from lambdad.wire.protocols.formats import Format

EVENT_STREAM = "application/vnd.amazon.eventstream"

Events = AsyncIterator[dict[str, Any]]
"""Each event is a dictionary of one member: `{"PayloadChunk": {"Payload": b"..."}}`."""
_Headers = list[tuple[str, HeaderValue]]
_Encode = Callable[[Any], bytes]
"""The members of an event to a frame."""


class EventStreamWriter:
    """The frames of one operation's event stream."""

    def __init__(self, union: Shape, body: Format) -> None:
        self._format = body
        events = {
            name: shape for name, shape in union.members.items() if not shape.has("exception")
        }
        self._events: Mapping[str, _Encode] = {
            name: self._event(name, shape) for name, shape in events.items()
        }
        self._exceptions: Mapping[str, Shape] = {
            shape.name: shape for name, shape in union.members.items() if name not in events
        }

    async def frames(self, events: Events, initial: bytes | None) -> AsyncIterator[bytes]:
        """The body of the answer. `initial` is the initial response of an RPC protocol.

        An AwsError raised by `events` ends the stream with an exception frame, which is how AWS
        reports an error after the status has been sent.
        """
        try:
            if initial is not None:
                yield frame(self._headers("initial-response", self._format.content_type), initial)
            async for event in events:
                for name, members in event.items():
                    yield self._events[name](members)
        except AwsError as error:
            yield self._exception(error)
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()

    def _event(self, name: str, shape: Shape) -> _Encode:
        header_members = [key for key, member in shape.members.items() if member.has("eventheader")]
        content_type, encode = self._payload(shape)
        headers = self._headers(name, content_type)

        def write(members: Any) -> bytes:
            own = [(key, members[key]) for key in header_members if members.get(key) is not None]
            return frame([*headers, *own], encode(members))

        return write

    def _payload(self, shape: Shape) -> tuple[str | None, _Encode]:
        """The content type of an event and what writes its payload."""
        explicit = next(
            (item for item in shape.members.items() if item[1].has("eventpayload")), None
        )
        if explicit is not None:
            return self._explicit_payload(*explicit)
        in_body = {key for key, member in shape.members.items() if not member.has("eventheader")}
        if not in_body:
            return None, lambda members: b""
        write = self._format.payload_writer(shape, shape.name)
        return self._format.content_type, lambda members: write(
            {key: value for key, value in members.items() if key in in_body}
        )

    def _explicit_payload(self, key: str, shape: Shape) -> tuple[str, _Encode]:
        """The same for an event with a member that is its payload."""
        if shape.type == "blob":
            return "application/octet-stream", lambda members: members.get(key) or b""
        if shape.type == "string":
            return "text/plain", lambda members: (members.get(key) or "").encode()
        write = self._format.payload_writer(shape, shape.wire_name or key)
        return self._format.content_type, lambda members: write(members.get(key) or {})

    def _exception(self, error: AwsError) -> bytes:
        """An error as the last frame: the stream's own exception, or one that it does not model."""
        shape = self._exceptions.get(error.code)
        if shape is None:
            return frame(
                [
                    (":message-type", "error"),
                    (":error-code", error.code),
                    (":error-message", error.message or ""),
                ],
                b"",
            )
        members = dict(error.members)
        for name in shape.members:
            if name.lower() == "message":
                members[name] = error.message
        headers: _Headers = [
            (":message-type", "exception"),
            (":exception-type", shape.name),
            (":content-type", self._format.content_type),
        ]
        return frame(headers, self._format.payload_writer(shape, shape.name)(members))

    @staticmethod
    def _headers(event: str, content_type: str | None) -> _Headers:
        headers: _Headers = [(":message-type", "event"), (":event-type", event)]
        if content_type is not None:
            headers.append((":content-type", content_type))
        return headers
