"""Deployment packages: what is in a zip, and whether it may be unpacked.

Reads, never writes. A package comes from a stranger: nothing in it is believed before it was
checked, and sizes are counted while inflating, not taken from the archive's own word. Every
rule on paths, kinds and links is decided here; `unpack` only carries the plan out.
"""

from __future__ import annotations

import calendar
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import IO

from lambdad.core.limits import Limits
from lambdad.core.value import Value

_READ_BYTES = 256 * 1024
_TARGET_BYTES = 4096
_COMPONENT_BYTES = 255
_PATH_BYTES = 1024
_LINKS_FOLLOWED = 40
_UNIX = 3
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENTRY_MARK = b"PK\x01\x02"
_END_MARK = b"PK\x05\x06"
_END_BYTES = 22
_ZIP64_MARK = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_END_SEARCH_BYTES = _END_BYTES + 65_535
_OLDEST_ZIP_TIME = 315_532_800
"""1980-01-01, where a zip's calendar begins."""

Parts = tuple[str, ...]
"""A path inside the package, component by component."""


class PackageRefused(Exception):
    """A package that is not unpacked. `reason` is for the operator's log; what the client is told
    is AWS's text for the subclass."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PackageBroken(PackageRefused):
    """Not a zip, a damaged one, or one with entries that must not be unpacked."""


class PackageEmpty(PackageRefused):
    """A zip without a file."""


class PackageTooLarge(PackageRefused):
    """Unzipped as large as the limit or larger."""

    def __init__(self, reason: str, limit_bytes: int) -> None:
        super().__init__(reason)
        self.limit_bytes = limit_bytes


class Kind(Enum):
    FOLDER = "folder"
    FILE = "file"
    LINK = "link"


class Entry(Value):
    """One thing to unpack."""

    parts: Parts
    kind: Kind
    executable: bool
    modified_s: int
    """Unix time; the zip's wall clock read as UTC, so that it is the same everywhere."""
    info: zipfile.ZipInfo
    target: str = ""
    """Of a link: relative, and known to stay inside the package."""


class Plan(Value):
    """What unpacking will make: folders before what is in them, links last."""

    entries: tuple[Entry, ...]
    unzipped_bytes: int


@contextmanager
def opened(archive: bytes | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive for reading, every way in which it can be broken told as PackageBroken."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive) if isinstance(archive, bytes) else archive) as zf:
            yield zf
    except PackageRefused:
        raise
    except (
        zipfile.BadZipFile, zlib.error, struct.error, UnicodeError, EOFError,
        NotImplementedError, RuntimeError, ValueError, OverflowError,
    ) as error:  # fmt: skip
        raise PackageBroken(f"{type(error).__name__}: {error}") from error


def inspect(archive: bytes, limits: Limits) -> Plan:
    """Check a package through and through: its directory, and every byte inflated once and
    compared with its checksum. Raises PackageRefused."""
    _check_directory(archive, limits)
    with opened(archive) as zf:
        plan = plan_of(zf, limits)
        total = 0
        for entry in plan.entries:
            if entry.kind is Kind.FILE:
                for chunk in content(zf, entry):
                    total += len(chunk)
                    if total >= limits.unzipped_bytes:
                        raise PackageTooLarge("inflates too far", limits.unzipped_bytes)
    return plan


def content(zf: zipfile.ZipFile, entry: Entry) -> Iterator[bytes]:
    """A file's bytes in pieces; the last step checks the checksum."""
    with zf.open(entry.info) as source:
        while chunk := source.read(_READ_BYTES):
            yield chunk


def plan_of(zf: zipfile.ZipFile, limits: Limits) -> Plan:
    """What unpacking the archive makes. Raises PackageRefused.

    Of several files under one path the last one counts, as every unzip tool has it; a path that
    is two kinds of thing is refused, and so is a path below something that is no folder.
    """
    found: dict[Parts, Entry] = {}
    for info in zf.infolist():
        entry = _entry(zf, info)
        if entry is None:
            continue
        known = found.get(entry.parts)
        if known is not None and known.kind is not entry.kind:
            raise PackageBroken(f"{info.filename!r} is there as two kinds of thing")
        found[entry.parts] = entry
    _check_parents(found)
    _check_links(found)
    files = [entry for entry in found.values() if entry.kind is not Kind.FOLDER]
    if not files:
        raise PackageEmpty("no file in the package")
    unzipped_bytes = sum(entry.info.file_size for entry in files)
    if unzipped_bytes >= limits.unzipped_bytes:
        raise PackageTooLarge(
            f"says that it unzips to {unzipped_bytes} bytes", limits.unzipped_bytes
        )
    order = {Kind.FOLDER: 0, Kind.FILE: 1, Kind.LINK: 2}
    entries = sorted(found.values(), key=lambda entry: (order[entry.kind], entry.parts))
    return Plan(tuple(entries), unzipped_bytes)


def _check_directory(archive: bytes, limits: Limits) -> None:
    """Count entries before anything is built from them: the library makes an object of each.
    Marks are counted where the library will read the directory, never fewer than there are."""
    end = archive.rfind(_END_MARK, max(0, len(archive) - _END_SEARCH_BYTES))
    if end < 0 or end + _END_BYTES > len(archive):
        raise PackageBroken("no end of central directory")
    (directory_bytes,) = struct.unpack_from("<L", archive, end + 12)
    start = max(0, end - directory_bytes)
    if archive.startswith(_ZIP64_MARK, max(0, end - _ZIP64_LOCATOR_BYTES)):
        start = 0  # the library believes a zip64 record before this one
    entries = archive.count(_ENTRY_MARK, start)
    if entries > limits.zip_entries:
        raise PackageBroken(f"{entries} entries, the limit is {limits.zip_entries}")


def _entry(zf: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry | None:
    """What an entry means; None for the package's own root."""
    name = _decoded_name(info)
    parts = _parts(name)
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise PackageBroken(f"{name!r} is encrypted")
    if info.compress_type not in _METHODS:
        raise PackageBroken(f"{name!r} is compressed by method {info.compress_type}")
    if not parts:
        if name.endswith("/"):
            return None
        raise PackageBroken(f"{name!r} names no file")
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    kind = _kind(name, mode)
    target = _link_target(zf, info, name) if kind is Kind.LINK else ""
    executable = bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))
    return Entry(parts, kind, executable, _modified_s(info), info, target)


def _decoded_name(info: zipfile.ZipInfo) -> str:
    """The name as the packer meant it. Without the UTF-8 flag the library reads code page 437,
    but most tools that leave the flag out wrote UTF-8."""
    name = info.orig_filename
    if info.flag_bits & _UTF8_FLAG:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _parts(name: str) -> Parts:
    """The path's components. Raises PackageBroken for a path that leads out of the package or
    that no file system of ours can hold."""
    if "\0" in name or "\\" in name:
        raise PackageBroken(f"{name!r} has a character that no path may have")
    if name.startswith("/") or (name[1:2] == ":" and name[:1].isalpha()):
        raise PackageBroken(f"{name!r} is an absolute path")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise PackageBroken(f"{name!r} leads out of the package")
    if len(name.encode("utf-8", "surrogatepass")) > _PATH_BYTES:
        raise PackageBroken(f"a path of {len(name)} characters")
    if any(len(part.encode()) > _COMPONENT_BYTES for part in parts):
        raise PackageBroken(f"{name!r} has too long a component")
    return parts


def _kind(name: str, mode: int) -> Kind:
    file_type = stat.S_IFMT(mode)
    if file_type == stat.S_IFLNK:
        return Kind.LINK
    if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise PackageBroken(f"{name!r} is a special file")
    is_folder = name.endswith("/") or file_type == stat.S_IFDIR
    return Kind.FOLDER if is_folder else Kind.FILE


def _link_target(zf: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> str:
    if info.file_size > _TARGET_BYTES:
        raise PackageBroken(f"{name!r} is a link with a target of {info.file_size} bytes")
    with zf.open(info) as source:
        target = source.read(_TARGET_BYTES + 1).decode("utf-8")
    if not target or target.startswith("/") or "\0" in target:
        raise PackageBroken(f"{name!r} is a link to {target!r}, which is not inside the package")
    return target


def _modified_s(info: zipfile.ZipInfo) -> int:
    try:
        return max(calendar.timegm((*info.date_time, 0, 0, 0)), _OLDEST_ZIP_TIME)
    except ValueError:  # a month 0 and the like
        return _OLDEST_ZIP_TIME


def _check_parents(found: Mapping[Parts, Entry]) -> None:
    for parts in found:
        for depth in range(1, len(parts)):
            parent = found.get(parts[:depth])
            if parent is not None and parent.kind is not Kind.FOLDER:
                raise PackageBroken(f"{'/'.join(parts)!r} is below something that is no folder")


def _check_links(found: Mapping[Parts, Entry]) -> None:
    """Follow every link as the kernel would, through other links too: none may leave the
    package, on no step of its way."""
    links = {parts: entry for parts, entry in found.items() if entry.kind is Kind.LINK}
    for parts in links:
        _follow(parts, links)


def _follow(start: Parts, links: Mapping[Parts, Entry]) -> None:
    here: list[str] = []
    ahead = list(reversed(start))
    followed = 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                raise PackageBroken(f"{'/'.join(start)!r} is a link out of the package")
            here.pop()
            continue
        here.append(part)
        link = links.get(tuple(here))
        if link is None:
            continue
        followed += 1
        if followed > _LINKS_FOLLOWED:
            raise PackageBroken(f"{'/'.join(start)!r} is a link that leads in circles")
        here.pop()
        ahead.extend(reversed(link.target.split("/")))
