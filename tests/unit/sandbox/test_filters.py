"""The seccomp compiler, run on a small BPF machine against the policy that it compiles."""

from __future__ import annotations

import errno
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.sandbox.seccomp.filters import (
    ARCHITECTURES,
    X32_BIT,
    Verdict,
    compile_filter,
    load_policy,
    load_template_policy,
    numbers,
)

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
FAMILIES = ("python", "nodejs", "java", "ruby", "provided")
POLICIES = {family: load_policy(family) for family in (*FAMILIES, "of no page")}
PROGRAMS = {
    (name, family): compile_filter(policy, name)
    for family, policy in POLICIES.items()
    for name in ARCHITECTURES
}
BOTH = [*itertools.product(ARCHITECTURES, FAMILIES)]

DENIED = [
    *("mount", "umount2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick"),
    *("mount_setattr", "pivot_root", "chroot", "unshare", "setns"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open"),
    *("userfaultfd", "fanotify_init", "keyctl", "add_key", "request_key"),
    *("name_to_handle_at", "open_by_handle_at", "modify_ldt", "kexec_load", "kexec_file_load"),
    *("init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "iopl"),
    *("ioperm", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname"),
    *("setdomainname", "quotactl", "acct", "syslog"),
]
"""What no environment may, whatever its family (docs/threat-model.md)."""


def run(program: bytes, data: bytes) -> int:
    """What the kernel would answer."""
    instructions = list(struct.iter_unpack("HBBI", program))
    counter = accumulator = 0
    while True:
        code, if_true, if_false, value = instructions[counter]
        counter += 1
        if code == 0x20:
            accumulator = struct.unpack_from("I", data, value)[0]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x05:
            counter += value
        elif code == 0x15:
            counter += if_true if accumulator == value else if_false
        elif code == 0x35:
            counter += if_true if accumulator >= value else if_false
        elif code == 0x06:
            return int(value)
        else:
            raise AssertionError(hex(code))


def call(name: str, number: int, *arguments: int, family: str = "python") -> int:
    padded = [*arguments, *[0] * (6 - len(arguments))]
    machine = ARCHITECTURES[name]
    return run(
        PROGRAMS[name, family], struct.pack("IIQ6Q", number & 0xFFFFFFFF, machine, 0, *padded)
    )


def allowed(family: str) -> set[str]:
    """Names of the calls that a family may make, whatever their arguments have to be."""
    policy = POLICIES[family].items()
    return {name for name, verdict in policy if verdict.answer == ALLOW or verdict.clauses}


@pytest.mark.parametrize(("machine", "family"), BOTH)
def test_every_call_gets_what_the_policy_says(machine: str, family: str) -> None:
    for name, number in numbers(machine).items():
        verdict = POLICIES[family].get(name, Verdict(ENOSYS))
        if not verdict.clauses:
            assert call(machine, number, family=family) == verdict.answer, name


@pytest.mark.parametrize(("machine", "family"), BOTH)
def test_what_is_dangerous_is_denied_to_every_family(machine: str, family: str) -> None:
    known = numbers(machine)
    assert {name for name in DENIED if name not in numbers("x86_64")} == set()
    for name in (*DENIED, "clone3", "memfd_secret"):
        if name in known:
            assert call(machine, known[name], family=family) in (EPERM, ENOSYS), name
    for kind in (17, 38, 40):  # AF_PACKET, AF_ALG, AF_VSOCK
        assert call(machine, known["socket"], kind, 3, family=family) == EPERM
    assert call(machine, known["socket"], 2, 3, 1, family=family) == EPERM  # raw
    assert call(machine, known["clone"], 0x10000000, family=family) == EPERM  # CLONE_NEWUSER


def test_a_family_has_what_all_have_and_nothing_that_provided_lacks() -> None:
    everybodys = allowed("of no page")
    for family in FAMILIES:
        assert everybodys <= allowed(family) <= allowed("provided"), family
    assert allowed("java") == everybodys


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("shmget", {"python", "ruby", "provided"}),
        ("mq_open", {"python", "ruby", "provided"}),
        ("sched_setscheduler", {"python", "provided"}),
        ("pkey_alloc", {"nodejs", "provided"}),
        ("vmsplice", {"provided"}),
        ("futex_waitv", {"provided"}),
        ("memfd_create", set(FAMILIES)),
        ("io_uring_setup", set()),
    ],
)
def test_who_may_what(name: str, families: set[str]) -> None:
    assert {family for family in FAMILIES if name in allowed(family)} == families


@pytest.mark.parametrize("machine", ARCHITECTURES)
@given(number=st.integers(0, 0xFFFFFFFF), family=st.sampled_from(FAMILIES))
def test_numbers_without_a_name_do_not_exist(machine: str, number: int, family: str) -> None:
    if number not in numbers(machine).values():
        assert call(machine, number, family=family) == ENOSYS


@given(number=st.integers(0, X32_BIT - 1), family=st.sampled_from(FAMILIES))
def test_the_x32_door_is_closed(number: int, family: str) -> None:
    assert call("x86_64", X32_BIT | number, family=family) == ENOSYS


@pytest.mark.parametrize(("machine", "family"), BOTH)
def test_other_machines_end_the_process(machine: str, family: str) -> None:
    own = ARCHITECTURES[machine]
    # Those of 32 bits too, whose programs a processor may run as well (AUDIT_ARCH_I386, _ARM).
    for other in {0x40000003, 0x40000028, *ARCHITECTURES.values(), 0} - {own}:
        data = struct.pack("IIQ6Q", 0, other, *[0] * 7)
        assert run(PROGRAMS[machine, family], data) == KILL


@pytest.mark.parametrize("machine", ARCHITECTURES)
@given(flags=st.integers(0, 0xFFFFFFFF))
def test_clone_makes_no_namespace(machine: str, flags: int) -> None:
    wanted = EPERM if flags & 0x7E020080 else ALLOW
    assert call(machine, numbers(machine)["clone"], flags) == wanted


@pytest.mark.parametrize("machine", ARCHITECTURES)
@given(
    family=st.integers(0, 50), kind=st.integers(0, 15), flags=st.sampled_from([0, 0o2004000]),
    protocol=st.integers(0, 300),
)  # fmt: skip
def test_sockets_are_local_or_internet(
    machine: str, family: int, kind: int, flags: int, protocol: int
) -> None:
    allowed = (
        family == 1 or (family in (2, 10) and kind in (1, 2)) or (family == 16 and protocol == 0)
    )
    wanted = ALLOW if allowed else EPERM
    assert call(machine, numbers(machine)["socket"], family, kind | flags, protocol) == wanted


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_terminals_are_not_typed_into(machine: str) -> None:
    number = numbers(machine)["ioctl"]
    assert call(machine, number, 0, 0x5412) == EPERM
    assert call(machine, number, 0, 0x541C) == EPERM
    assert call(machine, number, 0, 0x5413) == ALLOW


def test_programs_fit_into_the_kernels_limit() -> None:
    for program in PROGRAMS.values():
        assert len(program) % 8 == 0
        assert len(program) // 8 <= 4096


def test_a_misspelt_call_is_noticed() -> None:
    with pytest.raises(ValueError, match="opne"):
        compile_filter({**POLICIES["java"], "opne": Verdict(ALLOW)}, "x86_64")


@pytest.mark.parametrize(("machine", "family"), BOTH)
def test_what_programs_cannot_do_without_is_allowed(machine: str, family: str) -> None:
    known = numbers(machine)
    for name in ("read", "write", "mmap", "futex", "execve", "openat", "exit_group", "brk"):
        assert call(machine, known[name], family=family) == ALLOW, name


TEMPLATE = {name: compile_filter(load_template_policy(), name) for name in ARCHITECTURES}


def template_call(name: str, what: str, *arguments: int) -> int:
    padded = [*arguments, *[0] * (6 - len(arguments))]
    packed = struct.pack("IIQ6Q", numbers(name)[what], ARCHITECTURES[name], 0, *padded)
    return run(TEMPLATE[name], packed)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_template_may_join_and_nothing_else(machine: str) -> None:
    own = {"setns", "socket", "setsockopt", "getsockopt", "ioctl"}
    for name in numbers(machine).keys() - own:
        ours = [template_call(machine, name, first) for first in (0, 1, 0x10000000)]
        theirs = [call(machine, numbers(machine)[name], first) for first in (0, 1, 0x10000000)]
        assert ours == theirs, name
    assert template_call(machine, "setns") == ALLOW
    assert call(machine, numbers(machine)["setns"]) == EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
@given(
    family=st.integers(0, 50), kind=st.integers(0, 15), level=st.integers(0, 300),
    option=st.integers(0, 0xFFFFFFFF), request=st.integers(0, 0xFFFFFFFF),
)  # fmt: skip
def test_what_only_capabilities_could_do_is_closed_to_a_template(
    machine: str, family: int, kind: int, level: int, option: int, request: int
) -> None:
    allowed = family == 1 or (family in (2, 10) and kind in (1, 2))
    assert (template_call(machine, "socket", family, kind) == ALLOW) is allowed
    below_tables = level in (0, 41) and option < 64
    without_repair = level == 6 and option < 38 and option not in (19, 20, 21, 22, 29)
    for what in ("setsockopt", "getsockopt"):
        if template_call(machine, what, 0, level, option) == ALLOW:
            assert level in (1, 17) or below_tables or without_repair
    if 0x8900 <= request & 0xFFFF <= 0x89FF:
        assert template_call(machine, "ioctl", 0, request) == EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(("level", "option"), [(1, 2), (6, 1), (6, 18), (0, 2), (41, 26), (17, 1)])
def test_what_programs_set_is_open_to_a_template(machine: str, level: int, option: int) -> None:
    assert template_call(machine, "setsockopt", 0, level, option) == ALLOW
    assert template_call(machine, "ioctl", 0, 0x5421) == ALLOW
