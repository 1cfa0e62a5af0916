"""What a server and everything that it started occupy."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bench.servers import Server


def descendants(pid: int) -> list[int]:
    """A process and all that it started, whatever namespaces they are in."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def memory_mib(server: Server) -> float:
    """What the server's processes use together, shared pages counted once (PSS). The kernel's
    own memory for namespaces and sockets is not in it."""
    total_kib = 0
    for pid in descendants(server.process.pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total_kib += int(line.split()[1])
    return total_kib / 1024
