"""Which tier a machine gets, as a table of machines."""

from __future__ import annotations

import pytest

from lambdad.core.value import replace
from lambdad.sandbox.driver import SandboxError, Tier
from lambdad.sandbox.probe import Machine, probe
from lambdad.sandbox.selection import choose_tier

SERVER = Machine(
    system="Linux",
    kernel="6.1.0",
    architecture="x86_64",
    root=True,
    new_mounts=None,
    namespaces=None,
    seccomp=None,
    controllers=dict.fromkeys(("memory", "cpu", "pids", "freezer"), "v2"),
    no_groups=None,
    overlay=True,
    loop_devices=True,
    landlock=3,
    user_namespaces=10_000,
    mkfs=True,
)
LAPTOP = replace(SERVER, root=False, controllers={}, loop_devices=False)
CONTAINER = replace(SERVER, namespaces="Operation not permitted", controllers={})
MAC = replace(
    SERVER, system="Darwin", root=False, new_mounts="no", namespaces="no", seccomp="no", landlock=0
)
ALL = tuple(Tier)


@pytest.mark.parametrize(
    ("machine", "tier"),
    [
        (SERVER, Tier.NAMESPACES),
        (LAPTOP, Tier.ROOTLESS),
        (CONTAINER, Tier.HARDENED_PROCESS),
        (MAC, Tier.PROCESS),
        (replace(SERVER, new_mounts="too old"), Tier.HARDENED_PROCESS),
        (replace(LAPTOP, namespaces="No space left on device"), Tier.HARDENED_PROCESS),
        (replace(CONTAINER, seccomp="none"), Tier.PROCESS),
    ],
)
def test_the_strongest_that_works(machine: Machine, tier: Tier) -> None:
    assert choose_tier(machine, ALL).tier is tier


def test_a_complete_machine_lacks_nothing() -> None:
    choice = choose_tier(SERVER, ALL)
    assert choice.missing_layers == ()
    assert choice.why_not == ()


def test_what_is_missing_is_said() -> None:
    poor = replace(SERVER, controllers={}, mkfs=False, overlay=False)
    text = " ".join(choose_tier(poor, ALL).missing_layers)
    for word in ("memory", "processor", "process limits", "freezing", "mkfs.ext4", "overlay"):
        assert word in text


def test_an_ordinary_user_hears_how_to_get_more() -> None:
    choice = choose_tier(LAPTOP, ALL)
    assert any("as root" in reason for reason in choice.why_not)
    assert any("uid" in layer for layer in choice.missing_layers)


@pytest.mark.parametrize("min_tier", [Tier.NAMESPACES, Tier.ROOTLESS])
def test_below_the_minimum_is_refused_with_the_reasons(min_tier: Tier) -> None:
    with pytest.raises(SandboxError, match="Operation not permitted"):
        choose_tier(CONTAINER, ALL, min_tier)
    assert choose_tier(SERVER, ALL, min_tier).tier is Tier.NAMESPACES


def test_only_available_tiers_are_chosen() -> None:
    assert choose_tier(CONTAINER, [Tier.NAMESPACES, Tier.PROCESS]).tier is Tier.PROCESS
    with pytest.raises(SandboxError, match="no function"):
        choose_tier(CONTAINER, [Tier.NAMESPACES])


def test_root_is_never_mapped_into_a_rootless_sandbox() -> None:
    choice = choose_tier(replace(SERVER, new_mounts="old"), ALL)
    assert choice.tier is not Tier.ROOTLESS
    with pytest.raises(SandboxError):
        choose_tier(SERVER, [Tier.ROOTLESS])


def test_this_machine_can_be_looked_at() -> None:
    machine = probe()
    assert machine.kernel
    assert choose_tier(machine, ALL).tier in ALL
