"""AWS Lambda as a daemon."""

__version__ = "0.1.0"
