"""What the contacts of a REGISTER make of a line's bindings (RFC 3261 §10.3 step 7, RFC 5626 §6): all or nothing."""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.limits import BINDINGS_MAX, CONTACT_CHARS_MAX
from sip.controller.registration.binding import Binding
from sip.controller.registration.denied import Denied
from sip.controller.registration.limits import FLOWS_PER_INSTANCE_MAX
from sip.controller.registration.nat import reach
from sip.controller.registration.wishes import Wish
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.uri import Uri
from sip.stack.message.uri_equality import same_uri

_CONTACTS_KEPT: Final = 8192


def check_order(binding: Binding, request: Request) -> None:
    """Refuse a request older than the binding it would change: it was overtaken on its way.

    Raises:
        Denied: 500.
    """
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise Denied(500, "CSeq Out Of Order")


class Binder:
    """Applies the contacts of one REGISTER to ``bindings``, which nobody sees before all of them are."""

    __slots__ = ("_added", "_core", "_flow", "_line", "_outbound", "_path", "_request", "bindings")

    def __init__(
        self,
        core: Core,
        line: LineEntry,
        request: Request,
        flow: Flow,
        path: tuple[str, ...],
        outbound: bool,
        current: tuple[Binding, ...],
    ) -> None:
        self._core = core
        self._line = line
        self._request = request
        self._flow = flow
        self._path = path
        self._outbound = outbound
        self._added: list[Binding] = []
        self.bindings = list(current)

    def apply(self, wish: Wish) -> None:
        """Bind, renew or take back one contact.

        Raises:
            Denied: it may not be; what was applied before it must be forgotten.
        """
        reg_id = wish.reg_id if self._outbound else 0
        replaced = self._take_out(wish, reg_id)
        if wish.expires_s == 0:
            return
        core, request = self._core, self._request
        flow, behind_nat = reach(core, request, self._flow, wish, self._path, reg_id > 0)
        call_id = request.call_id
        made = Binding(
            wish.text,
            flow,
            wish.instance,
            wish.q,
            call_id,
            request.cseq.number,
            core.wall + wish.expires_s,
            intern((request.get("User-Agent") or "")[:CONTACT_CHARS_MAX]),
            self._path,
            reg_id,
            core.wall if replaced is None else replaced.registered_at,
            behind_nat,
            "",
            self._epoch(wish, replaced) if wish.instance else call_id,
        )
        self.bindings.append(made)
        self._added.append(made)

    def _take_out(self, wish: Wish, reg_id: int) -> Binding | None:
        """Drop the bindings that the contact stands for; returns the last of them."""
        bindings = self.bindings
        replaced: Binding | None = None
        for position in range(len(bindings) - 1, -1, -1):
            binding = bindings[position]
            is_new = binding in self._added
            if _is_same(binding, wish, reg_id, is_new):
                if not is_new:
                    check_order(binding, self._request)
                del bindings[position]
                replaced = replaced or binding
        return replaced

    def _epoch(self, wish: Wish, replaced: Binding | None) -> str:
        """Return the Call-ID that the instance's temporary GRUUs hang on (RFC 5627 §5.1).

        Another Call-ID for a contact or flow that was there ends all GRUUs of the instance, those of its other flows
        too; a further flow joins those that are there.
        """
        call_id = self._request.call_id
        if replaced is not None and replaced.call_id == call_id:
            return call_id if replaced.epoch == call_id else replaced.epoch
        others = [n for n, binding in enumerate(self.bindings) if binding.instance == wish.instance]
        if replaced is None and others:
            return self.bindings[others[-1]].epoch
        for position in others:
            self.bindings[position] = self.bindings[position].with_epoch(call_id)
        return call_id

    def within_bounds(self) -> tuple[Binding, ...]:
        """Return the bindings, newest last, without phones and flows beyond the line's bounds.

        A phone that restarts on another port must get in: the oldest goes, not the newest.
        """
        most = max(1, min(self._line.contacts_max, BINDINGS_MAX))
        bindings = self.bindings
        if len(bindings) <= min(most, FLOWS_PER_INSTANCE_MAX):
            return tuple(bindings)
        flows: dict[str, int] = {}
        kept: list[Binding] = []
        for binding in reversed(bindings):
            count = flows.get(binding.device, 0)
            if count < FLOWS_PER_INSTANCE_MAX and (count or len(flows) < most):
                flows[binding.device] = count + 1
                kept.append(binding)
        return tuple(reversed(kept))


def _is_same(binding: Binding, wish: Wish, reg_id: int, is_new: bool) -> bool:
    """Tell whether a contact stands for a binding that is there.

    A flow is known by instance and number (RFC 5626 §6), whatever its URI. Without flows a phone that comes back
    elsewhere is known by its instance; contacts of one and the same REGISTER only by their URIs.
    """
    if wish.instance and binding.instance == wish.instance:
        if reg_id and binding.reg_id:
            return reg_id == binding.reg_id
        if not is_new:
            return True
    elif binding.reg_id or reg_id:
        return False
    return binding.uri == wish.text or same_uri(_parse(binding.uri), wish.uri)


@lru_cache(_CONTACTS_KEPT)
def _parse(text: str) -> Uri:
    """Return a contact that was read before, when it was bound."""
    return Uri.parse(text)
