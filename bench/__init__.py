"""Benchmarks behind docs/SPECIFICATION.md: each against a plain baseline, interleaved."""
