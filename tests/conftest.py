"""Fixtures for all tests, and how Hypothesis runs."""

from hypothesis import HealthCheck, settings

# Time says something about the machine, not about the code: a loaded one draws and runs slowly.
settings.register_profile("lambdad", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lambdad")

pytest_plugins = ["support.server"]
