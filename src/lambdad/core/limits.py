"""Every limit, with its unit, in one place. AWS's quotas first (semantics §1.4), then our own."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """AWS's values are the defaults; an operator may set any of them."""

    request_payload_bytes: int = 6_291_456
    """Synchronous invoke request."""
    response_payload_bytes: int = 6_291_556
    """Synchronous invoke response; 100 bytes more than the request (recorded)."""
    async_payload_bytes: int = 1_048_576
    """Asynchronous invoke request."""
    zip_bytes: int = 52_428_800
    """Deployment package, zipped, sent directly."""
    unzipped_bytes: int = 262_144_000
    """Function and layers, unzipped."""
    create_function_body_bytes: int = 70_167_211
    """Body of CreateFunction and UpdateFunctionCode."""
    zip_entries: int = 100_000
    """Files and folders in one package (ours: AWS bounds only bytes)."""
    environment_bytes: int = 4 * KIB
    """Environment variables, names and values as JSON."""
    layers: int = 5
    tags_per_resource: int = 50
    code_storage_bytes: int = 300 * 1024 * MIB
    """Per account and region."""
    account_concurrency: int = 1000
    unreserved_concurrency_floor: int = 100
    environment_starts_per_10s: int = 1000
    """Per function."""
    init_timeout_s: float = 10.0
    log_tail_bytes: int = 4 * KIB
    """LogType=Tail."""
    open_files: int = 1024
    """Per execution environment."""
    processes: int = 1024
    """Processes and threads per execution environment."""
    list_page_items: int = 50
    """Functions and versions per page, whatever MaxItems says."""

    http_header_bytes: int = MIB
    """Request line and headers (AWS: 1 MB)."""
    http_body_bytes: int = 70_167_211
    http_connections: int = 4096
    environment_log_line_bytes: int = 256 * KIB
    """One log event; longer lines are cut into several (CloudWatch: 1 MB)."""
    log_buffer_bytes: int = 64 * MIB
    """Log lines waiting for storage; past it lines are dropped and counted."""
    lane_queue_operations: int = 65_536
    """Writes waiting for one lane; past it the caller is told to slow down."""
    lane_batch_operations: int = 512
    """Writes in one commit."""
    async_queue_events: int = 1_000_000
    """Asynchronous invocations waiting."""
    environments: int = 2000
    """Execution environments alive on this machine."""


DEFAULT_LIMITS = Limits()
