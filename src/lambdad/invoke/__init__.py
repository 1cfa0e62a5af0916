"""From a function version and a payload to a result: admission, placement, pool."""
