"""Counts of what happened, in the shape of CloudWatch's metrics: name, dimensions, sum.

Owns the numbers since the start; publishing them as metrics is for whoever comes to read them.
Counting is an addition to a dictionary: no I/O, and it never fails its caller.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

_SERIES = 65_536
"""Metrics kept; past it those that were counted longest ago are forgotten."""


class Metric(NamedTuple):
    """What is counted: `AWS/Lambda`, `RecursiveInvocationsDropped`, (("FunctionName", "f"),)."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


class Counters:
    """The event loop's alone."""

    def __init__(self) -> None:
        self._sums: OrderedDict[Metric, float] = OrderedDict()

    def add(self, metric: Metric, value: float = 1) -> None:
        """Count `value` more."""
        if metric in self._sums:
            self._sums.move_to_end(metric)
        self._sums[metric] = self._sums.get(metric, 0) + value
        if len(self._sums) > _SERIES:
            self._sums.popitem(last=False)

    def sum(self, metric: Metric) -> float:
        """How much has been counted; 0 for what never was."""
        return self._sums.get(metric, 0)
