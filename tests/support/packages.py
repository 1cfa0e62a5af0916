"""Deployment packages for tests: good ones, and the raw stuff of bad ones."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterable, Mapping

HANDLER = "def handler(event, context):\n    return event\n"
Entry = tuple[zipfile.ZipInfo, str | bytes]


def zip_of(files: Mapping[str, str | bytes] | None = None, *, mode: int = 0o644) -> bytes:
    """A zip of these files; of one Python handler, `index.handler`, without any."""
    contents = {"index.py": HANDLER} if files is None else files
    return zip_entries(entry(name, content, mode=mode) for name, content in contents.items())


def entry(
    name: str, content: str | bytes = b"", *, mode: int = 0o644, kind: int = stat.S_IFREG
) -> Entry:
    """An entry with a Unix mode and kind, its name as it stands."""
    info = zipfile.ZipInfo("placeholder", (2024, 1, 1, 0, 0, 0))
    info.filename = info.orig_filename = name
    info.create_system = 3
    info.external_attr = (kind | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info, content


def link(name: str, target: str) -> Entry:
    """A symbolic link."""
    return entry(name, target, mode=0o777, kind=stat.S_IFLNK)


def zip_entries(entries: Iterable[Entry]) -> bytes:
    """A zip of exactly these entries, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in entries:
            archive.writestr(info, content)
    return out.getvalue()
