"""What an invocation costs, by AWS's price list for us-east-1 (semantics §9). Pure.

Free tier and volume tiers are a matter of a month's sum, not of one invocation: this is the
first-tier price of each.
"""

from __future__ import annotations

REQUEST_USD = 0.20 / 1_000_000
GB_SECOND_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
TMP_GB_SECOND_USD = 0.0000000309
FREE_TMP_MIB = 512


def invocation_usd(
    billed_ms: int, memory_mib: int, tmp_mib: int = FREE_TMP_MIB, architecture: str = "x86_64"
) -> float:
    """The price of one on-demand invocation in US dollars, the request itself included."""
    seconds = billed_ms / 1000
    duration = seconds * memory_mib / 1024 * GB_SECOND_USD[architecture]
    tmp = seconds * max(0, tmp_mib - FREE_TMP_MIB) / 1024 * TMP_GB_SECOND_USD
    return REQUEST_USD + duration + tmp
