"""The system call filter of each family of runtimes, tried from inside in every tier that has one.

The walls go by the pack's family and not by the program that runs behind them: hostile Python
stands for what a function of any family can start.
"""

from __future__ import annotations

import os

import pytest

from lambdad.sandbox import landlock
from lambdad.sandbox.driver import Tier
from lambdad.sandbox.seccomp.filters import X32_BIT, numbers
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
    if os.uname().machine != "x86_64":
        pytest.skip("only x86_64 has other tables")
    tried = [X32_BIT | numbers("x86_64")["getpid"], X32_BIT | 512, numbers("x86_64")["clone3"]]
    source = f"{CALL}\nseen = [call(number) for number in {tried}]"
    assert bench.look(source, family=family) == ["ENOSYS"] * len(tried)
    old = (
        "import ctypes, mmap\n"
        "code = bytes([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3])\n"  # getpid by int 0x80
        "page = mmap.mmap(-1, 4096, prot=7)\npage.write(code)\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(ctypes.CFUNCTYPE(ctypes.c_int)(address)(), flush=True)\n"
    )
    end, text = bench.ends(bench.python(old, family=family))
    assert (end.signal, text) == (31, "")
