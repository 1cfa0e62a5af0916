"""SnapStart: for which published versions environments are kept prepared, and when the first is.

A prepared environment has been initialised for its version, or forked from a template that has
been, and waits, frozen, to be handed out to one invocation (`runtime/snapshot_restore.py`). Owns:
making the first one when a version is published, and dropping those of the version that was used
least recently, at the limit or when memory is short. Nothing is stored: after a restart a version's
first cold start is an ordinary one and has the next prepared. May not: choose environments for
invocations.
"""

from __future__ import annotations

import asyncio
import logging

from lambdad.core.errors import AwsError
from lambdad.functions.names import FunctionKey
from lambdad.functions.records import Reason
from lambdad.functions.snapshot import Catalog
from lambdad.invoke.fleet import MachineFleet
from lambdad.invoke.packs import pack_for
from lambdad.invoke.pool import FunctionPool
from lambdad.runtime.boot import InitFailure
from lambdad.runtime.catalog.packs import PackCatalog

_log = logging.getLogger(__name__)

_CODES = {
    "Runtime.OutOfMemory": "InitResourceExhausted",
    "Runtime.InvalidEntrypoint": "InvalidEntryPoint",
    "Extension.TooManyExtensions": "TooManyExtensions",
}


class Snapshots:
    """Makes the first prepared environment of a version."""

    def __init__(self, fleet: MachineFleet, packs: PackCatalog, catalog: Catalog) -> None:
        self._fleet = fleet
        self._packs = packs
        self._catalog = catalog

    async def make(self, key: FunctionKey, number: str) -> Reason | None:
        """Initialise a version; why its own init failed, in AWS's code, or None. Where this
        machine cannot run it now, that is logged and its cold starts are ordinary ones."""
        function = self._catalog.get(key.account, key.region, key.name)
        version = function.versions.get(number) if function else None
        if version is None:
            return None  # deleted meanwhile
        try:
            pack = await pack_for(self._packs, version.runtime)
            pool = self._fleet.open_pool(version, pack)
        except AwsError as error:
            _log.warning("%s:%s is not prepared: %s", version.arn, number, error.message)
            return None
        failure = await self._first(pool)
        if failure is None:
            return None
        self._fleet.shelf.drop(pool)
        return Reason(
            f"The function's initialization failed: {failure.error_type or failure.status}.",
            f"FunctionError.{_code(failure)}",
        )

    async def _first(self, pool: FunctionPool) -> InitFailure | None:
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def changed(pool: FunctionPool) -> None:
            if not pool.standing.starting and not settled.done():
                settled.set_result(None)

        self._fleet.shelf.keep(pool)
        pool.on_standing = changed
        changed(pool)  # there may be no room to begin
        try:
            await settled
        finally:
            pool.on_standing = None
        here = pool.standing.allocated or pool.template.environment is not None
        if not here and pool.standing.failure is None:
            _log.warning(
                "%s:%s is not prepared: there is no room for it now",
                pool.version.arn,
                pool.version.version,
            )
        return pool.standing.init_failure


def _code(failure: InitFailure) -> str:
    if failure.status == "timeout":
        return "InitTimeout"
    error_type = failure.error_type or ""
    if error_type.startswith("Extension."):
        return _CODES.get(error_type, "ExtensionInitError")
    return _CODES.get(error_type, "RuntimeInitError")
