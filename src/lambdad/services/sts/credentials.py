"""Credentials as members of an answer."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdad.api.call import Result
from lambdad.iam.session import SessionCredentials


def credentials(session: SessionCredentials) -> Result:
    """The Credentials member."""
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": datetime.fromtimestamp(session.expires_s, UTC),
    }
