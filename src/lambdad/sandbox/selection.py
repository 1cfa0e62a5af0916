"""Which tier of isolation this machine gets, and what it lacks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from lambdad.core.value import Value
from lambdad.sandbox.driver import SandboxError, Tier
from lambdad.sandbox.probe import Machine

_STRONGEST_FIRST = tuple(Tier)
CONTROLLER_LAYERS = {
    "memory": "memory limits by the kernel (functions are watched instead)",
    "cpu": "processor shares by memory size",
    "pids": "process limits by the kernel",
    "freezer": "freezing by the kernel (environments are stopped by signal instead)",
}
"""What each control group controller is for."""
MULTI_TENANT = (Tier.NAMESPACES, Tier.ROOTLESS)
"""Tiers that keep functions of different owners apart."""


class Choice(Value):
    """The tier to use."""

    tier: Tier
    missing_layers: tuple[str, ...]
    """What a complete setting of the tier has and this machine lacks."""
    why_not: tuple[str, ...]
    """Why each stronger tier cannot be had, with the remedy."""
    no_groups: str | None
    """Why control groups, which the tier can use, are missing, with the remedy."""


def choose_tier(
    machine: Machine, available: Sequence[Tier], min_tier: Tier | None = None
) -> Choice:
    """The strongest tier of `available` that works here. Raises SandboxError below `min_tier`."""
    why_not: list[str] = []
    for tier in _STRONGEST_FIRST:
        if tier not in available:
            continue
        if reason := _obstacle(machine, tier):
            why_not.append(f"Tier {tier}: {reason}")
            continue
        if min_tier is not None and _weaker(tier, min_tier):
            reasons = " ".join(why_not)
            raise SandboxError(
                f"This machine offers isolation of tier {tier}, and at least {min_tier} is "
                f"required. {reasons} Mend that or lower --min-tier."
            )
        no_groups = machine.no_groups if tier in MULTI_TENANT else None
        return Choice(tier, tuple(_missing(machine, tier)), tuple(why_not), no_groups)
    raise SandboxError(f"This machine can run no function. {' '.join(why_not)}")


def _weaker(tier: Tier, than: Tier) -> bool:
    return _STRONGEST_FIRST.index(tier) > _STRONGEST_FIRST.index(than)


def _obstacle(machine: Machine, tier: Tier) -> str | None:
    """Why a tier cannot be had, with the remedy; None when it can."""
    if tier is Tier.PROCESS:
        return None
    if machine.seccomp is not None:
        return f"no system call filter: {machine.seccomp}."
    if tier is Tier.HARDENED_PROCESS:
        return None if machine.landlock else "the kernel has no Landlock (Linux 5.13)."
    if machine.new_mounts is not None:
        return f"no detached mounts: {machine.new_mounts}."
    if tier is Tier.NAMESPACES:
        if not machine.root:
            return "needs root: start lambdad as root, it gives the rights up itself."
        if machine.namespaces is not None:
            return f"root may not make namespaces here: {machine.namespaces}."
        return None
    if machine.root:
        return "is for ordinary users: as root it would map functions to root."
    if machine.namespaces is not None:
        return f"user namespaces do not work for this user: {machine.namespaces}."
    return None


def _missing(machine: Machine, tier: Tier) -> list[str]:
    if tier not in MULTI_TENANT:
        return ["separation of functions from each other: run code of one owner only"]
    missing = [what for name, what in CONTROLLER_LAYERS.items() if name not in machine.controllers]
    if tier is Tier.ROOTLESS:
        missing.append("a uid for each environment (all run as the user who started lambdad)")
        missing.append("a disk-backed /tmp (it is memory, watched apart from the function's own)")
    elif not (machine.loop_devices and machine.mkfs):
        lacks = "loop devices" if machine.mkfs else "mkfs.ext4 (package e2fsprogs)"
        missing.append(
            f"a disk-backed /tmp: no {lacks} (it is memory, watched apart from the function's own)"
        )
    if not machine.overlay:
        missing.append("overlay file systems: functions with more than one layer cannot run")
    return missing
