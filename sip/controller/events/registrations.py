"""Package ``reg`` (RFC 3680): a line watches its own registration, to know when it was ended by others."""

from __future__ import annotations

import hashlib
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.changes import note_end, take_news
from sip.controller.events.limits import SUBSCRIPTION_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.people import colleague
from sip.controller.events.subscription import Subscription
from sip.controller.location import Binding, Reason
from sip.stack.bodies import reginfo
from sip.stack.bodies.reginfo import ContactInfo
from sip.stack.errors import RemoteProtocolError

NAME: Final = "reg"
_INTERVAL_S: Final = 5.0
"""RFC 3680 §4.10."""

_ENDS: Final = frozenset({"unregistered", "expired", "deactivated", "rejected"})


class RegistrationPackage:
    """The contacts of a line. They say where its phones are, so nobody else may watch them (RFC 3680 §4.6)."""

    def __init__(self) -> None:
        self.terms = Terms(NAME, reginfo.CONTENT_TYPE, _INTERVAL_S, SUBSCRIPTION_S_MAX)

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the watcher's own username.

        Raises:
            RemoteProtocolError: 403 for a colleague, 404 for anybody else.
        """
        if colleague(core, watcher, user).id != watcher.id:
            raise RemoteProtocolError("Forbidden", 403)
        return watcher.username

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return all contacts, or those that came and went."""
        username = subscription.resource
        bindings = {contact_id(binding): binding for binding in core.locations.bindings(username, core.wall)}
        is_full = subscription.needs_full
        news, over = take_news(subscription, {key: f"{b.uri} {b.q}" for key, b in bindings.items()})
        version, subscription.version = subscription.version, subscription.version + 1
        pieces = [str(_active(core, key, bindings[key])) for key in news] + over
        state = "active" if bindings else "init" if is_full else "terminated"
        aor = f"sip:{username}@{core.config.realm}"
        return reginfo.compose(aor, f"r-{username}", state, version, is_full, pieces)

    def watched(self, core: Core, resource: str) -> None:
        """Do nothing: the state is there whoever looks."""

    def unwatched(self, core: Core, resource: str) -> None:
        """Do nothing."""

    def moved(
        self, core: Core, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], reason: Reason
    ) -> None:
        """Learn that a line's contacts changed; a mere renewal is no news (RFC 3680 §4.7.2 leaves it open)."""
        watchers = core.events.watchers(NAME, username)
        if not watchers:
            return
        was = {contact_id(binding): binding for binding in before}
        now = {contact_id(binding): binding for binding in after}
        if {key: b.q for key, b in was.items()} == {key: b.q for key, b in now.items()}:
            return
        event = reason if reason in _ENDS else "unregistered"
        for key, binding in was.items():
            if key not in now:
                piece = str(ContactInfo(key, binding.uri, event, False))
                for subscription in watchers:
                    note_end(subscription, key, piece)
        notifying.resource_changed(core, NAME, username)


def contact_id(binding: Binding) -> str:
    """Return the id of a contact: the same for the same binding, whoever asks (RFC 3680 §5.1)."""
    return hashlib.sha256(binding.key.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _active(core: Core, key: str, binding: Binding) -> ContactInfo:
    since_s = max(0, round(core.wall - binding.registered_at)) if binding.registered_at else None
    params = (("+sip.instance", f'"{binding.instance}"'),) if binding.instance else ()
    return ContactInfo(
        key,
        binding.uri,
        "registered",
        True,
        max(0, round(binding.expires_at - core.wall)),
        since_s,
        binding.q,
        binding.call_id,
        binding.cseq,
        params,
    )
