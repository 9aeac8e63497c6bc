"""The redirect server (RFC 3261 §8.3): tells callers where a user is, and stays out of the way."""

from __future__ import annotations

from typing import ClassVar, Final

from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.headers import ALLOW_ROW
from sip.controller.location import Binding
from sip.proxy.lookup import contacts_of, find_line
from sip.proxy.proxy import Proxy
from sip.proxy.routing import Taken
from sip.stack.events import AckReceived, Event, RequestReceived, StrayAnswer
from sip.stack.message.uri import Uri

_REDIRECTED: Final = frozenset({"INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER"})


class RedirectServer(Proxy):
    """A registrar that answers with the contacts it knows; used as ``Switch`` is."""

    redirected: ClassVar[frozenset[str]] = _REDIRECTED
    """Methods that are answered with contacts; every other is 405."""

    def _take(self, event: Event) -> None:
        # The parties talk to each other: an ACK or a response that comes here belongs to nobody.
        if not isinstance(event, AckReceived | StrayAnswer):
            super()._take(event)

    def _request(self, event: RequestReceived) -> None:
        core, tx, request, flow = self._core, event.tx, event.request, event.flow
        if not self._check(event):
            return
        if request.get("Require") is not None and request.method != "REGISTER":
            core.reply(tx, request, 420, headers=[("Unsupported", ", ".join(request.values("Require")))])
            return
        if self._is_for_us(request):
            self._serve(tx, request, flow)
        elif request.to_tag:
            core.reply(tx, request, 481)
        elif request.method not in self.redirected:
            core.reply(tx, request, 405, headers=[ALLOW_ROW])
        else:
            admitted = self._admit(tx, request, flow, Taken())
            if admitted is not None:
                self._redirect(event, admitted.caller)

    def _redirect(self, event: RequestReceived, caller: LineEntry | TrunkEntry | None) -> None:
        """Answer 302 with all contacts and their preference, 404 for nobody of ours, 480 for who is not here."""
        core, tx, request = self._core, event.tx, event.request
        uri = Uri.parse(request.uri)
        found = find_line(core, uri, caller) if uri.scheme == "tel" or self._us.answers_for(uri) else None
        if found is None:
            core.reply(tx, request, 404)
            return
        bindings = contacts_of(core, *found)
        if not bindings:
            core.reply(tx, request, 480)
            return
        ranked = sorted(bindings, key=lambda binding: -binding.rank)
        core.reply(tx, request, 302, headers=[self._contact(binding) for binding in ranked])

    def _contact(self, binding: Binding) -> tuple[str, str]:
        expires_s = max(0, round(binding.expires_at - self._core.wall))
        q = f";q={binding.q}" if binding.q else ""
        return ("Contact", f"<{binding.uri}>;expires={expires_s}{q}")


class RegistrarServer(RedirectServer):
    """A registrar and nothing else (RFC 3261 §10); used as ``Switch`` is."""

    redirected: ClassVar[frozenset[str]] = frozenset()
