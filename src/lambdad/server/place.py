"""The data directory as a place that one server at a time occupies: its lock, and the note that
tells the CLI where the server is.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value, asdict
from lambdad.storage.errors import InUse
from lambdad.storage.lock import FileLock

_LOCK_ATTEMPTS = 5
_LOCK_PAUSE_S = 0.02
_BEFORE_THE_FIRST_START = {"packs", "tls", "lost+found"}
"""What may lie in a data directory that no server has used: what `lambdad runtimes install` and
`lambdad tls init` make, and what a file system of its own brings."""


class RunningServer(Value):
    """What a running server says about itself in `run/server.json`."""

    pid: int
    endpoint: str
    version: str
    tier: str
    accept_any_credentials: bool
    tls_cert: str | None = None
    """Its certificate, by which commands on this machine know it."""


def holds_other_things(data_dir: Path) -> bool:
    """Whether this is a folder of somebody's that no server has used: surely a mistake, and a
    server that gives root up would later give away what is in it. Raises OSError."""
    if not data_dir.is_dir() or (data_dir / "server.lock").exists():
        return False
    return any(each.name not in _BEFORE_THE_FIRST_START for each in data_dir.iterdir())


@contextmanager
def occupied(data_dir: Path) -> Iterator[None]:
    """Make the data directory if need be and hold it for this process.

    Raises OperatorError if another server has it, if it holds other things, or if it cannot be
    made."""
    try:
        if holds_other_things(data_dir):
            raise OperatorError(
                f"{data_dir} holds other things than lambdad's. Give it a folder of its own with "
                "--data-dir."
            )
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(data_dir)
        lock = _lock(data_dir)
    except OSError as error:
        raise OperatorError(
            f"The data directory {data_dir} cannot be used ({error.strerror}). Choose another one "
            "with --data-dir."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _close_to_others(data_dir: Path) -> None:
    """At the first start: a command made the directory before. Later its owner may open it."""
    if not (data_dir / "server.lock").exists() and data_dir.stat().st_uid == os.geteuid():
        data_dir.chmod(0o700)


def announce(data_dir: Path, server: RunningServer) -> Path:
    """Write the note; the caller deletes it when the server ends."""
    path = _note(data_dir)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(server)) + "\n")
    fresh.rename(path)
    return path


def find_server(data_dir: Path) -> RunningServer | None:
    """The server that occupies `data_dir`; None if there is none, whatever an old note says.

    Raises PermissionError if the directory is somebody else's."""
    try:
        lock = os.open(data_dir / "server.lock", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_note(data_dir)
    finally:
        os.close(lock)
    return None


def _lock(data_dir: Path) -> FileLock:
    """A CLI that looks whether a server runs holds the lock for an instant: hence the patience."""
    for attempt in range(_LOCK_ATTEMPTS):
        try:
            return FileLock(data_dir / "server")
        except InUse:
            if attempt + 1 < _LOCK_ATTEMPTS:
                time.sleep(_LOCK_PAUSE_S)
    raise OperatorError(_occupied_text(data_dir))


def _read_note(data_dir: Path) -> RunningServer | None:
    try:
        return RunningServer(**json.loads(_note(data_dir).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # It has not got so far yet, or is of another version.


def _note(data_dir: Path) -> Path:
    return data_dir / "run" / "server.json"


def _occupied_text(data_dir: Path) -> str:
    server = _read_note(data_dir)
    who = f"Another lambdad (pid {server.pid}, {server.endpoint})" if server else "Another lambdad"
    return (
        f"{who} is using the data directory {data_dir}. Use that one, stop it, or give this one "
        "its own place with --data-dir."
    )
