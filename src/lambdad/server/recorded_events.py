"""The chapter of `server/wiring.py` about recorded events. Makes things; knows no rule."""

from __future__ import annotations

from lambdad.functions.snapshot import Catalog
from lambdad.gateway.operator import OperatorPages
from lambdad.gateway.recorded_events import RecordedEventPages
from lambdad.invoke.invoker import Invoker
from lambdad.invoke.recording import EventRecorder
from lambdad.invoke.recording_rows import MIGRATIONS
from lambdad.server.identity import Identity
from lambdad.server.site import Site


async def record_events(
    site: Site, identity: Identity, invoker: Invoker, catalog: Catalog, operator: OperatorPages
) -> None:
    """Record what functions are sent where the operator wants it, and give him the pages."""
    lane = site.lane("recorded", MIGRATIONS)
    recorder = EventRecorder(lane, identity.data_keys.sealer, invoker, site.clock, site.limits)
    await recorder.load(catalog)
    site.stack.push_async_callback(recorder.close)
    operator.add(RecordedEventPages(recorder, catalog).pages())
