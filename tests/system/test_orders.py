"""examples/orders, from an order by HTTP to a dead letter and back, with the commands of its
README."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.patience import wait_for
from support.server import LambdadServer
from support.url_client import ask

EXAMPLE = Path(__file__).parents[2] / "examples" / "orders"


def peeked(server: LambdadServer, queue: str) -> list[dict[str, Any]]:
    """The orders in a queue, as `lambdad queue peek` shows them."""
    answer = server.lambdad("queue", "peek", queue, "--limit", "50", "--json")
    return [json.loads(message["Body"]) for message in answer["Messages"]]


def test_orders(server: LambdadServer) -> None:
    deployed = subprocess.run(
        [sys.executable, str(EXAMPLE / "deploy.py")],
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert deployed.returncode == 0, deployed.stderr
    url = deployed.stdout.strip()

    def order(number: int, customer: str, product: str) -> int:
        document = {"id": f"o{number}", "customer": customer, "product": product}
        return ask(server, url, method="POST", body=json.dumps(document).encode()).status

    assert ask(server, url, method="POST", body=b"{}").status == 400
    assert order(1, "ada", "book") == 202
    assert order(1, "ada", "book") == 202  # sent twice, ordered once
    assert order(2, "ada", "lamp") == 202  # which nobody knows
    assert order(3, "ada", "pen") == 202
    assert order(4, "bob", "pen") == 202

    # The lamp is tried twice, holds up what its customer ordered after it, and is put aside.
    wait_for(lambda: {each["id"] for each in peeked(server, "shipped")} >= {"o1", "o4"})
    wait_for(lambda: [each["id"] for each in peeked(server, "orders-dead.fifo")] != [])
    dead = {each["id"] for each in peeked(server, "orders-dead.fifo")}
    assert "o2" in dead
    assert dead <= {"o2", "o3"}

    # Somebody adds the product, and the dead letters go back to where they came from.
    configuration = server.aws("lambda", "get-function-configuration", "--function-name",
                               "order-worker")  # fmt: skip
    variables = configuration["Environment"]["Variables"]
    variables["PRICES"] = json.dumps({"book": 12, "pen": 2, "lamp": 40})
    environment = json.dumps({"Variables": variables})
    server.aws("lambda", "update-function-configuration", "--function-name", "order-worker",
               "--environment", environment)  # fmt: skip
    server.aws("lambda", "wait", "function-updated-v2", "--function-name", "order-worker")
    server.lambdad("queue", "redrive", "orders-dead.fifo")
    wait_for(lambda: {each["id"] for each in peeked(server, "shipped")} == {"o1", "o2", "o3", "o4"})
    assert peeked(server, "orders-dead.fifo") == []
    wait_for(lambda: peeked(server, "orders.fifo") == [])
    prices = {each["id"]: each["price"] for each in peeked(server, "shipped")}
    assert prices == {"o1": 12, "o2": 40, "o3": 2, "o4": 2}
