"""The tables of the lane "logs".

Events are clustered by stream, time and order of arrival, so that reading a stream is one range
of the file. Groups and streams are named by small integers in every event.
"""

from __future__ import annotations

LOG_MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE log_groups (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: late lines must not find a heir
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        retention_days INTEGER,                -- null: for ever
        class TEXT NOT NULL,
        kms_key_id TEXT,
        deletion_protection INTEGER NOT NULL,
        stored_bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (account, region, name)
    );
    CREATE TABLE log_group_tags (
        group_id INTEGER NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (group_id, key)
    ) WITHOUT ROWID;
    CREATE TABLE log_streams (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        group_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        first_event_ms INTEGER,
        last_event_ms INTEGER,
        last_ingestion_ms INTEGER,
        next_seq INTEGER NOT NULL DEFAULT 0,
        stored_bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (group_id, name)
    );
    CREATE INDEX log_streams_by_time ON log_streams (group_id, COALESCE(last_event_ms, 0), name);
    CREATE TABLE log_events (
        stream_id INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL,
        seq INTEGER NOT NULL,                  -- order of arrival within the stream
        ingestion_ms INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (stream_id, timestamp_ms, seq)
    ) WITHOUT ROWID;
    CREATE TABLE log_doomed_streams (          -- deleted; their events go in the background
        stream_id INTEGER PRIMARY KEY
    );
    """,
)
