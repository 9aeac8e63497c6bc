"""Which transaction a message belongs to, and where its answer goes (RFC 3261 §17.1.3, §17.2.3, §18.2; RFC 3581)."""

from __future__ import annotations

from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.grammar import split_outside
from sip.stack.message.message import Message, Request, Response
from sip.stack.message.parse import parse_head
from sip.stack.transaction.base import Key

_MAGIC = "z9hG4bK"


def server_key(request: Request, method: str = "") -> Key:
    """Return what names the server transaction; ``method`` in place of the request's own, for ACK and CANCEL.

    A branch without the magic cookie is of RFC 2543: then Request-URI, From tag, Call-ID, number and Via name it.

    Raises:
        RemoteProtocolError: Via is unreadable.
    """
    via = request.via
    branch = via.branch
    method = method or request.method
    if branch[:7] == _MAGIC and len(branch) > 7:
        return (branch, via.sent_by, method)
    top = request.get("Via") or ""
    return (request.uri, request.from_tag, request.call_id, str(request.cseq.number), top, method)


def ack_keys(request: Request) -> tuple[Key, Key]:
    """Return what names an ACK's INVITE: as a transaction, and as the dialog its 2xx opened."""
    by_dialog = (request.call_id, request.to_tag, request.from_tag, str(request.cseq.number))
    return server_key(request, "INVITE"), by_dialog


def client_key(response: Response) -> Key:
    """Return what names the client transaction of a response: the branch is unguessable, so it is enough.

    Raises:
        RemoteProtocolError: Via is unreadable.
    """
    _, found, tail = (response.get("Via") or "").partition(";branch=")
    branch = tail.partition(";")[0]
    if not found or not branch.isalnum():
        branch = response.via.branch
    return (branch, response.cseq.method)


def is_single_via(response: Message) -> bool:
    """Tell whether there is one Via value; with more the response is not for us (RFC 3261 §8.1.3.3)."""
    return len(response.values("Via")) == 1


def stamp_source(request: Request, flow: Flow) -> None:
    """Write into the topmost Via where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4)."""
    via = request.via
    stamped = via.with_source(flow.remote[0], flow.remote[1])
    if stamped is not via:
        put_top_via(request, str(stamped))


def put_top_via(request: Request, text: str) -> None:
    """Put ``text`` in place of the topmost Via value."""
    for position, (name, value) in enumerate(request.headers):
        if name == "Via":
            request.headers[position] = ("Via", ", ".join([text, *split_outside(value, ",")[1:]]))
            break
    request.touch()


def reply_flow(request: Request, flow: Flow) -> Flow:
    """Return where responses go: back over the connection, or over UDP to ``rport`` or the port in Via.

    ``maddr`` is not followed: it would let anyone aim our responses at a third party.
    """
    if flow.reliable:
        return flow
    via = request.via
    if via.param("rport") is not None:
        return flow
    port = via.port or 5060
    if port == flow.remote[1]:
        return flow
    return Flow(flow.transport, flow.local, (flow.remote[0], port), flow.connection)


def same_place(mine: Flow, failed: Flow) -> bool:
    """Tell whether a failure of one flow is the other's: one connection, or the way to one address and domain."""
    if mine.transport != failed.transport or mine.remote != failed.remote:
        return False
    return mine.connection == failed.connection or (mine.connection == 0 and mine.domain == failed.domain)


def alias_port(data: bytes) -> int | None:
    """Return the port at which a request's sender wants its connection reused (RFC 5923 §8.2), ``None`` without wish.

    ``data`` is a whole message; a response, or one that is unreadable, wishes nothing.
    """
    if b"alias" not in data:
        return None
    try:
        request = parse_head(data)
        if not isinstance(request, Request) or request.via.param("alias") is None:
            return None
        return request.via.port or 5061
    except RemoteProtocolError:
        return None
