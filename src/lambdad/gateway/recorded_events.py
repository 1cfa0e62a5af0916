"""What `lambdad events` talks to: pages of the operator about the events that functions received.

For the root of the functions' account alone, who could as well change the functions to tell him.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from lambdad.core.errors import ClientError
from lambdad.functions.names import FunctionKey, refer
from lambdad.functions.snapshot import Catalog
from lambdad.gateway.operator import Body, Page
from lambdad.iam.authenticate import Caller
from lambdad.invoke.recording import EventRecorder, RecordedEvent


class NotFound(ClientError):
    """No function, or no event, of that name."""

    code = "NotFound"
    status = 404


class RecordedEventPages:
    """Questions and orders about recorded events; each names its function."""

    def __init__(self, recorder: EventRecorder, catalog: Catalog) -> None:
        self._recorder = recorder
        self._catalog = catalog

    def pages(self) -> Mapping[str, Page]:
        """By name."""
        return {
            "events/record": self._record,
            "events/stop": self._stop,
            "events/list": self._list,
            "events/get": self._get,
        }

    async def _record(self, caller: Caller, body: Body) -> Body:
        key = self._function(caller, body)
        await self._recorder.start(key)
        return {"FunctionArn": key.arn(), "Recorded": True}

    async def _stop(self, caller: Caller, body: Body) -> Body:
        key = self._function(caller, body)
        await self._recorder.stop(key)
        return {"FunctionArn": key.arn(), "Recorded": False}

    async def _list(self, caller: Caller, body: Body) -> Body:
        key = self._function(caller, body)
        events = await self._recorder.events(key)
        return {
            "FunctionArn": key.arn(),
            "Recorded": self._recorder.is_recorded(key),
            "Events": [_summary(event) for event in events],
        }

    async def _get(self, caller: Caller, body: Body) -> Body:
        """The event of that Id, or the newest."""
        key = self._function(caller, body)
        wanted = body.get("Id")
        for event in await self._recorder.events(key):
            if wanted is None or event.request_id == wanted:
                return {**_summary(event), "Payload": base64.b64encode(event.payload).decode()} | (
                    {} if event.client_context is None else {"ClientContext": event.client_context}
                )
        raise NotFound(
            f"No event{f' {wanted}' if wanted else ''} of {key.name} is recorded. Recording is "
            + ("on." if self._recorder.is_recorded(key) else "off.")
        )

    def _function(self, caller: Caller, body: Body) -> FunctionKey:
        name = body.get("FunctionName")
        if not isinstance(name, str) or not name:
            raise NotFound("FunctionName is missing.")
        key = refer(caller.principal.account, caller.region, name).key
        if self._catalog.get(*key) is None:
            raise NotFound(f"There is no function {key.name} in {key.region}.")
        return key


def _summary(event: RecordedEvent) -> dict[str, object]:
    return {
        "Id": event.request_id,
        "ReceivedMs": event.received_ms,
        "InvokedArn": event.invoked_arn,
        "PayloadBytes": len(event.payload),
    }
