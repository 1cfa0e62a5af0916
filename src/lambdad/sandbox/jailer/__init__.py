"""The jailer: the one privileged process. It builds sandboxes; see `server` for how it is asked.

Standard library and `lambdad.guest` only, so that it starts fast and stays small. It has no
network and reads no byte that a tenant wrote: code, layers and variables pass through it as fds.
"""
