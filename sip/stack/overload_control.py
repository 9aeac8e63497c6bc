"""Overload feedback between neighbours (RFC 7339), loss-based: what we ask of peers, and what they ask of us.

Both sides speak by parameters of the topmost Via: a client offers ``oc;oc-algo="loss"``, a server fills in how many
percent of the requests it wants kept back, for how long, and a sequence number that tells an old wish from a new one.
"""

from __future__ import annotations

from typing import Final

from sip.stack.flow import Flow
from sip.stack.guard.limits import FEEDBACK_PEERS_MAX, FEEDBACK_VALIDITY_MS, FEEDBACK_VALIDITY_S_MAX
from sip.stack.matching import put_top_via
from sip.stack.message.grammar import find_param
from sip.stack.message.message import Request, Response
from sip.stack.message.via import Via

OFFER: Final = ';oc;oc-algo="loss"'
"""What a client adds to its Via (RFC 7339 §4.1, §4.2); the quotes are the grammar's (§9)."""

_OURS: Final = frozenset({"oc", "oc-algo", "oc-validity", "oc-seq"})
_VALIDITY_MS_DEFAULT: Final = 500
"""RFC 7339 §4.3."""
_MIX_MAX: Final = 1_000
"""Requests after which the older half of the mix is forgotten (RFC 7339 §7.2: it is to be sampled anew)."""
_NEW_SHARE_MIN: Final = 0.1
"""Share of new calls assumed at least: else one INVITE among many re-INVITEs would be refused for all of them."""


class Wish:
    """What we ask of peers. ``sequence`` grows with each change, over restarts too: it is taken from the wall clock."""

    __slots__ = ("percent", "sequence")

    def __init__(self) -> None:
        self.percent = 0
        self.sequence = 0.0

    def change(self, percent: int, wall: float) -> None:
        """Ask for so many percent less from now on (RFC 7339 §7.1)."""
        self.percent = percent
        self.sequence = max(wall, self.sequence + 0.001)

    def answer(self, via: Via) -> str:
        """Return the Via of a request that offered feedback with our wish in it, "" when it offered none.

        Which algorithm is taken does not change from one answer to the next: loss is the only one here (§5.8).
        """
        if find_param(via.params, "oc") is None or not offers_loss(via):
            return ""
        kept = Via(via.transport, via.host, via.port, tuple([pair for pair in via.params if pair[0] not in _OURS]))
        # Without overload both are 0 (§5.1); so the end of one is told too (§5.7).
        validity_ms = FEEDBACK_VALIDITY_MS if self.percent else 0
        return f'{kept};oc={self.percent};oc-algo="loss";oc-validity={validity_ms};oc-seq={self.sequence:.3f}'


def offers_loss(via: Via) -> bool:
    """Tell whether ``oc-algo`` of a request names the algorithm every client has (RFC 7339 §4.2)."""
    algorithms = find_param(via.params, "oc-algo") or ""
    return "loss" in [name.strip().lower() for name in algorithms.split(",")]


class _Server:
    """What one server asks of us."""

    __slots__ = ("new", "other", "percent", "sequence", "sum", "until")

    def __init__(self) -> None:
        self.percent = 0
        self.sequence = -1.0
        self.until = 0.0
        self.new = 0
        """Requests sent that begin something and may be kept back: the first category of §7.2."""
        self.other = 0
        """Requests sent that may not: in dialogs, and of emergencies."""
        self.sum = 0.0

    def count(self, is_new: bool) -> None:
        """Count a request for the mix."""
        if is_new:
            self.new += 1
        else:
            self.other += 1
        if self.new + self.other > _MIX_MAX:
            self.new //= 2
            self.other //= 2

    def share(self) -> float:
        """Return which part of all requests may be kept back."""
        whole = self.new + self.other
        return 1.0 if not whole else max(_NEW_SHARE_MIN, self.new / whole)


class Restraint:
    """Which requests are kept back from servers that ask for it. Servers are told apart by address and port (§5.4)."""

    __slots__ = ("_servers",)

    def __init__(self) -> None:
        self._servers: dict[tuple[str, int], _Server] = {}

    def __len__(self) -> int:
        return len(self._servers)

    def watch(self, flow: Flow) -> None:
        """Offer feedback to this server from now on, in every request (§5.1)."""
        if flow.remote in self._servers:
            return
        if len(self._servers) >= FEEDBACK_PEERS_MAX:
            del self._servers[next(iter(self._servers))]
        self._servers[flow.remote] = _Server()

    def offers_to(self, flow: Flow) -> bool:
        """Tell whether requests to this server offer feedback."""
        return flow.remote in self._servers

    def keeps_back(self, flow: Flow, now: float) -> bool:
        """Tell whether this new request must not go to the server now; try another, or answer 503 (§5.5, §5.10).

        Not to be asked for emergencies and for requests in dialogs: those go (§5.10.1).
        """
        server = self._servers.get(flow.remote)
        if server is None or not server.percent or now >= server.until:
            return False
        # The percentage is of all requests; only new ones are kept back, so more of them (§7.2). Instead of a random
        # number the sum of shares decides: it keeps back exactly as many.
        server.sum += min(100.0, server.percent / server.share())
        if server.sum < 100.0:
            return False
        server.sum -= 100.0
        server.count(True)
        return True

    def sent(self, flow: Flow, is_new: bool) -> None:
        """Count a request that goes to the server."""
        server = self._servers.get(flow.remote)
        if server is not None:
            server.count(is_new)

    def learn(self, flow: Flow, response: Response, now: float) -> None:
        """Take the server's wish from a response to a request that offered feedback (§5.4, §5.7)."""
        server = self._servers.get(flow.remote)
        if server is None:
            return
        via = response.via
        percent = _number(find_param(via.params, "oc"), 100.0)
        if percent is None or not offers_loss(via):
            return
        sequence = _number(find_param(via.params, "oc-seq"), 1e15)
        if sequence is not None and not self._is_newer(server, sequence, now):
            return
        validity_ms = _number(find_param(via.params, "oc-validity"), 1e12)
        if validity_ms is None:
            validity_ms = float(_VALIDITY_MS_DEFAULT)
        server.sequence = -1.0 if sequence is None else sequence
        server.percent = 0 if validity_ms == 0 else int(percent)
        server.until = now + min(validity_ms / 1000, FEEDBACK_VALIDITY_S_MAX)

    def _is_newer(self, server: _Server, sequence: float, now: float) -> bool:
        """Tell a new wish from one that was overtaken; a far smaller number is one that began anew (§4.4)."""
        if sequence == server.sequence:
            return False
        return sequence > server.sequence or sequence < server.sequence / 2 or now >= server.until


def _number(text: str | None, most: float) -> float | None:
    """Read digits with a fraction, 0 to ``most``; ``None`` for anything else."""
    if not text or len(text) > 24 or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return None
    value = float(text)
    return value if value <= most else None


def answer_offer(request: Request, wish: Wish) -> None:
    """Write our wish into the topmost Via of a request that offered feedback, from where every response copies it.

    100 (Trying) so has it, and the next response again (§5.11).
    """
    answered = wish.answer(request.via)
    if answered:
        put_top_via(request, answered)
