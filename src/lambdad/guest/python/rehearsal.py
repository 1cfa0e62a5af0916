"""The function of a rehearsal (`lambdad_guest.rehearsal`)."""

from __future__ import annotations

import json
import os


def handler(event: object, context: object) -> dict[str, object]:
    """Use what handlers use."""
    return {"statusCode": 200, "body": json.dumps({"event": event, "home": os.sep})}
