"""The secrets that a server makes for itself at its first start and keeps in its data directory:
the root access key, the key that seals session tokens, the key that encrypts stored secrets.
Files of mode 0600.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.ids import DEFAULT_ACCOUNT
from lambdad.iam.naming import LONG_TERM_KEY, new_access_key_id, new_secret

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class RootKey:
    """The access key of an account's root."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"RootKey({self.access_key_id})"


def load_or_create_root_key(path: Path) -> RootKey:
    """The key in `path`, made at first; the file serves as AWS_SHARED_CREDENTIALS_FILE too.

    Raises OperatorError if the file is not as it was left."""
    if not path.exists():
        key = RootKey(new_access_key_id(LONG_TERM_KEY, DEFAULT_ACCOUNT), new_secret())
        text = (
            "# The root access key of this lambdad's default account.\n"
            "[default]\n"
            f"aws_access_key_id = {key.access_key_id}\n"
            f"aws_secret_access_key = {key.secret_access_key}\n"
        )
        _create(path, text.encode())
    return load_root_key(path)


def load_root_key(path: Path) -> RootKey:
    """The key in `path`. Raises OperatorError, FileNotFoundError."""
    values: dict[str, str] = {}
    for line in _read(path).decode("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        values[name.strip()] = value.strip()
    try:
        return RootKey(values["aws_access_key_id"], values["aws_secret_access_key"])
    except KeyError as missing:
        raise OperatorError(
            f"{path} has no {missing}. Restore the file, or delete it to get a new key."
        ) from None


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
    """The key that encrypts stored secrets (`iam/sealing.py`), made at first. Raises
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
