"""How many batches of one mapping may be in flight. Pure, with time passed in.

Owns the number: it grows while every slot is taken and more waits, shrinks when the function
fails or is throttled, and falls back when the source has run dry.

Source: Lambda developer guide, "Configuring scaling behavior for SQS event source mappings";
semantics §4.2: 5 batches at first, 300 more each minute, up to 1,250. How much a failure takes
away AWS does not say: ours halves.
"""

from __future__ import annotations

INITIAL = 5
GROWTH_PER_S = 5.0
CEILING = 1250
FLOOR = 2
_FREE_FAILURES = 4
"""Failed batches in a row before the next look at the source is put off."""
_FIRST_PAUSE_MS = 100
_LONGEST_PAUSE_MS = 30_000


class Scaling:
    """Of one mapping; made anew when it is enabled."""

    def __init__(self, maximum: int | None = None) -> None:
        self._ceiling = min(CEILING, maximum or CEILING)
        self._wanted = float(min(INITIAL, self._ceiling))
        self._saturated_ms: int | None = None
        self._failures = 0
        self._paused_until_ms = 0

    @property
    def limit(self) -> int:
        """Batches that may be in flight now."""
        return int(self._wanted)

    @property
    def paused_until_ms(self) -> int:
        """Before this moment nothing new is read."""
        return self._paused_until_ms

    def saturated(self, now_ms: int) -> None:
        """Every slot is taken and there may be more to read; say so again as long as it is so."""
        if self._saturated_ms is not None:
            elapsed_s = (now_ms - self._saturated_ms) / 1000
            self._wanted = min(self._ceiling, self._wanted + GROWTH_PER_S * elapsed_s)
        self._saturated_ms = now_ms

    def idle(self) -> None:
        """There is nothing more to read: the next burst begins as the first one did."""
        self._saturated_ms = None
        if not self._failures:
            self._wanted = float(min(INITIAL, self._ceiling))

    def succeeded(self) -> None:
        """A batch did; what failures took away comes back by and by."""
        self._failures = 0
        self._paused_until_ms = 0
        self._wanted = max(self._wanted, float(min(INITIAL, self._ceiling)))

    def failed(self, now_ms: int) -> None:
        """A batch did, or was throttled."""
        self._failures += 1
        self._saturated_ms = None
        self._wanted = max(min(FLOOR, self._ceiling), self._wanted / 2)
        beyond = self._failures - _FREE_FAILURES
        if beyond > 0:
            pause_ms = min(_FIRST_PAUSE_MS << min(beyond - 1, 16), _LONGEST_PAUSE_MS)
            self._paused_until_ms = now_ms + pause_ms
