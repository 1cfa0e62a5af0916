"""The seam between HTTP and what is served over it."""

from __future__ import annotations

from typing import Protocol

from lambdad.wire.http import Request, Response


class CutShort(Exception):
    """Raised by a streamed body that cannot be completed: the connection closes without the end of
    the body, by which a client can tell (not one of HTTP/1.0, where to close is the end)."""


class App(Protocol):
    """Whatever answers requests."""

    async def handle(self, request: Request) -> Response:
        """Answer one request. Never raises: its own faults are answers too."""
        ...

    def refuse(self, request: Request | None, status: int, message: str) -> Response:
        """The answer, a body of bytes, to a request that HTTP or a limit rules out.

        `request` has its head only, or is None if not even that was understood; `status` is one
        of 400, 408, 413, 417, 431 and 503."""
        ...
