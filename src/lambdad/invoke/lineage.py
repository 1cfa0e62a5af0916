"""The guard against functions that call themselves in a loop: trace headers that count. Pure.

Owns `Lineage`, the field of an X-Ray trace header that says how often each function has run in a
chain of calls: `Lineage=a87bd80c:1|68fd508a:5`, eight hex digits of the function and its runs. A
function hands it on by itself: its runtime puts the header into `_X_AMZN_TRACE_ID`, AWS's SDKs
send that with every call, and SQS keeps it with the message. A function that drops or changes it
is not guarded; the guard is against mistakes, not against attacks.

Source: Lambda developer guide, "Lambda recursive loop detection"; X-Ray developer guide, "Tracing
header"; semantics §2.5.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable

from lambdad.core.ids import random_hex
from lambdad.functions.errors import LambdaError
from lambdad.functions.snapshot import Function

MAXIMUM_RUNS = 16
"""Runs of one function in one chain of calls; the next one is stopped."""
_FUNCTIONS = 16
"""Functions that a header counts; those that ran longest ago are forgotten."""
_HEADER_CHARACTERS = 1024
_FIELD = ";Lineage="
_ENTRY = re.compile(r"([0-9a-f]{8}):([0-9]{1,5})")


class RecursiveInvocationException(LambdaError):
    """The function has called itself, over other functions or queues, too often in a row."""

    code = "RecursiveInvocationException"


def new_trace(now_s: int) -> str:
    """The header of a chain that begins here, and that nobody samples."""
    return f"Root=1-{now_s:08x}-{random_hex()[:24]};Parent={random_hex()[:16]};Sampled=0"


def is_trace(header: str) -> bool:
    """Whether a caller's header is one to go on with."""
    return header.startswith("Root=1-") and len(header) <= _HEADER_CHARACTERS


def with_run(header: str, function: Function) -> str:
    """The header with which the function runs: its caller's, and this run counted.

    Raises RecursiveInvocationException where it has run too often in this chain, unless its owner
    allows that."""
    tag = _tag(function.account, function.region, function.name)
    base, found, lineage = header.partition(_FIELD)
    if not found:  # nearly always
        return f"{header}{_FIELD}{tag}:1"
    rest, runs = _runs(lineage)
    earlier = runs.pop(tag, 0)
    if earlier >= MAXIMUM_RUNS and function.recursive_loop != "Allow":
        raise RecursiveInvocationException(
            f"Lambda stopped the invocation of {function.name}: it has already run {earlier} "
            "times in this chain of calls, which looks like a recursive loop."
        )
    runs[tag] = earlier + 1
    return f"{base}{rest}{_FIELD}{_text(runs)}"


def merged(headers: Iterable[str]) -> str:
    """One header for a batch: the first one, with the most runs that any of them counts. Empty
    where none has one."""
    present = [header for header in headers if header]
    if len(present) < 2:
        return present[0] if present else ""
    most: dict[str, int] = {}
    for header in present:
        _, runs = _runs(header.partition(_FIELD)[2])
        for tag, count in runs.items():
            most[tag] = max(count, most.get(tag, 0))
    base, _, lineage = present[0].partition(_FIELD)
    rest, _ = _runs(lineage)
    return f"{base}{rest}{_FIELD}{_text(most)}" if most else present[0]


def _runs(lineage: str) -> tuple[str, dict[str, int]]:
    """What follows the field, and the counts in it, longest ago first; what is none is dropped."""
    field, separator, rest = lineage.partition(";")
    entries = (_ENTRY.fullmatch(entry) for entry in field.split("|"))
    return separator + rest, {match[1]: int(match[2]) for match in entries if match is not None}


def _text(runs: dict[str, int]) -> str:
    kept = list(runs.items())[-_FUNCTIONS:]
    return "|".join(f"{tag}:{count}" for tag, count in kept)


@functools.lru_cache(maxsize=4096)
def _tag(account: str, region: str, name: str) -> str:
    digest = hashlib.sha256(f"{account}/{region}/{name}".encode())
    return digest.hexdigest()[:8]
