"""What becomes of a contact whose connection is gone (RFC 5626 §7)."""

from __future__ import annotations

from sip.controller.addressing import DEFAULT_PORT
from sip.controller.registration.binding import Binding
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_address
from sip.stack.message.uri import Uri


def without_connection(binding: Binding) -> Binding | None:
    """Return the binding as it can still be reached, ``None`` when it cannot.

    A phone that named an address of its own is called there over a new connection, as RFC 3261 §18.1.1 does. One that
    registered a flow, that is behind NAT or that has no address of its own has taken its way with it.
    """
    flow = binding.flow
    if binding.path or not flow.reliable:
        return binding
    uri = Uri.parse(binding.uri)
    if binding.reg_id or binding.behind_nat or not is_address(uri.host) or uri.param("ob") is not None:
        return None
    port = uri.port or (5061 if flow.transport == "TLS" else DEFAULT_PORT)
    return binding.over(Flow(flow.transport, flow.local, (uri.host, port)))
