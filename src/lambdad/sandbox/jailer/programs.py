"""Our static programs (`guest/init`), as memory files: they are to be executed where no file is."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "guest" / "init"


def load_program(name: str) -> int:
    """A close-on-exec fd that can be executed. There is one for every architecture that has a
    system call filter, and without a filter there is no jailer."""
    program = (_FOLDER / f"{name}.{platform.machine()}").read_bytes()
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(fd, program)
    return fd
