"""Fixtures for all tests."""

pytest_plugins = ["support.server"]
