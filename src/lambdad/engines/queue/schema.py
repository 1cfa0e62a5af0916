"""The tables of the queues' lane, as numbered migrations.

A *generation* is what a queue's messages belong to: purging gives the queue a new one, so it takes
one row's change whatever the depth; the messages of a discarded generation are unreachable at once
and removed little by little (upkeep.py). `due_ms` is when a message may be received: the end of
its delay or of its visibility timeout. One index on it serves standard queues of any depth; FIFO
queues have a row per group besides, with when the group may be received from.

Bodies are apart: a receive rewrites a message's row, and must not rewrite a megabyte with it.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE queue_messages (
        id TEXT PRIMARY KEY,
        queue TEXT NOT NULL,
        due_ms BIGINT NOT NULL,
        leased INTEGER NOT NULL,
        header TEXT NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX queue_messages_due ON queue_messages (queue, leased, due_ms);
    """,
    """
    DROP INDEX queue_messages_due;
    ALTER TABLE queue_messages RENAME TO queue_events_before;

    CREATE TABLE queue_generations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        discarded INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE queue_queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        generation BIGINT NOT NULL,
        settings TEXT NOT NULL,
        attributes TEXT NOT NULL,
        tags TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        modified_ms BIGINT NOT NULL,
        purged_ms BIGINT,
        UNIQUE (account, region, name)
    );
    CREATE TABLE queue_messages (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        generation BIGINT NOT NULL,
        due_ms BIGINT NOT NULL,
        enqueued_ms BIGINT NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        receives_elsewhere INTEGER NOT NULL DEFAULT 0,
        receipt BIGINT NOT NULL DEFAULT 0,
        received_ms BIGINT,
        first_received_ms BIGINT,
        message_id TEXT NOT NULL,
        message_group TEXT,
        deduplication_id TEXT,
        dead_letter_source TEXT
    );
    CREATE INDEX queue_messages_due ON queue_messages (generation, due_ms, receive_count);
    CREATE INDEX queue_messages_age ON queue_messages (generation, enqueued_ms);
    CREATE INDEX queue_messages_group ON queue_messages (generation, message_group, seq)
        WHERE message_group IS NOT NULL;
    CREATE TABLE queue_bodies (
        seq INTEGER PRIMARY KEY,
        body BLOB NOT NULL,
        attributes BLOB NOT NULL,
        system BLOB NOT NULL
    );
    CREATE TABLE queue_groups (
        id INTEGER PRIMARY KEY,
        generation BIGINT NOT NULL,
        message_group TEXT NOT NULL,
        due_ms BIGINT NOT NULL,
        UNIQUE (generation, message_group)
    );
    CREATE INDEX queue_groups_due ON queue_groups (generation, due_ms);
    CREATE TABLE queue_deduplication (
        generation BIGINT NOT NULL,
        scope TEXT NOT NULL,
        deduplication_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        seq BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        PRIMARY KEY (generation, scope, deduplication_id)
    );
    CREATE INDEX queue_deduplication_expiry ON queue_deduplication (expires_ms);
    CREATE TABLE queue_attempts (
        generation BIGINT NOT NULL,
        attempt_id TEXT NOT NULL,
        taken TEXT NOT NULL,
        expires_ms BIGINT NOT NULL,
        PRIMARY KEY (generation, attempt_id)
    );
    CREATE INDEX queue_attempts_expiry ON queue_attempts (expires_ms);
    CREATE TABLE queue_moves (
        id TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        target TEXT,
        rate_per_s INTEGER,
        status TEXT NOT NULL,
        started_ms BIGINT NOT NULL,
        to_move BIGINT NOT NULL,
        moved BIGINT NOT NULL,
        failure TEXT
    );

    INSERT INTO queue_generations (id) VALUES (1);
    INSERT INTO queue_queues
        (account, region, name, generation, settings, attributes, tags, created_ms, modified_ms)
        VALUES ('', '', 'lambda-events', 1, '{}', '{}', '{}', 0, 0);
    INSERT INTO queue_messages (generation, due_ms, enqueued_ms, message_id)
        SELECT 1, due_ms, json_extract(header, '$.progress.accepted_ms'), id
        FROM queue_events_before ORDER BY due_ms;
    INSERT INTO queue_bodies (seq, body, attributes, system)
        SELECT m.seq, e.body, CAST(e.header AS BLOB), CAST('{}' AS BLOB)
        FROM queue_messages m JOIN queue_events_before e ON e.id = m.message_id;
    DROP TABLE queue_events_before;
    """,
)
"""For `open_lane`, in this order, none ever changed once released. The second gave the events of
asynchronous invocation, which were there before queues, a queue of their own."""
