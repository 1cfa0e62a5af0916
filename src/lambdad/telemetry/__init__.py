"""Logs, metrics, traces and billing of everything that runs."""
