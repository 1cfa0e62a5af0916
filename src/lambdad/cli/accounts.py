"""`lambdad accounts create|list|rotate-key`: the accounts of a running server and their roots."""

from __future__ import annotations

import argparse

from lambdad.cli.console import Console
from lambdad.cli.operator import ask
from lambdad.cli.place import add_data_dir


def configure(parser: argparse.ArgumentParser) -> None:
    """What to do, with which account."""
    parser.add_argument("verb", choices=["list", "create", "rotate-key"])
    parser.add_argument(
        "account", nargs="?", help="12 digits; made up by create, the default account's by default"
    )
    add_data_dir(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List accounts, or print the key that an account's root has from now on."""
    if arguments.verb == "list":
        answer = ask(arguments, "accounts/list", {})
        if console.json_output:
            console.document(answer)
        else:
            rows = [(each["Account"], each["AccessKeyId"]) for each in answer["Accounts"]]
            console.table(("ACCOUNT", "ROOT KEY"), rows)
        return 0
    account = arguments.account
    if account is None and arguments.verb == "rotate-key":
        account = "000000000000"
    made = ask(arguments, f"accounts/{arguments.verb}", {"Account": account})
    if console.json_output:
        console.document(made)
        return 0
    console.note(
        f"The root of account {made['Account']} has this key from now on; the server keeps it in "
        "the file `credentials` of its data directory."
    )
    console.line(f"export AWS_ACCESS_KEY_ID={made['AccessKeyId']}")
    console.line(f"export AWS_SECRET_ACCESS_KEY={made['SecretAccessKey']}")
    return 0
