"""Where on this machine control groups of ours may be: version 1 (also hybrid) and version 2.

Version 1, and version 2 as root, begin at the mounted root. A group that was delegated to lambdad
goes before it: there the limits of a service hold for its functions as well, and an ordinary user
may have groups at all (systemd's Delegate=, https://systemd.io/CGROUP_DELEGATION).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WANTED = ("memory", "cpu", "pids", "freezer")
ASIDE = "lambdad-main"
"""The group that processes step aside to, lambdad's own among them."""
_DELEGATED = ("user.delegate", "trusted.delegate")
"""systemd's marks; the first since version 251, the second for root's eyes only."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One cgroup tree and what it controls for us."""

    home: Path
    """The folder that ours is made in."""
    version: int
    controllers: frozenset[str]

    @property
    def writable(self) -> bool:
        """Whether groups can be made there."""
        read_only = os.statvfs(self.home).f_flag & os.ST_RDONLY
        return not read_only and os.access(self.home, os.W_OK)


def find_hierarchies(
    main: int, mounts: str | None = None, groups: str | None = None
) -> list[Hierarchy]:
    """The trees that offer what we want to lambdad, whose first process is `main`, by
    /proc/self/mounts and /proc/self/cgroup; freezing by version 2 where both have it: a process
    frozen by version 1 cannot even be killed."""
    found: list[Hierarchy] = []
    taken: set[str] = set()
    rows = [line.split() for line in (mounts or Path("/proc/self/mounts").read_text()).splitlines()]
    unified = [Path(row[1]) for row in rows if row[2] == "cgroup2"]
    if unified:
        home = _home(unified[0], main, groups or Path("/proc/self/cgroup").read_text())
        offered = set((home / "cgroup.controllers").read_text().split())
        offered = offered & {"memory", "cpu", "pids"} | {"freezer"}
        found.append(Hierarchy(home, 2, frozenset(offered)))
        taken |= offered
    for row in rows:
        wanted = set(row[3].split(",")) & set(WANTED) - taken if row[2] == "cgroup" else set()
        if wanted:
            found.append(Hierarchy(Path(row[1]), 1, frozenset(wanted)))
            taken |= wanted
    return found


def _home(root: Path, main: int, groups: str) -> Path:
    """The group of version 2 that is lambdad's to divide; the root where none is."""
    own = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), "/")
    group = root / own.lstrip("/")
    # The parent: lambdad was put, or has stepped, into a group below the delegated one.
    for folder in (group, group.parent):
        if folder != root and folder.is_relative_to(root) and _is_delegated(folder):
            return folder
    if group.name == ASIDE:
        return group.parent
    return group if group != root and _has_to_itself(main, group) else root


def _is_delegated(folder: Path) -> bool:
    for mark in _DELEGATED:
        try:
            if os.getxattr(folder, mark) == b"1":
                return True
        except OSError:
            continue
    return _was_handed_over(folder)


def _was_handed_over(folder: Path) -> bool:
    """Whether the user was made the owner of this group and not of what is around it: what older
    systemds do for a service with User= and Delegate=, and other managers for whom they please."""
    user = os.geteuid()
    try:
        return user != 0 and folder.stat().st_uid == user != folder.parent.stat().st_uid
    except OSError:
        return False


def _has_to_itself(main: int, folder: Path) -> bool:
    """Whether an ordinary user's lambdad is alone in a group of theirs: a user's systemd did not
    mark what it delegates before version 254, and nobody else can be in the way of it there."""
    try:
        own = folder.stat().st_uid == os.geteuid() != 0
        pids = (folder / "cgroup.procs").read_text().split()
    except OSError:
        return False
    return own and all(_descends(int(pid), main) for pid in pids)


def _descends(pid: int, main: int) -> bool:
    while pid > 1 and pid != main:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True  # it has ended
        pid = int(stat.rpartition(")")[2].split()[1])
    return pid == main


def why_no_groups(trees: Sequence[Hierarchy]) -> str | None:
    """What keeps an environment's groups from being made, and what to do about it; None when all
    that is wanted can be had."""
    usable = [tree for tree in trees if tree.writable]
    missing = set(WANTED) - {name for tree in usable for name in tree.controllers}
    if not missing:
        return None
    if not trees:
        return "No control groups are mounted: mount -t cgroup2 none /sys/fs/cgroup."
    if usable:
        return _why_incomplete(usable, missing)
    if os.geteuid() == 0:
        return (
            f"{trees[0].home} is read-only, as in most containers: give the container a writable "
            "one of its own (docker run --privileged --cgroupns=private)."
        )
    return (
        "No control group is lambdad's own: start it in one, with systemd-run --user --scope "
        "-p Delegate=yes lambdad up, or as a service with Delegate=yes."
    )


def _why_incomplete(usable: Sequence[Hierarchy], missing: set[str]) -> str:
    names = " ".join(sorted(missing))
    homes = ", ".join(str(tree.home) for tree in usable)
    if os.geteuid() == 0:
        return f"The kernel offers no {names} in {homes}; a boot option may (cgroup_enable=memory)."
    return (
        f"{homes} was given to this user without {names}: let the administrator add "
        f"Delegate={names} to user@.service."
    )
