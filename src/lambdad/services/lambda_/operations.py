"""The operations of AWS Lambda that are served: the list that `server/wiring.py` binds."""

from __future__ import annotations

from lambdad.api.operation import Implementation
from lambdad.services.lambda_.account import get_account_settings
from lambdad.services.lambda_.aliases import (
    create_alias,
    delete_alias,
    get_alias,
    list_aliases,
    update_alias,
)
from lambdad.services.lambda_.capacity import (
    create_capacity_provider,
    delete_capacity_provider,
    get_capacity_provider,
    list_capacity_providers,
    list_function_versions_by_capacity_provider,
    update_capacity_provider,
)
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.code_signing import (
    create_code_signing_config,
    delete_code_signing_config,
    delete_function_code_signing_config,
    get_code_signing_config,
    get_function_code_signing_config,
    list_code_signing_configs,
    list_functions_by_code_signing_config,
    put_function_code_signing_config,
    update_code_signing_config,
)
from lambdad.services.lambda_.concurrency import (
    delete_function_concurrency,
    get_function_concurrency,
    put_function_concurrency,
)
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.durable_callbacks import (
    send_durable_execution_callback_failure,
    send_durable_execution_callback_heartbeat,
    send_durable_execution_callback_success,
)
from lambdad.services.lambda_.durable_executions import (
    delete_durable_execution,
    get_durable_execution,
    get_durable_execution_history,
    list_durable_executions_by_function,
    pause_durable_execution,
    resume_durable_execution,
    stop_durable_execution,
)
from lambdad.services.lambda_.durable_protocol import (
    checkpoint_durable_execution,
    get_durable_execution_state,
)
from lambdad.services.lambda_.event_invoke import (
    delete_function_event_invoke_config,
    get_function_event_invoke_config,
    list_function_event_invoke_configs,
    put_function_event_invoke_config,
    update_function_event_invoke_config,
)
from lambdad.services.lambda_.event_sources import (
    create_event_source_mapping,
    delete_event_source_mapping,
    get_event_source_mapping,
    list_event_source_mappings,
    update_event_source_mapping,
)
from lambdad.services.lambda_.functions import (
    create_function,
    delete_function,
    get_function,
    list_functions,
)
from lambdad.services.lambda_.invocation import invoke, invoke_async
from lambdad.services.lambda_.layer_permissions import (
    add_layer_version_permission,
    get_layer_version_policy,
    remove_layer_version_permission,
)
from lambdad.services.lambda_.layers import (
    delete_layer_version,
    get_layer_version,
    get_layer_version_by_arn,
    list_layer_versions,
    list_layers,
    publish_layer_version,
)
from lambdad.services.lambda_.permissions import add_permission, get_policy, remove_permission
from lambdad.services.lambda_.provisioned import (
    delete_provisioned_concurrency_config,
    get_provisioned_concurrency_config,
    list_provisioned_concurrency_configs,
    put_provisioned_concurrency_config,
)
from lambdad.services.lambda_.resource_policy import (
    delete_resource_policy,
    get_resource_policy,
    put_resource_policy,
)
from lambdad.services.lambda_.runtime_settings import (
    get_function_recursion_config,
    get_runtime_management_config,
    put_function_recursion_config,
    put_runtime_management_config,
)
from lambdad.services.lambda_.scaling import (
    get_function_scaling_config,
    put_function_scaling_config,
)
from lambdad.services.lambda_.streaming import invoke_with_response_stream
from lambdad.services.lambda_.tags import list_tags, tag_resource, untag_resource
from lambdad.services.lambda_.urls import (
    create_function_url_config,
    delete_function_url_config,
    get_function_url_config,
    list_function_url_configs,
    update_function_url_config,
)
from lambdad.services.lambda_.versions import list_versions_by_function, publish_version

OPERATIONS: tuple[Implementation, ...] = (
    add_layer_version_permission,
    add_permission,
    checkpoint_durable_execution,
    create_alias,
    create_capacity_provider,
    create_code_signing_config,
    create_event_source_mapping,
    create_function,
    create_function_url_config,
    delete_alias,
    delete_capacity_provider,
    delete_code_signing_config,
    delete_durable_execution,
    delete_event_source_mapping,
    delete_function,
    delete_function_code_signing_config,
    delete_function_concurrency,
    delete_function_event_invoke_config,
    delete_function_url_config,
    delete_layer_version,
    delete_provisioned_concurrency_config,
    delete_resource_policy,
    get_account_settings,
    get_alias,
    get_capacity_provider,
    get_code_signing_config,
    get_durable_execution,
    get_durable_execution_history,
    get_durable_execution_state,
    get_event_source_mapping,
    get_function,
    get_function_code_signing_config,
    get_function_concurrency,
    get_function_configuration,
    get_function_event_invoke_config,
    get_function_recursion_config,
    get_function_scaling_config,
    get_function_url_config,
    get_layer_version,
    get_layer_version_by_arn,
    get_layer_version_policy,
    get_policy,
    get_provisioned_concurrency_config,
    get_resource_policy,
    get_runtime_management_config,
    invoke,
    invoke_async,
    invoke_with_response_stream,
    list_aliases,
    list_capacity_providers,
    list_code_signing_configs,
    list_durable_executions_by_function,
    list_event_source_mappings,
    list_function_event_invoke_configs,
    list_function_url_configs,
    list_function_versions_by_capacity_provider,
    list_functions,
    list_functions_by_code_signing_config,
    list_layer_versions,
    list_layers,
    list_provisioned_concurrency_configs,
    list_tags,
    list_versions_by_function,
    pause_durable_execution,
    publish_layer_version,
    publish_version,
    put_function_code_signing_config,
    put_function_concurrency,
    put_function_event_invoke_config,
    put_function_recursion_config,
    put_function_scaling_config,
    put_provisioned_concurrency_config,
    put_resource_policy,
    put_runtime_management_config,
    remove_layer_version_permission,
    remove_permission,
    resume_durable_execution,
    send_durable_execution_callback_failure,
    send_durable_execution_callback_heartbeat,
    send_durable_execution_callback_success,
    stop_durable_execution,
    tag_resource,
    untag_resource,
    update_alias,
    update_capacity_provider,
    update_code_signing_config,
    update_event_source_mapping,
    update_function_code,
    update_function_configuration,
    update_function_event_invoke_config,
    update_function_url_config,
)
