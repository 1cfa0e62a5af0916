"""From the layer ARNs of a request to what a function holds, with every check (semantics §1.5)."""

from __future__ import annotations

from collections.abc import Sequence

from lambdad.api.call import Call
from lambdad.functions.records import LayerReference
from lambdad.services.lambda_.errors import InvalidParameterValueException
from lambdad.services.lambda_.layers import layer_key, readable
from lambdad.services.lambda_.service import LambdaService
from lambdad.services.lambda_.settings import LayerFinder


def layer_finder(service: LambdaService, call: Call) -> LayerFinder:
    """Finds layers for a function of the caller's. What it gives raises
    InvalidParameterValueException for layers that the function may not have, and
    AccessDeniedException for those of others that are not open to it."""

    def find(arns: Sequence[str]) -> tuple[LayerReference, ...]:
        limit = service.limits.layers
        if len(arns) > limit:
            raise InvalidParameterValueException(f"Cannot reference more than {limit} layers.")
        found: dict[str, LayerReference] = {}
        for arn in arns:
            reference = _reference(service, call, arn)
            layer = arn.rpartition(":")[0]
            if layer in found:
                raise InvalidParameterValueException(
                    "Two different versions of the same layer are not allowed to be referenced in "
                    f"the same function. {found[layer].arn} and {arn} are versions of the same "
                    "layer."
                )
            found[layer] = reference
        return tuple(found.values())

    return find


def _reference(service: LambdaService, call: Call, arn: str) -> LayerReference:
    layer, _, number = arn.rpartition(":")
    missing = InvalidParameterValueException(f"Layer version {arn} does not exist.")
    if ":layer:" not in layer:  # `awslayer`: AWS's own, of which there are none here
        raise missing
    key = layer_key(call, layer)
    if key.account == call.account and key.region != call.region:
        raise InvalidParameterValueException(
            "Layers are not in the same region as the function. Layers are expected to be in "
            f"region {call.region}."
        )
    version = readable(service, call, key, int(number))
    if version is None or key.region != call.region:
        raise missing
    return LayerReference(arn, version.code)
