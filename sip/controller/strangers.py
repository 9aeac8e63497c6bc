"""What the guard learns from requests: who proved himself, who failed, and who never even tries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sip.controller.directory import TrunkEntry
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.guard.signals import Signal, names_tool
from sip.stack.message.grammar import is_address
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction

if TYPE_CHECKING:
    from sip.controller.core import Core

_NOTED_BY_THEMSELVES: Final = frozenset({401, 403, 407})


def prove(core: Core, tx: ServerTransaction) -> None:
    """Note that the sender of a request is who he says."""
    tx.is_proven = True
    core.guard.prove(tx.source, core.now)


def note_challenge(core: Core, tx: ServerTransaction, request: Request) -> None:
    """Note a request that came without credentials of use: every phone begins so, and every scanner ends so."""
    guard, flow = core.guard, tx.source
    name = _claimed_name(request)
    is_line = core.directory.line_by_username(name) is not None
    if is_line and guard.knows(flow, core.now):
        return
    agent = request.get("User-Agent")
    if agent is not None and names_tool(agent):
        guard.note(flow, Signal.TOOL, "", core.now)
    if request.method == "INVITE":
        # From may hold a number that is no name of a line: a PBX calls so. Whom it calls says more.
        signal = Signal.DIALLED_AS_KNOWN if is_line else Signal.DIALLED_AS_UNKNOWN
        guard.note(flow, signal, request.uri, core.now)
    else:
        guard.note(flow, Signal.CHALLENGED if is_line else Signal.UNKNOWN_NAME, name, core.now)


def note_refusal(core: Core, tx: ServerTransaction, request: Request, status: int) -> None:
    """Note that somebody unproved asked for what there is not; what a password decides is noted on its own."""
    is_refusal = (400 <= status < 500 and status not in _NOTED_BY_THEMSELVES) or status == 501
    if is_refusal and not request.to_tag and not core.guard.knows(tx.source, core.now):
        core.guard.note(tx.source, Signal.REFUSED, "", core.now)


def note_failure(core: Core, flow: Flow, username: str) -> None:
    """Note credentials that were wrong."""
    is_line = core.directory.line_by_username(username) is not None
    core.guard.note(flow, Signal.WRONG_PASSWORD if is_line else Signal.UNKNOWN_NAME, username, core.now)


def _claimed_name(request: Request) -> str:
    """Return whom a request names: the line it registers, else who sends it; "" when that cannot be read."""
    try:
        return (request.to if request.method == "REGISTER" else request.from_).uri.user
    except RemoteProtocolError:
        return ""


def addresses_of(trunks: Iterable[TrunkEntry]) -> list[str]:
    """Return the addresses that carriers are known by, ports left off."""
    found: list[str] = []
    for trunk in trunks:
        for source in (trunk.host, *trunk.source_addresses):
            host = source if is_address(source) else source.rpartition(":")[0].strip("[]")
            if is_address(host):
                found.append(host)
    return found
