"""Who serves which method: one row a method. A request that no row knows is answered 405 or 501."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sip.controller.calls.admission import receive_invite
from sip.controller.core import Core
from sip.controller.events import publish, subscribe
from sip.controller.headers import CAPABILITIES
from sip.controller.messages.receive import receive_message
from sip.controller.registrar import receive_register
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction

Handler = Callable[[Core, ServerTransaction, Request, Flow], None]


def _receive_options(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    core.reply(tx, request, 200, headers=[*CAPABILITIES, core.events.allow_events])


def _refuse_without_dialog(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    core.reply(tx, request, 481)


def _refuse_transfer(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Refuse a REFER that is about no call: nobody dials for somebody else here (docs/adr/0024)."""
    core.reply(tx, request, 403)


OUTSIDE: Final[dict[str, Handler]] = {
    "INVITE": receive_invite,
    "REGISTER": receive_register,
    "OPTIONS": _receive_options,
    "SUBSCRIBE": subscribe.receive_subscribe,
    "PUBLISH": publish.receive_publish,
    "NOTIFY": publish.receive_unsolicited,
    "MESSAGE": receive_message,
    "BYE": _refuse_without_dialog,
    "UPDATE": _refuse_without_dialog,
    "INFO": _refuse_without_dialog,
    "PRACK": _refuse_without_dialog,
    "REFER": _refuse_transfer,
}
"""Requests without a To tag."""

INSIDE: Final[dict[str, Handler]] = {
    "SUBSCRIBE": subscribe.receive_in_dialog,
}
"""Requests with a To tag of methods that belong to no call, by method; every other goes to the call's own dialog."""
