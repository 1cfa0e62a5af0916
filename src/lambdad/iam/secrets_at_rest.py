"""The secrets that a server makes for itself at its first start and keeps in its data directory:
the root access key, the key that seals session tokens, the key that encrypts stored secrets.
Files of mode 0600.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.value import Value

_KEY_BYTES = 32
_SECTION = re.compile(r"\[(?P<name>default|\d{12})\]")
DEFAULT_SECTION = "default"
"""Of the default account: the profile that AWS tools take unless told otherwise."""


class RootKey(Value):
    """The access key of an account's root."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"RootKey({self.access_key_id})"


def load_root_key(path: Path) -> RootKey:
    """The default account's key in `path`. Raises OperatorError, FileNotFoundError."""
    key = load_root_keys(path).get(DEFAULT_SECTION)
    if key is None:
        raise OperatorError(
            f"{path} has no root key. Restore the file, or delete it to get a new key."
        )
    return key


def load_root_keys(path: Path) -> dict[str, RootKey]:
    """The keys in `path`, by section: account numbers and DEFAULT_SECTION.

    Raises OperatorError if the file is not as it was left, FileNotFoundError."""
    sections: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    for line in _read(path).decode("utf-8", "replace").splitlines():
        header = _SECTION.fullmatch(line.strip())
        if header:
            values = sections.setdefault(header["name"], {})
            continue
        name, _, value = line.partition("=")
        values[name.strip()] = value.strip()
    try:
        return {
            section: RootKey(each["aws_access_key_id"], each["aws_secret_access_key"])
            for section, each in sections.items()
        }
    except KeyError as missing:
        raise OperatorError(
            f"{path} has a section without {missing}. Restore the file, or delete it to get a new "
            "key."
        ) from None


def save_root_keys(path: Path, keys: Mapping[str, RootKey]) -> None:
    """Replace the file; it serves as AWS_SHARED_CREDENTIALS_FILE too, with a profile for each
    account."""
    parts = ["# The root access keys of this lambdad's accounts. Keep them to yourself.\n"]
    for section, key in keys.items():
        parts.append(
            f"[{section}]\n"
            f"aws_access_key_id = {key.access_key_id}\n"
            f"aws_secret_access_key = {key.secret_access_key}\n"
        )
    _create(path, "\n".join(parts).encode())


def load_or_create_session_key(path: Path) -> bytes:
    """The key in `path`, made at first. Raises OperatorError."""
    if not path.exists():
        _create(path, os.urandom(_KEY_BYTES))
    key = _read(path)
    if len(key) != _KEY_BYTES:
        raise OperatorError(
            f"{path} is damaged. Delete it to get a new one; credentials given to running "
            "functions end with it."
        )
    return key


def load_or_create_sealing_key(path: Path) -> bytes:
    """The key that encrypts stored secrets (`storage/sealing.py`), made at first. Raises
    OperatorError: it cannot be made again, what it sealed would be lost."""
    if not path.exists():
        _create(path, os.urandom(_KEY_BYTES))
    key = _read(path)
    if len(key) != _KEY_BYTES:
        raise OperatorError(
            f"{path} is damaged. Restore it from a backup; without it the access keys of IAM users "
            "have to be made again."
        )
    return key


def _create(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # what is sealed with the key must not outlive it in a power cut
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise OperatorError(f"{path} can be read by others. Run: chmod 600 {path}")
    return path.read_bytes()
