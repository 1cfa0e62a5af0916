"""The command that starts a function's runtime: the pack's, a bootstrap of its own, a wrapper.

Owns the rules of `provided.*` (bootstrap in the package, then in the layers) and of
AWS_LAMBDA_EXEC_WRAPPER. Looks at files, starts nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from pathlib import Path

from lambdad.core.value import replace
from lambdad.functions.snapshot import FunctionVersion
from lambdad.sandbox.driver import RuntimePack

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_BOOTSTRAPS = ("/var/task/bootstrap", "/opt/bootstrap")
_MACHINES = {62: "x86_64", 183: "aarch64"}
"""By the number in an ELF header."""
_EMULATORS = Path("/proc/sys/fs/binfmt_misc")
_LIBRARIES = (".so", ".node")
_MOST_FILES = 2_000
"""How many of a package and its layers are looked at for one that is the mistake."""
_WRAPPED = (
    f'w="${WRAPPER_VARIABLE}"; '
    '[ -f "$w" ] || { echo "$w: does not exist"; exit 127; }; '
    '[ -x "$w" ] || { echo "$w: is not an executable"; exit 126; }; '
    'exec "$w" "$@"'
)


class NoEntryPoint(Exception):
    """There is nothing to start; the message is AWS's."""


def with_command(pack: RuntimePack, version: FunctionVersion) -> RuntimePack:
    """The pack with the command that starts this version. Raises NoEntryPoint."""
    if pack.family == "provided":
        return _with_bootstrap(pack, version)
    if WRAPPER_VARIABLE in version.environment:
        shell = ("/bin/sh", "-c", _WRAPPED, "bootstrap")
        host_argv = (*shell, *pack.host_argv) if pack.host_argv else ()
        return replace(pack, argv=(*shell, *pack.argv), host_argv=host_argv)
    return pack


def _with_bootstrap(pack: RuntimePack, version: FunctionVersion) -> RuntimePack:
    own, layered = _BOOTSTRAPS
    places = [(own, version.code_dir), *((layered, layer) for layer in version.layer_dirs[::-1])]
    for inside, folder in places:
        path = folder / "bootstrap"
        if path.is_file():
            if (error := _why_not_started(path)) is not None:
                raise NoEntryPoint(f"fork/exec {inside}: {error}")
            return replace(pack, argv=(inside,), host_argv=(str(path),))
    raise NoEntryPoint(f"Couldn't find valid bootstrap(s): [{' '.join(_BOOTSTRAPS)}]")


def _why_not_started(program: Path) -> str | None:
    """What the kernel would say to the commonest mistakes: the mode, another processor's program,
    a script of Windows."""
    with program.open("rb") as file:
        head = file.read(256)
        mode = os.fstat(file.fileno()).st_mode
    if not mode & 0o111:
        return "permission denied"
    if head.startswith(b"#!"):
        return "no such file or directory" if head.partition(b"\n")[0].endswith(b"\r") else None
    if not head.startswith(b"\x7fELF"):
        return "exec format error"
    return None if _foreign_machine(head) is None else "exec format error"


def _foreign_machine(head: bytes) -> str | None:
    """The architecture of a program or library that this machine cannot run, by its first bytes."""
    if not head.startswith(b"\x7fELF"):
        return None
    machine = _MACHINES.get(int.from_bytes(head[18:20], "little"))
    if machine in (None, platform.machine()) or (_EMULATORS / f"qemu-{machine}").exists():
        return None
    return machine


@functools.lru_cache(maxsize=256)  # folders of packages never change; an init may fail often
def foreign_program(folders: tuple[Path, ...]) -> tuple[str, str] | None:
    """The first bootstrap or native library that is for another architecture than this machine's,
    by its path in its folder, and which: what a package that was built elsewhere trips over."""
    left = _MOST_FILES
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names[:left]:
                if name == "bootstrap" or name.endswith(_LIBRARIES) or ".so." in name:
                    path = Path(place) / name
                    if machine := _foreign_machine(_head(path)):
                        return str(path.relative_to(folder)), machine
            left -= len(names) + 1
            if left <= 0:
                return None
    return None


def _head(path: Path) -> bytes:
    """The beginning of a regular file; of anything else nothing."""
    with contextlib.suppress(OSError):
        if not path.is_symlink() and path.is_file():
            with path.open("rb") as file:
                return file.read(64)
    return b""


def misplaced_module(code_dir: Path, handler: str, suffixes: tuple[str, ...]) -> str | None:
    """The one folder that holds the handler's module one level too deep, if that is the mistake:
    the folder was zipped instead of its contents."""
    module = handler.rpartition(".")[0].replace(".", "/")
    if not module or any((code_dir / f"{module}{suffix}").is_file() for suffix in suffixes):
        return None
    try:
        folders = sorted(entry for entry in code_dir.iterdir() if entry.is_dir())
    except OSError:
        return None
    for folder in folders:
        if any((folder / f"{module}{suffix}").is_file() for suffix in suffixes):
            return folder.name
    return None
