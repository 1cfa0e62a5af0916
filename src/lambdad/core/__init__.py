"""Base band: ARNs, clock, errors, limits, ids. Imports nothing of ours, does no I/O."""
