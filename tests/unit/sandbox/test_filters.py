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
