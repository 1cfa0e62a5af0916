"""Batches of ten: what is wrong with one as a whole, and the answer of one that partly fails."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lambdad.api.call import Params, Result
from lambdad.core.errors import ClientError
from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    TooManyEntriesInBatchRequest,
    entry_code,
    entry_message,
    missing,
)

Entries = Sequence[Params]

_ID = re.compile(r"[\w-]+", re.ASCII)


def entries_of(operation: str, params: Params, quotas: SqsQuotas) -> Entries:
    """The entries of a batch that can be tried. Raises EmptyBatchRequest,
    TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct."""
    entries: Entries = params.get("Entries") or ()
    if not entries:
        raise EmptyBatchRequest(
            f"There should be at least one {operation}RequestEntry in the request."
        )
    if len(entries) > quotas.batch_entries:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are {quotas.batch_entries}. "
            f"You have sent {len(entries)}."
        )
    seen = set()
    for number, entry in enumerate(entries, 1):
        identifier = entry.get("Id")
        if identifier is None:
            raise missing(f"{operation}RequestEntry.{number}.Id")
        if len(identifier) > quotas.batch_id_chars or not _ID.fullmatch(identifier):
            raise InvalidBatchEntryId(
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                f"underscores. It can be at most {quotas.batch_id_chars} letters long."
            )
        if identifier in seen:
            raise BatchEntryIdsNotDistinct(f"Id {identifier} repeated.")
        seen.add(identifier)
    return entries


def failed(entry: Params, error: ClientError) -> Result:
    """An entry that could not be served."""
    return {
        "Id": entry["Id"],
        "SenderFault": error.fault == "client",
        "Code": entry_code(error),
        "Message": entry_message(error),
    }


def batch_result(successful: list[Result], failures: list[Result]) -> Result:
    """The whole answer: of the two lists an empty one is left out (recorded)."""
    result: Result = {}
    if successful:
        result["Successful"] = successful
    if failures:
        result["Failed"] = failures
    return result
