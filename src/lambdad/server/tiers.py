"""Which tiers of isolation this build has a driver for: asked by the wiring and by `doctor`."""

from __future__ import annotations

from lambdad.sandbox.driver import Tier

TIERS = tuple(Tier)
"""Strongest first."""
