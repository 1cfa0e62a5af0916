"""The control lane's tables for functions: numbered, forward-only migrations.

`lambda_numbering` outlives its function: AWS never uses a version number twice, not even after
the function was deleted and made again (AWS Lambda Developer Guide, "Versions").
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE lambda_functions (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        tags TEXT NOT NULL,
        reserved_concurrency INTEGER,
        PRIMARY KEY (account, region, name)
    );
    CREATE TABLE lambda_versions (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (account, region, name, version)
    );
    CREATE TABLE lambda_aliases (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        alias TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (account, region, name, alias)
    );
    CREATE TABLE lambda_numbering (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        next_version INTEGER NOT NULL,
        PRIMARY KEY (account, region, name)
    );
    """,
    """
    CREATE TABLE lambda_attachments (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        qualifier TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (account, region, name, kind, qualifier)
    );
    """,
    """
    CREATE TABLE lambda_layers (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        next_version INTEGER NOT NULL,
        PRIMARY KEY (account, region, name)
    );
    CREATE TABLE lambda_layer_versions (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (account, region, name, version)
    );
    """,
    """
    CREATE TABLE lambda_resources (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (account, region, kind, id)
    );
    """,
)
"""For `open_lane`, in this order, none ever changed once released."""
