"""Our static programs (`guest/init`), as memory files: they are to be executed where no file is."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "guest" / "init"


def load_program(name: str) -> int | None:
    """A close-on-exec fd that can be executed; None where none is built for this machine."""
    path = _FOLDER / f"{name}.{platform.machine()}"
    if not path.exists():
        return None
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(fd, path.read_bytes())
    return fd
