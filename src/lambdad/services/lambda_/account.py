"""GetAccountSettings."""

from __future__ import annotations

from lambdad.api.call import Call, Params, Result
from lambdad.api.operation import operation
from lambdad.services.lambda_.service import LambdaService


@operation("lambda", "GetAccountSettings")
async def get_account_settings(service: LambdaService, call: Call, _params: Params) -> Result:
    limits = service.limits
    usage = service.functions.usage(call.account, call.region)
    return {
        "AccountLimit": {
            "TotalCodeSize": limits.code_storage_bytes,
            "CodeSizeUnzipped": limits.unzipped_bytes,
            "CodeSizeZipped": limits.zip_bytes,
            "ConcurrentExecutions": limits.account_concurrency,
            "UnreservedConcurrentExecutions": (
                limits.account_concurrency - usage.reserved_concurrency
            ),
        },
        "AccountUsage": {
            "TotalCodeSize": service.code_bytes(call.account, call.region),
            "FunctionCount": len(usage.names),
        },
    }
