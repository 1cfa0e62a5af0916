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
from lambdad.services.lambda_.code import update_function_code
from lambdad.services.lambda_.configuration import (
    get_function_configuration,
    update_function_configuration,
)
from lambdad.services.lambda_.functions import (
    create_function,
    delete_function,
    get_function,
    list_functions,
)
from lambdad.services.lambda_.invocation import invoke
from lambdad.services.lambda_.tags import list_tags, tag_resource, untag_resource
from lambdad.services.lambda_.versions import list_versions_by_function, publish_version

OPERATIONS: tuple[Implementation, ...] = (
    create_alias,
    create_function,
    delete_alias,
    delete_function,
    get_account_settings,
    get_alias,
    get_function,
    get_function_configuration,
    invoke,
    list_aliases,
    list_functions,
    list_tags,
    list_versions_by_function,
    publish_version,
    tag_resource,
    untag_resource,
    update_alias,
    update_function_code,
    update_function_configuration,
)
