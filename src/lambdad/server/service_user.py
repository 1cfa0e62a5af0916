"""Giving up root: whom a server started as root becomes, whether it can work as that, and how.

Only the jailer needs root (`sandbox/keeper.py`). What is left of lambdad parses what strangers
send, so it becomes a user of its own, who owns the data directory and nothing else.
"""

from __future__ import annotations

import os
import pwd
import sysconfig
from pathlib import Path

import lambdad
from lambdad.core.errors import OperatorError
from lambdad.core.value import Value
from lambdad.guest import syscalls
from lambdad.sandbox.probe import attempt

NAME = "lambdad"
"""The user that is taken where the system has it."""
ANONYMOUS_ID = 209_999_999
"""Else this uid and gid: next to those of the environments, above all that systems hand out."""
ROOT = "root"


class ServiceUser(Value):
    """Whom to become."""

    name: str
    uid: int
    gid: int


def service_user(wanted: str | None) -> ServiceUser | None:
    """Whom a server should become that is told `wanted` (`--user`); None to stay who it is.

    Raises OperatorError for a user that does not exist or cannot be become."""
    if os.geteuid() != 0:
        if wanted is None or wanted == pwd.getpwuid(os.geteuid()).pw_name:
            return None
        raise OperatorError(f"Only root can become {wanted}. Leave --user out, or start as root.")
    if wanted == ROOT:
        return None
    try:
        entry = pwd.getpwnam(wanted or NAME)
    except KeyError:
        if wanted is not None:
            raise OperatorError(
                f"There is no user {wanted}. Make one with: useradd --system {wanted}"
            ) from None
        return ServiceUser(f"uid {ANONYMOUS_ID}", ANONYMOUS_ID, ANONYMOUS_ID)
    return ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def obstacle(user: ServiceUser, data_dir: Path) -> str | None:
    """Why the server could not work as this user; None when it could."""
    existing = data_dir
    while not existing.exists():
        existing = existing.parent
    above = existing.parent if existing == data_dir else existing
    parts = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *lambdad.__path__)
    needed = [*map(Path, parts), above]

    def look() -> None:
        _set_ids(user)
        for path in needed:
            if not os.access(path, os.X_OK, effective_ids=True):
                raise PermissionError(f"{path} is closed to {user.name}")

    return attempt(look)


def hand_over(data_dir: Path, user: ServiceUser) -> None:
    """Make the user the owner of the data directory, and of all in it when it was root's till now.

    Afterwards root follows no name in it any more: a hostile user could have put it there."""
    if data_dir.stat().st_uid == user.uid:
        return
    # By descriptors: whoever owned it till now may move its folders while we walk.
    for _, folders, files, folder in os.fwalk(data_dir):
        for name in (*folders, *files):
            os.chown(name, user.uid, user.gid, dir_fd=folder, follow_symlinks=False)
    os.chown(data_dir, user.uid, user.gid)


def become(user: ServiceUser) -> None:
    """Give up root, for good: ids, groups, capabilities, and the way back."""
    _set_ids(user)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def _set_ids(user: ServiceUser) -> None:
    os.setgroups([])
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
