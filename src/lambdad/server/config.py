"""Configuration: loaded once, passed down, never looked up again. The only reader of os.environ."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from lambdad.core.errors import OperatorError
from lambdad.core.ids import DEFAULT_REGION
from lambdad.core.limits import DEFAULT_LIMITS, Limits
from lambdad.core.value import Value
from lambdad.sandbox.destinations import Destinations
from lambdad.sandbox.driver import Egress, Reach, Tier

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4566
DEFAULT_EGRESS = Egress(Reach.INTERNET)


class Surroundings(Value):
    """What lambdad takes from its environment variables."""

    UNSHOWN = ("variables",)

    variables: dict[str, str]
    """All of them; may hold secrets."""

    @property
    def data_dir(self) -> Path:
        """The data directory unless told otherwise: LAMBDAD_DATA_DIR, else the system's place
        for root and the user's for everybody else."""
        chosen = self.variables.get("LAMBDAD_DATA_DIR")
        if chosen:
            return Path(chosen)
        if os.geteuid() == 0:
            return Path("/var/lib/lambdad")
        xdg = self.variables.get("XDG_DATA_HOME")
        return Path(xdg) / "lambdad" if xdg else self.home / ".local/share/lambdad"

    @property
    def home(self) -> Path:
        """The user's home folder: where pyenv, nvm and uv keep their interpreters."""
        return Path(self.variables.get("HOME") or "/")

    @property
    def endpoint_url(self) -> str | None:
        """AWS_ENDPOINT_URL: where AWS clients, ours included, are told to go."""
        return self.variables.get("AWS_ENDPOINT_URL") or None

    @property
    def ca_bundle(self) -> Path | None:
        """AWS_CA_BUNDLE: whom AWS clients, ours included, are told to trust."""
        chosen = self.variables.get("AWS_CA_BUNDLE")
        return Path(chosen) if chosen else None

    @property
    def region(self) -> str:
        """AWS_REGION or AWS_DEFAULT_REGION, else us-east-1."""
        names = ("AWS_REGION", "AWS_DEFAULT_REGION")
        return next((self.variables[n] for n in names if self.variables.get(n)), DEFAULT_REGION)

    @property
    def access_key(self) -> tuple[str, str, str | None] | None:
        """Key id, secret and session token, if the environment names a key."""
        key_id = self.variables.get("AWS_ACCESS_KEY_ID")
        secret = self.variables.get("AWS_SECRET_ACCESS_KEY")
        if not key_id or not secret:
            return None
        return key_id, secret, self.variables.get("AWS_SESSION_TOKEN") or None


def read_surroundings() -> Surroundings:
    """The environment variables as they are now."""
    return Surroundings(dict(os.environ))


class ListenConfig(Value):
    """Where clients reach the server."""

    host: str = DEFAULT_HOST
    """Address or name to bind; loopback by default; others need TLS."""
    port: int = DEFAULT_PORT
    """TCP port; 4566 is the convention of the ecosystem's tools, 0 lets the kernel choose."""
    tls_cert: Path | None = None
    """PEM file with the server's certificate chain; None answers without TLS."""
    tls_key: Path | None = None
    """PEM file with its private key."""
    insecure: bool = False
    """Bind to other addresses than loopback without TLS all the same."""
    ready_fd: int | None = None
    """Descriptor that gets the endpoint and a line feed when the server is ready, then closes."""


class AccessConfig(Value):
    """Who may use the server."""

    accept_any_credentials: bool = False
    """Take any access key as the root of an account and check no signature; loopback only."""


class SandboxConfig(Value):
    """How functions are isolated."""

    min_tier: Tier | None = None
    """Refuse to start with weaker walls than these; None takes what the machine offers."""
    egress: Egress = DEFAULT_EGRESS
    """What functions may connect to; the internet by default, as on AWS."""
    user: str | None = None
    """Whom a server that is started as root becomes; None takes the user lambdad, else an id of
    its own; `root` stays root."""


class Config(Value):
    """Everything a server is told at its start."""

    data_dir: Path
    """Where everything that must survive lies; one server at a time."""
    surroundings: Surroundings
    listen: ListenConfig = ListenConfig()
    access: AccessConfig = AccessConfig()
    sandbox: SandboxConfig = SandboxConfig()
    limits: Limits = DEFAULT_LIMITS
    drain_s: float = 10.0
    """How long a stopping server lets running requests end."""

    def check(self) -> None:
        """Raises OperatorError on settings that contradict each other."""
        if self.access.accept_any_credentials and not is_loopback(self.listen.host):
            raise OperatorError(
                f"--accept-any-credentials on {self.listen.host} would let everyone in the "
                "network run code here. Use it with --host 127.0.0.1, or leave it out and sign "
                "requests with the key that `lambdad env` prints."
            )
        if (self.listen.tls_cert is None) != (self.listen.tls_key is None):
            raise OperatorError("--tls-cert and --tls-key belong together: give both or neither.")
        if not (self.listen.tls_cert or self.listen.insecure or is_loopback(self.listen.host)):
            raise OperatorError(
                f"Without TLS everyone on the way to {self.listen.host} could read secrets and "
                "answers. Make a certificate with `lambdad tls init` and give it with --tls-cert "
                "and --tls-key, or say --insecure where something else protects the traffic."
            )
        try:
            Destinations(self.sandbox.egress.opened, lambda _: False)
        except ValueError as error:
            raise OperatorError(f"--egress-allow: {error}. Write it like 10.0.0.0/8.") from None
        if not 0 <= self.listen.port <= 65_535:
            raise OperatorError(f"There is no port {self.listen.port}. Ports go from 0 to 65535.")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
