"""`lambdad tls init`: a certificate authority and a server certificate of one's own."""

from __future__ import annotations

import argparse
import socket
from datetime import UTC, datetime

from lambdad.cli.console import Console
from lambdad.cli.place import add_data_dir, data_dir
from lambdad.server.certificates import make_authority
from lambdad.server.config import read_surroundings
from lambdad.server.tls import TlsFiles

_HERE = ("localhost", "127.0.0.1", "::1")


def configure(parser: argparse.ArgumentParser) -> None:
    """For which names."""
    parser.add_argument("verb", choices=["init"])
    parser.add_argument(
        "--name", action="append", default=[], metavar="NAME",
        help="a further DNS name or address of the server; may be repeated",
    )  # fmt: skip
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Make them, and say how to use them. Again: another server certificate, the same CA."""
    surroundings = read_surroundings()
    files = TlsFiles(data_dir(arguments, surroundings) / "tls")
    urls = f"*.lambda-url.{surroundings.region}.localhost"  # of functions; a `*` is one label
    names = list(dict.fromkeys([*_HERE, urls, socket.gethostname(), *arguments.name]))
    fresh = make_authority(files, names, datetime.now(UTC))
    if console.json_output:
        console.document(
            {"ca": str(files.ca), "cert": str(files.certificate), "key": str(files.key)}
        )
        return 0
    console.note(f"{'Made' if fresh else 'Kept'} the CA {files.ca}.")
    console.note(f"Made a certificate for {', '.join(names)}.")
    console.line(f"lambdad up --tls-cert {files.certificate} --tls-key {files.key}")
    console.line(f"export AWS_CA_BUNDLE={files.ca}    # for clients, here and on other machines")
    return 0
