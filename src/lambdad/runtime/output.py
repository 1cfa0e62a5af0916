"""From the bytes that a function writes to the log events they mean.

Owns: lines of stdout and stderr, and the frames of `_LAMBDA_TELEMETRY_LOG_FD` (semantics §2.3).
The bytes are a stranger's: every buffer is bounded, and nothing in them raises. Pure.
"""

from __future__ import annotations

from lambdad.core.value import Value

_FRAME_HEADER_BYTES = 16
_FRAME_MAGIC = 0xA55A
_FRAME_LEVELS = {1: "TRACE", 2: "DEBUG", 3: "INFO", 4: "WARN", 5: "ERROR", 6: "FATAL"}


class Frame(Value):
    """One message of the telemetry pipe. `level` is empty where the client gave none."""

    text: str
    level: str
    timestamp_ms: int | None


class LineSplitter:
    """Bytes in, whole lines out, each ending in a newline and no longer than the bound."""

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *lines, rest = (self._rest + data).split(b"\n")
        texts = [piece for line in lines for piece in self._pieces(line)]
        if len(rest) > self._line_bytes:
            *whole, rest = self._cut(rest)
            texts.extend(_text(piece) for piece in whole)
        self._rest = rest
        return texts

    def flush(self) -> list[str]:
        """What was written without a newline before the end."""
        rest, self._rest = self._rest, b""
        return self._pieces(rest) if rest else []

    def _pieces(self, line: bytes) -> list[str]:
        if len(line) <= self._line_bytes:
            return [_text(line)]
        return [_text(piece) for piece in self._cut(line)]

    def _cut(self, line: bytes) -> list[bytes]:
        pieces = []
        while len(line) > self._line_bytes:
            end = self._line_bytes
            while end > self._line_bytes - 4 and line[end] & 0xC0 == 0x80:
                end -= 1  # do not cut a UTF-8 character
            pieces.append(line[:end])
            line = line[end:]
        pieces.append(line)
        return pieces


def _text(line: bytes) -> str:
    """Clients without the telemetry pipe write the lines of one event with carriage returns."""
    text = line.decode("utf-8", "replace")
    if "\r" in text:
        text = text.rstrip("\r").replace("\r", "\n")
    return text + "\n"


class FrameDecoder:
    """Frames: type (4 bytes, 0xa55a and flags), length (4), time (8, µs), message; big-endian.

    A message longer than the bound comes out in pieces. After bytes that are no frame the pipe is
    read as plain lines: whoever writes it owns only its own log."""

    def __init__(self, message_bytes: int) -> None:
        self._message_bytes = message_bytes
        self._buffer = bytearray()
        self._missing = 0
        self._level = ""
        self._timestamp_ms: int | None = None
        self._plain: LineSplitter | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """The messages that `data` completes."""
        if self._plain is not None:
            return [Frame(line, "", None) for line in self._plain.feed(data)]
        self._buffer += data
        frames: list[Frame] = []
        while self._take(frames):
            pass
        return frames

    def flush(self) -> list[Frame]:
        """What is left of a message that was never finished."""
        lines = self._plain.flush() if self._plain else []
        frames = [Frame(line, "", None) for line in lines]
        if self._missing and self._buffer:
            frames.append(self._frame(len(self._buffer)))
        self._buffer.clear()
        return frames

    def _take(self, frames: list[Frame]) -> bool:
        if not self._missing:
            return self._take_header(frames)
        wanted = min(self._missing, self._message_bytes)
        if len(self._buffer) < wanted:
            return False
        frames.append(self._frame(wanted))
        self._missing -= wanted
        return bool(self._buffer)

    def _take_header(self, frames: list[Frame]) -> bool:
        if len(self._buffer) < _FRAME_HEADER_BYTES:
            return False
        kind = int.from_bytes(self._buffer[:4], "big")
        if kind >> 16 != _FRAME_MAGIC:
            self._plain = LineSplitter(self._message_bytes)
            frames.extend(Frame(line, "", None) for line in self._plain.feed(bytes(self._buffer)))
            self._buffer.clear()
            return False
        self._missing = int.from_bytes(self._buffer[4:8], "big")
        self._timestamp_ms = int.from_bytes(self._buffer[8:16], "big") // 1000
        self._level = _FRAME_LEVELS.get((kind & 0xFFFF) >> 2, "")
        del self._buffer[:_FRAME_HEADER_BYTES]
        return True

    def _frame(self, size: int) -> Frame:
        text = self._buffer[:size].decode("utf-8", "replace")
        del self._buffer[:size]
        return Frame(text, self._level, self._timestamp_ms)
