"""`lambdad up`: run the server in the foreground until it is told to stop."""

from __future__ import annotations

import argparse
from pathlib import Path

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.core.errors import OperatorError
from lambdad.core.limit_settings import LimitRefused, with_settings
from lambdad.sandbox.driver import Egress, Reach, Tier
from lambdad.server.config import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    AccessConfig,
    Config,
    ListenConfig,
    SandboxConfig,
    read_surroundings,
)
from lambdad.server.daemon import log_to_stderr, serve, signal_ready
from lambdad.server.place import RunningServer
from lambdad.server.tiers import TIERS
from lambdad.storage.errors import StorageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)"
    )
    add_data_dir(parser)
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain (PEM)")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key (PEM)")
    parser.add_argument(
        "--insecure", action="store_true", help="bind to other addresses than loopback without TLS"
    )
    parser.add_argument(
        "--accept-any-credentials",
        action="store_true",
        help="for local tests: any access key is the root of an account (a key of 12 digits names "
        "it), no signature is checked; on loopback only",
    )
    parser.add_argument(
        "--min-tier",
        choices=[tier.value for tier in TIERS],
        help="refuse to start with weaker sandboxes than this (A is the strongest; see doctor)",
    )
    parser.add_argument(
        "--egress",
        choices=[reach.value for reach in Reach],
        default=Reach.INTERNET.value,
        help="what functions may connect to: nothing, lambdad's AWS API (platform), or the "
        "internet as well (%(default)s); never this machine's own services",
    )
    parser.add_argument(
        "--egress-allow",
        action="append",
        default=[],
        metavar="CIDR",
        help="a network that is not public and open to functions all the same; may be repeated",
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a limit (lambdad limits lists them); may be repeated",
    )
    parser.add_argument(
        "--user",
        metavar="NAME",
        help="whom to become when started as root (the user lambdad, else an id of its own); "
        "root keeps root",
    )
    parser.add_argument(
        "--ready-fd",
        type=int,
        metavar="N",
        help="write the endpoint to this file descriptor when ready, and close it",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Serve until SIGTERM or SIGINT."""
    log_to_stderr()
    surroundings = read_surroundings()
    try:
        limits = with_settings(arguments.limit)
    except LimitRefused as error:
        raise OperatorError(f"--limit: {error}") from None
    config = Config(
        limits=limits,
        data_dir=data_dir(arguments, surroundings),
        surroundings=surroundings,
        listen=ListenConfig(
            arguments.host,
            arguments.port,
            arguments.tls_cert,
            arguments.tls_key,
            arguments.insecure,
            arguments.ready_fd,
        ),
        access=AccessConfig(arguments.accept_any_credentials),
        sandbox=SandboxConfig(
            min_tier=Tier(arguments.min_tier) if arguments.min_tier else None,
            egress=Egress(Reach(arguments.egress), tuple(arguments.egress_allow)),
            user=arguments.user,
        ),
    )
    usual_place = config.data_dir == surroundings.data_dir.absolute()
    option = "" if usual_place else f" --data-dir {config.data_dir}"

    def announce_ready(server: RunningServer) -> None:
        if console.json_output:
            console.record({"endpoint": server.endpoint, "pid": server.pid, "tier": server.tier})
        else:
            console.line(
                f"lambdad is ready at {server.endpoint} (sandbox tier {server.tier}). "
                f'In another shell: eval "$(lambdad env{option})"'
            )
        if arguments.ready_fd is not None:
            signal_ready(arguments.ready_fd, server)

    try:
        serve(config, announce_ready)
    except StorageError as error:
        raise OperatorError(str(error)) from error
    return 0
