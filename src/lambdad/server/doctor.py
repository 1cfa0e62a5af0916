"""What this machine offers to lambdad, and what would make it offer more.

Looks and reports; changes nothing but the files it makes and deletes to see whether it can.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from lambdad import __version__
from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.sandbox.driver import SandboxError, Tier
from lambdad.sandbox.probe import probe
from lambdad.sandbox.selection import MULTI_TENANT, choose_tier
from lambdad.server.config import Surroundings
from lambdad.server.packs import survey
from lambdad.server.place import find_server, holds_other_things
from lambdad.server.service_user import obstacle, service_user
from lambdad.server.tiers import TIERS

_LOW_DISK_BYTES = 1024**3
_TIER_NAMES = {
    Tier.NAMESPACES: "namespaces, control groups, a user of its own for every environment",
    Tier.ROOTLESS: "namespaces without root",
    Tier.HARDENED_PROCESS: "processes with a filter",
    Tier.PROCESS: "plain processes, no isolation at all",
}


class Verdict(StrEnum):
    """How much a finding matters."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "problem"


class Finding(Value):
    """One thing that was looked at."""

    verdict: Verdict
    subject: str
    finding: str
    remedy: str | None = None
    """What to do about it."""


def examine(data_dir: Path, host: str, port: int, surroundings: Surroundings) -> list[Finding]:
    """Everything, in the order in which a start would trip over it."""
    return [
        *_machine(data_dir),
        *_isolation(),
        *_data(data_dir),
        *_port(data_dir, host, port),
        *_runtimes(data_dir, surroundings),
    ]


def _machine(data_dir: Path) -> Iterator[Finding]:
    python = f"{platform.python_version()} ({platform.machine()})"
    yield Finding(Verdict.GOOD, "lambdad", f"{__version__} on Python {python}")
    who = "root" if os.geteuid() == 0 else f"user {os.geteuid()}"
    yield Finding(Verdict.GOOD, "system", f"{platform.system()} {platform.release()}, as {who}")
    user = service_user(None)
    if user is None:
        return
    if reason := obstacle(user, data_dir):
        yield Finding(
            Verdict.NOTE,
            "rights",
            f"the server keeps root, as {user.name} it could not work: {reason}",
            "Put what is named where that user may go: Python and lambdad below /opt, say.",
        )
    else:
        yield Finding(Verdict.GOOD, "rights", f"the server gives root up and becomes {user.name}")


def _isolation() -> Iterator[Finding]:
    """The tier that a start would take, what it lacks, and why not a stronger one."""
    try:
        choice = choose_tier(probe(), TIERS)
    except SandboxError as error:
        yield Finding(Verdict.BAD, "isolation", str(error))
        return
    weak = choice.tier not in MULTI_TENANT
    text = f"tier {choice.tier}: {_TIER_NAMES[choice.tier]}"
    remedy = "Run only functions that you trust." if weak else None
    yield Finding(Verdict.NOTE if weak else Verdict.GOOD, "isolation", text, remedy)
    for layer in choice.missing_layers:
        yield Finding(Verdict.NOTE, "isolation", f"missing: {layer}")
    if choice.no_groups is not None:
        yield Finding(
            Verdict.NOTE, "isolation", "not all control groups can be used", choice.no_groups
        )
    for reason in choice.why_not:
        yield Finding(Verdict.NOTE, "isolation", f"not {reason[0].lower()}{reason[1:]}")


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
    if holds_other_things(data_dir):
        yield Finding(
            Verdict.BAD,
            "data",
            f"{data_dir} holds other things than lambdad's.",
            "Give lambdad a folder of its own with --data-dir or LAMBDAD_DATA_DIR.",
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


def _runtimes(data_dir: Path, surroundings: Surroundings) -> Iterator[Finding]:
    try:
        states = survey(data_dir, surroundings)
    except OperatorError as error:
        yield Finding(Verdict.BAD, "runtimes", str(error))
        return
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
