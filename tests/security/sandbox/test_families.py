"""The system call filter of each family of runtimes, tried from inside in every tier that has one.

The walls go by the pack's family and not by the program that runs behind them: hostile Python
stands for what a function of any family can start.
"""

from __future__ import annotations

import os

import pytest

from lambdad.sandbox import landlock
from lambdad.sandbox.driver import Tier
from lambdad.sandbox.seccomp.filters import X32_BIT
from support.old_door import door_of_32_bits
from support.real_sandboxes import NAMESPACE_TIERS, Workbench, tier_id

from .test_walls import CALL, NUMBERS, REFUSED

TIERS = [*NAMESPACE_TIERS, *([Tier.HARDENED_PROCESS] if landlock.version() else [])]
FAMILIES = ["python", "nodejs", "java", "ruby", "provided"]
pytestmark = [
    pytest.mark.parametrize("bench", TIERS, ids=tier_id, indirect=True),
    pytest.mark.parametrize("family", FAMILIES),
]

# One call of each group that only some families have, with arguments that fail or do no harm.
FURTHER = {
    "shmget": ((0, 4096, 0o600), {"python", "ruby", "provided"}),
    "mq_open": ((0,), {"python", "ruby", "provided"}),
    "sched_setscheduler": ((-1,), {"python", "provided"}),
    "pkey_alloc": ((1,), {"nodejs", "provided"}),
    "vmsplice": ((-1,), {"provided"}),
    "cachestat": ((-1,), {"provided"}),
}


def test_what_is_dangerous_is_refused(bench: Workbench, family: str) -> None:
    tried = {name: NUMBERS[name] for name in REFUSED if name in NUMBERS}
    source = f"{CALL}\nseen = {{n: call(k, 0, 0, 0, 0, 0, 0) for n, k in {tried}.items()}}"
    assert bench.look(source, family=family) == dict.fromkeys(tried, "EPERM")


def test_what_only_others_have_does_not_exist(bench: Workbench, family: str) -> None:
    tried = {name: (NUMBERS[name], *given) for name, (given, _) in FURTHER.items()}
    source = f"{CALL}\nseen = {{n: call(*given) for n, given in {tried}.items()}}"
    seen = bench.look(source, family=family)
    there = {name for name, answer in seen.items() if answer != "ENOSYS"}
    has = {name for name, (_, families) in FURTHER.items() if family in families}
    # The kernel may be older than a call.
    assert has - {"cachestat", "pkey_alloc"} <= there <= has


def test_other_tables_of_calls_are_closed(bench: Workbench, family: str) -> None:
    tried = [NUMBERS["clone3"]]
    if os.uname().machine == "x86_64":
        tried += [X32_BIT | NUMBERS["getpid"], X32_BIT | 512]
    source = f"{CALL}\nseen = [call(number) for number in {tried}]"
    assert bench.look(source, family=family) == ["ENOSYS"] * len(tried)
    door = door_of_32_bits()
    if door is not None:
        end, text = bench.ends(bench.python(door, family=family))
        assert (end.signal, text) == (31, "")
