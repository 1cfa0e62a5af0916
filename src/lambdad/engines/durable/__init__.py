"""Durable executions: what they are, how they change, what they remember."""
