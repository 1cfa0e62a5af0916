"""A response on its way: what a function streams, part by part, to one reader.

Owns the bounded buffer between the two. Whoever writes is told to pause while the reader is behind
and to go on when it has caught up; a reader that leaves is not waited for. May not: know sockets
or the Runtime API.
"""

from __future__ import annotations

import asyncio
from collections import deque

from lambdad.runtime.invocation import InvokeResult, Source

BUFFERED_TYPE = "application/json"
"""Content type of a result that was not streamed."""
_CHUNK_BYTES = 64
"""What one chunk costs beside its bytes: many small ones are bounded too."""


class ResponseStream:
    """An async iterator over the chunks, to be read once.

    The iteration ends when the run is over, and `outcome` is set then. It raises AwsError where
    the platform, not the function, failed. Chunks that were written before a function failed, or
    before its time was up, are all given out first."""

    def __init__(self, buffer_bytes: int) -> None:
        self.content_type = BUFFERED_TYPE
        """As the runtime sent it; empty if it sent none."""
        self.outcome: InvokeResult | None = None
        """How the run ended, known at the end of the iteration. Only an error's payload counts:
        what a successful run had to say is in the chunks."""
        self.written_bytes = 0
        self._buffer_bytes = buffer_bytes
        self._chunks: deque[bytes] = deque()
        self._held_bytes = 0
        self._source: Source | None = None
        self._left = False
        """Nobody reads on."""
        self._result: InvokeResult | None = None
        self._error: BaseException | None = None
        self._run: asyncio.Future[InvokeResult] | None = None
        self._begun = asyncio.Event()
        self._changed = asyncio.Event()

    def follow(self, run: asyncio.Future[InvokeResult]) -> None:
        """The stream ends with this run."""
        self._run = run
        run.add_done_callback(self._finish)

    async def begun(self) -> None:
        """Wait until the content type is known: the function streams, or its run is over. Raises
        what the iteration would, where nothing else will come."""
        await self._begun.wait()
        if self._error is not None and not self._chunks:
            raise self._error

    # -- the reader's side --------------------------------------------------------------------

    def __aiter__(self) -> ResponseStream:
        return self

    async def __anext__(self) -> bytes:
        """The next chunk, never an empty one."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._result is not None or self._left:
                self.outcome = self._result
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        chunk = self._chunks.popleft()
        self._held_bytes -= len(chunk) + _CHUNK_BYTES
        if self._source is not None and self._held_bytes <= self._buffer_bytes // 2:
            self._source.resume()
        return chunk

    async def aclose(self) -> None:
        """Nobody reads on. The function does not notice: what it still writes is dropped.
        Idempotent."""
        self._left = True
        self._chunks.clear()
        self._held_bytes = 0
        self._changed.set()
        if self._source is not None:
            self._source.resume()

    # -- the function's side ------------------------------------------------------------------

    def begin(self, content_type: str, source: Source) -> None:
        """The function starts to stream; `source` does the writing."""
        self.content_type = content_type
        self._source = source
        self._begun.set()

    def write(self, chunk: bytes) -> None:
        """Never blocks: past the bound the source is paused."""
        self.written_bytes += len(chunk)
        if self._left or not chunk:
            return
        self._chunks.append(chunk)
        self._held_bytes += len(chunk) + _CHUNK_BYTES
        self._changed.set()
        if self._source is not None and self._held_bytes > self._buffer_bytes:
            self._source.pause()

    def _finish(self, run: asyncio.Future[InvokeResult]) -> None:
        if run.cancelled():
            self._error = asyncio.CancelledError()
        elif (error := run.exception()) is not None:
            self._error = error
        else:
            self._result = result = run.result()
            if result.function_error is None and self._source is None:
                self.write(result.payload)
        if self._source is not None:
            self._source.resume()  # its connection has other requests to send
            self._source = None
        self._begun.set()
        self._changed.set()
