"""What is checked once, at the door, so that the transaction user may rely on it."""

from __future__ import annotations

from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Request, Response
from sip.stack.message.uri import Uri


def check_new_request(request: Request, needs_contact: bool = True) -> None:
    """Check what the transaction user reads of a request: addresses, Contact, routes, numbers.

    ``needs_contact`` is off for who only passes it on.

    Raises:
        RemoteProtocolError: the first of them that is unreadable; 400.
    """
    _ = request.from_, request.to, request.max_forwards, request.expires
    if request.uri[:4].lower() in ("sip:", "sips"):
        try:
            uri = Uri.parse(request.uri)
        except ValueError as error:
            raise RemoteProtocolError(f"Request-URI: {str(error).removeprefix('URI: ')}") from error
        if uri.headers:
            raise RemoteProtocolError("Request-URI: headers are not for it")  # RFC 3261 §19.1.1
    contacts = request.contacts
    if request.method == "INVITE" and len(contacts) != 1 and needs_contact:
        raise RemoteProtocolError("Contact: an INVITE has one")
    _ = request.record_routes, request.routes


def check_response(response: Response) -> None:
    """Check what a response that may open a dialog must have (RFC 3261 §12.1.2).

    Raises:
        RemoteProtocolError: an unreadable address, Contact or Record-Route; a 2xx to INVITE without To tag.
    """
    tag = response.to_tag
    if response.status < 300 and response.cseq.method == "INVITE":
        _ = response.contacts, response.record_routes
        if response.status >= 200 and not tag:
            raise RemoteProtocolError("To: no tag in a 2xx")
