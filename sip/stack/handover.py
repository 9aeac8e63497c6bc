"""A message and its flow as one piece of bytes, to be handed to another process of this node."""

from __future__ import annotations

from sip.stack.flow import Flow


def pack_flow(flow: Flow, data: bytes = b"") -> bytes:
    """Return flow and message; ``unpack_flow`` is the inverse."""
    local, remote = flow.local, flow.remote
    head = f"{flow.transport} {local[0]} {local[1]} {remote[0]} {remote[1]} {flow.connection} {flow.domain}"
    return f"{head} {','.join(flow.peer_names)}\n".encode() + data


def unpack_flow(payload: bytes) -> tuple[Flow, bytes]:
    """Return what ``pack_flow`` was given.

    Raises:
        ValueError: it is something else.
    """
    head, newline, data = payload.partition(b"\n")
    fields = head.decode().split(" ")
    if not newline or len(fields) != 8:
        raise ValueError(f"no flow: {head[:80]!r}")
    transport, local_host, local_port, remote_host, remote_port, connection, domain, names = fields
    local, remote = (local_host, int(local_port)), (remote_host, int(remote_port))
    return Flow(transport, local, remote, int(connection), domain, tuple(names.split(",")) if names else ()), data
