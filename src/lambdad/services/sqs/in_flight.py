"""Messages in flight: DeleteMessage, ChangeMessageVisibility, and their batches."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import Implementation, operation
from lambdad.core.errors import ClientError
from lambdad.engines.queue.records import Receipted
from lambdad.services.sqs.batches import batch_result, entries_of, failed
from lambdad.services.sqs.errors import (
    ReceiptHandleExpired,
    ReceiptHandleIsInvalid,
    invalid_value,
    missing,
)
from lambdad.services.sqs.names import addressed
from lambdad.services.sqs.receiving import MAXIMUM_VISIBILITY_S, check_visibility
from lambdad.services.sqs.service import AwsErrors, SqsService


@operation("sqs", "DeleteMessage")
async def delete_message(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        handle = _handle(params)
        (outcome,) = await service.queues.delete_messages(queue.key, (handle,))
    _raise_for(outcome, handle)
    return {}


@operation("sqs", "DeleteMessageBatch")
async def delete_message_batch(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        entries = entries_of("DeleteMessageBatch", params, service.quotas)
        attempt = _Attempt()
        for entry in entries:
            attempt.check(entry, needs_timeout=False)
        handles = [entry["ReceiptHandle"] for entry in attempt.good]
        outcomes = await service.queues.delete_messages(queue.key, handles)
    return attempt.result(outcomes)


@operation("sqs", "ChangeMessageVisibility")
async def change_message_visibility(service: SqsService, call: Call, params: Params) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        handle = _handle(params)
        change = (handle, _timeout(params))
        (outcome,) = await service.queues.change_visibility(queue.key, (change,))
    _raise_for(outcome, handle)
    return {}


@operation("sqs", "ChangeMessageVisibilityBatch")
async def change_message_visibility_batch(
    service: SqsService, call: Call, params: Params
) -> Result:
    with AwsErrors(call):
        queue = service.queues.get(addressed(call, params))
        entries = entries_of("ChangeMessageVisibilityBatch", params, service.quotas)
        attempt = _Attempt()
        for entry in entries:
            attempt.check(entry, needs_timeout=True)
        changes = [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in attempt.good]
        outcomes = await service.queues.change_visibility(queue.key, changes)
    return attempt.result(outcomes)


class _Attempt:
    """A batch on its way: which entries can be tried, and which have failed so far."""

    def __init__(self) -> None:
        self.good: list[Params] = []
        self._failures: list[Result] = []

    def check(self, entry: Params, *, needs_timeout: bool) -> None:
        """Take an entry into one of the two."""
        try:
            _handle(entry)
            if needs_timeout:
                _timeout(entry)
        except ClientError as error:
            self._failures.append(failed(entry, error))
        else:
            self.good.append(entry)

    def result(self, outcomes: tuple[Receipted, ...]) -> Result:
        """The answer, given what became of the good ones."""
        successful = []
        for entry, outcome in zip(self.good, outcomes, strict=True):
            try:
                _raise_for(outcome, entry["ReceiptHandle"])
            except ClientError as error:
                self._failures.append(failed(entry, error))
            else:
                successful.append({"Id": entry["Id"]})
        return batch_result(successful, self._failures)


def _handle(params: Params) -> str:
    handle: str | None = params.get("ReceiptHandle")
    if not handle:
        raise missing("ReceiptHandle")
    return handle


def _timeout(params: Params) -> int:
    visibility_s: int | None = params.get("VisibilityTimeout")
    if visibility_s is None:
        raise missing("VisibilityTimeout")
    check_visibility(visibility_s)
    return visibility_s


def _raise_for(outcome: Receipted, handle: str) -> None:
    """AWS's answer to a receipt handle that did not do (recorded; one of another queue: reported by
    AWS's clients). To change the visibility of a
    standard queue's message that is not in flight any more does nothing and is no error (reported
    by AWS's clients; MessageNotInflight is in the model and never comes)."""
    match outcome:
        case Receipted.MALFORMED:
            raise ReceiptHandleIsInvalid(
                f'The input receipt handle "{handle}" is not a valid receipt handle.'
            )
        case Receipted.FOREIGN:
            raise ReceiptHandleIsInvalid(
                f'The receipt handle "{handle}" is not valid for this queue.'
            )
        case Receipted.EXPIRED:
            raise ReceiptHandleExpired(handle)
        case Receipted.GONE:
            raise invalid_value(
                handle,
                "ReceiptHandle",
                "Message does not exist or is not available for visibility timeout change.",
            )
        case Receipted.TOO_LONG:
            raise invalid_value(
                handle,
                "ReceiptHandle",
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{MAXIMUM_VISIBILITY_S} seconds]",
            )


OPERATIONS: tuple[Implementation, ...] = (
    delete_message,
    delete_message_batch,
    change_message_visibility,
    change_message_visibility_batch,
)
