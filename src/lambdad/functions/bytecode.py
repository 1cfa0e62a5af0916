"""Compiling a package's Python modules once, so that no cold start has to.

Compiled files lie beside the sources in `__pycache__`, unchecked: the tree never changes, so the
interpreter need not even look at the source. Source that does not compile is left alone; the
runtime reports it better than we could.
"""

from __future__ import annotations

import os
import py_compile
import sys
import time
from pathlib import Path
from typing import Protocol

from lambdad.core.limits import Limits

TASK_ROOT = "/var/task"


class Bytecode(Protocol):
    """What can compile. Runtimes that bring their own interpreter may bring one of these."""

    def tag(self, runtime: str) -> str | None:
        """The kind of compiled files that serve the runtime (`cpython-312`), part of a tree's
        name; None if there is nothing to compile for it here."""
        ...

    def compile(self, tag: str, tree: Path) -> None:
        """Add compiled files of that kind to the tree. Blocks. Must not fail on bad source."""
        ...


class HostBytecode:
    """Compiles for the Python that runs lambdad, and for no other.

    The compiler holds the interpreter's lock while it works on a module, so modules above a size
    are left to the runtime and it rests between modules: invocations come first.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"

    def tag(self, runtime: str) -> str | None:
        return sys.implementation.cache_tag if runtime == self._runtime else None

    def compile(self, tag: str, tree: Path) -> None:
        budget = self._limits.bytecode_package_bytes
        for folder, subfolders, names in os.walk(tree):
            subfolders.sort()
            for name in sorted(names):
                source = Path(folder, name)
                if not name.endswith(".py") or source.is_symlink():
                    continue
                size = source.stat().st_size
                if size > self._limits.bytecode_module_bytes:
                    continue
                budget -= size
                if budget < 0:
                    return
                self._compile_module(source, tree, tag)
                time.sleep(0)

    def _compile_module(self, source: Path, tree: Path, tag: str) -> None:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        if compiled.exists():
            return  # the package brings its own: that is what AWS would use
        try:
            py_compile.compile(
                str(source),
                str(compiled),
                dfile=f"{TASK_ROOT}/{source.relative_to(tree).as_posix()}",
                quiet=2,  # what does not compile is passed over
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except OSError:  # something of the package's own is in the way
            return
