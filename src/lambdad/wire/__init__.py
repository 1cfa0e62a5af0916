"""AWS's protocols, sans-io: bytes in, values out, and back. Knows no service and no socket."""
