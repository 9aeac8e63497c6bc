"""Two kinds of mistake: ours, which is a bug, and the peer's, which has an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.stack.message.message import Request


class ProtocolError(Exception):
    """Something that SIP does not allow was asked of us or by us."""


class LocalProtocolError(ProtocolError):
    """The transaction user asked for what SIP forbids: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what SIP forbids.

    ``status`` is the answer it deserves; ``request_head`` is the request as far as it could be read, when what an
    answer needs (Via, From, To, Call-ID, CSeq) could be recovered, else ``None``: then silence is the answer.
    """

    def __init__(self, reason: str, status: int = 400, request_head: Request | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.request_head = request_head
