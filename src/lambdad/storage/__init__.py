"""Durable storage: SQLite lanes with group commit, and the blob store."""
