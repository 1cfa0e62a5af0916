"""Carrying out a package's plan: from a checked zip to a read-only tree on disk.

A tree appears under its name whole and durable, or not at all: made aside, synced, renamed, the
folder synced. Everything blocks: call it in a thread.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lambdad.core.limits import Limits
from lambdad.functions.package import Entry, Kind, content, opened, plan_of

STAGING_PREFIX = ".staging-"
_FOLDER_MODE = 0o555
_FILE_MODE = 0o444
_PROGRAM_MODE = 0o555


def unpack(
    archive: BinaryIO, tree: Path, limits: Limits, finish: Callable[[Path], None] | None = None
) -> None:
    """Unpack the zip `archive` as the folder `tree`; nothing to do where that exists.

    `finish` may add files to the tree before it is sealed. Modes are as AWS shows them: readable
    by all, writable by none, executable where the package says so; set-id bits are gone. Raises
    PackageRefused, OSError.
    """
    if tree.exists():
        return
    staging = tree.parent / f"{STAGING_PREFIX}{secrets.token_hex(8)}"
    staging.mkdir(mode=0o700)
    try:
        with opened(archive) as zf:
            for entry in plan_of(zf, limits).entries:
                path = staging.joinpath(*entry.parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                if entry.kind is Kind.FOLDER:
                    path.mkdir(exist_ok=True)
                elif entry.kind is Kind.LINK:
                    path.symlink_to(entry.target)
                else:
                    with path.open("xb") as out:
                        out.writelines(content(zf, entry))
                    _stamp(path, entry)
        if finish is not None:
            finish(staging)
        _seal(staging)
        staging.rename(tree)
    except BaseException:
        remove_tree(staging)
        raise
    _sync(tree.parent)


def remove_tree(tree: Path) -> None:
    """Remove a tree, sealed or half made; one that is not there is no error."""
    if not tree.exists():
        return
    for folder, _, _ in os.walk(tree):
        os.chmod(folder, 0o700)
    shutil.rmtree(tree)


def _stamp(path: Path, entry: Entry) -> None:
    path.chmod(_PROGRAM_MODE if entry.executable else _FILE_MODE)
    os.utime(path, (entry.modified_s, entry.modified_s))


def _seal(root: Path) -> None:
    """Make everything read-only and durable, the deepest first."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & _PROGRAM_MODE | _FILE_MODE)
                _sync(path)
        Path(folder).chmod(_FOLDER_MODE)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
