"""AuditLog: what is written, how much is kept, what a crash and a full memory leave."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lambdad.core.clock import ManualClock
from lambdad.core.limits import DEFAULT_LIMITS
from lambdad.core.value import replace
from lambdad.telemetry.audit import ALLOWED, AuditLog, AuditRecord, read_audit


def record(number: int) -> AuditRecord:
    return AuditRecord(
        f"request-{number}", "000000000000", "arn:aws:iam::000000000000:root", "AKIA", "127.0.0.1",
        "us-east-1", "lambda", "Invoke", ALLOWED,
    )  # fmt: skip


def write(folder: Path, counts: list[int], **limits: int) -> None:
    """So many records in so many writes."""

    async def scenario() -> None:
        clock = ManualClock()
        number = 0
        for count in counts:
            log = AuditLog(folder, clock, replace(DEFAULT_LIMITS, **limits))
            for _ in range(count):
                log.note(record(number))
                number += 1
            await log.close()

    asyncio.run(scenario())


def ids(folder: Path) -> list[str]:
    return [each["request_id"] for each in read_audit(folder) if "request_id" in each]


def test_what_is_noted_is_read_again_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    assert list(read_audit(folder)) == []
    write(folder, [3, 2])
    assert ids(folder) == [f"request-{number}" for number in range(5)]
    first = next(read_audit(folder))
    assert first == {"at_ms": ManualClock().wall_ms(), **record(0)._asdict()}
    assert (folder / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_old_files_go(tmp_path: Path) -> None:
    write(tmp_path, [1] * 9, audit_file_bytes=1, audit_files=3)
    assert ids(tmp_path) == ["request-6", "request-7", "request-8"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["audit.1.jsonl", "audit.2.jsonl", "audit.jsonl"]


def test_what_memory_cannot_hold_is_counted(tmp_path: Path) -> None:
    write(tmp_path, [5], audit_waiting_records=2)
    assert ids(tmp_path) == ["request-0", "request-1"]
    assert list(read_audit(tmp_path))[-1]["dropped"] == 3


def test_a_line_cut_off_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, [2])
    path = tmp_path / "audit.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert ids(tmp_path) == ["request-0"]
