"""The chapter of `server/wiring.py` about function URLs. Makes things; knows no rule."""

from __future__ import annotations

import random

from lambdad.api.authorizer import PolicyAuthorizer
from lambdad.gateway.function_urls.authorization import Doorkeeper
from lambdad.gateway.function_urls.endpoint import FunctionUrls, Runs
from lambdad.gateway.function_urls.index import UrlIndex
from lambdad.iam.authenticate import Authenticator
from lambdad.server.identity import Identity
from lambdad.server.site import Site
from lambdad.server.triggers import Started


def make_function_urls(
    site: Site,
    identity: Identity,
    authenticator: Authenticator,
    authorizer: PolicyAuthorizer,
    started: Started,
) -> FunctionUrls:
    """What answers at function URLs."""
    doorkeeper = Doorkeeper(
        authenticator,
        identity.directory,
        authorizer,
        site.clock,
        identity.audit,
        open_to_anyone=site.config.access.accept_any_credentials,
    )
    index = UrlIndex(started.catalog)
    runs = Runs(started.invoker, started.loops, random.random)
    return FunctionUrls(index, doorkeeper, runs, site.clock, site.limits)
