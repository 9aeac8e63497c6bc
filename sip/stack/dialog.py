"""A dialog: what two parties remember of each other between transactions (RFC 3261 §12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sip.stack.errors import LocalProtocolError, RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.message import Message, Request, Response
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri

MAX_FORWARDS: Final = "70"
"""RFC 3261 §8.1.1.6."""

_TARGET_REFRESHERS: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""Methods whose Contact replaces the remote target (RFC 3261 §12.2, 3311, 6665, 3515)."""


class Dialog:
    """One side's view of a dialog; ``to_json`` and ``from_json`` carry it over a restart of the process.

    ``local`` and ``remote`` are From and To values without tag; ``route_set`` and ``remote_target`` are text too.
    """

    __slots__ = (
        "call_id",
        "flow",
        "invite_cseq",
        "local",
        "local_contact",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "remote_target",
        "route_set",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local_tag: str,
        remote_tag: str,
        local: str,
        remote: str,
        remote_target: str,
        flow: Flow,
        route_set: Sequence[str] = (),
        local_cseq: int = 0,
        remote_cseq: int = -1,
        invite_cseq: int = 0,
        local_contact: str = "",
    ) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote_tag = remote_tag
        self.local = local
        self.remote = remote
        self.remote_target = remote_target
        self.flow = flow
        self.route_set = tuple(route_set)
        self.local_cseq = local_cseq
        """Number of our latest request; 0 before the first."""
        self.remote_cseq = remote_cseq
        """Number of the peer's latest request; -1 before the first."""
        self.invite_cseq = invite_cseq
        """Number of our latest INVITE, which its ACK repeats."""
        self.local_contact = local_contact
        """Contact value of ours, put into each request that refreshes the target; "" for none."""

    @classmethod
    def as_server(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """Open the dialog that our ``response`` (101 to 299, with To tag and Contact) makes of the peer's request.

        Raises:
            RemoteProtocolError: the request has no readable Contact or Record-Route.
        """
        if not response.to_tag:
            raise LocalProtocolError("a response without To tag opens no dialog")
        return cls(
            call_id=request.call_id,
            local_tag=response.to_tag,
            remote_tag=request.from_tag,
            local=_without_tag(request.to),
            remote=_without_tag(request.from_),
            remote_target=_target(request),
            flow=flow,
            route_set=[str(route) for route in request.record_routes],
            remote_cseq=request.cseq.number,
            local_contact=response.get("Contact") or "",
        )

    @classmethod
    def as_client(cls, request: Request, response: Response, flow: Flow) -> Dialog:
        """Open the dialog that the peer's ``response`` (101 to 299) makes of our request.

        Raises:
            RemoteProtocolError: the response has no To tag, or no readable Contact or Record-Route.
        """
        if not response.to_tag:
            raise RemoteProtocolError("To: no tag in a response that opens a dialog")
        number = request.cseq.number
        return cls(
            call_id=request.call_id,
            local_tag=request.from_tag,
            remote_tag=response.to_tag,
            local=_without_tag(request.from_),
            remote=_without_tag(request.to),
            remote_target=_target(response),
            flow=flow,
            route_set=[str(route) for route in reversed(response.record_routes)],
            local_cseq=number,
            invite_cseq=number,
            local_contact=request.get("Contact") or "",
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """Call-ID, local tag, remote tag."""
        return (self.call_id, self.local_tag, self.remote_tag)

    @property
    def next_hop(self) -> Uri:
        """Where a request goes if it is not sent over ``flow``: the first route, else the remote target."""
        if self.route_set:
            return NameAddr.parse(self.route_set[0]).uri
        return Uri.parse(self.remote_target)

    def confirm(self, response: Response) -> None:
        """Take route set and target anew from the 2xx that confirms this early dialog of ours (RFC 3261 §13.2.2.4).

        Raises:
            RemoteProtocolError: no readable Contact or Record-Route.
        """
        routes = tuple([str(route) for route in reversed(response.record_routes)])
        self.remote_target = _target(response)
        self.route_set = routes

    def request(self, method: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> Request:
        """Return the next request within the dialog (RFC 3261 §12.2.1.1); ``Endpoint`` adds the Via.

        ``ACK`` repeats the number of our latest INVITE, any other method takes the next one. ``headers`` are further
        rows; Max-Forwards and, where the method wants one, Contact are added unless given.
        """
        if method == "CANCEL":
            raise LocalProtocolError("CANCEL is sent through Endpoint.cancel")
        if method == "ACK":
            number = self.invite_cseq
        else:
            self.local_cseq += 1
            number = self.local_cseq
            if method == "INVITE":
                self.invite_cseq = number
        uri, routes = self._route()
        request = Request(method, uri, [("Route", route) for route in routes], body)
        rows = request.headers
        rows.append(("From", f"{self.local};tag={self.local_tag}"))
        rows.append(("To", f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote))
        rows.append(("Call-ID", self.call_id))
        rows.append(("CSeq", f"{number} {method}"))
        rows.extend(headers)
        if request.get("Max-Forwards") is None:
            rows.append(("Max-Forwards", MAX_FORWARDS))
        if self.local_contact and method in _TARGET_REFRESHERS and request.get("Contact") is None:
            rows.append(("Contact", self.local_contact))
        return request

    def _route(self) -> tuple[str, list[str]]:
        """Return Request-URI and Route values; a first route without ``lr`` is a strict router's."""
        if not self.route_set:
            return self.remote_target, []
        first = NameAddr.parse(self.route_set[0]).uri
        if first.param("lr") is not None:
            return self.remote_target, list(self.route_set)
        return str(Uri(first.scheme, first.user, first.host, first.port, first.params)), [
            *self.route_set[1:],
            f"<{self.remote_target}>",
        ]

    def receive(self, request: Request, is_accepted: bool = True) -> None:
        """Take the peer's request within the dialog: its number must not go back; its Contact may move the target.

        Whoever may still refuse the request says ``is_accepted=False``, and calls ``refresh_target`` when it is
        answered 2xx: a request that is refused moves nothing (RFC 6141 §4.6).

        Raises:
            RemoteProtocolError: 500 for a number lower than the last (RFC 3261 §12.2.2), 400 for an unreadable Contact.
        """
        number = request.cseq.number
        if request.method == "ACK":
            return
        if number < self.remote_cseq:
            raise RemoteProtocolError("CSeq out of order", 500)
        if is_accepted:
            self.refresh_target(request)
        elif request.method in _TARGET_REFRESHERS and request.get("Contact") is not None:
            _target(request)
        self.remote_cseq = number

    def refresh_target(self, request: Request) -> None:
        """Take the Contact of the peer's request, if its method moves the target.

        Raises:
            RemoteProtocolError: 400 for an unreadable Contact.
        """
        self._refresh_target(request.method, request)

    def receive_response(self, response: Response) -> None:
        """Take the 2xx of a request of ours within the dialog: its Contact may move the target.

        Raises:
            RemoteProtocolError: 400 for an unreadable Contact.
        """
        if 200 <= response.status <= 299:
            self._refresh_target(response.cseq.method, response)

    def _refresh_target(self, method: str, message: Message) -> None:
        if method in _TARGET_REFRESHERS and message.get("Contact") is not None:
            self.remote_target = _target(message)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        flow = self.flow
        return {
            "call_id": self.call_id,
            "local_tag": self.local_tag,
            "remote_tag": self.remote_tag,
            "local": self.local,
            "remote": self.remote,
            "remote_target": self.remote_target,
            "route_set": list(self.route_set),
            "local_cseq": self.local_cseq,
            "remote_cseq": self.remote_cseq,
            "invite_cseq": self.invite_cseq,
            "local_contact": self.local_contact,
            "flow": flow_to_json(flow),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Dialog:
        """Return the dialog that ``to_json`` described."""
        values = dict(state)
        return cls(**{**values, "flow": flow_from_json(values["flow"])})


def flow_to_json(flow: Flow) -> list[Any]:
    """Return a flow as JSON values; the connection is left out, since none outlives the process."""
    return [flow.transport, *flow.local, *flow.remote]


def flow_from_json(state: Sequence[Any]) -> Flow:
    """Return the flow that ``flow_to_json`` described, to be opened anew."""
    transport, local_host, local_port, remote_host, remote_port = state
    return Flow(transport, (local_host, local_port), (remote_host, remote_port))


def _without_tag(address: NameAddr) -> str:
    rest = tuple([pair for pair in address.params if pair[0] != "tag"])
    return str(NameAddr(address.uri, address.display_name, rest))


def _target(message: Message) -> str:
    contacts = message.contacts
    if len(contacts) != 1:
        raise RemoteProtocolError(f"Contact: one expected, {len(contacts)} given")
    return str(contacts[0].uri)
