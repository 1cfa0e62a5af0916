"""The audit log: who called what, from where, and whether they were let in.

Owns files of JSON lines, `audit.jsonl` and older ones `audit.1.jsonl` …, bounded in size and
number. A call only leaves a note; writing happens later and elsewhere, so a crash loses the notes
of its last moment, and a disk that cannot follow loses notes and says how many. Holds no payload,
no header and no secret.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from lambdad.core.clock import Clock
from lambdad.core.limits import Limits

ALLOWED, DENIED, UNAUTHENTICATED = "allowed", "denied", "unauthenticated"
MALFORMED = "malformed"
"""It could not be told what was asked for: nothing was decided."""
_PAUSE_S = 0.25
_CURRENT = "audit.jsonl"
_log = logging.getLogger(__name__)


class AuditRecord(NamedTuple):
    """One call. A NamedTuple because every call makes one."""

    request_id: str
    account: str
    """Empty where nobody knows who called."""
    principal: str
    """ARN."""
    access_key_id: str
    source_ip: str
    region: str
    service: str
    operation: str
    decision: str
    reason: str | None = None
    """The text of a refusal."""


class AuditLog:
    """Takes notes on the event loop, writes them in a thread."""

    def __init__(self, folder: Path, clock: Clock, limits: Limits) -> None:
        self._folder = folder
        self._clock = clock
        self._limits = limits
        self._notes: list[tuple[int, AuditRecord]] = []
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def note(self, record: AuditRecord) -> None:
        """Remember a call; never blocks, never fails."""
        if len(self._notes) >= self._limits.audit_waiting_records:
            self._dropped += 1
            return
        self._notes.append((self._clock.wall_ms(), record))
        if self._timer is None and self._writing is None:
            self._wait()

    async def close(self) -> None:
        """Write what is noted and end."""
        if self._writing is not None:
            await self._writing
        if self._timer is not None:
            self._timer.cancel()
        await self._flush()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_PAUSE_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._flush_in_turn())

    async def _flush_in_turn(self) -> None:
        """Write what is noted; what comes meanwhile waits for its own turn, so that a busy server
        does not do this without a pause."""
        try:
            await self._flush()
        finally:
            self._writing = None
        if self._notes:
            self._wait()

    async def _flush(self) -> None:
        notes, self._notes = self._notes, []
        dropped, self._dropped = self._dropped, 0
        if not notes:
            return
        try:
            await asyncio.to_thread(self._write, notes, dropped)
        except OSError:
            _log.exception("%d notes could not be written to the audit log", len(notes))

    def _write(self, notes: list[tuple[int, AuditRecord]], dropped: int) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / _CURRENT
        if path.exists() and path.stat().st_size >= self._limits.audit_file_bytes:
            self._rotate()
        lines = [orjson.dumps({"at_ms": at_ms, **record._asdict()}) for at_ms, record in notes]
        if dropped:
            lines.append(orjson.dumps({"at_ms": notes[-1][0], "dropped": dropped}))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with open(fd, "ab") as file:
            file.write(b"\n".join(lines) + b"\n")

    def _rotate(self) -> None:
        """`audit.jsonl` becomes `audit.1.jsonl`, and so on; the oldest is replaced."""
        for number in range(self._limits.audit_files - 1, 1, -1):
            younger = self._folder / f"audit.{number - 1}.jsonl"
            if younger.exists():
                younger.rename(self._folder / f"audit.{number}.jsonl")
        (self._folder / _CURRENT).rename(self._folder / "audit.1.jsonl")


def read_audit(folder: Path) -> Iterator[dict[str, Any]]:
    """Every record, oldest first; a line cut off by a crash is left out.

    Raises PermissionError where the files are somebody else's."""
    for path in _files(folder):
        with path.open("rb") as file:
            for line in file:
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if isinstance(record, dict):
                    yield record


def _files(folder: Path) -> list[Path]:
    """Oldest first."""
    numbered = [(int(path.name.split(".")[1]), path) for path in folder.glob("audit.*.jsonl")]
    older = [path for _, path in sorted(numbered, reverse=True)]
    current = folder / _CURRENT
    return [*older, current] if current.exists() else older
