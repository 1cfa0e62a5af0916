"""The seccomp compiler, run on a small BPF machine against the policy that it compiles."""

from __future__ import annotations

import errno
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
POLICY = load_policy()
PROGRAMS = {name: compile_filter(POLICY, name) for name in ARCHITECTURES}


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


def call(name: str, number: int, *arguments: int) -> int:
    padded = [*arguments, *[0] * (6 - len(arguments))]
    machine = ARCHITECTURES[name]
    return run(PROGRAMS[name], struct.pack("IIQ6Q", number & 0xFFFFFFFF, machine, 0, *padded))


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_call_gets_what_the_policy_says(machine: str) -> None:
    for name, number in numbers(machine).items():
        verdict = POLICY.get(name, Verdict(ENOSYS))
        if not verdict.clauses:
            assert call(machine, number) == verdict.answer, name


@pytest.mark.parametrize("machine", ARCHITECTURES)
@given(number=st.integers(0, 0xFFFFFFFF))
def test_numbers_without_a_name_do_not_exist(machine: str, number: int) -> None:
    if number not in numbers(machine).values():
        assert call(machine, number) == ENOSYS


@given(number=st.integers(0, X32_BIT - 1))
def test_the_x32_door_is_closed(number: int) -> None:
    assert call("x86_64", X32_BIT | number) == ENOSYS


def test_other_machines_end_the_process() -> None:
    for machine in (0x40000003, ARCHITECTURES["aarch64"], 0):
        assert run(PROGRAMS["x86_64"], struct.pack("IIQ6Q", 0, machine, *[0] * 7)) == KILL


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


def test_terminals_are_not_typed_into() -> None:
    number = numbers("x86_64")["ioctl"]
    assert call("x86_64", number, 0, 0x5412) == EPERM
    assert call("x86_64", number, 0, 0x541C) == EPERM
    assert call("x86_64", number, 0, 0x5413) == ALLOW


def test_programs_fit_into_the_kernels_limit() -> None:
    for program in PROGRAMS.values():
        assert len(program) % 8 == 0
        assert len(program) // 8 <= 4096


def test_a_misspelt_call_is_noticed() -> None:
    with pytest.raises(ValueError, match="opne"):
        compile_filter({**POLICY, "opne": Verdict(ALLOW)}, "x86_64")


def test_what_programs_cannot_do_without_is_allowed() -> None:
    for machine in ARCHITECTURES:
        known = numbers(machine)
        for name in ("read", "write", "mmap", "futex", "execve", "openat", "exit_group", "brk"):
            assert call(machine, known[name]) == ALLOW, name


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
