"""Where lambdad's own pages are, for the server that has them and the commands that ask it."""

from __future__ import annotations

PREFIX = "/_lambdad/"
SIGNING_NAME = "lambdad"
"""What stands where AWS's requests name the service they are signed for."""
