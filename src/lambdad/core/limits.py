"""Every limit, with its unit, in one place. AWS's quotas first (semantics §1.4), then our own."""

from __future__ import annotations

from lambdad.core.value import Value

KIB = 1024
MIB = 1024 * KIB


class IamQuotas(Value):
    """AWS's default quotas of IAM (IAM user guide, "IAM and STS quotas"), all per account. Sizes
    are characters of a policy document without its white space."""

    users: int = 5000
    groups: int = 300
    roles: int = 1000
    policies: int = 1500
    """Customer managed."""
    instance_profiles: int = 1000
    oidc_providers: int = 100
    saml_providers: int = 100
    groups_per_user: int = 10
    policies_per_identity: int = 10
    """Managed policies attached to one user, group or role."""
    versions_per_policy: int = 5
    access_keys_per_user: int = 2
    service_credentials_per_user: int = 2
    """Per service."""
    ssh_keys_per_user: int = 5
    signing_certificates_per_user: int = 2
    server_certificates: int = 20
    mfa_devices: int = 5000
    """Virtual ones: one for each user."""
    mfa_devices_per_user: int = 8
    tags: int = 50
    client_ids_per_provider: int = 100
    thumbprints_per_provider: int = 5
    private_keys_per_saml_provider: int = 2
    managed_policy_size: int = 6144
    user_policies_size: int = 2048
    """All inline policies of one user together; likewise for groups and roles."""
    group_policies_size: int = 5120
    role_policies_size: int = 10_240
    trust_policy_size: int = 2048
    session_policies_size: int = 2048
    """Inline session policy and the ARNs of managed ones together (STS)."""
    page_items: int = 100
    """A page where MaxItems is not given."""


class SqsQuotas(Value):
    """AWS's quotas of SQS (SQS developer guide, "Amazon SQS quotas")."""

    message_bytes: int = 1 * MIB
    """A message's body and attributes together; and all messages of one batch together."""
    minimum_message_bytes: int = 1 * KIB
    """The smallest MaximumMessageSize."""
    message_attributes: int = 10
    """Per message."""
    attribute_name_chars: int = 256
    attribute_type_chars: int = 256
    number_digits: int = 38
    """Precision of message attributes of type Number."""
    identifier_chars: int = 128
    """MessageGroupId, MessageDeduplicationId, ReceiveRequestAttemptId."""
    batch_entries: int = 10
    batch_id_chars: int = 80
    page_items: int = 1000
    """Queues in one page, and where no page size is given."""
    tags: int = 50
    tag_key_chars: int = 128
    tag_value_chars: int = 256
    policy_bytes: int = 8 * KIB
    policy_statements: int = 20
    policy_actions: int = 7
    """Actions in one AddPermission."""
    source_queues: int = 10
    """Queues named in a redrive allow policy."""
    move_tasks_shown: int = 10
    """Tasks of one source that ListMessageMoveTasks returns at most."""
    queues: int = 1_000_000
    """Per account and region (ours: AWS has no such bound)."""


class WireLimits(Value):
    """What a request may look like before it is read at all. Ours; AWS does not publish its own."""

    depth: int = 64
    """Nesting of a recursive shape, of a document, of XML elements, of CBOR items."""
    form_fields: int = 20_000
    """Fields of a query-protocol body."""
    form_bytes: int = 4 * MIB
    """Body of a query-protocol request: it is read before the caller is known."""
    form_name_parts: int = 64
    """Dots in the name of one field, plus one."""
    xml_elements: int = 100_000
    """Elements of one document (S3's DeleteObjects needs some 4,000)."""
    pattern_chars: int = 1024
    """A value longer than this, and than its own maximum, is not matched against a pattern."""
    open_pattern_chars: int = 16 * KIB
    """A value without a maximum that is longer than this matches no pattern."""
    shown_chars: int = 65_536
    """Of a value that a validation message repeats."""
    violations: int = 100
    """Of one request, in a validation message."""


WIRE_LIMITS = WireLimits()


class Limits(Value):
    """AWS's values are the defaults; an operator may set any of them."""

    request_payload_bytes: int = 6_291_456
    """Synchronous invoke request."""
    response_payload_bytes: int = 6_291_556
    """Synchronous invoke response; 100 bytes more than the request (recorded)."""
    streamed_response_bytes: int = 200 * MIB
    """A streamed response in all. AWS slows one down after its first 6 MB; lambdad does not."""
    stream_buffer_bytes: int = 256 * KIB
    """Of a streamed response, not yet taken by a slow client; past it the function waits (ours)."""
    async_payload_bytes: int = 1_048_576
    """Asynchronous invoke request."""
    zip_bytes: int = 52_428_800
    """Deployment package, zipped, sent directly."""
    unzipped_bytes: int = 262_144_000
    """Function and layers, unzipped."""
    zip_entries: int = 100_000
    """Files and folders in one package (ours: AWS bounds only bytes)."""
    environment_bytes: int = 4 * KIB
    """Environment variables, names and values as JSON."""
    layers: int = 5
    code_signing_configs: int = 100
    """Per account and region (ours)."""
    event_source_mappings: int = 10_000
    """Per account and region (ours)."""
    mapping_filters: int = 5
    """Of one event source mapping (AWS: up to 10 on request)."""
    mapping_filter_characters: int = 4096
    """Of one filter's pattern."""
    mapping_list_items: int = 100
    """Event source mappings per page."""
    capacity_providers: int = 1_000
    """Per account and region."""
    layers_per_region: int = 10_000
    """Per account (ours)."""
    versions_per_layer: int = 1_000
    """Ours, likewise."""
    resource_policy_bytes: int = 20 * KIB
    """Of a function, version, alias or layer version, as JSON."""
    tags_per_resource: int = 50
    code_storage_bytes: int = 300 * 1024 * MIB
    """Per account and region."""
    functions_per_region: int = 100_000
    """Per account (ours: AWS bounds only their code)."""
    versions_per_function: int = 10_000
    """Published ones (ours, likewise)."""
    aliases_per_function: int = 1_000
    """Ours, likewise."""
    memory_mib: int = 10_240
    """Of a function; the service model's own bound is that of managed instances."""
    timeout_s: int = 900
    """Of a function, likewise."""
    client_context_bytes: int = 3_583
    """X-Amz-Client-Context, as base64."""
    code_workers: int = 2
    """Threads that check and unpack packages."""
    code_retention_s: float = 1200.0
    """How long code stays after its last use: longer than any invocation that may still read it."""
    bytecode_module_bytes: int = 64 * KIB
    """Python modules above it are not compiled ahead; the compiler stops the event loop (20 ms)."""
    bytecode_package_bytes: int = 8 * MIB
    """Source compiled ahead in one package."""
    account_concurrency: int = 1000
    unreserved_concurrency_floor: int = 100
    environment_starts_per_10s: int = 1000
    """Per function."""
    init_timeout_s: float = 10.0
    restore_timeout_s: float = 10.0
    """From a snapshot to the first event, after-restore hooks included (Lambda developer guide,
    "Lambda SnapStart runtime hooks")."""
    extensions: int = 10
    """Per execution environment, internal and external."""
    extension_shutdown_s: float = 2.0
    """The shutdown phase of an environment with an external extension."""
    internal_extension_shutdown_s: float = 0.5
    """Likewise with internal ones only."""
    telemetry_backlog_bytes: int = 4 * MIB
    """Kept for one subscription whose extension is behind; past it events are dropped (ours)."""
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
    """AWS's bound for CreateFunction and UpdateFunctionCode, the largest bodies there are."""
    function_url_prelude_bytes: int = 256 * KIB
    """Status, headers and cookies that a streamed result begins with (ours)."""
    http_connections: int = 4096
    http_headers: int = 256
    """Header lines of one request."""
    http_pipelined_requests: int = 64
    """Requests that one connection may have waiting behind the one being served."""
    http_buffered_bytes: int = 512 * MIB
    """Request bodies being received, all connections together."""
    http_header_timeout_s: float = 10.0
    """From the first byte of a request to the end of its headers."""
    http_idle_timeout_s: float = 120.0
    """A kept-alive connection without a request."""
    http_body_grace_s: float = 30.0
    """A body may take this long, and more as long as it keeps up the following rate."""
    http_body_floor_bytes_per_s: int = 16 * KIB
    http_write_timeout_s: float = 60.0
    """A client that reads nothing of an answer that waits for it."""
    sandbox_http_connections: int = 64
    """Open connections from one execution environment to the AWS APIs (ours)."""
    sandbox_http_buffered_bytes: int = 140 * MIB
    """Request bodies being received from one execution environment; all of them together have
    their own `http_buffered_bytes`, so that no function can crowd out the server's clients."""
    http_linger_s: float = 5.0
    """How long the rest of a refused request is read and dropped, so that the refusal arrives."""
    environment_log_line_bytes: int = 256 * KIB
    """One log event; longer lines are cut into several (CloudWatch: 1 MB)."""
    log_buffer_bytes: int = 64 * MIB
    """Log lines waiting for storage; past it lines are dropped and counted."""
    log_stored_bytes: int = 10 * KIB * MIB
    """Of log events, 26 bytes for each included, that one account has in one region; past it its
    oldest go. The file takes some more, and does not shrink again."""
    log_batch_bytes: int = 1_048_576
    """One PutLogEvents call: its messages, and 26 bytes for each."""
    log_event_bytes: int = 1_048_576
    """One event of PutLogEvents, likewise counted."""
    log_page_bytes: int = MIB
    """Messages in one answer of GetLogEvents and FilterLogEvents."""
    log_page_events: int = 10_000
    log_scan_bytes: int = 4 * MIB
    """Messages that one FilterLogEvents call compares with its pattern; then the client goes on
    with a token."""
    log_scan_events: int = 20_000
    live_tail_sessions: int = 15
    """Open at once."""
    lane_queue_operations: int = 65_536
    """Writes waiting for one lane; past it the caller is told to slow down."""
    lane_batch_operations: int = 512
    """Writes in one commit."""
    async_queue_events: int = 1_000_000
    """Asynchronous invocations waiting."""
    recorded_events: int = 50
    """Kept of each function that is recorded (`lambdad events record`)."""
    recorded_bytes: int = 16 * MIB
    """Payloads kept of each such function; the newest event is kept whatever its size."""
    recorded_waiting_bytes: int = 16 * MIB
    """Payloads waiting to be stored; past it events are not recorded."""
    environments: int = 2000
    """Execution environments alive on this machine."""
    spare_shells: int = 4
    """Sandboxes built ahead for each runtime in use, so that an environment starts in one."""
    stems: int = 2
    """Processes started ahead for each runtime in use that is executed: some 40 MiB each for
    Node.js, nothing to speak of for others. The second is for a cold start that comes while the
    first is being replaced."""
    stems_idle_s: float = 900.0
    """How long they are kept after the last start of such a runtime."""
    stems_memory_percent: int = 20
    """Of the machine's memory that has to be available for them: above the reserve at which idle
    environments end, which are worth more."""
    sandbox_create_timeout_s: float = 5.0
    """How long the jailer may take for one sandbox before it reports a failure."""
    environment_starts_at_once: int = 8
    """Sandboxes being created at the same moment; more wait their turn."""
    environment_keep_alive_s: float = 300.0
    """How long an idle execution environment is kept."""
    tenant_environments_per_slot: float = 2.5
    """Environments of functions that isolate tenants, per unit of the account's concurrency."""
    snapshots: int = 64
    """Versions with SnapStart for which environments are kept prepared; the least recently used
    is dropped for another one (ours)."""
    snapshot_environments: int = 1
    """Environments kept prepared for each of them (ours)."""
    class_archive_bytes: int = 128 * MIB
    """One archive of what the init of a Java function loads; 0: none is made (ours)."""
    class_archives_bytes: int = 4096 * MIB
    """All of them; the oldest make room (ours)."""
    class_archive_delay_s: float = 10.0
    """From a change of a function to the run of its init that makes one: who changes code in a loop
    has none made (ours)."""
    class_archive_timeout_s: float = 120.0
    """For that run, which gets only what others leave of the CPU (ours)."""
    template_pause_s: float = 60.0
    """How long a version has no template after one that could not be forked (ours)."""
    managed_environments: int = 3
    """Kept for a version on managed instances unless its scaling configuration says otherwise."""
    environment_memory_guess_mib: int = 32
    """What a new environment is expected to hold before one like it was measured (ours)."""
    environment_processes_guess: int = 4
    """Processes and threads of a new environment, likewise."""
    machine_memory_reserve_percent: int = 5
    """Of the machine's memory, kept free: below it no environment is started and idle ones end."""
    machine_processes_reserve: int = 64
    """Process numbers kept free."""
    machine_stalled_percent: float = 10.0
    """Of the time spent waiting for memory, from which on idle environments end."""
    machine_reading_ms: int = 50
    """How old a reading of the machine may be that decides about a start; where it showed more than
    twice the reserve, it may be as old as `fleet_turn_s`."""
    fleet_turn_s: float = 1.0
    """How often the machine's memory is looked at, and what could not be started is tried again."""
    environment_freeze_grace_ms: int = 10
    """How long an environment stays thawed after an invocation, so that a busy one never pays."""
    environment_hand_back_ms: int = 100
    """How long an invocation waits for an environment to come back from the one before, until it
    goes to another: some clients take a while from their response to the next request (ours)."""
    runtime_api_connections: int = 64
    """Open connections to one environment's Runtime API (ours; they come from the function)."""
    runtime_api_header_bytes: int = 2 * MIB
    """Request line and headers of one Runtime API request; clients send up to 1 MiB of X-Ray
    cause in one of them."""
    async_max_age_s: int = 21_600
    """How long an asynchronous invocation may wait before it is given up."""
    async_attempts: int = 3
    """Runs of one asynchronous event, the first included, when the function fails."""
    async_in_flight: int = 256
    """Asynchronous invocations running at once on this machine; the others wait in the queue."""
    queue_in_flight: int = 120_000
    """Received and not yet deleted messages of one standard queue (SQS: OverLimit)."""
    queue_in_flight_fifo: int = 20_000
    """Likewise of a FIFO queue, which then answers as if it were empty."""
    queue_visibility_s: int = 43_200
    """How long a message may stay invisible in all, counted from its receive."""
    queue_deduplication_s: int = 300
    """How long a FIFO queue knows a deduplication id or a receive's attempt id."""
    queue_move_rate_per_s: int = 5_000
    """Messages that one move task moves, at most (AWS: 500)."""
    queue_upkeep_s: float = 30.0
    """How often expired and purged messages are removed from the disk; nobody sees them then."""

    durable_executions: int = 1_000_000
    """Running at once, per account and region."""
    durable_operations: int = 3_000
    """Of one durable execution."""
    durable_payload_bytes: int = 1_048_576
    """Of one operation's input, result or error (AWS's service model)."""
    durable_stored_bytes: int = 100 * MIB
    """Payloads and errors of all checkpoints of one durable execution."""
    durable_events: int = 25_000
    """History of one durable execution (ours): a step may be attempted again without end."""
    durable_page_bytes: int = 4 * MIB
    """Operations in one invocation's event or one page of GetDurableExecutionState (ours): what a
    synchronous invoke may carry, less what JSON may add."""
    durable_invocation_attempts: int = 9
    """Invocations in a row that may fail before a durable execution does; the delay between them
    doubles from one second, which makes some four minutes (as users report of AWS)."""
    durable_in_flight: int = 256
    """Invocations of durable executions running at once on this machine; others wait."""
    durable_synchronous_s: int = 900
    """The longest ExecutionTimeout of a durable function that may be invoked synchronously."""

    environment_lifetime_s: float = 11 * 3600.0
    """How long an execution environment takes invocations: its credentials hold for an hour more,
    so that they never end under a running function."""

    iam: IamQuotas = IamQuotas()
    sqs: SqsQuotas = SqsQuotas()
    policy_bytes: int = 131_072
    """A policy document as UTF-8 (the API's own maximum); quotas per kind are smaller."""
    policy_remembered_actions: int = 512
    """Actions for which one policy remembers its matching statements."""
    permissions_remembered_requests: int = 256
    """Pairs of action and resource for which one caller's permissions remember theirs."""
    audit_file_bytes: int = 16 * MIB
    """One file of the audit log; then the next one is begun."""
    audit_files: int = 8
    """Kept; older ones are deleted."""
    audit_waiting_records: int = 65_536
    """Noted and not yet written; past it calls go unnoted and are counted."""
    failed_signatures: int = 10
    """Refused signatures in a row, for one key from one address, before the back-off begins."""
    failed_signature_backoff_s: float = 60.0
    """The longest that a back-off lasts."""
    failed_signature_buckets: int = 10_000
    """Pairs of address and key whose failures are remembered; the oldest are forgotten."""


DEFAULT_LIMITS = Limits()
