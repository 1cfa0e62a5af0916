"""Pages of queues. A token is opaque to clients: the name after which the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from lambdad.api.call import Params
from lambdad.core.limits import SqsQuotas
from lambdad.services.sqs.errors import InvalidParameterValueException, invalid_value


def page(
    names: Sequence[str], params: Params, quotas: SqsQuotas
) -> tuple[Sequence[str], str | None]:
    """One page of sorted names as MaxResults and NextToken ask for it, and the token of the next.

    Without MaxResults the first thousand come and no token (API reference of ListQueues). Raises
    InvalidParameterValue."""
    size = params.get("MaxResults")
    if size is not None and not 1 <= size <= quotas.page_items:
        raise invalid_value(
            size,
            "MaxResults",
            f"MaxResults must be an integer between 1 and {quotas.page_items}.",
        )
    token = params.get("NextToken")
    if token:
        after = _name_of(token)
        names = [name for name in names if name > after]
    chosen = names[: size or quotas.page_items]
    more = size is not None and len(names) > len(chosen)
    return chosen, _token_of(chosen[-1]) if more else None


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name_of(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidParameterValueException("Invalid or expired next token.") from None
