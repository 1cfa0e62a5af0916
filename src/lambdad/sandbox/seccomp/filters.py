"""Compiles the seccomp policy to classic BPF.

Pure: text in, bytes out. The program is a binary search over system call numbers, so that a call
costs about eight comparisons. See seccomp(2) for `struct seccomp_data`.
"""

from __future__ import annotations

import errno
import functools
import platform
import struct
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_NUMBER_OFFSET = 0
_ARCHITECTURE_OFFSET = 4
_ARGUMENTS_OFFSET = 16

_LOAD, _AND, _JUMP, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06

Program = list[tuple[int, int, int, int]]
Check = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a call: an answer, or checks of its arguments and an answer for each end."""

    answer: int
    clauses: tuple[tuple[Check, ...], ...] = ()
    on_match: int = 0


_NOT_THERE = Verdict(_ERRNO | errno.ENOSYS)
_REFUSED = Verdict(_ERRNO | errno.EPERM)
_ALLOWED = Verdict(_ALLOW)


def numbers(architecture: str) -> dict[str, int]:
    """System call numbers by name."""
    column = 1 + list(ARCHITECTURES).index(architecture)
    rows = [
        line.split("\t")
        for line in (FOLDER / "syscalls.tsv").read_text().splitlines()
        if not line.startswith("#")
    ]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def load_policy(family: str) -> dict[str, Verdict]:
    """The policy for a family of runtimes by name of call, as `profile.toml` says it. A family that
    the page does not name may do what all may."""
    page = tomllib.loads((FOLDER / "profile.toml").read_text())
    further = [page["further"][group] for group in page["families"].get(family, ())]
    policy: dict[str, Verdict] = {}
    for groups, verdict in (
        ([*page["common"].values(), *further], _ALLOWED),
        (page["refused"].values(), _REFUSED),
    ):
        for name in " ".join(groups).split():
            if name in policy:
                raise ValueError(f"profile.toml names {name} twice")
            policy[name] = verdict
    for entry in page["filtered"]:
        allow, refuse = entry.get("allow"), entry.get("refuse")
        clauses = tuple(tuple(clause) for clause in allow or refuse)
        answers = (_REFUSED.answer, _ALLOW) if allow else (_ALLOW, _REFUSED.answer)
        policy[entry["call"]] = Verdict(answers[0], clauses, answers[1])
    return policy


@functools.cache
def filter_of(family: str) -> bytes:
    """The BPF program for a family of runtimes on this machine."""
    return compile_filter(load_policy(family), platform.machine())


def compile_filter(policy: Mapping[str, Verdict], architecture: str) -> bytes:
    """The BPF program for one architecture; a call of any other ABI ends the process or, for x32,
    does not exist."""
    known = numbers(architecture)
    if unknown := policy.keys() - numbers("x86_64").keys() - numbers("aarch64").keys():
        raise ValueError(f"no such system call: {', '.join(sorted(unknown))}")
    verdicts = {known[name]: verdict for name, verdict in policy.items() if name in known}
    program: Program = [
        (_LOAD, 0, 0, _ARCHITECTURE_OFFSET),
        (_IF_EQUAL, 1, 0, ARCHITECTURES[architecture]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_IF_AT_LEAST, 0, 1, X32_BIT),
        (_RETURN, 0, 0, _NOT_THERE.answer),
        *_search(_intervals(verdicts)),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _intervals(verdicts: Mapping[int, Verdict]) -> list[tuple[int, Verdict]]:
    """(first number, verdict) of each run of numbers that are treated alike."""
    runs: list[tuple[int, Verdict]] = []
    for number in range(max(verdicts) + 2):
        verdict = verdicts.get(number, _NOT_THERE)
        if not runs or runs[-1][1] != verdict:
            runs.append((number, verdict))
    return runs


def _search(runs: Sequence[tuple[int, Verdict]]) -> Program:
    if len(runs) == 1:
        return _decide(runs[0][1])
    middle = len(runs) // 2
    below, above = _search(runs[:middle]), _search(runs[middle:])
    pivot = runs[middle][0]
    if len(below) <= 255:
        return [(_IF_AT_LEAST, len(below), 0, pivot), *below, *above]
    # Conditional jumps reach 255 instructions, the unconditional one any number.
    return [(_IF_AT_LEAST, 0, 1, pivot), (_JUMP, 0, 0, len(below)), *below, *above]


def _decide(verdict: Verdict) -> Program:
    """Instructions that end in an answer whatever the arguments are."""
    program: Program = []
    for clause in verdict.clauses:
        program += _clause(clause, verdict.on_match)
    return [*program, (_RETURN, 0, 0, verdict.answer)]


def _clause(checks: Sequence[Check], answer: int) -> Program:
    """Return `answer` when every check holds, else go on behind."""
    program: Program = [(_RETURN, 0, 0, answer)]
    for check in reversed(checks):
        program = [*_check(check, skip=len(program)), *program]
    return program


def _check(check: Check, skip: int) -> Program:
    """Go on when the argument has one of the values, else jump over `skip` instructions."""
    # Of each 64-bit argument the low half, which is all that the kernel looks at for these calls.
    program: Program = [(_LOAD, 0, 0, _ARGUMENTS_OFFSET + 8 * check["argument"])]
    if "mask" in check:
        program.append((_AND, 0, 0, check["mask"]))
    values = check["values"]
    for left, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
        program.append((_IF_EQUAL, left, 0 if left else skip, value))
    return program
