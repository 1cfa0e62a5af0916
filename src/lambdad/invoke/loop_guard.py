"""The loop guard at work: every way into a function asks it, and what it stops is seen.

Owns the count and the log line of a stopped invocation; the rule is `lineage.py`'s.
"""

from __future__ import annotations

import logging

from lambdad.functions.snapshot import Function
from lambdad.invoke.lineage import RecursiveInvocationException, with_run
from lambdad.telemetry.counters import Counters, Metric

_log = logging.getLogger(__name__)


class LoopGuard:
    """One for the server."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def enter(self, header: str, function: Function) -> str:
        """The trace header with which the function runs. Raises RecursiveInvocationException."""
        try:
            return with_run(header, function)
        except RecursiveInvocationException as error:
            _log.warning("%s", error)
            dimensions = (("FunctionName", function.name),)
            self._counters.add(Metric("AWS/Lambda", "RecursiveInvocationsDropped", dimensions))
            raise
