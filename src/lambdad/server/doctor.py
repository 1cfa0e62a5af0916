"""What this machine offers to lambdad, and what would make it offer more.

Looks and reports; changes nothing but the files it makes and deletes to see whether it can.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lambdad import __version__
from lambdad.server.config import Surroundings
from lambdad.server.packs import PackState, survey
from lambdad.server.place import find_server

_LOW_DISK_BYTES = 1024**3


class Verdict(StrEnum):
    """How much a finding matters."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    finding: str
    remedy: str | None = None
    """What to do about it."""


def examine(data_dir: Path, host: str, port: int, surroundings: Surroundings) -> list[Finding]:
    """Everything, in the order in which a start would trip over it."""
    return [
        *_machine(),
        *_data(data_dir),
        *_port(data_dir, host, port),
        *_runtimes(survey(data_dir, surroundings)),
    ]


def _machine() -> Iterator[Finding]:
    python = f"{platform.python_version()} ({platform.machine()})"
    yield Finding(Verdict.GOOD, "lambdad", f"{__version__} on Python {python}")
    if platform.system() != "Linux":
        yield Finding(
            Verdict.BAD,
            "system",
            f"{platform.system()}: functions would run as plain processes, without isolation.",
            "Use Linux for anything that you do not trust.",
        )
        return
    user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    yield Finding(Verdict.GOOD, "system", f"Linux {platform.release()}, as {user}")


def _data(data_dir: Path) -> Iterator[Finding]:
    place = data_dir
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            Verdict.BAD,
            "data",
            f"{data_dir} cannot be written by this user.",
            "Choose another place with --data-dir or LAMBDAD_DATA_DIR.",
        )
        return
    free = shutil.disk_usage(place).free
    text = f"{data_dir} ({free // 1024**2:,} MiB free)"
    if free < _LOW_DISK_BYTES:
        yield Finding(Verdict.NOTE, "data", text, "Make room: code and logs are kept there.")
    else:
        yield Finding(Verdict.GOOD, "data", text)


def _port(data_dir: Path, host: str, port: int) -> Iterator[Finding]:
    try:
        running = find_server(data_dir)
    except PermissionError:
        running = None
    if running is not None:
        yield Finding(Verdict.GOOD, "server", f"running at {running.endpoint} (pid {running.pid})")
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            yield Finding(
                Verdict.BAD,
                "port",
                f"{host}:{port} cannot be used ({error.strerror}).",
                "Stop what uses it, or start with --port 0.",
            )
        else:
            yield Finding(Verdict.GOOD, "port", f"{host}:{port} is free", "Start: lambdad up")


def _runtimes(states: list[PackState]) -> Iterator[Finding]:
    here = [state.runtime for state in states if state.installed]
    yield Finding(Verdict.GOOD, "runtimes", ", ".join(here) or "none")
    missing = [state for state in states if not state.installed]
    installable = [state.runtime for state in missing if state.command]
    if installable:
        yield Finding(
            Verdict.NOTE,
            "runtimes",
            f"can be installed: {', '.join(installable)}",
            "lambdad runtimes install NAME",
        )
    absent = [state.runtime for state in missing if not state.command]
    if absent:
        yield Finding(Verdict.NOTE, "runtimes", f"not available: {', '.join(absent)}")
