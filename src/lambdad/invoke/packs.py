"""Finds the pack that serves a runtime, or says in AWS's way that there is none."""

from __future__ import annotations

import asyncio

from lambdad.invoke.errors import InvalidRuntimeException
from lambdad.runtime.catalog.packs import MissingPack, PackCatalog
from lambdad.sandbox.driver import RuntimePack


async def pack_for(packs: PackCatalog, runtime: str) -> RuntimePack:
    """The pack of a runtime; the first time it is looked for on the disk, in a thread. Raises
    InvalidRuntimeException."""
    pack = packs.known(runtime)
    if pack is not None:
        return pack
    found = await asyncio.to_thread(packs.find, runtime)
    if isinstance(found, MissingPack):
        raise InvalidRuntimeException(found.message)
    return found
