"""A module like a function's, imported and forgotten by `bootstrap.rehearse`."""

from __future__ import annotations

import json
import os


def handler(event: object, context: object) -> dict[str, object]:
    """Use what handlers use."""
    return {"statusCode": 200, "body": json.dumps({"event": event, "home": os.sep})}


handler(json.loads('{"key": [1, 2.5, null, "text"]}'), None)
