"""Watching trunks: OPTIONS that ask whether they are there, and the addresses their names lead to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import TrunkEntry
from sip.controller.outbound.limits import (
    PING_SILENCE_S,
    PINGS_FAILED_MAX,
    TRUNK_ADDRESSES_MAX,
    TRUNK_RESOLVE_S,
)
from sip.controller.outbound.trunks import Watched, trunk_uri
from sip.controller.sending import locate, send_to
from sip.controller.strangers import addresses_of
from sip.stack.flow import Flow
from sip.stack.locating.records import Hop
from sip.stack.message.grammar import is_address
from sip.stack.message.message import Request, Response
from sip.stack.message.uri import Uri

log = logging.getLogger(__name__)

_DEAD: Final = frozenset({408, 502, 503, 504})
"""Answers to OPTIONS that tell of no service; any other final one, 404 and 501 too, is a sign of life."""


class Ping:
    """An OPTIONS under way to a trunk: the ``user`` of its sending."""

    __slots__ = ("watched",)

    def __init__(self, watched: Watched) -> None:
        self.watched = watched


def sync(core: Core) -> None:
    """Take the directory as it is now: what is known of a trunk that has not changed stays."""
    trunks, watched = core.directory.trunks, core.trunks.watched
    for trunk_id in [known for known in watched if known not in trunks or watched[known].entry != trunks[known]]:
        watched.pop(trunk_id).stop()
    for trunk in trunks.values():
        if trunk.id not in watched and trunk.is_active and trunk.host:
            _watch(core, trunk)
    _index(core)


def _index(core: Core) -> None:
    """Have requests from the addresses found be known, and what comes from there have a carrier's budget."""
    core.trunks.index()
    found = [address for watched in core.trunks.watched.values() for address in watched.addresses]
    core.guard.use_trunks([*addresses_of(core.directory.trunks.values()), *found])


def _watch(core: Core, trunk: TrunkEntry) -> None:
    is_named = not is_address(trunk.host)
    if not is_named and not trunk.ping_interval_s:
        return
    watched = core.trunks.watched[trunk.id] = Watched(trunk)
    if is_named:
        _resolve(core, watched)
    if trunk.ping_interval_s:
        _ping(core, watched)


def trunk_of(core: Core, flow: Flow) -> TrunkEntry | None:
    """Return the trunk that requests over this flow come from, in service or not.

    What its certificate proves counts first, then the configured addresses, then those its host's name leads to.
    """
    directory = core.directory
    trunk = directory.trunk_by_tls_names(flow.peer_names) if flow.peer_names else None
    if trunk is not None:
        core.guard.prove(flow, core.now)  # No list of addresses tells the guard of it.
        return trunk
    trunk = directory.trunk_by_source(*flow.remote)
    if trunk is not None:
        return trunk
    trunk_id = core.trunks.id_by_address(flow.remote[0])
    return directory.trunks.get(trunk_id) if trunk_id is not None else None


def _resolve(core: Core, watched: Watched) -> None:
    locate(core, trunk_uri(watched.entry), partial(_resolved, core, watched))


def _resolved(core: Core, watched: Watched, hops: Sequence[Hop]) -> None:
    if core.trunks.watched.get(watched.entry.id) is not watched:
        return
    addresses = tuple(dict.fromkeys([hop.remote[0] for hop in hops]))[:TRUNK_ADDRESSES_MAX]
    if addresses:  # A name that leads nowhere for a moment takes no carrier's calls away.
        watched.addresses = addresses
        _index(core)
    watched.resolve_timer = core.after(TRUNK_RESOLVE_S, partial(_resolve, core, watched))


def _ping(core: Core, watched: Watched) -> None:
    """Send the OPTIONS that asks a trunk whether it is there (RFC 3261 §11.1)."""
    config, trunk = core.config, watched.entry
    rows = [
        ("Max-Forwards", "70"),
        ("From", f"<sip:{config.realm}>;tag={config.token()}"),
        ("To", f"<{Uri('sip', '', trunk.host)}>"),
        ("Call-ID", config.token()),
        ("CSeq", "1 OPTIONS"),
        ("User-Agent", config.server_name),
        ("Accept", "application/sdp"),
    ]
    uri = trunk_uri(trunk)
    request = Request("OPTIONS", str(uri), rows)
    send_to(core, request, uri, Ping(watched), with_contact=True, zone=trunk.zone, silence_s=PING_SILENCE_S)


def on_pong(core: Core, ping: Ping, response: Response | None) -> None:
    """Take the end of an OPTIONS, ``None`` for silence, and send the next in time."""
    watched = ping.watched
    if core.trunks.watched.get(watched.entry.id) is not watched or (response is not None and response.status < 200):
        return
    if response is None or response.status in _DEAD:
        _note_dead(watched)
    else:
        _note_alive(watched)
    watched.ping_timer = core.after(watched.entry.ping_interval_s, partial(_ping, core, watched))


def _note_alive(watched: Watched) -> None:
    watched.failures = 0
    if watched.is_down:
        watched.is_down = False
        log.warning("trunk %s answers again", watched.entry.name)


def _note_dead(watched: Watched) -> None:
    watched.failures += 1
    if watched.failures == PINGS_FAILED_MAX:
        watched.is_down = True
        log.warning("trunk %s does not answer OPTIONS: calls pass it over", watched.entry.name)
